"""Random texts and captures for everything that reads them: no crash, no hang over a second, no memory beyond measure.

Prints for each reader how many inputs it took and refused, the slowest, and the most memory for a byte of input above
the floor that any input may need. Faults are shrunk and kept in tests/fuzz/corpus, which the tests run again.

    ./innet bench fuzz [--seconds N] [--seed N] [--target NAME] [--json]
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the tests' part of it

from tests.fuzz.campaign import FLOOR, MAX_RATIO, keep, run
from tests.fuzz.targets import TARGETS

SECONDS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; 1 if there were faults."""
    parser = argparse.ArgumentParser(prog="innet bench fuzz", description="Random inputs for every reader.")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="N", help=f"for each reader (default: {SECONDS})"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="where random numbers start (default: 1)"
    )
    parser.add_argument(
        "--target", choices=sorted(TARGETS), action="append", help="only this reader (may be repeated)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(arguments)
    rows, faults = [], []
    for name in args.target or TARGETS:
        report = run(TARGETS[name], Random(f"{args.seed} {name}"), seconds=args.seconds)
        rows.append((name, report))
        faults += report.faults
        if not args.json:
            if len(rows) == 1:
                print(
                    f"{'reader':12}{'inputs':>10}{'taken':>10}{'refused':>10}{'slowest':>10}{'memory':>12}{'faults':>8}"
                )
            memory = f"{max(0.0, report.largest):.0f} x"
            print(
                f"{name:12}{report.inputs:>10,}{report.taken:>10,}{report.refused:>10,}"
                f"{report.slowest_s * 1000:>7.0f} ms{memory:>12}{len(report.faults):>8}",
                flush=True,
            )
    for fault in faults:
        print(f"FAULT in {fault.target}: {fault.why}: {keep(fault).name}", file=sys.stderr)
    if args.json:
        out = [
            {"reader": name, "inputs": r.inputs, "taken": r.taken, "refused": r.refused, "slowest_s": r.slowest_s,
             "faults": [f.why for f in r.faults]}
            for name, r in rows
        ]  # fmt: skip
        print(json.dumps({"schema": 1, "bench": "fuzz", "seed": args.seed, "readers": out}))
    else:
        print(f"seed {args.seed}; memory: for a byte of input above {FLOOR >> 20} MiB, {MAX_RATIO} x allowed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
