"""Do proofs of modules that are too large end? Each case in a process of its own: answer, seconds, peak memory.

2^n paths with and without what tells them apart, 100,000 elements in a row, a million patterns, rules and routes,
compound elements deep in each other, tables in a row. Nothing takes long, and nothing that was not seen is `safe`.

    ./innet bench budget [--case NAME]... [--small] [--json]
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # for the folder of tests, which has the machinery

from innet.controller.limits import Limits
from innet.diagnostics import ConfigurationError
from innet.explore.flow import Budget
from innet.symbolic.work import Stopped
from innet.verify.plan import SECURITY_BUDGET
from innet.verify.security import assess
from innet.verify.world import PARSE
from tests.adversarial.judge import box, rules
from tests.soundness.large import CASES, Case

LIMITS = Limits(60.0, 4 << 30)


def prove(case: Case, size: int, to: Connection) -> None:
    """Read, build and judge; what came of it, and what it took, goes to `to`."""
    from innet.messages import Role

    text, began = case.make(size), time.process_time()
    built = began
    try:
        made = box(text)
        built = time.process_time()
        said = assess(made, PARSE, rules(Role.THIRD_PARTY), Budget(SECURITY_BUDGET, LIMITS.watch()))
        answer = said.assessment.value
        why = next((c.reason for c in said.checks if c.reason), "")
    except ConfigurationError as error:
        built = time.process_time()
        answer, why = "bad input", error.diagnostics[0].message
    except Stopped as stopped:
        answer, why = "undecided", str(stopped)
    ended = time.process_time()
    to.send(
        {
            "case": case.name,
            "size": size,
            "answer": answer,
            "why": why[:200],
            "seconds_to_build": round(built - began, 2),
            "seconds_to_judge": round(ended - built, 2),
            "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases; 0 if every one came to an answer."""
    parser = argparse.ArgumentParser(prog="innet bench budget", description="Do proofs of huge modules end?")
    parser.add_argument(
        "--case", action="append", choices=[c.name for c in CASES], help="only this one (repeat)"
    )
    parser.add_argument("--small", action="store_true", help="the sizes of the tests")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(arguments)
    found: list[dict[str, object]] = []
    for case in CASES:
        if args.case and case.name not in args.case:
            continue
        sizes = (case.small,) if args.small else (case.full, case.most) if case.most else (case.full,)
        found += [told(one, args.json) for one in (run(case, size) for size in sizes)]
    if args.json:
        print(json.dumps({"schema": 1, "bench": "budget", "cases": found}))
    return int(any(str(one["answer"]).startswith("none") for one in found))


def run(case: Case, size: int) -> dict[str, object]:
    """The case in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    child = spawn.Process(target=prove, args=(case, size, there))
    child.start()
    there.close()
    try:
        one: dict[str, object] = here.recv()
    except EOFError:
        one = {"case": case.name, "size": size, "answer": "none: the process ended"}
    child.join()
    return one


def told(one: dict[str, object], quiet: bool) -> dict[str, object]:
    """The same, printed unless `quiet`."""
    if not quiet:
        print(line(one), flush=True)
    return one


def line(one: dict[str, object]) -> str:
    """A case as text."""
    if "mebibytes" not in one:
        return f"{one['case']:>18} {one['size']:>9,}  {one['answer']}"
    return (
        f"{one['case']:>18} {one['size']:>9,}  {one['answer']:<9} build {one['seconds_to_build']:>6} s, judge "
        f"{one['seconds_to_judge']:>5} s, {one['mebibytes']:>5,} MiB  {one['why']}"
    )


if __name__ == "__main__":
    sys.exit(main())
