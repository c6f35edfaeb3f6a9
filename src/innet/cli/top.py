"""`innet top`: the modules on this machine by packets, memory or processor time, refreshed each second."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from innet.cli import codes

if TYPE_CHECKING:
    from innet.platform.protocol import ModuleReport, Observation
    from innet.platform.remote import RemoteAgent

INTERVAL_S = 1.0
NS = 1_000_000_000
CLEAR = "\033[H\033[J"
"""Cursor home, erase to the end."""
SORTS = ("packets", "memory", "cpu")
HEADING = ("MODULE", "PLATFORM", "STATE", "DRIVER", "PACKETS/S", "BYTES/S", "DROPS/S", "MEMORY", "CPU %")
TO_THE_LEFT = 4
"""Columns that are words; the others are numbers."""


@dataclass(frozen=True, slots=True)
class Row:
    """One module during the last interval; rates are per second, of packets given to it."""

    module: str
    platform: str
    state: str
    driver: str
    packets: float
    bytes: float
    drops: float
    memory: int | None
    cpu: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a platform said, and when by its own clock."""

    time_ns: int
    observation: "Observation"


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "top",
        help="the running modules by packets, memory and CPU",
        description="Show the modules of the platforms on this machine, each second anew, until Ctrl-C.",
    )
    parser.add_argument("--once", action="store_true", help="show one second, and end")
    parser.add_argument(
        "--sort", choices=SORTS, default="packets", help="what comes first (default: packets)"
    )
    platforms_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object each second")
    parser.set_defaults(verb=run)


def platforms_argument(parser: argparse.ArgumentParser) -> None:
    """`--platforms`, as all verbs have it that speak to daemons."""
    parser.add_argument(
        "--platforms",
        metavar="FOLDER",
        help="where the platforms' control sockets are (default: /run/innet/platforms)",
    )


def find_platforms(args: argparse.Namespace) -> "dict[str, RemoteAgent]":
    """The platforms that answer; warns of sockets that do not. Raises PlatformError if there are none."""
    from innet.cli.planes import run_folder
    from innet.diagnostics import Diagnostic, PlatformError
    from innet.platform.remote import connected

    folder = run_folder(args.platforms)
    found, silent = connected(folder)
    for error in silent.values():
        print(f"innet: {error}", file=sys.stderr)
    if not found:
        raise PlatformError(
            Diagnostic(
                "P370",
                f"no platform is connected: no daemon answers in {folder}",
                help="start one: innet platform NAME --network FILE",
            )
        )
    return found


def run(args: argparse.Namespace) -> int:
    """Show until Ctrl-C, or once."""
    agents = find_platforms(args)
    try:
        before = samples(agents)
        while True:
            time.sleep(INTERVAL_S)
            after = samples(agents)
            show(rows(before, after, args.sort), args)
            if args.once:
                return codes.YES
            before = after
    except KeyboardInterrupt:
        return codes.YES
    finally:
        close(agents)


def close(agents: "Mapping[str, RemoteAgent]") -> None:
    """Give the connections back."""
    for agent in agents.values():
        agent.close()


def samples(agents: "dict[str, RemoteAgent]") -> dict[str, Sample]:
    """One sample of each platform that answers; one that no longer does is named and left out."""
    from innet.diagnostics import PlatformError

    found = {}
    for name, agent in agents.items():
        try:
            found[name] = Sample(*agent.top())
        except PlatformError as error:
            print(f"innet: {error}", file=sys.stderr)
    return found


def rows(before: dict[str, Sample], after: dict[str, Sample], sort: str) -> list[Row]:
    """What happened between two samples, what matters most first."""
    found = []
    for name, now in after.items():
        then = before.get(name, now)
        seconds = (now.time_ns - then.time_ns) / NS
        known = {report.id: report for report in then.observation.modules}
        found += [row(name, known.get(m.id), m, seconds) for m in now.observation.modules]
    return sorted(found, key=lambda r: (-weight(r, sort), r.module, r.platform))


def weight(r: Row, sort: str) -> float:
    """What rows are sorted by, largest first."""
    return {"packets": r.packets, "memory": float(r.memory or 0), "cpu": r.cpu}[sort]


def row(platform: str, old: "ModuleReport | None", new: "ModuleReport", seconds: float) -> Row:
    """One module's row. Counts that went back are those of a module that was set up anew: they began at zero."""

    def rate(now: int, then: int) -> float:
        return (now - then if now >= then else now) / seconds if seconds > 0 else 0.0

    if old is None:
        seconds = 0.0
        old = new
    return Row(
        new.id,
        platform,
        new.state.value,
        new.driver,
        rate(new.received.packets, old.received.packets),
        rate(new.received.bytes, old.received.bytes),
        rate(sum(n for _, _, n in new.drops), sum(n for _, _, n in old.drops)),
        new.memory_bytes,
        100 * rate(new.cpu_ns, old.cpu_ns) / NS,
        new.problem,
    )


def show(found: list[Row], args: argparse.Namespace) -> None:
    """One table, in place of the one before on a terminal."""
    from innet.cli.output import Style, print_json

    if args.json:
        print_json({"modules": [row_json(r) for r in found]})
        return
    style = Style()
    terminal = sys.stdout.isatty() and not args.once
    lines = list(columns((HEADING, *(cells(r) for r in found)), TO_THE_LEFT))
    text = "\n".join((style.title(lines[0]), *lines[1:]))
    problems = "".join(f"\n{r.module}: {r.problem}" for r in found if r.problem)
    end = "" if args.once or terminal else "\n"
    print(f"{CLEAR if terminal else ''}{text}{problems}{end}", flush=True)


def row_json(r: Row) -> dict[str, object]:
    return {
        "module": r.module,
        "platform": r.platform,
        "state": r.state,
        "driver": r.driver,
        "packets_per_s": round(r.packets, 3),
        "bytes_per_s": round(r.bytes, 3),
        "drops_per_s": round(r.drops, 3),
        "memory_bytes": r.memory,
        "cpu_percent": round(r.cpu, 3),
        "problem": r.problem,
    }


def cells(r: Row) -> tuple[str, ...]:
    """A row as words."""
    memory = "-" if r.memory is None else size(r.memory)
    return (
        r.module, r.platform, r.state, r.driver,
        f"{r.packets:,.0f}", f"{r.bytes:,.0f}", f"{r.drops:,.0f}", memory, f"{r.cpu:.1f}",
    )  # fmt: skip


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def columns(table: "Iterable[tuple[str, ...]]", left: int) -> Iterator[str]:
    """Rows as lines, in columns; the first `left` of them flush left, the others right."""
    lines = tuple(table)
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    for line in lines:
        padded = (
            c.ljust(w) if n < left else c.rjust(w) for n, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()
