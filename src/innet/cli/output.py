"""How answers look: text for people, one JSON object for programs. Both show the same."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from innet.cli.captures import packets_text
from innet.diagnostics import Diagnostic, InNetError
from innet.messages import (
    SCHEMA,
    Answer,
    Assessment,
    Check,
    Placement,
    Plan,
    Step,
    Trial,
    Witness,
    to_json,
)

HOLDS = {Answer.YES: True, Answer.NO: False, Answer.UNDECIDED: None}
GREEN, RED, YELLOW, BOLD, DIM, PLAIN = "\033[32m", "\033[31m", "\033[33m", "\033[1m", "\033[2m", "\033[0m"
COLOURS = {
    "yes": GREEN, "safe": GREEN, "fits": GREEN, "no": RED, "refused": RED, "does not fit": RED,
    "sandbox": YELLOW, "undecided": YELLOW,
}  # fmt: skip
MAX_WIDTH = 120


class Style:
    """Colours, or none: for a terminal whose user has not asked for none (https://no-color.org)."""

    def __init__(self, colours: bool | None = None) -> None:
        if colours is None:
            colours = (
                sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
            )
        self.colours = colours

    def word(self, word: str, width: int = 0) -> str:
        """A word of an answer in its colour, padded to `width`."""
        return self.paint(word, COLOURS.get(word, "")) + " " * (width - len(word))

    def title(self, text: str) -> str:
        return self.paint(text, BOLD)

    def dim(self, text: str) -> str:
        return self.paint(text, DIM)

    def paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{PLAIN}" if self.colours and colour else text


# ---- JSON


def print_json(value: dict[str, object]) -> None:
    """One object on one line, with its schema's version first."""
    print(json.dumps({"schema": SCHEMA, **value}), flush=True)


Places: TypeAlias = Mapping[Witness, tuple[int, int]]
"""Where packets are in a capture that was written: the numbers of the first and the last one."""
NOWHERE: Places = {}


def shown(plan: Plan) -> list[Witness]:
    """The packets that a plan shows, in order, each once."""
    requirements, rules, _ = answers(plan)
    checks = (*plan.security, *requirements, *rules)
    return list(dict.fromkeys(c.witness for c in checks if c.witness is not None and c.witness.packets))


def plan_json(plan: Plan, places: Places = NOWHERE) -> dict[str, object]:
    """A plan with the keys that other programs rely on (DESIGN section 12)."""
    requirements, rules, _ = answers(plan)

    def told(checks: Iterable[Check]) -> list[dict[str, object]]:
        return [check_json(check, places) for check in checks]

    return {
        "assessment": plan.assessment.value,
        "granted": plan.granted,
        "placements": to_json(plan.placements),
        "platforms": [
            {
                "name": t.name,
                "fits": t.fits,
                "reasons": list(t.reasons),
                "requirements": told(t.requirements),
                "rules": told(t.rules),
            }
            for t in plan.platforms
        ],
        "security": told(plan.security),
        "requirements": told(requirements),
        "rules": told(rules),
        "warnings": list(plan.warnings),
        "milliseconds": round(plan.milliseconds, 3),
    }


def check_json(check: Check, places: Places = NOWHERE) -> dict[str, object]:
    """One question: `holds` is true, false, or null where it is undecided."""
    witness = None
    if check.witness is not None:
        witness = fields_of(check.witness)
        if check.witness in places:
            witness["capture"] = list(places[check.witness])
    return {
        "text": check.text,
        "holds": HOLDS[check.holds],
        "reason": check.reason,
        "remedy": check.remedy,
        "witness": witness,
        "trace": [step_json(step) for step in check.trace],
    }


def fields_of(witness: Witness) -> dict[str, object]:
    """A witness as a JSON object."""
    value = to_json(witness)
    assert isinstance(value, dict)
    return value


def step_json(step: Step) -> dict[str, object]:
    return {
        "place": step.place,
        "fields": dict(step.fields),
        "changed": list(step.changed),
        "note": step.note,
    }


def error_json(error: InNetError) -> dict[str, object]:
    """What went wrong, as `{"error": {"diagnostics": [...]}}`."""
    return {"error": {"diagnostics": [diagnostic_json(d) for d in error.diagnostics]}}


def diagnostic_json(d: Diagnostic) -> dict[str, object]:
    file, line, column = d.span.source.landmark(d.span.start) if d.span is not None else (None, None, None)
    return {
        "code": d.code,
        "severity": d.severity.value,
        "message": d.message,
        "file": file,
        "line": line,
        "column": column,
        "expected": d.expected,
        "help": d.help,
        "facts": dict(d.facts),
    }


def answers(plan: Plan) -> tuple[tuple[Check, ...], tuple[Check, ...], str]:
    """Requirements and rules to show, and for which platform. Where nothing fits and the plan's own are empty (the last
    platform was full, say), those of the last platform that was looked at closely."""
    if not plan.requirements and not plan.rules:
        for trial in reversed(plan.platforms):
            if trial.requirements or trial.rules:
                return trial.requirements, trial.rules, f", on {trial.name}"
    return plan.requirements, plan.rules, ""


# ---- text


def plan_text(plan: Plan, style: Style, names: Sequence[str] = (), places: Places = NOWHERE) -> str:
    """A plan to be read: verdict, security, platforms, requirements, rules, places. `names`: the request's modules."""
    return "\n".join(_plan(plan, style, names, places))


def _plan(plan: Plan, style: Style, names: Sequence[str], places: Places) -> Iterator[str]:
    what = ", ".join(names) or "question"
    verdict = plan.assessment.value
    if not names:
        verdict = (
            "yes"
            if plan.granted
            else "no"
            if any(c.holds is Answer.NO for c in plan.requirements)
            else "undecided"
        )
    elif plan.granted and not plan.placements:
        verdict = "refused"
    yield f"{style.title(what)}: {style.word(verdict)}{_explanation(plan, names)} {style.dim(_time(plan))}"
    if plan.security:
        yield from ("", style.title("Security"), *checks(plan.security, style, places))
    if plan.platforms:
        yield from ("", style.title("Platforms, in the order tried"), *_trials(plan.platforms, style))
    requirements, rules, where = answers(plan)
    if requirements:
        yield from ("", style.title(f"Requirements{where}"), *checks(requirements, style, places))
    if rules:
        yield from ("", style.title(f"Operator's rules{where}"), *checks(rules, style, places))
    if plan.placements:
        yield from ("", style.title("Placed"), *_placements(plan.placements))
    for warning in plan.warnings:
        yield f"\nwarning: {warning}"


def _explanation(plan: Plan, names: Sequence[str]) -> str:
    if not names:
        return ""
    if plan.assessment is Assessment.SANDBOX:
        return " (runs behind a sandbox that stops what may not leave)"
    if plan.assessment is Assessment.UNDECIDED:
        return " (the proof ran out of its budget; treated as refused)"
    if plan.assessment is Assessment.SAFE and not plan.placements:
        return " (safe, but no platform fits)"
    return ""


def _time(plan: Plan) -> str:
    return f"[{plan.milliseconds:.1f} ms]"


def checks(found: Iterable[Check], style: Style, places: Places = NOWHERE) -> Iterator[str]:
    """Each question with its answer, and what shows it."""
    for check in found:
        yield from _hanging(f"  {style.word(check.holds.value, 10)} ", 13, check.text)
        failed = check.holds is not Answer.YES
        if check.reason:
            yield from _hanging(f"{'':13}", 13, check.reason)
        if check.witness is not None:
            yield from _witness(check.witness, failed, style)
            if check.witness in places:
                yield f"{'':13}pcap: {packets_text(places[check.witness])}"
        if failed and check.trace:
            yield from trace_lines(check.trace, style, " " * 13)
        if failed and check.remedy:
            yield from _hanging(f"{'':13}help: ", 19, check.remedy)


def _witness(witness: Witness, failed: bool, style: Style) -> Iterator[str]:
    label = "witness" if failed else "shown by"
    text = witness.summary
    if witness.before:
        text = f"{text} (after {count(len(witness.before), 'other packet')})"
    if witness.note:
        text = f"{text}, {witness.note}"
    yield from _hanging(f"{'':13}{label}: ", 15 + len(label), text if failed else style.dim(text))
    if failed and witness.result:
        yield from _hanging(f"{'':13}{'':{len(label)}}  ", 15 + len(label), witness.result)


def count(number: int, what: str) -> str:
    """`1 packet`, `3 packets`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _trials(trials: Iterable[Trial], style: Style) -> Iterator[str]:
    for trial in trials:
        if trial.fits:
            yield f"  {trial.name:<12} {style.word('fits')}"
            continue
        yield f"  {trial.name:<12} {style.word('does not fit')}"
        for reason in trial.reasons:
            yield from _hanging(f"{'':15}- ", 17, reason)


def _placements(placements: Iterable[Placement]) -> Iterator[str]:
    for p in placements:
        port = "all ports" if p.port is None else f"port {p.port}"
        reached = "all protocols" if p.protocol is None else f"{p.protocol} {port}"
        yield f"  {p.module} on {p.platform}: {p.address}, {reached}"
        for element, why in p.slow:
            yield f"    {element} runs in the platform's agent, the rest in the kernel ({why})"
        if p.left_out:
            yield "    left out of the kernel's programs:"
            for element, what, why in p.left_out:
                yield from _hanging(f"      {element}: ", 10, f"{what}; {why}")
        for element, what, why in p.kept:
            yield from _hanging(f"    {element}: ", 10, f"{what}: {why}")


def trace_lines(trace: Iterable[Step], style: Style, indent: str = "  ") -> Iterator[str]:
    """The packet's story, one line a place: the fields that this place changed, all of them where it begins."""
    first = True
    for step in trace:
        shown = [f"{name} = {value}" for name, value in step.fields if first or name in step.changed]
        text = ", ".join(shown) + (f" ({step.note})" if step.note else "")
        mark = "  " if first else "->"
        yield from _hanging(f"{indent}{mark} {step.place:<22} ", len(indent) + 26, text)
        first = False


TABLE = ("ip src", "ip dst", "proto", "sport", "dport", "ttl", "payload")
"""The columns of a path's table."""


def trace_table(trace: Sequence[Step]) -> Iterator[str]:
    """The path as a table, as the paper's Figure 2b: a line for each node, and one for each element that changes
    something; `*` stands at what changed (a router's step of the TTL apart). What is known of unknown values is said
    below."""
    known: dict[str, str] = {}
    last: dict[str, str] = {}

    def cell(step: Step, name: str) -> str:
        text = last[name] = dict(step.fields).get(name, last.get(name, ""))
        value, _, inside = text.partition(" in ")
        if inside and " " not in value:
            known[value] = inside
        return f"{value} *" if name in step.changed and name != "ttl" else value

    chosen = [step for step in trace if step.changed or step.note or not _inner(step.place)]
    rows: list[tuple[str, ...]] = [("", *TABLE)]
    for n, step in enumerate(chosen):
        values = [cell(step, name) for name in TABLE]
        if n + 1 < len(chosen):
            values[-1] = "payload" if n == 0 else ""
        rows.append((step.place, *values))
    rows[-1] = (f"{rows[-1][0]} ({trace[-1].note})", *rows[-1][1:])
    used = [n for n in range(len(rows[0])) if n == 0 or any(row[n] for row in rows[1:])]
    widths = {n: max(len(row[n]) for row in rows) for n in used}
    for row in rows:
        yield "  " + "  ".join(f"{row[n]:<{widths[n]}}" for n in used).rstrip()
    for value, inside in known.items():
        yield from _hanging(f"  {value} is in ", 4, inside)


def _inner(place: str) -> bool:
    """Whether the place is an element of a box or of a module."""
    return "/" in place or ":" in place


def _hanging(head: str, indent: int, text: str) -> Iterator[str]:
    """`head` and then `text`, folded to the width of the terminal, later lines indented."""
    width = min(shutil.get_terminal_size((MAX_WIDTH, 24)).columns, MAX_WIDTH) - indent
    lines = [part for line in text.split("\n") for part in (textwrap.wrap(line, max(width, 30)) or [""])]
    yield head.rstrip() if not text else head + lines[0]
    for line in lines[1:]:
        yield " " * indent + line
