"""Runs a graph by the reference interpreter and in the kernel, and compares all there is to see."""

import random
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from innet import ir
from innet.ir.interpret import PacketBuffer, State, ones_sum
from innet.ir.nodes import Mark
from innet.xdp import handover
from innet.xdp.compile import Compiler
from innet.xdp.emit import KERNEL, Emitted
from innet.xdp.graph import Graph, Input
from innet.xdp.install import InstalledGraph, install
from innet.xdp.kernel import Map
from innet.xdp.layout import NUMBERS, PARTNER, Use, record
from innet.xdp.memory import END_STAYS, START_STAYS
from innet.xdp.target import Leave, Target, Xdp
from innet.xdp.tcx import NO_ROOM, SchedCls
from tests.backends.walk import Walker

XDP, TCX = Xdp(), SchedCls()
DIVERTED = Leave(32)
SHORTEST = 14
"""The kernel neither takes nor makes shorter frames."""
IPV4_SHORTEST = 34
"""As a test run with an skb takes no shorter frames that say they hold IPv4."""
IMMOVABLE = (START_STAYS, END_STAYS, NO_ROOM)
"""Why a frame is dropped on tcx whose ends the kernel does not move where the program wants them."""


@dataclass
class Expected:
    """What the interpreter makes of a packet: a verdict and, if it leaves, its bytes."""

    verdict: int
    data: bytes = b""
    region: Input | None = None
    packet: PacketBuffer | None = None


@dataclass
class Reference:
    """The graph, run by the interpreter, up to an exit or a slow region."""

    graph: Graph
    slow: frozenset[Input]
    divided: frozenset[Input] = frozenset()
    state: State = field(default_factory=State)
    drops: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: int = Xdp.drop

    def run(self, frame: bytes) -> Expected:
        walker = Walker(self.graph, self.slow, self.state, None, self.divided, self.drops)
        (one,) = walker.walk(PacketBuffer(frame))
        if isinstance(one.way, Leave):
            return Expected(one.way.code, one.packet.data)
        if one.way is None:
            return Expected(self.dropped)
        return Expected(DIVERTED.code, b"", one.way, one.packet)


def number(loaded: InstalledGraph, use: Use, owner: str, name: str) -> int:
    """A counter as the kernel holds it."""
    at = loaded.emitted.numbers[use, owner, name]
    data = loaded.installed.maps[NUMBERS].lookup(bytes(4))
    assert data is not None
    return int(struct.unpack_from("<Q", data, at)[0])


def load(graph: Graph, compiler: Compiler, target: Target = XDP) -> InstalledGraph:
    """Compile and load; fails if the kernel does not take it."""
    return install(graph, target, DIVERTED, compiler, statistics=True, shared=True)


def compare(
    graph: Graph,
    compiler: Compiler,
    frames: Sequence[bytes],
    refusals: int = 0,
    target: Target = XDP,
    immovable: int = 0,
) -> InstalledGraph:
    """Every frame fares the same in the kernel as by the interpreter, and so do numbers and tables at the end.

    At most `refusals` frames may be given up, because the kernel makes no frames of fewer than 14 bytes; on tcx at most
    `immovable`, because it does not move the frame's ends where they should be.
    """
    loaded = load(graph, compiler, target)
    try:
        _compare(graph, loaded, frames, refusals, target, immovable)
    finally:
        loaded.installed.close()
    return loaded


def runs(target: Target, frame: bytes) -> bool:
    """Whether a test run takes the frame."""
    return target is not TCX or frame[12:14] != b"\x08\0" or len(frame) >= IPV4_SHORTEST


def immovables(loaded: InstalledGraph) -> int:
    """Packets dropped because the kernel did not move their frame's ends."""
    reasons = [key for key in loaded.emitted.numbers if key[1] == KERNEL and key[2] in IMMOVABLE]
    return sum(number(loaded, *key) for key in reasons)


def _compare(
    graph: Graph,
    loaded: InstalledGraph,
    frames: Sequence[bytes],
    refusals: int,
    target: Target,
    immovable: int,
) -> None:
    slow = frozenset(Input(s.element, s.port) for s in loaded.emitted.slow)
    divided = frozenset(Input(s.element, s.port) for s in loaded.emitted.divided)
    reference = Reference(graph, slow, divided, dropped=target.drop)
    stuck = 0
    for n, frame in enumerate(frames):
        if not runs(target, frame):
            continue
        expected = reference.run(frame)
        got = loaded.installed.program.run(frame)
        about = f"frame {n}: {frame.hex()}"
        if target is XDP and refusals and (got.verdict == Xdp.abort or immovables(loaded) > stuck):
            return  # the tables cannot be compared any more
        if target is TCX and got.verdict == TCX.drop != expected.verdict and immovables(loaded) > stuck:
            stuck += 1
            assert stuck <= immovable, about
            continue
        if expected.packet is not None:
            assert got.verdict == DIVERTED.code, about
            same_handover(loaded.emitted, expected, got.frame, about)
        elif target is XDP and expected.verdict != Xdp.drop and len(expected.data) < SHORTEST:
            stuck += 1
            assert (got.verdict, immovables(loaded)) == (Xdp.drop, stuck), about
        else:
            assert got.verdict == expected.verdict, about
            if expected.verdict != target.drop:
                assert got.frame.hex() == expected.data.hex(), about
    same_state(graph, loaded, reference.state, reference.drops)


def same_state(
    graph: Graph, loaded: InstalledGraph, state: State, drops: Mapping[tuple[str, str], int]
) -> None:
    """Statistics, drops and tables are those of the interpreter."""
    for (use, owner, name), _ in loaded.emitted.numbers.items():
        wanted = {
            Use.STATISTIC: state.statistics,
            Use.DROP: drops,
            Use.COUNTER: state.counters,
        }[use].get((owner, name))
        if wanted is not None:
            got_number = number(loaded, use, owner, name)
            assert got_number == wanted or use is Use.COUNTER, (use, owner, name, got_number, wanted)
    for (owner, name), symbol in loaded.emitted.tables.items():
        held = state.tables.get((owner, name))
        if held is not None and held.table.kind is not ir.TableKind.PREFIX:
            found = rows(held.table, loaded.installed.maps[symbol])
            assert found == {k: e.values for k, e in held.rows.items()} or clocked(graph, owner)
            assert found.keys() == held.rows.keys()


def statements(block: ir.Block) -> Iterator[ir.Stmt]:
    """All statements in `block`, those of branches too."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, ir.Branch):
            yield from statements(stmt.then)
            yield from statements(stmt.otherwise)


def clocked(graph: Graph, element: str) -> bool:
    """Whether an element reads the clock, so that what it stores is not the same."""
    bodies = (p.body for i, p in graph.programs.items() if i.element == element)
    return any(isinstance(stmt, ir.Now) for body in bodies for stmt in statements(body))


def random_choice(graph: Graph) -> bool:
    """Whether what becomes of a packet is partly chance or time: then kernel and interpreter need not agree."""
    return any(
        isinstance(stmt, ir.Random)
        or (isinstance(stmt, ir.Allocate) and stmt.order is ir.Order.RANDOM)
        or (isinstance(stmt, ir.Let) and not stmt.followed)
        for program in graph.programs.values()
        for stmt in statements(program.body)
    )


def rows(table: ir.Table, held: Map) -> dict[tuple[int, ...], tuple[int, ...]]:
    """What a map holds, as the interpreter would."""
    key = record(table.key)
    value = record(table.values, PARTNER + (key.size if table.kind is ir.TableKind.PAIRED else 0))
    return {key.unpack(k): value.unpack(v) for k, v in held.dump()}


def same_handover(emitted: Emitted, expected: Expected, frame: bytes, about: str) -> None:
    """A diverted packet carries its marks, its annotations and its bytes, also those before DATA."""
    handed = handover.read(frame)
    assert handed is not None, about
    assert expected.packet is not None
    assert emitted.regions[handed.region] == expected.region, about
    assert handed.packet.data == expected.packet.data, about
    assert handed.packet.annotations == expected.packet.annotations, about
    base, other = handed.packet.marks[Mark.DATA], expected.packet.marks[Mark.DATA]
    assert {m: at - base for m, at in handed.packet.marks.items()} == {
        m: at - other for m, at in expected.packet.marks.items()
    }, about
    before = min(base, other)
    assert handed.packet.bytes[base - before : base] == expected.packet.bytes[other - before : other], about


# ---- packets


def checksum(data: bytes) -> int:
    return ~ones_sum(data) & 0xFFFF


def ipv4(
    payload: bytes,
    proto: int = 17,
    src: int = 0x0A000001,
    dst: int = 0xAC100F85,
    ttl: int = 64,
    options: bytes = b"",
    off: int = 0,
    tos: int = 0,
    ident: int = 1,
) -> bytes:
    """An IPv4 packet with a right checksum."""
    hl = 5 + len(options) // 4
    head = struct.pack(
        ">BBHHHBBHII", 0x40 | hl, tos, hl * 4 + len(payload), ident, off, ttl, proto, 0, src, dst
    )
    head += options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(sport: int = 1234, dport: int = 1500, payload: bytes = bytes(18), sum_: int = 0) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), sum_) + payload


def tcp(sport: int = 1234, dport: int = 80, flags: int = 2, payload: bytes = b"") -> bytes:
    return struct.pack(">HHIIBBHHH", sport, dport, 7, 9, 0x50, flags, 512, 0x1234, 0) + payload


def ethernet(packet: bytes, kind: int = 0x0800) -> bytes:
    return b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + struct.pack(">H", kind) + packet


def packets(seed: int, count: int) -> Iterator[bytes]:
    """IPv4 packets of every kind: good ones, short ones, with options, fragments, bad sums, padding, and noise."""
    r = random.Random(seed)
    for _ in range(count):
        addresses = [0x0A000001, 0x0A000002, 0xAC100F85, 0xE0000001, 0xFFFFFFFF, r.getrandbits(32)]
        ports = [1500, 80, 53, 4754, r.getrandbits(16)]
        data = r.randbytes(r.choice([0, 1, 2, 7, 18, 19, 100, r.randrange(300)]))
        proto = r.choice([17, 17, 6, 6, 1, 4, 50, r.getrandbits(8)])
        body = {
            17: udp(r.choice(ports), r.choice(ports), data, r.choice([0, r.getrandbits(16)])),
            6: tcp(r.choice(ports), r.choice(ports), r.getrandbits(6), data),
            1: bytes([r.choice([0, 8, 3, 11]), 0]) + r.randbytes(6) + data,
        }.get(proto, data)
        if proto == 4:
            body = ipv4(udp(payload=data), ttl=r.getrandbits(8))
        options = r.choice([b"", b"", bytes([1, 1, 1, 0]), r.randbytes(4 * r.randrange(11))])
        off = r.choice([0, 0, 0, 0x4000, 0x2000, r.getrandbits(16)])
        packet = ipv4(
            body, proto, r.choice(addresses), r.choice(addresses), r.choice([0, 1, 2, 64, 255]), options, off,
            r.getrandbits(8), r.getrandbits(16),
        )  # fmt: skip
        match r.randrange(10):
            case 0:
                packet = packet[: r.randrange(len(packet) + 1)]
            case 1:
                packet += r.randbytes(r.randrange(1, 40))
            case 2:
                at = r.randrange(min(len(packet), 60))
                packet = packet[:at] + r.randbytes(1) + packet[at + 1 :]
            case 3:
                packet = r.randbytes(r.randrange(14, 90))
        yield packet


def frames(seed: int, count: int) -> list[bytes]:
    """Ethernet frames, almost all with IPv4 packets."""
    r = random.Random(seed)
    return [ethernet(p, r.choice([0x0800] * 9 + [0x0806])) for p in packets(seed + 1, count)]


def bare(seed: int, count: int) -> list[bytes]:
    """IPv4 packets as they are, for elements that do not expect Ethernet."""
    return [p for p in packets(seed, count) if len(p) >= SHORTEST]
