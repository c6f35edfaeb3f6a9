"""`innet table1`: the paper's Table 1, from the security rules alone, with the reason of every cell."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from innet.cli import codes

if TYPE_CHECKING:
    from innet.messages import Role
    from innet.verify.security import Security

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "table1"
ROWS = (
    "ip_router", "dpi", "nat", "transparent_proxy", "flow_meter", "rate_limiter", "firewall", "tunnel", "multicast",
    "dns_server", "reverse_proxy", "x86_vm",
)  # fmt: skip
ADDRESS = "198.51.100.1"
OWNED = ("172.16.15.133", "172.16.15.134")
MARKS = {"safe": "✓", "sandbox": "✓(s)", "refused": "✗", "undecided": "?"}


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb."""
    parser = verbs.add_parser(
        "table1",
        help="the paper's Table 1, with reasons",
        description="Assess the twelve functions of the paper's Table 1 for each role, by the security rules alone.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def assess_all() -> "dict[str, dict[Role, Security]]":
    """The judgement of each row, by the row's name and role."""
    from innet.cli.files import read_source
    from innet.explore.flow import Budget
    from innet.messages import Account, Role
    from innet.network import parse_address
    from innet.symbolic import ranges as rs
    from innet.verify.plan import SECURITY_BUDGET
    from innet.verify.security import Rules, assess
    from innet.verify.world import PARSE, machine_of, module_box

    address = parse_address(ADDRESS)
    owned = tuple((number, number) for number in map(parse_address, OWNED))
    found: dict[str, dict[Role, Security]] = {}
    for row in ROWS:
        source = read_source(str(FOLDER / f"{row}.click"), "the configuration")
        box = module_box("M", machine_of(source, {"ADDR": ADDRESS}), "nic")
        name = source.text.splitlines()[0].removeprefix("// ")
        found[name] = {}
        for role in (Role.THIRD_PARTY, Role.CLIENT, Role.OPERATOR):
            allowed = rs.normal([*owned, (address, address)])
            rules = Rules(address, Account("tenant", role, owned), allowed, True)
            found[name][role] = assess(box, PARSE, rules, Budget(SECURITY_BUDGET), show=False)
    return found


def reasons(one: "Security") -> list[str]:
    """Why it is judged so: the rules that do not simply hold."""
    from innet.messages import Answer

    return [
        f"{check.text}: {check.reason}"
        for check in one.checks
        if check.holds is not Answer.YES and check.reason
    ]


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from innet.cli.output import Style, print_json

    found = assess_all()
    if args.json:
        rows = []
        for name, row in found.items():
            cells = {
                role.value: {"assessment": one.assessment.value, "reasons": reasons(one)}
                for role, one in row.items()
            }
            rows.append({"name": name, **cells})
        print_json({"rows": rows})
        return codes.YES
    style = Style()
    width = max(map(len, found))
    roles = list(next(iter(found.values())))
    print(style.title(f"{'':{width}}  " + "".join(f"{role.value:14}" for role in roles)))
    for name, row in found.items():
        print(
            f"{name:{width}}  "
            + "".join(f"{MARKS[row[role].assessment.value]:14}" for role in roles).rstrip()
        )
    print("\n✓ safe   ✓(s) safe in the sandbox   ✗ refused\n")
    for name, row in found.items():
        told: dict[str, list[str]] = {}
        for role, one in row.items():
            for reason in reasons(one):
                told.setdefault(reason, []).append(role.value)
        for reason, who in told.items():
            print(f"{style.title(name)} ({', '.join(who)}): {reason}")
    return codes.YES
