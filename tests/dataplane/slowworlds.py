"""A configuration run twice: by one router, and parted between the slow path and a router in the kernel's place."""

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import BinaryIO

from innet.dataplane.slowpath import PASSES_AT, SlowPath
from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import load
from innet.elements.holder import Capture, CaptureSink
from innet.ir.interpret import PacketBuffer
from innet.runtime.build import graph_of
from innet.runtime.clock import VirtualClock
from innet.runtime.graph import Graph
from innet.runtime.router import Router
from innet.xdp import handover
from tests.elements.packets import ipv4, tcp, udp

Sent = tuple[str, bytes, bool]


def graph(text: str) -> Graph:
    resolved, elements = load(Source("module.click", text), autoqueue=True)
    return graph_of(resolved, elements)


class Exit:
    def __init__(self, name: str, sent: list[Sent]) -> None:
        self.name, self.sent = name, sent

    def send(self, data: bytes, ethernet: bool) -> bool:
        self.sent.append((self.name, data, ethernet))
        return True


class Exits:
    """An `Io` whose devices write to one list; there are no files."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def device(self, name: str) -> Exit:
        return Exit(name, self.sent)

    def open_capture(self, name: str) -> Capture:
        raise NotImplementedError

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        raise NotImplementedError

    def open_file(self, name: str) -> BinaryIO:
        raise NotImplementedError

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
        raise NotImplementedError


class Whole:
    """All elements in one router."""

    def __init__(self, graph: Graph) -> None:
        self.io = Exits()
        self.clock = VirtualClock()
        self.router = Router(graph, self.io, self.clock, Random(0))
        self.deliver = self.router.deliver

    def round(self) -> bool:
        return self.router.round()

    def drops(self) -> Counter[tuple[str, str]]:
        return +self.router.drops

    def statistics(self) -> dict[tuple[str, str], int]:
        return self.router.state.statistics


class Parted:
    """The slow path, and the rest in a second router. Packets cross between them as records.

    `at_once`: a packet that crosses is followed before the sender goes on; else it waits its turn, as in a TAP device.
    """

    def __init__(self, graph: Graph, slow: frozenset[str], at_once: bool = True) -> None:
        self.io = Exits()
        self.clock = VirtualClock()
        self.inputs = [(v.name, p) for v in graph.vertices for p in (OUTSIDE, *range(len(v.inputs)))]
        self.at_once = at_once
        self.crossing: deque[tuple[Callable[[bytes], None], bytes]] = deque()
        self.slow = SlowPath(graph, slow, self.io, self.to_kernel, self.clock, Random(0))
        self.kernel = Router(graph, self.io, self.clock, Random(0), away=slow, leave=self.to_agent)
        self.crossed = 0

    def to_agent(self, element: str, port: int, packet: PacketBuffer) -> None:
        self.cross(self.take, element, port, packet)

    def to_kernel(self, element: str, port: int, packet: PacketBuffer) -> None:
        self.cross(self.resume, element, port, packet)

    def cross(self, to: Callable[[bytes], None], element: str, port: int, packet: PacketBuffer) -> None:
        self.crossed += 1
        frame = handover.write(7, self.inputs.index((element, port)), packet)
        if self.at_once:
            to(frame)
        else:
            self.crossing.append((to, frame))

    def take(self, frame: bytes) -> None:
        found = handover.read(frame)
        assert found is not None
        assert found.module == 7
        self.slow.take(*self.inputs[found.region], found.packet)

    def resume(self, frame: bytes) -> None:
        found = handover.read(frame)
        assert found is not None
        element, port = self.inputs[found.region]
        self.kernel.push(self.kernel.by_name[element], port, found.packet)

    def settle(self) -> None:
        while self.crossing:
            to, frame = self.crossing.popleft()
            to(frame)

    def deliver(self, device: str, frame: bytes) -> None:
        for node in self.kernel.nodes:
            if node.element.ROLE is Role.ENTRY and node.holder is not None and node.holder.device == device:
                self.kernel.inject(node, frame)
        self.settle()

    def round(self) -> bool:
        worked = self.slow.work(1)
        self.settle()
        return worked

    def drops(self) -> Counter[tuple[str, str]]:
        return +(self.slow.drops + self.kernel.drops)

    def statistics(self) -> dict[tuple[str, str], int]:
        assert not self.slow.statistics.keys() & self.kernel.state.statistics.keys()
        return {**self.slow.statistics, **self.kernel.state.statistics}


def drive(world: Whole | Parted, frames: list[bytes], steps: int) -> None:
    """Frames come in in bursts of a few, a millisecond apart; then time goes on for a while."""
    left = list(frames)
    for step in range(steps):
        for frame in left[: 1 + step % 4]:
            world.deliver("0", frame)
        del left[: 1 + step % 4]
        for _ in range(3 + step % 5):
            if not world.round():
                break
        world.clock.advance(world.clock.now_ns + 1_000_000)
    assert not left


def frames(seed: int, count: int) -> list[bytes]:
    """Ethernet frames, most of them IPv4, each unlike all others."""
    random = Random(seed)
    found = []
    for n in range(count):
        payload = n.to_bytes(4, "big") + random.randbytes(random.randrange(40))
        ports = {"sport": random.randrange(1, 9), "dport": random.choice((53, 80, 1500))}
        proto, segment = random.choice(((17, udp(payload, **ports)), (6, tcp(payload, **ports))))
        src, dst = f"192.0.2.{random.randrange(1, 5)}", f"198.51.100.{random.randrange(1, 5)}"
        ttl, tos = random.choice((1, 2, 64)), random.choice((0, 1, 2, 255))
        packet = ipv4(segment, src, dst, proto, ttl, tos)
        if random.random() < 0.1:
            packet = packet[: random.randrange(1, len(packet))]
        kind = b"\x08\x06" if random.random() < 0.1 else b"\x08\x00"
        found.append(bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]) + kind + packet)
    return found


def without_passes(annotations: bytearray) -> bytes:
    return bytes(annotations[:PASSES_AT] + annotations[PASSES_AT + 2 :])
