"""`innet platform NAME`: the agent of a platform, as a process of its own. `innet platform down NAME` removes it."""

import argparse
import signal
import sys
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from innet.cli import codes, files
from innet.dataplane.limits import IDLE_S, TABLE_MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from innet.cli.planes import Limits, Nic
    from innet.network import Platform
    from innet.platform.desired import DesiredState, Site
    from innet.platform.protocol import DataPlane

DOWN_S = 60.0
"""How long a daemon may take to end after it said that it is down."""
PING_S, LOCK_S = 10.0, 3.0
"""How long a daemon may take to say that it lives, and to die."""


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "platform",
        help="run the agent of a platform",
        description="Run modules on this machine, as the platform NAME of a network file: what 'innet apply' deploys. "
        "Ends on SIGTERM or Ctrl-C and goes on where it was when it is started again; 'innet platform down NAME' "
        "stops it and removes all that it made.",
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="NAME",
        help="the platform's name in the network file; down NAME: take it down",
    )
    parser.add_argument("--network", metavar="FILE", help="the network file")
    parser.add_argument(
        "--interface", metavar="DEVICE", help="the network device (default: as in the network file)"
    )
    parser.add_argument("--namespace", metavar="NAME", help="the network namespace to work in")
    parser.add_argument(
        "--next-hop",
        metavar="MAC",
        help="the next router's Ethernet address (default: of the file, or by ARP)",
    )
    parser.add_argument(
        "--driver",
        choices=("auto", "xdp", "tcx", "interpreter"),
        default="auto",
        help="run modules in the kernel (xdp: most packets a second; tcx: for an interface that carries TCP with "
        "offloads) or by the interpreter (default: xdp if the machine can)",
    )
    limits = parser.add_argument_group("limits of each module (with XDP)")
    limits.add_argument(
        "--quota",
        type=count,
        metavar="PACKETS",
        help="packets a second that it may receive (default: no limit)",
    )
    limits.add_argument(
        "--idle", type=count, default=IDLE_S, metavar="SECONDS",
        help="put the tables of one that receives nothing for so long on disk until its next packet "
        "(default: %(default)s)",
    )  # fmt: skip
    limits.add_argument(
        "--tables",
        type=count,
        default=TABLE_MIB,
        metavar="MIB",
        help="kernel memory for its tables (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--run", metavar="FOLDER", help="where the control socket is (default: /run/innet/platforms)"
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        help="where the desired state is kept (default: /var/lib/innet/platforms)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object when it is ready")
    parser.set_defaults(verb=run)


def count(word: str) -> int:
    """A whole number from 1 on."""
    if not word.isascii() or not word.isdigit() or not 0 < int(word) < 1 << 31:
        raise argparse.ArgumentTypeError(f"'{word}' is not a whole number from 1 on")
    return int(word)


def run(args: argparse.Namespace) -> int:
    """Run a platform, or take it down."""
    match args.words:
        case [name]:
            if args.network is None:
                raise files.problem("B123", "the network file is not named", "--network FILE")
            return serve(name, args)
        case ["down", name]:
            return take_down(name, args)
    raise files.problem(
        "B123",
        f"'{' '.join(args.words)}' is not understood",
        "innet platform NAME, or innet platform down NAME",
    )


def serve(name: str, args: argparse.Namespace) -> int:
    """Be the agent of a platform until a signal, or `down`."""
    from innet.cli import planes
    from innet.cli.output import print_json
    from innet.emulation.namespaces import enter
    from innet.platform import real_clock
    from innet.platform.control import ControlSocket
    from innet.platform.daemon import Daemon
    from innet.platform.desired import DesiredState, Site

    snapshot = files.read_network(args.network)
    node = planes.platform_node(snapshot, name)
    path = (planes.run_folder(args.run) / f"{name}.sock").absolute()
    if args.namespace:
        enter(args.namespace)
    clock = real_clock()
    with ExitStack() as undo:
        desired = DesiredState(planes.state_folder(args.state).absolute(), name)
        fresh = not desired.exists
        undo.callback(lambda: desired.delete() if fresh else desired.close())
        nic = planes.open_nic(snapshot, node, args.interface, args.next_hop)
        site = Site(name, nic.name, args.namespace or "", args.driver, str(path))
        limits = planes.Limits(args.quota, args.idle, args.tables << 20)
        plane, site = open_plane(node, nic, site, desired, clock, limits)
        undo.callback(plane.down if fresh else plane.close)
        daemon: Daemon
        control = ControlSocket(path, lambda request: daemon.answer(request))
        undo.callback(control.close)
        facts = {"driver": site.driver, "interface": nic.name, "namespace": site.namespace}
        daemon = Daemon(name, plane, desired, clock, tell, facts)
        planes.drop_privileges(site.driver)
        undo.pop_all()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    if args.json:
        print_json({"platform": name, **facts, "socket": str(path), "modules": len(desired.wanted)})
    else:
        print(
            f"{name} runs {len(desired.wanted)} modules by {site.driver} on {planes.described(nic)}: {path}"
        )
    sys.stdout.flush()
    daemon.run(control)
    return codes.YES


def open_plane(
    node: "Platform",
    nic: "Nic",
    site: "Site",
    desired: "DesiredState",
    clock: "Callable[[], int]",
    limits: "Limits",
) -> "tuple[DataPlane, Site]":
    """The data plane that `site.driver` asks for, and the site with the driver that was taken. It is written down
    before anything is made, and what was made at another site before is removed."""
    from dataclasses import replace

    from innet.cli import planes
    from innet.diagnostics import PlatformError

    before = desired.site
    reason: PlatformError | None = None
    if site.driver != planes.INTERPRETER:
        chosen = replace(site, driver=planes.TCX if site.driver == planes.TCX else planes.XDP)
        move(before, chosen)
        desired.settle(chosen)
        try:
            return planes.kernel_plane(node, nic, clock, desired.folder, limits, chosen.driver), chosen
        except PlatformError as error:
            if site.driver != planes.AUTO:
                raise
            reason, before = error, chosen
    chosen = replace(site, driver=planes.INTERPRETER)
    move(before, chosen)
    plane = planes.interpreter_plane(node, nic, clock)
    desired.settle(chosen)
    if reason is not None:
        tell(f"modules run by the interpreter, since the kernel cannot be used:\n{reason}")
    return plane, chosen


def move(before: "Site", now: "Site") -> None:
    """Remove what an earlier daemon made elsewhere, or by another driver."""
    from innet.cli.planes import remove_left_over
    from innet.platform.control import remove_socket

    if (before.interface, before.namespace, before.driver) != (now.interface, now.namespace, now.driver):
        remove_left_over(before)
    if before.socket and before.socket != now.socket:
        remove_socket(Path(before.socket))


def tell(text: str) -> None:
    """To whoever keeps the log."""
    print(f"innet: {text}", file=sys.stderr, flush=True)


def take_down(name: str, args: argparse.Namespace) -> int:
    """Stop the daemon if it runs, and remove exactly what it made, also if it is dead."""
    from innet.cli import planes
    from innet.cli.output import print_json
    from innet.diagnostics import PlatformError
    from innet.platform.control import remove_socket
    from innet.platform.remote import RemoteAgent

    path = (planes.run_folder(args.run) / f"{name}.sock").absolute()
    folder = planes.state_folder(args.state).absolute()
    state = folder / f"{name}.state"
    stopped = False
    if path.is_socket():
        with closing(RemoteAgent(path, PING_S)) as agent, suppress(PlatformError):
            agent.ping()
            agent.down()
            stopped = True
            wait_for(lambda: not path.exists() and not state.exists(), DOWN_S)
    # it is dead, or dies just now; one that only does not answer has the lock, which is told
    found = stopped or state.exists() or path.is_socket()
    if not stopped and found:
        desired = locked(folder, name)
        try:
            planes.remove_left_over(desired.site)
            if desired.site.socket:
                remove_socket(Path(desired.site.socket))
            remove_socket(path)
        except BaseException:
            desired.close()
            raise
        desired.delete()
    if args.json:
        print_json({"platform": name, "stopped": stopped, "removed": found})
    elif not found:
        print(f"innet: platform '{name}' is not up here: there is nothing in {folder}", file=sys.stderr)
    else:
        print(f"{name} is down" + ("" if stopped else "; its daemon was dead already"))
    return codes.YES


def locked(folder: Path, name: str) -> "DesiredState":
    """The desired state of a daemon that is dead; one that is dying gets LOCK_S."""
    from innet.diagnostics import PlatformError
    from innet.platform.desired import DesiredState

    until_s = time.monotonic() + LOCK_S
    while True:
        try:
            return DesiredState(folder, name)
        except PlatformError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def wait_for(fact: "Callable[[], bool]", limit_s: float) -> None:
    """Wait until something is so, for `limit_s` at most."""
    until_s = time.monotonic() + limit_s
    while not fact() and time.monotonic() < until_s:
        time.sleep(0.01)
