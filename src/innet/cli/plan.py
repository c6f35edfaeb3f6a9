"""`innet plan REQUEST`: prove and place, change nothing."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from innet.cli import codes
from innet.messages import Answer, Assessment, Plan, Role

if TYPE_CHECKING:
    from innet.controller.limits import Limits
    from innet.diagnostics import Source
    from innet.policy import Request

ROLES = [role.value for role in Role]


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "plan",
        help="prove and place a request, change nothing",
        description="Prove and place a request, change nothing.",
    )
    request_arguments(parser)
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--account", metavar="NAME", help="who asks: an account of the accounts file")
    who.add_argument("--role", choices=ROLES, help="who asks, in a dry run (default: client)")
    parser.add_argument(
        "--own",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="an address or prefix the asker owns (repeat)",
    )
    parser.add_argument("--all", action="store_true", help="try every platform, also after one fits")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="say what is left out of the kernel's programs, and why"
    )
    parser.set_defaults(verb=run, state=None)


def request_arguments(parser: argparse.ArgumentParser) -> None:
    """What a request needs around it."""
    parser.add_argument("request", metavar="REQUEST", help="the request's file (- for standard input)")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="a value for ${NAME-default}")
    parser.add_argument("--network", required=True, metavar="FILE", help="the operator's network")
    parser.add_argument("--policy", metavar="FILE", help="the operator's rules (default: none)")
    parser.add_argument("--pcap", metavar="FILE", help="write the packets that the answer shows to FILE")
    parser.add_argument(
        "--accounts", metavar="FILE", help="the accounts (default: accounts.yaml beside the network file)"
    )
    limit_arguments(parser)


def limit_arguments(parser: argparse.ArgumentParser) -> None:
    """What proofs may take."""
    parser.add_argument(
        "--max-seconds",
        type=above_zero,
        default=60.0,
        metavar="S",
        help="over it: undecided (default: 60)",
    )
    parser.add_argument(
        "--max-memory",
        type=above_zero,
        default=4096.0,
        metavar="MIB",
        help="memory that proofs may take; over it the answer is 'undecided' (default: 4096)",
    )


def above_zero(text: str) -> float:
    """A number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above zero")
    return number


def limits_of(args: argparse.Namespace) -> "Limits":
    """What the proof may take."""
    from innet.controller.limits import Limits

    return Limits(args.max_seconds, int(args.max_memory * (1 << 20)))


def run(args: argparse.Namespace) -> int:
    """Print the plan; the exit code says whether it is granted."""
    from innet.cli import files
    from innet.network.neutral import is_neutral

    request = files.read_request(args)
    account = files.asker(args)
    source = files.read_source(args.network, "the network file")
    if is_neutral(source.text):
        return run_collected(args, source, request)
    snapshot = files.read_network(args.network)
    policy = files.read_policy(args.policy)

    from innet.cli.captures import write_witnesses
    from innet.cli.output import Style, plan_json, plan_text, print_json
    from innet.controller.answer import plan_for
    from innet.controller.proofs import Proofs

    files.settle()
    proofs = Proofs(snapshot, policy, limits_of(args))
    plan = proofs.plan(request, (), account, all_platforms=args.all)
    shown = previewed(
        plan_for(plan, account.role, request, snapshot), proofs.texts(request, plan), args.verbose
    )
    places = write_witnesses(args.pcap, shown)
    if args.json:
        print_json(plan_json(shown, places))
    else:
        print(plan_text(shown, Style(), [module.name for module in request.modules], places))
    return code_of(plan, bool(request.modules))


def run_collected(args: argparse.Namespace, source: "Source", request: "Request") -> int:
    """Answer the requirements on a collected network, which has no platforms."""
    from innet.cli import files
    from innet.cli.output import Style, plan_json, plan_text, print_json
    from innet.network import neutral
    from innet.verify.forwarded import Collected
    from innet.verify.world import PARSE

    if request.modules:
        raise files.problem(
            "N311", f"{args.network}: a collected network has no platforms", "a request of requirements alone",
            "modules are placed on the operator's own network, a network file in YAML",
        )  # fmt: skip
    collected = Collected(neutral.load(source), PARSE)
    checks = tuple(collected.answer(reach) for reach in request.requirements)
    answers = {check.holds for check in checks}
    overall = Assessment.SAFE
    if answers - {Answer.YES}:
        overall = Assessment.REFUSED if Answer.NO in answers else Assessment.UNDECIDED
    plan = Plan(overall, requirements=checks)
    if args.json:
        print_json(plan_json(plan))
    else:
        print(plan_text(plan, Style(), []))
    return code_of(plan, False)


def previewed(plan: Plan, texts: Mapping[str, str], verbose: bool = False) -> Plan:
    """The plan with the elements that will not run in the kernel; if `verbose`, with what is left out of it too."""
    if not plan.placements:
        return plan
    from innet.dataplane.preview import preview

    placements = []
    for one in plan.placements:
        seen = preview(texts[one.module], one.address, one.sandbox)
        told = replace(one, left_out=seen.left_out, kept=seen.kept) if verbose else one
        placements.append(replace(told, slow=seen.slow))
    return replace(plan, placements=tuple(placements))


def code_of(plan: Plan, with_modules: bool) -> int:
    """The exit code for a plan: granted, refused, or undecided."""
    if plan.assessment is Assessment.REFUSED:
        return codes.REFUSED
    if plan.assessment is Assessment.UNDECIDED:
        return codes.UNDECIDED
    if plan.granted and (plan.placements or not with_modules):
        return codes.YES
    answers = {check.holds for check in (*plan.requirements, *plan.rules)}
    return codes.UNDECIDED if Answer.UNDECIDED in answers and Answer.NO not in answers else codes.REFUSED
