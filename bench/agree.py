"""Do all back ends agree? Random configurations of all elements, random and boundary packets, every answer compared.

Each configuration goes through the reference interpreter (a router with its holders, in virtual time), machine code,
the kernel (XDP test runs; needs root) and the symbolic executor, which must cover what happens to each packet; and
through machine code (every fourth one: the kernel) once more, without what is proven to make no difference. What two of
them differ in is printed as a small reproducer: Click text with packets as comments, which `--replay` runs again.
Then the branches that no packet took are counted; elements that have some left are tried by themselves, by interpreter
and symbolic executor. At last faults are put into each back end: all must be found.

    ./innet bench agree [--configs N] [--packets M] [--seed S] [--no-kernel] [--no-branches] [--no-mutants] [--json]
    ./innet bench agree --replay FILE
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # for the folder of tests, which has the machinery

from tests.agreement.campaign import Campaign, Found, replayed
from tests.agreement.coverage import Side, condition
from tests.agreement.examine import Contradiction, Ends, ends, examine
from tests.agreement.mutants import MUTANTS, caught

CONFIGS, PACKETS = 2000, 200
COMPLETING = 4
"""Rounds of further configurations for the sides of branches that no packet took."""


def progress(campaign: Campaign, began: float, n: int) -> None:
    """A line on standard error."""
    tally = campaign.tally
    print(
        f"{n} configurations, {tally.packets:,} packets, {len(campaign.found)} contradictions, "
        f"{time.monotonic() - began:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def run(campaign: Campaign, configs: int, seed: int, rounds: int) -> list[Found]:
    """The campaign; reproducers are printed as they are found."""
    found: list[Found] = []
    began = time.monotonic()
    for first in range(seed, seed + configs, 50):
        for one in campaign.run(range(first, min(first + 50, seed + configs))):
            found.append(one)
            print(one.reproducer, flush=True)
        progress(campaign, began, min(first + 50, seed + configs) - seed)
    for one in campaign.complete(seed + 1_000_000, rounds):
        found.append(one)
        print(one.reproducer, flush=True)
    if rounds:
        progress(campaign, began, campaign.tally.configurations)
    return found


def uncaught(ends_: Ends) -> dict[str, dict[str, bool]]:
    """By back end, whether each fault was found."""
    out: dict[str, dict[str, bool]] = {}
    for mutant in MUTANTS:
        if mutant.end == "kernel" and ends_.compiler is None:
            continue
        out.setdefault(mutant.end, {})[mutant.name] = caught(mutant, ends_)
        print(f"{mutant.end}: {mutant.name}: {out[mutant.end][mutant.name]}", file=sys.stderr, flush=True)
    return out


def sides(found: Sequence[Side]) -> list[str]:
    """Sides of branches, as text."""
    return [
        f"{cls}({arguments})[{port}] -> {outputs}: {condition(((cls, arguments, port, outputs), number, side))}"
        for (cls, arguments, port, outputs), number, side in found
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; 0 if all back ends agree, every branch was taken or cannot be, and every fault was found."""
    parser = argparse.ArgumentParser(prog="innet bench agree", description="Do all back ends agree?")
    parser.add_argument(
        "--configs", type=int, default=CONFIGS, metavar="N", help=f"configurations (default: {CONFIGS})"
    )
    parser.add_argument(
        "--packets", type=int, default=PACKETS, metavar="M", help=f"packets for each (default: {PACKETS})"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed (default: 0)")
    parser.add_argument("--rounds", type=int, default=COMPLETING, metavar="N",
                        help=f"rounds for branches not taken (default: {COMPLETING})")  # fmt: skip
    parser.add_argument(
        "--no-kernel", action="store_true", help="leave the kernel out; root is not needed then"
    )
    parser.add_argument(
        "--no-branches", action="store_true", help="do not ask about branches that were not taken"
    )
    parser.add_argument("--no-mutants", action="store_true", help="put no faults into the back ends")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run a printed reproducer again")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    args = parser.parse_args(arguments)
    if args.configs < 0 or args.packets < 1:
        parser.error("--configs is at least 0, --packets at least 1")
    if not args.no_kernel and os.geteuid() != 0:
        parser.error("the kernel takes programs from root only; without it: --no-kernel")
    with ends(kernel=not args.no_kernel) as asked:
        if args.replay is not None:
            return replay(args.replay, asked)
        campaign = Campaign(asked, args.packets)
        began = time.monotonic()
        found = run(campaign, args.configs, args.seed, 0 if args.no_branches else args.rounds)
        alone = [] if args.no_branches else list(campaign.alone())
        proven, missed = ([], []) if args.no_branches else campaign.verdicts()
        seconds = time.monotonic() - began
        faults = {} if args.no_mutants else uncaught(asked)
    tally, coverage = campaign.tally, campaign.coverage
    figures = {
        "schema": 1,
        "bench": "agree",
        "seed": args.seed,
        "configurations": args.configs,
        "packets_each": args.packets,
        "all_configurations": tally.configurations,
        "packets": tally.packets,
        "packets_in_the_kernel": tally.kernel,
        "packets_held_against_paths": tally.symbolic,
        "configurations_made_smaller": tally.smaller,
        "explorations_over_budget": tally.unexplored,
        "lost": tally.lost,
        "elements": len(tally.elements),
        "left_out": sorted(f"{cls}({example})" for cls, example in campaign.left_out),
        "contradictions": [*(one.reproducer for one in found), *alone],
        "branch_sides": coverage.all,
        "branch_sides_taken": len(coverage.taken),
        "branch_sides_impossible": sides(proven),
        "branch_sides_missed": sides(missed),
        "faults": faults,
        "seconds": round(seconds),
        "seconds_by_part": {name: round(spent) for name, spent in tally.seconds.items()},
    }
    if args.json:
        print(json.dumps(figures))
    else:
        print("".join(f"{text}\n" for text in alone), end="")
        print(table(figures, len(found) + len(alone), proven, missed, faults))
    escaped = [name for found_ in faults.values() for name, ok in found_.items() if not ok]
    return int(bool(found or alone or missed or escaped))


def table(
    figures: dict[str, object],
    found: int,
    proven: Sequence[Side],
    missed: Sequence[Side],
    faults: dict[str, dict[str, bool]],
) -> str:
    """The figures as text."""
    lines = [
        f"{found} contradictions in {figures['configurations']:,} configurations x {figures['packets_each']} "
        f"packets (seed {figures['seed']}; {figures['all_configurations']:,} configurations with those for branches, "
        f"{figures['elements']} element classes, {figures['seconds']} s)",
        f"packets: {figures['packets']:,} interpreted and in machine code, {figures['packets_in_the_kernel']:,} in the "
        f"kernel, {figures['packets_held_against_paths']:,} held against paths "
        f"({figures['explorations_over_budget']} explorations were over budget); "
        f"{figures['configurations_made_smaller']} configurations in machine code once more, made smaller by proofs",
        f"sides of branches: {figures['branch_sides']:,}; taken {figures['branch_sides_taken']:,}, proven impossible "
        f"{len(proven)}, missed {len(missed)}",
        *(f"  missed: {one}" for one in sides(missed)),
        f"in no configuration: {figures['left_out'] or 'none'}",
    ]
    for end, results in faults.items():
        escaped = [name for name, ok in results.items() if not ok]
        lines.append(f"faults in {end}: {len(results) - len(escaped)} of {len(results)} found" + "".join(
            f"\n  ESCAPED: {name}" for name in escaped
        ))  # fmt: skip
    return "\n".join(lines)


def replay(path: Path, asked: Ends) -> int:
    """One reproducer again."""
    text, sent, seed = replayed(path.read_text(encoding="utf-8"))
    try:
        examine(text, sent, seed, asked)
    except Contradiction as error:
        print(error)
        return 1
    print("all back ends agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
