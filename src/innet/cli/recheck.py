"""`innet recheck`: what still holds of what is deployed, now that network or policy are others. For operators."""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from innet.cli import codes, files
from innet.cli.plan import limit_arguments, limits_of

if TYPE_CHECKING:
    from innet.cli.output import Style
    from innet.controller import Store
    from innet.network import Snapshot
    from innet.policy import Policy
    from innet.verify.recheck import Recheck, Standing


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "recheck",
        help="what still holds of what is deployed, on a changed network",
        description="Check again, on the network and the policy as they are now, all that is deployed: whether it has "
        "a place, what its requests asked for, and the operator's rules. Changes nothing. For operators: inner nodes "
        "are shown. Exit code 1 if something does not hold any more, 3 if something could not be decided. The limits "
        "are for each rule and for what each deployment asked for.",
    )
    parser.add_argument(
        "--network", required=True, metavar="FILE", help="the operator's network, as it is now"
    )
    parser.add_argument("--policy", metavar="FILE", help="the operator's rules (default: none)")
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="the controller's state (default: $XDG_STATE_HOME/innet/controller.sqlite)",
    )
    limit_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Print what does not hold any more."""
    if args.state is not None and not Path(args.state).exists():  # of a name mistyped, all would be well
        raise files.problem(
            "B101", f"there is no state file '{args.state}'", "the one that `innet apply` used"
        )
    snapshot = files.read_network(args.network)
    policy = files.read_policy(args.policy)

    from innet.cli.apply import opened
    from innet.cli.output import Style, print_json
    from innet.controller import Controller, Judged, Proofs, Settings
    from innet.messages import Answer
    from innet.platform import AbsentAgent

    with opened(args) as store:
        files.settle()
        proofs = Proofs(snapshot, policy, limits_of(args), Judged(store))
        found = Controller(Settings(snapshot, proofs, store, AbsentAgent)).recheck(snapshot)
        if not found.stopped:
            store.note_checked(number_of(snapshot, policy))
    if args.json:
        print_json(json_of(found))
    else:
        for line in lines(found, Style()):
            print(line)
    return {Answer.YES: codes.YES, Answer.NO: codes.REFUSED, Answer.UNDECIDED: codes.UNDECIDED}[found.holds]


def json_of(found: "Recheck") -> dict[str, object]:
    """The answer for programs."""
    from innet.cli.output import HOLDS, check_json
    from innet.network import format_address

    return {
        "holds": HOLDS[found.holds],
        "rules": [check_json(check) for check in found.rules],
        "deployments": [
            {
                "identifier": one.held.identifier,
                "account": one.held.account.name,
                "holds": HOLDS[one.holds],
                "displaced": [
                    {"module": d.name, "platform": d.platform, "address": format_address(d.address)}
                    for d in one.displaced
                ],
                "security": [check_json(check) for check in one.judged],
                "requirements": [check_json(check) for check in one.requirements],
            }
            for one in found.deployments
        ],
    }


def lines(found: "Recheck", style: "Style") -> Iterator[str]:
    """The answer for people: what does not hold, with what shows it; of the rest, how much it is."""
    from innet.cli.output import checks, count
    from innet.messages import Answer

    failed = [check for check in found.rules if check.holds is not Answer.YES]
    yield f"{len(found.rules) - len(failed)} of {count(len(found.rules), 'rule')} hold"
    yield from checks(failed, style)
    fallen = [one for one in found.deployments if one.holds is not Answer.YES]
    yield f"{len(found.deployments) - len(fallen)} of {count(len(found.deployments), 'deployment')} hold"
    for one in fallen:
        yield from _fallen(one, style)


def _fallen(one: "Standing", style: "Style") -> Iterator[str]:
    from innet.cli.output import checks
    from innet.messages import Answer
    from innet.network import format_address

    yield f"\n{style.title(one.held.identifier)} ({one.held.account.name})"
    for d in one.displaced:
        yield f"  {d.name} has no place any more: no pool of a platform '{d.platform}' has {format_address(d.address)}"
    yield from checks((c for c in (*one.judged, *one.requirements) if c.holds is not Answer.YES), style)
    yield f"  to take it back: innet kill {one.held.identifier}"


def number_of(snapshot: "Snapshot", policy: "Policy") -> int:
    """A number that stands for a network and the rules: others have another one."""
    text = repr((snapshot, [box.text for box in snapshot.middleboxes], [rule.text for rule in policy.rules]))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def tell_changed(store: "Store", snapshot: "Snapshot", policy: "Policy") -> None:
    """Say if what is deployed was checked for another network; what that changes is for the operator to ask."""
    number, known = number_of(snapshot, policy), store.checked()
    if number == known:
        return
    if store.holding()[1]:
        print(
            "innet: the network or the policy is not the one that what is deployed was checked for: `innet recheck` "
            "says what still holds",
            file=sys.stderr,
        )
    else:
        store.note_checked(number)
