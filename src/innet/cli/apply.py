"""`innet apply`, `list` and `kill`: deploy requests and live with them.

The controller and its state are here. Platforms whose daemons answer on this machine run what is deployed; for the
others it is checked and recorded, and the next of these verbs that finds them connected tells them.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from innet.cli import codes, files
from innet.cli.plan import code_of, limits_of, request_arguments
from innet.cli.top import platforms_argument

if TYPE_CHECKING:
    from innet.controller import Deployments, Record, Store
    from innet.platform.protocol import PlatformAgent
    from innet.platform.remote import RemoteAgent

STANDBY = "no platform is connected to this process: what was told is checked and recorded, and carries no packets here"


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
        platforms_argument(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_apply(args: argparse.Namespace) -> int:
    """Deploy, and print the plan, the identifier and where the modules are reached."""
    request = files.read_request(args)
    account = files.find_account(args.account, files.read_accounts(args))
    snapshot = files.read_network(args.network)
    policy = files.read_policy(args.policy)

    from innet.cli.captures import write_witnesses
    from innet.cli.output import Style, plan_json, plan_text, print_json
    from innet.cli.recheck import tell_changed
    from innet.controller import Controller, Judged, Proofs, Settings, plan_for
    from innet.platform import StandbyAgent, real_clock

    remote = connect(args, [node.name for node in snapshot.platforms])
    agents: dict[str, PlatformAgent] = {n.name: StandbyAgent(n, real_clock()) for n in snapshot.platforms}
    agents.update(remote)
    with opened(args) as store, closed_after(remote):
        files.settle()
        tell_changed(store, snapshot, policy)
        controller = Controller(
            Settings(
                snapshot,
                Proofs(snapshot, policy, limits_of(args), Judged(store)),
                store,
                agents.__getitem__,
            )
        )
        tell_taken_back(controller.recover(synchronize=False))
        tell_problems(controller.synchronize, remote)
        reply = controller.apply(request, account)
    shown = plan_for(reply.plan, account.role, request, snapshot)
    places = write_witnesses(args.pcap, shown)
    # no other platform is named: which ones there are is the operator's
    placed = {place.platform for place in reply.plan.placements if reply.identifier is not None}
    if placed:
        tell_connections(placed, remote)
    if args.json:
        print_json(
            {
                "identifier": reply.identifier,
                "connected": sorted(placed & remote.keys()),
                **plan_json(shown, places),
            }
        )
    else:
        print(plan_text(shown, Style(), [module.name for module in request.modules], places))
        if reply.identifier is not None:
            print(f"\nDeployed as {reply.identifier}. To take it back: innet kill {reply.identifier}")
    return code_of(reply.plan, bool(request.modules))


def run_list(args: argparse.Namespace) -> int:
    """Print what is deployed, and what becomes of it on the platforms that are connected."""
    from innet.cli.output import print_json

    remote = connect(args)
    with opened(args) as store, closed_after(remote):
        records = [r for r in deployments(store, {}).list() if args.account in (None, r.account)]
        states = running(remote)
    if args.json:
        rows = [record_json(record, states) for record in records]
        concerned = {m.platform for record in records for m in record.modules}
        print_json({"deployments": rows, "connected": sorted(concerned & remote.keys())})
        return codes.YES
    for line in table(records, states):
        print(line)
    if not records:
        print("innet: nothing is deployed", file=sys.stderr)
    else:
        tell_connections({m.platform for record in records for m in record.modules}, remote)
    return codes.YES


def run_kill(args: argparse.Namespace) -> int:
    """Take one deployment back."""
    from innet.cli.output import print_json
    from innet.messages import Account, Role

    # A name restricts, whatever the account's role: what others deployed is not found.
    account = None if args.account is None else Account(args.account, Role.CLIENT)
    remote = connect(args)
    with opened(args) as store, closed_after(remote):
        mine = deployments(store, remote)
        tell_taken_back(mine.recover())
        record = mine.kill(args.identifier, account)
        tell_problems(mine.synchronize, remote)
    tell_connections({m.platform for m in record.modules}, remote)
    if args.json:
        print_json({"killed": record_json(record, {})})
    else:
        print(
            f"{record.identifier} is gone: " + ", ".join(f"{m.module} at {m.address}" for m in record.modules)
        )
    return codes.YES


def connect(args: argparse.Namespace, known: Sequence[str] | None = None) -> "dict[str, RemoteAgent]":
    """The platforms on this machine that run what this controller deploys (`known` alone, if given); says why others
    do not."""
    from innet.cli.planes import run_folder
    from innet.diagnostics import PlatformError
    from innet.platform.remote import connected

    found, silent = connected(run_folder(args.platforms), known)
    own = str(files.state_file(args).absolute())
    for name, agent in tuple(found.items()):
        try:
            agent.claim(own)
        except PlatformError as error:
            silent[name] = error
            found.pop(name).close()
    for refusal in silent.values():
        print(f"innet: {refusal}", file=sys.stderr)
    return found


def tell_problems(
    synchronize: "Callable[[Iterable[str]], None]", remote: "Mapping[str, RemoteAgent]"
) -> None:
    """Have the platforms run what is deployed; what they cannot do is told, and does not stop this command."""
    from innet.diagnostics import PlatformError

    try:
        synchronize(remote)
    except PlatformError as error:
        print(f"innet: not all that is deployed runs:\n{error}", file=sys.stderr)


def tell_connections(concerned: set[str], remote: "Mapping[str, RemoteAgent]") -> None:
    """Say which of the platforms concerned are connected, and what becomes of the others."""
    here, away = sorted(concerned & remote.keys()), sorted(concerned - remote.keys())
    if not here:
        print(f"innet: {STANDBY}", file=sys.stderr)
        return
    text = f"connected: {', '.join(here)}"
    if away:
        text += f"; not connected: {', '.join(away)} (told when a later command finds it connected)"
    print(f"innet: {text}", file=sys.stderr)


def running(remote: "Mapping[str, RemoteAgent]") -> dict[str, str]:
    """The state of each module (by id) that a connected platform reports."""
    from innet.diagnostics import PlatformError

    states = {}
    for agent in remote.values():
        try:
            states.update({report.id: report.state.value for report in agent.observe().modules})
        except PlatformError as error:
            print(f"innet: {error}", file=sys.stderr)
    return states


@contextmanager
def opened(args: argparse.Namespace) -> "Iterator[Store]":
    """The state file, closed at the end."""
    from innet.controller import Store

    store = Store(files.state_file(args), time.time)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def closed_after(remote: "Mapping[str, RemoteAgent]") -> "Iterator[None]":
    """Give the connections to platforms back at the end."""
    try:
        yield
    finally:
        for agent in remote.values():
            agent.close()


def deployments(store: "Store", remote: "Mapping[str, RemoteAgent]") -> "Deployments":
    """What is deployed, on the platforms that are connected."""
    from innet.controller import Deployments
    from innet.platform import AbsentAgent

    def agent(name: str) -> "PlatformAgent":
        return remote[name] if name in remote else AbsentAgent(name)

    return Deployments(store, agent)


def tell_taken_back(identifiers: tuple[str, ...]) -> None:
    """Say what an earlier command had left half done."""
    for name in identifiers:
        print(
            f"innet: {name} was left half deployed by a command that died; it is taken back", file=sys.stderr
        )


def record_json(record: "Record", states: Mapping[str, str]) -> dict[str, object]:
    """A deployment for programs; `since` is in UTC. `states` are those of modules on connected platforms, by id."""
    from innet.messages import to_json

    since = datetime.fromtimestamp(record.since_s, UTC).isoformat(timespec="seconds")
    return {
        "identifier": record.identifier,
        "account": record.account,
        "state": record.state,
        "since": since,
        "sandbox": record.sandbox,
        "modules": to_json(record.modules),
        "running": {m.module: states.get(f"{record.identifier}.{m.module}") for m in record.modules},
    }


def table(records: "Sequence[Record]", states: Mapping[str, str]) -> "Iterator[str]":
    """A line for each module, with a heading."""
    rows = [("ID", "ACCOUNT", "STATE", "MODULE", "RUNS", "PLATFORM", "ADDRESS", "PROTOCOL", "PORT", "SINCE")]
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
                    states.get(f"{record.identifier}.{m.module}", "-"),
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
