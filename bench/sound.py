"""Does any concrete run contradict a proof? Random modules and networks, random and solved packets in a row.

Modules of all elements are assessed as clients' and third parties' (with and without connectionless traffic), then run
on a platform with its gates, and in the sandbox where the assessment asks for it: a rule that is said to hold is broken
by no packet, and the sandbox is held to what it promises, packet by packet. Networks of one to four boxes in one or two
branches, with one to three platforms and modules, some of which copy packets, are asked random `reach`, `always` and
`never` statements, at once or each time that a module comes: no packet does what an answer says none does. What
contradicts is made small and printed. At last faults are put into what judges: all must be found.

z3 is asked what the constraint store was asked, and random questions.

    ./innet bench sound [--configs N] [--packets M] [--seed S] [--queries Q] [--seconds T] [--no-mutants] [--json]
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # for the folder of tests, which has the machinery

from tests.soundness.campaign import Campaign
from tests.soundness.mutants import MUTANTS, caught
from tests.soundness.opinion import compare

CONFIGS, PACKETS, QUERIES = 2000, 200, 2000


def progress(campaign: Campaign, began: float, found: int) -> None:
    """A line on standard error."""
    tally = campaign.tally
    print(
        f"{tally.modules} modules, {tally.networks} networks, {tally.packets:,} packets, {found} contradictions, "
        f"{time.monotonic() - began:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; 0 if nothing contradicts and every fault was found."""
    parser = argparse.ArgumentParser(prog="innet bench sound", description="Does any run contradict a proof?")
    parser.add_argument(
        "--configs", type=int, default=CONFIGS, metavar="N", help=f"configurations (default: {CONFIGS})"
    )
    parser.add_argument(
        "--packets", type=int, default=PACKETS, metavar="M", help=f"packets for each (default: {PACKETS})"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed (default: 0)")
    parser.add_argument(
        "--queries", type=int, default=QUERIES, metavar="Q", help=f"questions to z3 (default: {QUERIES})"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=float("inf"),
        metavar="T",
        help="begin no configuration after so many",
    )
    parser.add_argument("--no-mutants", action="store_true", help="put no faults into what judges")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    args = parser.parse_args(arguments)
    if args.configs < 0 or args.packets < 1:
        parser.error("--configs is at least 0, --packets at least 1")
    campaign, began, found = Campaign(args.packets), time.monotonic(), []
    for first in range(args.seed, args.seed + args.configs, 20):
        for one in campaign.run(
            range(first, min(first + 20, args.seed + args.configs)), began + args.seconds
        ):
            found.append(one)
            print(one, flush=True)
        progress(campaign, began, len(found))
        if time.monotonic() > began + args.seconds:
            break
    faults = {} if args.no_mutants else {mutant.name: caught(mutant) for mutant in MUTANTS}
    second = compare(args.queries, args.seed)
    tally = campaign.tally
    figures = {
        "schema": 1,
        "bench": "sound",
        "seed": args.seed,
        "configurations": tally.configurations,
        "packets_each": args.packets,
        "modules": tally.modules,
        "networks": tally.networks,
        "left_out": dict(tally.left_out),
        "packets": tally.packets,
        "solved_packets": tally.solved,
        "assessments": dict(sorted(tally.assessed.items())),
        "answers": dict(sorted(tally.answered.items())),
        "packets_that_rules_are_about": tally.spoke,
        "contradictions": found,
        "never_violated": dict(sorted(tally.quiet.items())),
        "never_violated_by_element": dict(tally.quiet_elements.most_common()),
        "faults": faults,
        "z3": asdict(second),
        "seconds": round(time.monotonic() - began),
        "seconds_by_part": {name: round(spent) for name, spent in tally.seconds.items()},
    }
    print(json.dumps(figures) if args.json else table(figures))
    return int(bool(found or second.wrong) or not all(faults.values()))


def table(figures: dict[str, object]) -> str:
    """The figures as text."""

    def counts(name: str) -> str:
        found = figures[name]
        assert isinstance(found, dict)
        return ", ".join(f"{key} {count}" for key, count in found.items()) or "none"

    contradictions, faults, opinions = figures["contradictions"], figures["faults"], figures["z3"]
    assert isinstance(opinions, dict)
    assert isinstance(contradictions, list)
    assert isinstance(faults, dict)
    escaped = [name for name, ok in faults.items() if not ok]
    return "\n".join((
        f"{len(contradictions)} contradictions in {figures['configurations']:,} configurations x "
        f"{figures['packets_each']} packets (seed {figures['seed']}, {figures['seconds']} s): {figures['modules']:,} "
        f"modules (left out: {counts('left_out')}), {figures['networks']:,} networks",
        f"packets: {figures['packets']:,}, {figures['solved_packets']:,} of them solved; "
        f"{figures['packets_that_rules_are_about']:,} were what a rule is about",
        f"assessments: {counts('assessments')}",
        f"answers: {counts('answers')}",
        f"sandboxed or undecided, yet no packet broke a rule: {counts('never_violated')}",
        f"  elements in them: {counts('never_violated_by_element')}",
        f"faults in what judges: {len(faults) - len(escaped)} of {len(faults)} found",
        *(f"  ESCAPED: {name}" for name in escaped),
        f"z3: {opinions['real']} real and {opinions['random']} random questions, {opinions['infeasible']} of them "
        f"called impossible: {len(opinions['wrong'])} differences; {opinions['generous']} called possible that are "
        f"not, {opinions['unknown']} that z3 left open",
        *(f"  DIFFERS: {one}" for one in opinions["wrong"]),
    ))  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
