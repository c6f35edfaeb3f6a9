"""`innet snapshot import`: a network file from what routers, switches and hosts print of themselves."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from innet.cli import codes

if TYPE_CHECKING:
    from innet.network.importers import Imported

MAX_FILES = 100_000
"""A folder with more files than this is not one of a network's outputs."""


def add_parser(questions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb below `snapshot`."""
    parser = questions.add_parser(
        "import",
        help="a network file from what routers, switches and hosts print",
        description="Make a network file of outputs such as DEVICE/ip-route.json, DEVICE/ios-config.txt and links; "
        "docs/reference/snapshot-import.md says which there are. A JSON file with a whole network is imported by "
        "itself.",
    )
    parser.add_argument("inputs", metavar="DIR|FILE", nargs="+", help="a folder, or files of one")
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="list what is not understood instead of refusing it; what it may change is left open in proofs",
    )
    parser.add_argument(
        "-o", dest="output", metavar="FILE", help="write the network here, and Click files beside it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Import, write, and tell what was ignored; exit code 0 also then."""
    from innet.cli.output import print_json
    from innet.network.importers import import_files

    name = " ".join(args.inputs)[:200]
    made = import_files(read(args.inputs), lenient=args.lenient, name=name)
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    for ignored in made.ignored:
        print(f"ignored: {ignored}", file=sys.stderr)
    if args.output is not None:
        write(Path(args.output), made)
    if args.json:
        print_json(as_data(made, args.output))
    elif args.output is None:
        if made.files:
            from innet.cli.files import problem

            some = ", ".join(list(made.files)[:4])
            message = f"{len(made.files)} Click files belong to this network: {some}"
            raise problem("B120", message, "-o FILE, where they are written beside", "or --json has them all")
        print(made.text, end="")
    else:
        nodes = made.snapshot.nodes
        print(f"{len(nodes):,} nodes and {len(made.snapshot.links):,} links in {args.output}")
    return codes.YES


def as_data(made: "Imported", output: str | None) -> dict[str, object]:
    """The import as data."""
    return {
        "nodes": len(made.snapshot.nodes),
        "links": len(made.snapshot.links),
        "output": output,
        "network": made.text,
        "files": dict(made.files),
        "notes": list(made.notes),
        "ignored": [
            {
                "file": one.span.source.name,
                "line": one.span.source.position(one.span.start)[0],
                "column": one.span.source.position(one.span.start)[1],
                "text": one.text,
                "message": one.message,
                "effect": one.effect,
            }
            for one in made.ignored
        ],
    }


def read(inputs: Iterable[str]) -> Mapping[str, str]:
    """The texts: those in a folder by their names below it, single files by their own."""
    from innet.cli.files import problem, read_source

    found: dict[str, str] = {}
    for given in inputs:
        path = Path(given)
        paths = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        if len(paths) > MAX_FILES:
            raise problem("B121", f"'{given}' has {len(paths):,} files", "the folder of one network")
        for one in paths:
            name = one.relative_to(path).as_posix() if path.is_dir() else one.name
            if name in found:
                raise problem("B122", f"'{name}' is given twice", "names that differ")
            if not any(part.startswith(".") for part in name.split("/")):
                found[name] = read_source(str(one), "the file").text
    return found


def write(path: Path, made: "Imported") -> None:
    """The network file, and the Click files beside it."""
    from innet.cli.files import problem

    texts = {path: made.text} | {path.parent / name: text for name, text in made.files.items()}
    try:
        for target, text in texts.items():
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise problem("B123", f"'{path}' cannot be written: {error.strerror}", "a file in a folder") from None
