"""The command `innet VERB …`: finds the verb, and turns what goes wrong into messages and exit codes.

Exit codes: 0 yes, 1 refused, 2 bad input, 3 undecided, 4 platform failure, 5 conflict; 130 interrupted. `run` exits as
Click does. Results go to standard output, messages to standard error. What a verb needs is imported when it is called.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from innet.cli import (
    apply,
    bench,
    demo,
    diff,
    elements,
    plan,
    platform,
    recheck,
    run,
    snapshot,
    table1,
    tail,
    top,
    trace,
)
from innet.cli.codes import BAD_INPUT, INTERRUPTED, PLATFORM_FAILURE
from innet.diagnostics import InNetError, PlatformError


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes look like the other messages."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}\ntry: {self.prog} --help\n")


class VerbParser(Parser):
    """The parser of one verb: options may stand between positional arguments."""

    _mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        if self._mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole: argparse.ArgumentParser = Parser(
        prog="innet",
        description="In-Net: packet processing for tenants an operator does not trust, proven before it runs.",
        epilog="exit codes: 0 yes, 1 refused, 2 bad input, 3 undecided, 4 platform failure, 5 conflict",
    )
    from innet import __version__

    whole.add_argument("--version", action="version", version=f"innet {__version__}")
    verbs: argparse._SubParsersAction[Any] = whole.add_subparsers(
        title="verbs", metavar="VERB", required=True, parser_class=VerbParser
    )
    plan.add_parser(verbs)
    apply.add_parsers(verbs)
    recheck.add_parser(verbs)
    trace.add_parser(verbs)
    diff.add_parser(verbs)
    elements.add_parser(verbs)
    snapshot.add_parser(verbs)
    table1.add_parser(verbs)
    run.add_parser(verbs)
    platform.add_parser(verbs)
    top.add_parser(verbs)
    tail.add_parser(verbs)
    demo.add_parser(verbs)
    bench.add_parser(verbs)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        chosen = parser().parse_args(given)
    except SystemExit as leaving:  # --help, --version, and mistakes
        return leaving.code if isinstance(leaving.code, int) else BAD_INPUT
    try:
        code: int = chosen.verb(chosen)
        sys.stdout.flush()
        return code
    except InNetError as error:
        return failed(error, getattr(chosen, "json", False))
    except KeyboardInterrupt:
        print("innet: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; let the interpreter's own flush at exit find nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except RecursionError:
        print("innet: the input is nested too deeply", file=sys.stderr)
        return BAD_INPUT


def failed(error: InNetError, as_json: bool) -> int:
    """Tell an error; its exit code."""
    from innet.cli.codes import CONFLICT
    from innet.cli.output import error_json, print_json

    print(error, file=sys.stderr)
    if as_json:
        print_json(error_json(error))
    if isinstance(error, PlatformError):
        return PLATFORM_FAILURE
    return CONFLICT if type(error).__name__ == "ConflictError" else BAD_INPUT
