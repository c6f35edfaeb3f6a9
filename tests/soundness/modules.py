"""Random modules of all elements, what is said of them, and what they really send on a platform.

A configuration of the agreement campaign becomes a module: it gets frames at `FromNetfront`, something honest may stand
in front of it, and what comes to its exits goes through a few elements more to `ToNetfront`. Every other module is one
of the adversarial corpus' kind, which are about addresses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import Role as ElementRole
from innet.explore.flow import Budget
from innet.explore.machine import Machine
from innet.explore.network import Box
from innet.explore.witness import solutions
from innet.ir import nodes as ir
from innet.ir.uses import statements
from innet.messages import Account, Answer, Assessment, Role
from innet.network.addresses import format_address
from innet.packet.headers import PROTO_TCP, PROTO_UDP
from innet.platform.ipv4 import checksum, ends
from innet.platform.module import RunningModule
from innet.platform.protocol import Deployment
from innet.policy import Module
from innet.runtime.clock import VirtualClock
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import member
from innet.verify.plan import SECURITY_BUDGET, unsuitable
from innet.verify.security import ANTI_SPOOFING, CONNECTIONLESS, DEFAULT_OFF, Rules, Security, assess
from innet.verify.world import PARSE, machine_of, module_box
from tests.adversarial import modules as hostile
from tests.adversarial.traffic import ADDRESS, ADDRESSES, OWNER, frame
from tests.agreement.configurations import EXIT, NotFound, configuration

OWNED = ((OWNER, OWNER + 1),)
ALLOWED = rs.normal([*OWNED, (ADDRESS, ADDRESS)])
WHITELIST = (f"{format_address(OWNER)}/32", f"{format_address(OWNER + 1)}/32")
HONEST = (
    "IPMirror", "CheckIPHeader -> IPMirror", "StoreIPAddress(172.16.15.133, dst)", "CheckIPHeader",
    "IPFilter(allow udp)", "IPRewriter(pattern - - 172.16.15.133 - 0 0)", "IPAddrRewriter(pattern - 172.16.15.133 0 0)",
    "ICMPPingResponder",
)  # fmt: skip
TAILS = ("IPMirror", "StoreIPAddress(172.16.15.133, dst)", "StoreIPAddress(198.51.100.1, src)", "MarkIPHeader",
         "CheckIPHeader", "MarkIPHeader(14)", "Unstrip(14)", "StoreIPAddress(172.16.15.133, dst) -> StoreIPAddress("
         "198.51.100.1, src)", "UDPIPEncap(198.51.100.1, 4000, 172.16.15.133, 4000)",
         "IPEncap(4, 198.51.100.1, 172.16.15.133)")  # fmt: skip
GUIDED_FLOWS, GUIDED_EACH = 12, 2
PORTS = (7, 53, 80, 1024, 1500, 4000, 40000)


@dataclass(frozen=True)
class Sent:
    """A frame that comes to the module, and how many nanoseconds pass before."""

    after_ns: int
    frame: bytes


@dataclass(frozen=True)
class Left:
    """A frame that leaves the module; `cause` is the source of the frame that made it leave at once, None if it leaves
    by itself; `seen` are the sources of all frames that came before; it left at `time_ns`."""

    frame: bytes
    cause: int | None
    seen: frozenset[int]
    at: int
    time_ns: int = 0


class Violation(Exception):  # noqa: N818 - a finding
    """A packet that really left and contradicts what was said."""

    def __init__(self, words: str, role: Role, tcp_only: bool, at: int) -> None:
        super().__init__(words)
        self.role, self.tcp_only, self.at = role, tcp_only, at


def module_text(random: Random, focus: tuple[str, str] | None = None) -> str:
    """The text of a random module; raises `NotFound` where there is none with `focus`."""
    if focus is None:
        return hostile.module(random).replace("$ADDR", format_address(ADDRESS))
    whole = configuration(random, focus)
    before = " -> ".join(random.choice(HONEST) for _ in range(random.choice((0, 0, 1, 1, 2))))
    lines: list[str] = []
    for part in whole.parts:
        if part.name.startswith(EXIT):
            tail = [random.choice(TAILS) for _ in range(random.choice((0, 0, 1, 1, 2)))]
            lines.append(f"{part.name} :: Null; {' -> '.join([part.name, *tail, 'ToNetfront()'])};")
        elif part.cls in ("FromNetfront", "FromDevice", "FromDump"):
            behind = f"Strip(14) -> CheckIPHeader -> {before} -> Unstrip(14)" if before else "Null"
            lines.append(f"FromNetfront() -> {behind} -> {part.name} :: Null;")
        else:
            lines.append(str(part))
    return "\n".join([*lines, *map(str, whole.wires)]) + "\n"


def rules(role: Role, tcp_only: bool) -> Rules:
    return Rules(ADDRESS, Account("tenant", role, OWNED), ALLOWED, not tcp_only)


@dataclass
class Judged:
    """A module and what is said of it, by role and whether connectionless traffic is banned."""

    text: str
    machine: Machine
    box: Box
    unsuitable: bool
    show: bool = False
    """Whether packets are looked for that show what the proof finds: most of the cost, and for people."""
    said: dict[tuple[Role, bool], Security] = field(default_factory=dict)
    ran: tuple[object, list[Left]] | None = None
    """What left it outside a sandbox, and because of what."""

    def security(self, role: Role, tcp_only: bool) -> Security:
        key = role, tcp_only
        if key not in self.said:
            budget = Budget(SECURITY_BUDGET, work=WORK)
            self.said[key] = assess(self.box, PARSE, rules(role, tcp_only), budget, self.show)
        return self.said[key]


WORK = 400_000
"""Less than what a request may cost: here many are asked, and what is undecided says nothing."""


def judged(text: str) -> Judged | None:
    """The module of a text; None if it is no configuration."""
    try:
        machine = machine_of(Source("module.click", text), {"ADDR": format_address(ADDRESS)})
    except ConfigurationError:
        return None
    return Judged(
        text, machine, module_box("M", machine, "nic"), bool(unsuitable(Module("M", text), machine))
    )


def holds_packets(machine: Machine) -> bool:
    """Whether a packet may leave later than it came, so that its cause is not known."""
    return any(
        isinstance(stmt, ir.Hold)
        for name, element in machine.elements.items()
        if element.ROLE not in (ElementRole.EXIT, ElementRole.INFORMATION)
        for port in range(machine.inputs(name))
        for stmt in statements(machine.program(name, port).body)
    )


# ---- packets


def guided(one: Judged) -> list[bytes]:
    """Frames that are solved from the ways through the module that the proof found."""
    found: list[bytes] = []
    for (_role, _tcp), said in one.said.items():
        if said.sent is None:
            continue
        origin = said.sent.injected
        proto = member(origin.symbols["ip.proto"], rs.single(PROTO_TCP))
        for flow in said.sent.flows[:GUIDED_FLOWS]:
            tcp = flow.state.store.fork()
            for store, most in (
                (flow.state.store, GUIDED_EACH),
                (tcp, GUIDED_EACH if tcp.assume(proto) else 0),
            ):
                found += (solution.frame for solution in islice(solutions(origin, origin, store), most))
        break
    return [one for one in found if ends(one) is not None]


def varied(random: Random, one: bytes) -> bytes:
    """The frame from another host or port: tables fill."""
    out = bytearray(one)
    if random.random() < 0.5:
        out[26:30] = random.choice((*ADDRESSES, 0xCB007200 + random.randrange(256))).to_bytes(4, "big")
    size = (out[14] & 15) * 4
    for at in (14 + size, 16 + size):
        if random.random() < 0.4 and len(out) >= at + 2:
            out[at : at + 2] = random.choice((*PORTS, random.randrange(65536))).to_bytes(2, "big")
    if random.random() < 0.2 and len(out) > 14 + size:
        out[random.randrange(14 + size, len(out))] = random.randrange(256)
    if random.random() < 0.15:
        out[20:22] = random.choice((b"\0\0", b"\x20\0", b"\0\x03", b"\x40\0"))
    out[24:26] = b"\0\0"
    out[24:26] = checksum(bytes(out[14 : 14 + size])).to_bytes(2, "big")
    return bytes(out)


def as_tcp(random: Random, one: bytes) -> bytes:
    """The frame as one of TCP, with a whole TCP header in it."""
    size = 14 + (one[14] & 15) * 4
    out = bytearray(one.ljust(size + 20, b"\0"))
    out[23], out[size + 12], out[size + 13] = (
        PROTO_TCP,
        0x50,
        random.choice((0x02, 0x12, 0x10, 0x18, 0x11, 0x04)),
    )
    out[16:18] = (len(out) - 14).to_bytes(2, "big")
    out[24:26] = b"\0\0"
    out[24:26] = checksum(bytes(out[14:size])).to_bytes(2, "big")
    return bytes(out)


def traffic(random: Random, solved: Sequence[bytes], packets: int) -> list[Sent]:
    """Frames in a row: random ones, solved ones, and such that are near them; a fourth of them are made TCP."""
    out: list[Sent] = []
    for n in range(packets):
        if n < len(solved):
            one = solved[n]
        elif solved and random.random() < 0.5:
            one = varied(random, random.choice(solved))
        elif out and random.random() < 0.2:
            one = varied(random, random.choice(out).frame)
        else:
            one = frame(random)
        if n >= len(solved) and random.random() < 0.25:
            one = as_tcp(random, one)
        out.append(Sent(random.choice((0, 0, 1000, 10**6, 10**9, 200 * 10**9)), one))
    return out


# ---- what happens


@dataclass
class _Wire:
    """`Port` that notes what is sent."""

    sent: list[bytes] = field(default_factory=list)
    mac: int = 0x020000000001
    peer_mac: int | None = 0x020000000002

    def write(self, frame: bytes) -> bool:
        self.sent.append(frame)
        return True


def run(text: str, role: Role, sandbox: bool, sent: Sequence[Sent], seed: int) -> Iterator[Left]:
    """What leaves the module on a platform, with the platform's gates, in virtual time."""
    clock, wire = VirtualClock(10**9), _Wire()
    white = WHITELIST if role is Role.THIRD_PARTY else ("0.0.0.0/0",)
    deployment = Deployment("r", "M", "tenant", role, "p", format_address(ADDRESS), text, sandbox, white)
    module = RunningModule(deployment, wire, clock, Random(seed))
    seen: set[int] = set()

    def took(cause: int | None, at: int) -> Iterator[Left]:
        sent, wire.sent = wire.sent, []
        for one in sent:
            yield Left(one, cause, frozenset(seen), at, clock.now_ns)

    for n, one in enumerate((*sent, Sent(300 * 10**9, b""))):
        until = clock.now_ns + one.after_ns
        for _ in range(20):  # a module that is always busy does not keep others from getting their turn
            module.work()
            yield from took(None, n)
            wake = module.next_wake()
            if wake is None or wake > until:
                break
            clock.advance(wake)
        clock.advance(until)
        yield from took(None, n)
        about = ends(one.frame)
        if about is None or about.destination != ADDRESS:
            continue
        if about.source != ADDRESS:
            seen.add(about.source)
        module.enter(one.frame, about)
        yield from took(about.source, n)


def forges(left: Left, holds: bool) -> bool:
    """Whether it leaves with a source that is neither the module's nor the one that it came with."""
    source = int.from_bytes(left.frame[26:30], "big")
    if source == ADDRESS:
        return False
    return source not in left.seen if holds or left.cause is None else source != left.cause


def strays(left: Left) -> bool:
    """Whether it goes to somebody who neither owns the module nor ever wrote to it."""
    destination = int.from_bytes(left.frame[30:34], "big")
    return not rs.contains(ALLOWED, destination) and destination not in left.seen


TIMEOUT_NS = 60 * 10**9
"""How long a packet from outside authorizes answers in the sandbox."""


class Authorized:
    """Who has lately written to a sandboxed module, as this file counts it from what was sent: sources, and flows by
    protocol, address, port, and the module's port."""

    def __init__(self, sent: Sequence[Sent]) -> None:
        self.sources: dict[int, int] = {}
        self.flows: dict[tuple[int, int, bytes], int] = {}
        self.let_out: set[tuple[bytes, int, bytes]] = set()
        self.coming = iter(_arrivals(sent))
        self.next = next(self.coming, None)

    def until(self, left: Left) -> None:
        """Take note of all that came before a packet left."""
        while self.next is not None and self.next[0] < left.at + (left.cause is not None):
            _, time_ns, frame = self.next
            self.sources[int.from_bytes(frame[26:30], "big")] = time_ns
            if not (ported(frame) and later_fragment(frame)):
                ports = ports_of(frame)
                self.flows[frame[23], int.from_bytes(frame[26:30], "big"), ports] = time_ns
            self.next = next(self.coming, None)

    def forged(self, left: Left, holds: bool) -> bool:
        """Whether it has no right to its source: the module's, that of the packet which it is, or one that wrote within
        the time."""
        source = int.from_bytes(left.frame[26:30], "big")
        if source in (ADDRESS, left.cause):
            return False
        if holds and source in left.seen:  # it may be the very packet, kept for long
            return False
        return self.sources.get(source, -TIMEOUT_NS) < left.time_ns - TIMEOUT_NS

    def astray(self, left: Left) -> bool:
        """Whether it goes to nobody who agreed, or wrote by this protocol and these ports within the time."""
        frame = left.frame
        destination = int.from_bytes(frame[30:34], "big")
        datagram = frame[26:34], frame[23], frame[18:20]
        if not later_fragment(frame):
            self.let_out.add(datagram)
        if rs.contains(ALLOWED, destination):
            return False
        if later_fragment(frame):
            return datagram not in self.let_out
        ports = ports_of(frame)
        known = self.flows.get((frame[23], destination, ports[2:] + ports[:2]), -TIMEOUT_NS)
        return known < left.time_ns - TIMEOUT_NS


def _arrivals(sent: Sequence[Sent]) -> Iterator[tuple[int, int, bytes]]:
    """What comes to the module: which frame it is, when it comes, and the frame."""
    now = 10**9
    for n, one in enumerate(sent):
        now += one.after_ns
        about = ends(one.frame)
        if about is not None and about.destination == ADDRESS and about.source != ADDRESS:
            yield n, now, one.frame


def ported(frame: bytes) -> bool:
    return frame[23] in (PROTO_TCP, PROTO_UDP)


def later_fragment(frame: bytes) -> bool:
    return bool(int.from_bytes(frame[20:22], "big") & 0x1FFF)


def ports_of(frame: bytes) -> bytes:
    """The ports of a TCP or UDP packet that has them, zeros for others."""
    size = 14 + (frame[14] & 15) * 4
    return frame[size : size + 4] if ported(frame) and len(frame) >= size + 4 else bytes(4)


def ran(one: Judged, sent: Sequence[Sent], seed: int) -> list[Left]:
    """What leaves the module outside a sandbox: the same whoever has it, so it runs once for the same packets."""
    key = (seed, *sent)
    if one.ran is None or one.ran[0] != key:
        one.ran = key, list(run(one.text, Role.CLIENT, False, sent, seed))
    return one.ran[1]


def check(one: Judged, role: Role, tcp_only: bool, sent: Sequence[Sent], seed: int) -> bool:
    """Hold what leaves against what is said. Whether a packet broke a rule that is not said to hold.

    Raises `Violation` where a rule is broken that is said to hold, or that the sandbox is to enforce.
    """
    said = one.security(role, tcp_only)
    held = {c.text for c in said.checks if c.holds is Answer.YES}
    safe = said.assessment is Assessment.SAFE
    holds = holds_packets(one.machine)
    broken = False
    for left in ran(one, sent, seed):
        for bad, promised, words in (
            (forges(left, holds), safe or ANTI_SPOOFING in held, "a forged source"),
            (
                role is Role.THIRD_PARTY and strays(left),
                safe or DEFAULT_OFF in held,
                "a destination that did not ask",
            ),
            (tcp_only and left.frame[23] != 6, safe or CONNECTIONLESS in held, "a packet that is not TCP"),
        ):
            broken |= bad
            if bad and promised:
                raise Violation(f"{role.value}, {said.assessment.value}: {words}: {left.frame.hex()}", role,
                                tcp_only, left.at)  # fmt: skip
    if said.assessment is Assessment.SANDBOX:
        known = Authorized(sent)
        for left in run(one.text, role, True, sent, seed):
            known.until(left)
            forged, astray = known.forged(left, holds), role is Role.THIRD_PARTY and known.astray(left)
            if forged or astray or left.frame[14] != 0x45 or (tcp_only and left.frame[23] != PROTO_TCP):
                raise Violation(f"{role.value}, in the sandbox: {left.frame.hex()}", role, tcp_only, left.at)
    return broken


__all__ = [
    "Judged",
    "NotFound",
    "Sent",
    "Violation",
    "check",
    "guided",
    "judged",
    "module_text",
    "replace",
    "traffic",
]
