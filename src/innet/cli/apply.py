"""`innet apply`, `list` and `kill`: deploy requests and live with them.

The controller and its state are here; platforms that are not connected to this process are on standby: what is deployed
is checked and recorded for them.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from innet.cli import codes, files
from innet.cli.plan import code_of, request_arguments

if TYPE_CHECKING:
    from innet.controller import Deployments, Record, Store

STANDBY = "no platform is connected to this process: the modules were set up and recorded, and carry no packets here"


def add_parsers(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs and their arguments."""
    apply = verbs.add_parser(
        "apply",
        help="deploy a request",
        description="Prove, place and deploy a request, whole or not at all.",
    )
    request_arguments(apply)
    apply.add_argument(
        "--account", metavar="NAME", required=True, help="who asks: an account of the accounts file"
    )
    apply.set_defaults(verb=run_apply)
    listing = verbs.add_parser(
        "list", help="what is deployed", description="List what is deployed, oldest first."
    )
    listing.add_argument("--account", metavar="NAME", help="only what this account deployed")
    listing.set_defaults(verb=run_list)
    kill = verbs.add_parser(
        "kill", help="take a deployment back", description="Stop a deployment and free its addresses."
    )
    kill.add_argument("identifier", metavar="ID", help="the identifier that 'apply' gave")
    kill.add_argument("--account", metavar="NAME", help="only if this account deployed it")
    kill.set_defaults(verb=run_kill)
    for parser in (apply, listing, kill):
        parser.add_argument(
            "--state",
            metavar="FILE",
            help="the controller's state (default: $XDG_STATE_HOME/innet/controller.sqlite)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_apply(args: argparse.Namespace) -> int:
    """Deploy, and print the plan, the identifier and where the modules are reached."""
    request = files.read_request(args)
    account = files.find_account(args.account, files.read_accounts(args))
    snapshot = files.read_network(args.network)
    policy = files.read_policy(args.policy)

    from innet.cli.output import Style, plan_json, plan_text, print_json
    from innet.controller import Controller, Proofs, Settings, plan_for
    from innet.platform import StandbyAgent, real_clock

    agents = {node.name: StandbyAgent(node, real_clock()) for node in snapshot.platforms}
    with opened(args) as store:
        controller = Controller(Settings(snapshot, Proofs(snapshot, policy), store, agents.__getitem__))
        tell_taken_back(controller.recover(synchronize=False))
        reply = controller.apply(request, account)
    shown = plan_for(reply.plan, account.role, request, snapshot)
    if reply.identifier is not None:
        print(f"innet: {STANDBY}", file=sys.stderr)
    if args.json:
        print_json({"identifier": reply.identifier, **plan_json(shown)})
    else:
        print(plan_text(shown, Style(), [module.name for module in request.modules]))
        if reply.identifier is not None:
            print(f"\nDeployed as {reply.identifier}. To take it back: innet kill {reply.identifier}")
    return code_of(reply.plan, bool(request.modules))


def run_list(args: argparse.Namespace) -> int:
    """Print what is deployed."""
    from innet.cli.output import print_json

    with opened(args) as store:
        records = [r for r in deployments(store).list() if args.account in (None, r.account)]
    if args.json:
        print_json({"deployments": [record_json(record) for record in records]})
        return codes.YES
    for line in table(records):
        print(line)
    if not records:
        print("innet: nothing is deployed", file=sys.stderr)
    return codes.YES


def run_kill(args: argparse.Namespace) -> int:
    """Take one deployment back."""
    from innet.cli.output import print_json
    from innet.messages import Account, Role

    # A name restricts, whatever the account's role: what others deployed is not found.
    account = None if args.account is None else Account(args.account, Role.CLIENT)
    with opened(args) as store:
        mine = deployments(store)
        tell_taken_back(mine.recover())
        record = mine.kill(args.identifier, account)
    if args.json:
        print_json({"killed": record_json(record)})
    else:
        print(
            f"{record.identifier} is gone: " + ", ".join(f"{m.module} at {m.address}" for m in record.modules)
        )
    return codes.YES


@contextmanager
def opened(args: argparse.Namespace) -> "Iterator[Store]":
    """The state file, closed at the end."""
    from innet.controller import Store

    store = Store(files.state_file(args), time.time)
    try:
        yield store
    finally:
        store.close()


def deployments(store: "Store") -> "Deployments":
    """What is deployed, seen from a process that no platform is connected to."""
    from innet.controller import Deployments
    from innet.platform import AbsentAgent

    return Deployments(store, AbsentAgent)


def tell_taken_back(identifiers: tuple[str, ...]) -> None:
    """Say what an earlier command had left half done."""
    for name in identifiers:
        print(
            f"innet: {name} was left half deployed by a command that died; it is taken back", file=sys.stderr
        )


def record_json(record: "Record") -> dict[str, object]:
    """A deployment for programs; `since` is in UTC."""
    from innet.messages import to_json

    since = datetime.fromtimestamp(record.since_s, UTC).isoformat(timespec="seconds")
    return {
        "identifier": record.identifier,
        "account": record.account,
        "state": record.state,
        "since": since,
        "sandbox": record.sandbox,
        "modules": to_json(record.modules),
    }


def table(records: "Sequence[Record]") -> "Iterator[str]":
    """A line for each module, with a heading."""
    rows = [("ID", "ACCOUNT", "STATE", "MODULE", "PLATFORM", "ADDRESS", "PROTOCOL", "PORT", "SINCE")]
    for record in records:
        since = datetime.fromtimestamp(record.since_s).strftime("%Y-%m-%d %H:%M:%S")
        for m in record.modules:
            port = "all" if m.port is None else str(m.port)
            state = record.state + (" sandboxed" if record.sandbox else "")
            rows.append(
                (
                    record.identifier,
                    record.account,
                    state,
                    m.module,
                    m.platform,
                    m.address,
                    m.protocol or "all",
                    port,
                    since,
                )
            )
    if records:
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
