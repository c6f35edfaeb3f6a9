"""The manual as Markdown: a page for each element, and an index."""

import re
from collections.abc import Iterable, Iterator

from innet.elements.arguments import arguments_of, signature
from innet.elements.base import Element, Role
from innet.ir.dump import dump
from innet.manual.facts import Answer, Does, Study

MAX_PROGRAM_LINES = 60
"""Longer programs are not shown; `innet elements NAME --program` prints them."""
GENERATED = "<!-- Made by `innet elements --write DIR` from the element's definition. Do not edit. -->"

KINDS = {
    Role.TRANSFORM: "transforms packets",
    Role.ENTRY: "packets come in here",
    Role.SOURCE: "makes packets",
    Role.EXIT: "packets leave here",
    Role.HOLDER: "keeps or changes packets in the agent",
    Role.INFORMATION: "has no ports",
}


def book(studies: Iterable[Study]) -> dict[str, str]:
    """The whole manual: text by file name."""
    known = sorted(studies, key=lambda one: one.name)
    pages = {f"{one.name}.md": page(one) for one in known}
    return {"README.md": index(known), **pages}


def page(one: Study) -> str:
    """The page of an element."""
    return "\n".join(_page(one)) + "\n"


def _page(one: Study) -> Iterator[str]:
    element = one.element
    yield GENERATED
    yield ""
    yield f"# {one.name}"
    yield ""
    yield f"`{call(element)}`"
    yield ""
    yield one.summary
    yield ""
    yield (
        f"*{one.family}*; {KINDS[element.ROLE]}; ports `{element.PORTS}`, processing `{element.PROCESSING}`"
        + (f", flow `{element.FLOW}`" if element.FLOW != "x/x" else "")
    )
    if element.ALIASES:
        yield f"\nAlso called: {', '.join(element.ALIASES)}."
    if element.BARRED:
        yield f"\nNot for modules on a platform: {element.BARRED}."
    for name, body in one.sections.items():
        yield f"\n## {name}\n"
        yield body
        if name == "Arguments":
            yield from _arguments(element)
    if (
        "Arguments" not in one.sections
        and getattr(element, "configure", None) is None
        and arguments_of(element)
    ):
        yield "\n## Arguments"
        yield from _arguments(element)
    if one.handlers:
        yield "\n## Handlers\n"
        yield from (f"* `{name}` ({kind})" for name, kind in one.handlers.items())
    if element.EXAMPLES:
        yield "\n## Examples\n"
        yield "```click"
        yield from (f"{one.name}({example})" for example in element.EXAMPLES)
        yield "```"
    yield "\n## Back ends\n"
    yield from _back_ends(one)
    yield from _programs(one)


def call(element: type[Element]) -> str:
    """`DecIPTTL(KW: MULTICAST)`"""
    inside = "..." if getattr(element, "configure", None) is not None else signature(element)
    return f"{element.__name__}({inside})"


def _arguments(element: type[Element]) -> Iterator[str]:
    if getattr(element, "configure", None) is not None or not arguments_of(element):
        return
    yield ""
    yield "| argument | what it is | |"
    yield "| --- | --- | --- |"
    for argument in arguments_of(element):
        kind = "mandatory" if argument.mandatory else "optional" if argument.positional else "keyword"
        name = argument.keyword + (", ..." if argument.rest else "")
        yield f"| {name} | {cell(argument.type.describe())} | {kind} |"


def cell(text: str) -> str:
    """`text` for a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _back_ends(one: Study) -> Iterator[str]:
    yield "| back end | |"
    yield "| --- | --- |"
    yield "| interpreter | yes |"
    yield f"| proof | {one.proof} |"
    yield f"| XDP | {cell(said(one.kernel))} |"
    yield f"| native | {cell(said(one.native))} |"


def said(answer: Answer) -> str:
    """An answer with its reasons."""
    if answer.does in (Does.ALL, Does.NOTHING):
        return str(answer.does.value)
    return f"{answer.does.value}; in the agent: {'; '.join(answer.reasons)}"


def _programs(one: Study) -> Iterator[str]:
    lines = [line for program in one.programs for line in dump(program).splitlines()]
    if lines and len(lines) <= MAX_PROGRAM_LINES:
        yield "\n## Program\n"
        yield f"What `{one.name}({one.element.EXAMPLES[0]})` is made of, for every back end:\n"
        yield "```"
        yield from lines
        yield "```"


def index(known: list[Study]) -> str:
    """The first page: all elements by family."""
    out = [
        GENERATED,
        "",
        "# Elements",
        "",
        f"{len(known)} element classes. Each is defined once, as a packet program; the interpreter runs it, proofs",
        "execute it symbolically, and the compiler makes kernel programs (XDP, tcx) and machine code (native) of it.",
        "",
        "*Proof*: `exact` (the program itself), `as they are` (kept packets leave unchanged, by any output), `covered`",
        "(what is done to kept packets is covered by a program of its own). *XDP* and *native*: `yes`, `some` (other",
        "inputs or arguments run in the agent), `no` (runs in the agent), `-` (nothing to run).",
    ]
    families = sorted({one.family for one in known})
    for family in families:
        out += [
            "",
            f"## {family}",
            "",
            "| element | | proof | XDP | native |",
            "| --- | --- | --- | --- | --- |",
        ]
        for one in known:
            if one.family == family:
                out.append(
                    f"| [{one.name}]({one.name}.md) | {cell(first_sentence(one.summary))} | {one.proof} "
                    f"| {one.kernel.does.value} | {one.native.does.value} |"
                )
    return "\n".join(out) + "\n"


def first_sentence(text: str) -> str:
    """Up to the first full stop or colon that ends something."""
    return re.split(r"(?<=[a-z)])[.:;](?:\s|$)", text, maxsplit=1)[0]
