"""`innet elements [NAME …]`: the element classes, what each back end does with them, and their pages."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from innet.cli.codes import YES
from innet.cli.output import print_json
from innet.diagnostics import ConfigurationError, Diagnostic, suggest

if TYPE_CHECKING:
    from innet.manual.facts import Study


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb."""
    parser = verbs.add_parser(
        "elements",
        help="the elements, and what each back end does with them",
        description="List the element classes with what proofs, XDP and native code do with each; or show the pages "
        "of those named.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="show the page of this element")
    parser.add_argument(
        "--program", action="store_true", help="print the packet programs of the element's examples"
    )
    parser.add_argument(
        "--write", metavar="DIR", type=Path, help="write the whole manual, a Markdown page an element"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Show, or write; the exit code."""
    from innet.manual.facts import everything, study

    if args.write is not None:
        write(args.write)
        return YES
    classes = [known(name) for name in args.names]
    if not classes and not args.json and not args.program:
        for line in listing():
            print(line, flush=True)
        return YES
    studies = [study(one) for one in classes] if classes else everything()
    if args.json:
        print_json({"elements": [as_json(one) for one in studies]})
    elif args.program:
        print("\n".join(programs(one) for one in studies), end="")
    else:
        from innet.manual.pages import page

        print("\n".join(page(one).partition("\n\n")[2] for one in studies), end="")
    return YES


def known(name: str) -> "type":
    """The class of that name or alias."""
    from innet.elements.registry import REGISTRY

    found = REGISTRY.get(name)
    if found is None:
        near = suggest(name, list(REGISTRY))
        raise ConfigurationError(
            Diagnostic("C150", f"there is no element class '{name}'", expected="a name that `innet elements` lists",
                       help=f"did you mean '{near}'?" if near else "")
        )  # fmt: skip
    return found


def programs(one: "Study") -> str:
    """The packet programs of every example."""
    from innet.elements.build import build_one
    from innet.ir.dump import dump
    from innet.manual.facts import programs_of

    out = []
    for example in one.element.EXAMPLES:
        out.append(f"// {one.name}({example})")
        out += [dump(replace(p, element=one.name)) for p in programs_of(build_one(one.element, example))]
    return "\n".join(out) + "\n"


def listing() -> Iterator[str]:
    """A line an element, by family; each as soon as it is known, since the compilers are asked about every one."""
    from innet.elements.registry import REGISTRY
    from innet.manual.facts import family_of, study
    from innet.manual.pages import first_sentence

    classes = REGISTRY.classes()
    width = max(len(one.__name__) for one in classes)
    yield from (f"{len(classes)} element classes", "")
    yield f"{'':{width}}  {'proof':20}  {'XDP':4}  {'native':6}"
    for family in sorted({family_of(one) for one in classes}):
        yield f"{family}:"
        for one in (study(element) for element in classes if family_of(element) == family):
            yield (
                f"{one.name:{width}}  {one.proof:20}  {one.kernel.does.value:4}  {one.native.does.value:6}  "
                f"{first_sentence(one.summary)}"
            )
    yield ""
    yield "proof: exact, or how kept packets leave. some: other arguments or inputs run in the agent."
    yield "`innet elements NAME` shows a page: arguments, handlers, what is not done and why."


def as_json(one: "Study") -> dict[str, object]:
    """A study as data."""
    return {
        "name": one.name,
        "aliases": list(one.element.ALIASES),
        "family": one.family,
        "summary": one.summary,
        "ports": one.element.PORTS,
        "processing": one.element.PROCESSING,
        "flow": one.element.FLOW,
        "examples": list(one.element.EXAMPLES),
        "barred": one.element.BARRED,
        "proof": one.proof,
        "xdp": {"does": one.kernel.does.value, "reasons": list(one.kernel.reasons)},
        "native": {"does": one.native.does.value, "reasons": list(one.native.reasons)},
    }


def write(folder: Path) -> None:
    """Write the manual; pages of elements that are no more are removed."""
    from innet.manual.facts import everything
    from innet.manual.pages import GENERATED, book

    try:
        folder.mkdir(parents=True, exist_ok=True)
        pages = book(everything())
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
        for old in folder.glob("*.md"):
            if old.name not in pages and old.read_text(encoding="utf-8").startswith(GENERATED):
                old.unlink()
    except OSError as e:
        raise ConfigurationError(Diagnostic("E140", f"{e.filename}: {e.strerror}")) from e
