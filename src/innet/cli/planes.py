"""Data planes for `innet platform`: by the kernel (XDP) or by the interpreter, on an interface of the namespace this
process is in; and what a dead daemon left behind."""

import fcntl
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from innet.cli.files import problem
from innet.diagnostics import Diagnostic, PlatformError
from innet.emulation.namespaces import inside
from innet.emulation.sockets import FramePort, raw_socket
from innet.network import End, Platform, Router, Snapshot, format_address, format_mac, parse_mac
from innet.platform import Agent
from innet.platform.desired import Site
from innet.platform.interpreted import InterpretedPlane
from innet.platform.neighbour import ask
from innet.platform.protocol import DataPlane

AUTO, XDP, TCX, INTERPRETER = "auto", "xdp", "tcx", "interpreter"
KERNEL = (XDP, TCX)
FOLDER = "platforms"
SIOCGIFMTU = 0x8921
BURSTS_PER_SECOND = 10
"""A module may receive a tenth of a second's quota at once."""


@dataclass(frozen=True, slots=True)
class Nic:
    """The platform's interface in this namespace, and the next router's Ethernet address (None: nobody is there)."""

    name: str
    mac: int
    peer_mac: int | None
    mtu: int


def run_folder(given: str | None) -> Path:
    """Where control sockets are: `--run`, or a folder that goes with the machine's start."""
    if given is not None:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/run/innet") / FOLDER
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) / "innet" if runtime else _user_state() / "run") / FOLDER


def state_folder(given: str | None) -> Path:
    """Where desired states are: `--state`, or a folder that stays."""
    if given is not None:
        return Path(given)
    return (Path("/var/lib/innet") if os.geteuid() == 0 else _user_state()) / FOLDER


def _user_state() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "innet"


def platform_node(snapshot: Snapshot, name: str) -> Platform:
    """The platform `name` of a network. Raises ConfigurationError."""
    from innet.diagnostics import suggest

    known = [node.name for node in snapshot.platforms]
    node = snapshot.nodes.get(name)
    if isinstance(node, Platform):
        return node
    near = suggest(name, known)
    raise problem(
        "B120",
        f"the network has no platform '{name}'",
        ", ".join(known) or "none: the network has no platforms",
        f"did you mean '{near}'?" if near else "",
    )


def open_nic(snapshot: Snapshot, node: Platform, device: str | None, next_hop: str | None) -> Nic:
    """Find the platform's interface (by default it is called as in the network file) and the router behind it."""
    linked = [name for name in node.interfaces if snapshot.neighbour(node.name, name) is not None]
    if not linked:
        raise problem("B121", f"platform '{node.name}' has no link in the network file", "one under 'links'")
    name = device or linked[0]
    with raw_socket(name) as raw:
        mac = bytes(raw.getsockname()[4])
        name_and_mtu = fcntl.ioctl(raw, SIOCGIFMTU, struct.pack("16s16x", name.encode()))
        peer = (
            _given_mac(next_hop) if next_hop is not None else _peer_mac(snapshot, node, linked[0], raw, mac)
        )
    return Nic(name, int.from_bytes(mac, "big"), peer, struct.unpack_from("i", name_and_mtu, 16)[0])


def _given_mac(word: str) -> int:
    try:
        return parse_mac(word)
    except ValueError as error:
        raise problem(
            "B122", f"--next-hop: {error}", "an Ethernet address such as 02:00:00:00:00:01"
        ) from None


def _peer_mac(
    snapshot: Snapshot, node: Platform, interface: str, raw: socket.socket, mac: bytes
) -> int | None:
    """The Ethernet address of the segment's first router: from the network file, or by asking for it."""
    end = End(node.name, interface)
    segment = snapshot.segment(*end)
    others = segment.others(end) if segment is not None else ()
    routers = [other for other in others if isinstance(snapshot.nodes[other.node], Router)]
    first = next(iter((*routers, *others)), None)
    if first is None:
        return None
    peer = snapshot.interface(first)
    if peer.mac is not None:
        return peer.mac
    own = snapshot.interface(end).address
    found = ask(raw, mac, own or 0, peer.address) if peer.address is not None else None
    if found is None:
        address = "" if peer.address is None else f" ({format_address(peer.address)})"
        raise PlatformError(
            Diagnostic(
                "P367",
                f"the next hop {first}{address} does not answer ARP on '{raw.getsockname()[0]}'",
                help="plug it in, write its 'mac' into the network file, or name it with --next-hop MAC",
            )
        )
    return found


def interpreter_plane(node: Platform, nic: Nic, clock: Callable[[], int]) -> DataPlane:
    """The interpreter on a packet socket."""
    port = FramePort(raw_socket(nic.name), nic.name, nic.mac, nic.peer_mac)
    return InterpretedPlane(Agent(node, port, clock, Random()), {nic.name: port}, port.close)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a module may take: packets a second (None: any), seconds of idleness, bytes of kernel memory for tables."""

    packets_per_second: int | None
    idle_s: float
    table_bytes: int


def kernel_plane(
    node: Platform, nic: Nic, clock: Callable[[], int], folder: Path, limits: Limits, driver: str
) -> DataPlane:
    """Modules as programs of the kernel, for XDP or tcx; `folder` is the data plane's own.

    Raises PlatformError where this machine cannot run them; then nothing was made.
    """
    from innet.dataplane import base, plane
    from innet.dataplane.options import Options, Quota
    from innet.xdp.target import Xdp
    from innet.xdp.tcx import SchedCls

    if nic.peer_mac is None:
        raise PlatformError(
            Diagnostic("P330", f"nobody is behind '{nic.name}': the kernel would not know where to")
        )
    index = socket.if_nametoindex(nic.name)
    there = base.Nic(nic.name, index, nic.mac, nic.peer_mac, nic.mtu)
    rate = limits.packets_per_second
    quota = None if rate is None else Quota(rate, max(1, rate // BURSTS_PER_SECOND))
    target = SchedCls() if driver == TCX else Xdp()
    options = Options(limits.table_bytes, limits.idle_s, quota, target)
    return plane.KernelAgent(node, there, folder, clock, Random(), options)


def remove_left_over(site: Site) -> None:
    """Remove what the daemon at `site`, which is dead, left in the kernel. Nothing happens if it left nothing."""
    if site.driver not in KERNEL:
        return
    from innet.dataplane.base import PINS, remove_pins, tap_name

    remove_pins(PINS / site.platform)
    if site.namespace:
        try:
            with inside(site.namespace):
                remove_tap(tap_name(site.platform))
        except PlatformError:
            return  # the namespace is gone, and the device with it
    else:
        remove_tap(tap_name(site.platform))


def remove_tap(name: str) -> None:
    """Remove a TAP device of this thread's namespace, if it is there."""
    from innet.dataplane.tap import Tap

    if name in (device for _, device in socket.if_nameindex()):
        Tap(name).remove()


def drop_privileges(driver: str) -> None:
    """Keep only the capabilities that `driver` needs from now on."""
    from innet.dataplane import capabilities

    capabilities.keep(capabilities.AGENT if driver in KERNEL else ())


def described(nic: Nic) -> str:
    """The interface for people."""
    peer = "nobody" if nic.peer_mac is None else format_mac(nic.peer_mac)
    return f"{nic.name} ({format_mac(nic.mac)}, next hop {peer})"
