"""Real traffic through a module: two hosts, and between them a box that runs a module on both its interfaces.

`a0` of one host is joined to `p0` of the box by a veth pair, `p1` of the box to `b0` of the other host. The module is a
Click configuration with devices 0 and 1; each of its FromNetfront elements becomes a program on that interface, and all
programs share the module's tables. Or the box forwards by the kernel's own routing, which is what modules are compared
with. What is made is removed at the end.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from innet.diagnostics import Diagnostic, PlatformError, Source
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import build_one, load
from innet.elements.registry import REGISTRY
from innet.emulation import namespaces
from innet.network import format_mac
from innet.runtime.build import graph_of
from innet.xdp.compile import Compiler
from innet.xdp.emit import Emitted, emit
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.kernel import Link, LoadedProgram, Map
from innet.xdp.layout import NUMBERS, Use
from innet.xdp.target import Leave, Redirect, Target, Xdp
from innet.xdp.tcx import SchedCls

A_MAC, P0_MAC, P1_MAC, B_MAC = (0x02_00_00_00_00_10 + n for n in range(4))
A, B, OUTSIDE_ADDRESS = "10.0.1.2", "10.0.2.2", "10.0.2.1"
"""The hosts, and the address that the NAT module gives to what comes from A."""
PORT = 5201

NAT = f"""
// Hosts on interface 0 share one address on interface 1.
nat :: IPRewriter(pattern {OUTSIDE_ADDRESS} 1024-65535# - - 0 1, drop);
FromNetfront(0) -> [0] nat;
FromNetfront(1) -> [1] nat;
nat[0] -> ToNetfront(1);
nat[1] -> ToNetfront(0);
"""
FIREWALL = """
// What begins on interface 0 may pass, and its answers; ICMP both ways.
state :: IPRewriter(keep 0 1, drop);
inner :: IPClassifier(icmp, tcp || udp);
outer :: IPClassifier(icmp, tcp || udp);
FromNetfront(0) -> IPFilter(allow icmp, allow tcp dst port 5201 or 8080, allow udp dst port 5201 or 9) -> inner;
FromNetfront(1) -> outer;
inner[0] -> out :: ToNetfront(1);
inner[1] -> [0] state;
outer[0] -> back :: ToNetfront(0);
outer[1] -> [1] state;
state[0] -> out;
state[1] -> back;
"""


class Offloads(Enum):
    """What the hosts' devices leave to others: nothing, as frames are on a wire; or all they can, as they are made."""

    OFF = "off"
    ON = "on"


@dataclass
class Attached:
    """A module in the kernel, on both interfaces."""

    emitted: list[Emitted]
    numbers: list[Map]

    def drops(self) -> dict[tuple[str, str], int]:
        """Packets dropped so far, by element and reason."""
        found: dict[tuple[str, str], int] = {}
        for emitted, numbers in zip(self.emitted, self.numbers, strict=True):
            data = numbers.lookup(bytes(4))
            assert data is not None
            for (use, owner, name), at in emitted.numbers.items():
                count = int.from_bytes(data[at : at + 8], "little")
                if use is Use.DROP and count:
                    found[owner, name] = found.get((owner, name), 0) + count
        return found


@dataclass
class Hosts:
    """Namespaces `a` and `b` with the box `p` between them; `module` if the box runs one."""

    a: str
    p: str
    b: str
    module: Attached | None = None
    running: list["subprocess.Popen[str]"] = field(default_factory=list)

    def command(self, space: str, *words: str, wait_s: float = 60) -> str:
        """What a program says that runs in one of the namespaces; `PlatformError` if it fails."""
        done = subprocess.run(
            ["ip", "netns", "exec", space, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=wait_s,
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-400:]
            raise PlatformError(Diagnostic("B201", f"'{' '.join(words)}' failed: {said}"))
        return done.stdout

    def start(self, space: str, *words: str) -> "subprocess.Popen[str]":
        """A program that goes on until it is stopped, with the hosts at the latest."""
        one = subprocess.Popen(
            ["ip", "netns", "exec", space, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(one)
        return one

    def stop(self) -> None:
        """End what was started."""
        for one in self.running:
            one.terminate()
        for one in self.running:
            one.wait(10)
            if one.stdout is not None:
                one.stdout.close()
        self.running.clear()

    def iperf3(self, seconds: int = 1, reverse: bool = False, udp: str = "") -> "Throughput":
        """Throughput of iperf3 from A to B (B to A if `reverse`): one TCP stream, or UDP at rate `udp` (as `500M`)."""
        server = self.start(self.b, "iperf3", "-s", "-1", "--forceflush", "-p", str(PORT))
        options = [*(["-R"] if reverse else []), *(["-u", "-b", udp, "-l", "1400"] if udp else [])]
        try:
            listening(server, "Server listening")
            words = (
                "iperf3",
                "-c",
                B,
                "-p",
                str(PORT),
                "-J",
                "-t",
                str(seconds),
                "--connect-timeout",
                "5000",
            )
            said = json.loads(self.command(self.a, *words, *options))
        finally:
            self.running.remove(server)
            server.terminate()
            server.communicate()
        if "error" in said:
            raise PlatformError(Diagnostic("B201", f"iperf3 failed: {said['error']}"))
        end = said["end"]
        total = end["sum"] if udp else end["sum_received"]
        again = 0 if udp else end["sum_sent"].get("retransmits", 0)
        return Throughput(total["bits_per_second"], total.get("lost_percent", 0.0), again)


def listening(server: "subprocess.Popen[str]", sign: str) -> None:
    """Wait until a server says `sign`; `PlatformError` if it ends before."""
    assert server.stdout is not None
    said = ""
    for line in server.stdout:
        said += line
        if sign in line:
            return
    raise PlatformError(Diagnostic("B201", f"a server did not start: {said.strip()[-400:]}"))


@dataclass(frozen=True)
class Throughput:
    """Bits per second that arrived, percent of UDP packets lost, TCP segments sent again."""

    bits_per_s: float
    lost_percent: float
    retransmits: int


@contextlib.contextmanager
def hosts(name: str, offloads: Offloads, routed: bool = False, gro: bool = False) -> Iterator[Hosts]:
    """The three namespaces. With `routed` the box forwards by itself; with `gro` the hosts join what arrives.

    Raises `PlatformError` if they cannot be made.
    """
    tag = f"{name}-{os.getpid()}"
    made = Hosts(*(f"innet-{tag}-{one}" for one in "apb"))
    spaces = (made.a, made.p, made.b)
    namespaces.batch([f"netns add {space}" for space in spaces])
    try:
        for left, left_mac, right, right_mac, space in (
            ("a0", A_MAC, "p0", P0_MAC, made.a),
            ("b0", B_MAC, "p1", P1_MAC, made.b),
        ):
            namespaces.batch([
                f"link add {left} address {format_mac(left_mac)} netns {space} type veth "
                f"peer name {right} address {format_mac(right_mac)} netns {made.p}"
            ])  # fmt: skip
            for place, device in ((space, left), (made.p, right)):
                with namespaces.inside(place):
                    namespaces.write_settings([(f"ipv6/conf/{device}/disable_ipv6", "1")])
                    if offloads is Offloads.OFF:
                        namespaces.offloads_off(device)
                namespaces.batch([f"link set {device} up", "link set lo up"], place)
        for space, device, own, gate, mac in (
            (made.a, "a0", A, "10.0.1.1", P0_MAC),
            (made.b, "b0", B, OUTSIDE_ADDRESS, P1_MAC),
        ):
            namespaces.batch(
                [
                    f"address add {own}/24 dev {device}",
                    f"neighbour add {gate} lladdr {format_mac(mac)} dev {device} nud permanent",
                    f"route add default via {gate} dev {device}",
                ],
                space,
            )
            if gro:
                made.command(space, "ethtool", "-K", device, "gro", "on")
        if routed:
            namespaces.batch(
                ["address add 10.0.1.1/24 dev p0", f"address add {OUTSIDE_ADDRESS}/24 dev p1"], made.p
            )
            namespaces.batch(
                [
                    f"neighbour add {A} lladdr {format_mac(A_MAC)} dev p0 nud permanent",
                    f"neighbour add {B} lladdr {format_mac(B_MAC)} dev p1 nud permanent",
                ],
                made.p,
            )
            with namespaces.inside(made.p):
                namespaces.write_settings([("ipv4/ip_forward", "1")])
        try:
            yield made
        finally:
            made.stop()
    finally:
        for space in spaces:
            namespaces.remove(space)


def graphs(text: str, ways: Mapping[str, Destination], macs: Mapping[str, tuple[int, int]]) -> list[Graph]:
    """A graph for each device of a module: 0 and 1. What it sends on one goes `ways`, with the Ethernet addresses
    (source, destination) of `macs`."""
    resolved, elements = load(Source("module.click", text))
    vertices = graph_of(resolved, elements)
    programs, connections, held = {}, {}, {}
    entries: dict[str, Input] = {}
    for device, (source, destination) in macs.items():
        wire = build_one(REGISTRY["EtherRewrite"], f"{format_mac(source)}, {format_mac(destination)}")
        programs[Input(f"wire {device}", 0)] = wire.trace(0, 1, f"wire {device}")
        connections[f"wire {device}", 0] = ways[device]
    for vertex in vertices.vertices:
        element = vertex.element
        if element.ROLE is Role.ENTRY:
            at = entries[getattr(element, "ifname")] = Input(vertex.name, OUTSIDE)  # noqa: B009  # a FromNetfront
            programs[at] = element.trace(OUTSIDE, len(vertex.outputs), vertex.name, 0)
        for port in range(len(vertex.inputs)):
            programs[Input(vertex.name, port)] = element.trace(
                port, len(vertex.outputs), vertex.name, len(vertex.inputs)
            )
        if element.ROLE is Role.EXIT:
            held[vertex.name] = Input(f"wire {getattr(element, 'ifname')}", 0)  # noqa: B009  # a ToNetfront
    for c in vertices.connections:
        target = vertices.vertices[c.target].name
        connections[vertices.vertices[c.source].name, c.output] = Input(target, c.input)
    return [Graph(programs, entries[device], connections, held) for device in macs]


@contextlib.contextmanager
def module(box: Hosts, text: str, target: Target, compiler: Compiler) -> Iterator[Hosts]:
    """Run a module on both interfaces of the box, as XDP or tcx programs.

    Raises `PlatformError` if the kernel does not take it, or a part of it would need the slow path, of which there is
    none here.
    """
    with contextlib.ExitStack() as stack:
        with namespaces.inside(box.p):
            box.module = _attach(text, target, compiler, stack)
        yield box
    box.module = None


def _attach(text: str, target: Target, compiler: Compiler, stack: contextlib.ExitStack) -> Attached:
    """Load and attach the module's programs in this thread's namespace; `stack` gives everything back."""
    index = {device: socket.if_nametoindex(device) for device in ("p0", "p1")}
    ways: dict[str, Destination] = {"0": Redirect(index["p0"]), "1": Redirect(index["p1"])}
    macs = {"0": (P0_MAC, A_MAC), "1": (P1_MAC, B_MAC)}
    tables: dict[tuple[str, str], Map] = {}
    attached = Attached([], [])
    for graph, device in zip(graphs(text, ways, macs), ("p0", "p1"), strict=True):
        emitted = emit(graph, target, Leave(target.drop))
        if emitted.slow:
            raise PlatformError(Diagnostic("B202", f"not in the kernel: {emitted.slow[0]}"))
        code = compiler.compile(emitted.llvm, emitted.section)
        specs = {spec.symbol: spec for spec in emitted.maps}
        maps = {}
        for table, symbol in emitted.tables.items():
            if table not in tables:
                tables[table] = stack.enter_context(Map(specs[symbol]))
            maps[symbol] = tables[table]
        maps[NUMBERS] = stack.enter_context(Map(specs[NUMBERS]))
        linked = code.linked({symbol: one.fd for symbol, one in maps.items()})
        program = stack.enter_context(LoadedProgram(linked, emitted.section))
        link = Link.tcx if isinstance(target, SchedCls) else Link.xdp
        stack.enter_context(link(program, index[device]))
        attached.emitted.append(emitted)
        attached.numbers.append(maps[NUMBERS])
    return attached


@dataclass(frozen=True)
class Comparison:
    """Throughput through a module and by the kernel's forwarding (bits per second), measured in turn; `ratio` is the
    median of the pairs' ratios, `spread` their quartiles."""

    module: tuple[float, ...]
    kernel: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(m / k for m, k in zip(self.module, self.kernel, strict=True))

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        first, _, third = statistics.quantiles(self.ratios, n=4)
        return first, third


def nat_against_kernel(
    pairs: int = 20, seconds: int = 1, text: str = NAT, reverse: bool = False
) -> Comparison:
    """iperf3 TCP through a module on tcx and through the kernel's own forwarding, all offloads on, `pairs` times each
    in turn. Raises `PlatformError` without root or iperf3."""
    through, forwarded = [], []
    with (
        Compiler() as compiler,
        hosts("kernel", Offloads.ON, routed=True) as kernel,
        hosts("nat", Offloads.ON) as plain,
        module(plain, text, SchedCls(), compiler) as nat,
    ):
        for pair in range(pairs):
            order = ((nat, through), (kernel, forwarded))
            for box, found in order if pair % 2 else order[::-1]:
                found.append(box.iperf3(seconds, reverse).bits_per_s)
    return Comparison(tuple(through), tuple(forwarded))


XDP, TCX = Xdp(), SchedCls()
"""Where modules of this file run."""
