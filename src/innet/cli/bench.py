"""`innet bench NAME`: measure a figure of the design (a script of the project's `bench/` folder)."""

import argparse
import runpy
import sys
from pathlib import Path

from innet.diagnostics import ConfigurationError, Diagnostic, suggest

FOLDER = Path(__file__).resolve().parents[3] / "bench"


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb. What follows the name goes to the script, `--help` too."""
    parser = verbs.add_parser(
        "bench",
        help="measure a figure",
        description="Run a measurement of the project's bench folder; `innet bench NAME --help` tells its options.",
        add_help=False,
        prefix_chars="\0",
    )
    parser.add_argument("arguments", nargs="*", metavar="NAME [OPTIONS]")
    parser.set_defaults(verb=run)


def names() -> list[str]:
    """The measurements there are."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def run(args: argparse.Namespace) -> int:
    """Run the script; its exit code."""
    name, *options = args.arguments or ["--help"]
    if name in ("-h", "--help"):
        print("usage: innet bench NAME [OPTIONS]\n\nmeasurements: " + ", ".join(names()))
        return 0
    if name not in names():
        near = suggest(name, names())
        raise ConfigurationError(
            Diagnostic("B120", f"there is no measurement '{name}'", expected=", ".join(names()),
                       help=f"did you mean '{near}'?" if near else "")
        )  # fmt: skip
    before = sys.argv
    sys.argv = [f"innet bench {name}", *options]
    try:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
            return 1
        return leaving.code or 0
    finally:
        sys.argv = before
    return 0
