"""A queue, elements behind it, and what comes out at which time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out, timestamp, timestamp_of
from innet.elements.queueing.queue import Queue
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet
from innet.runtime.clock import VirtualClock
from innet.runtime.graph import Connection, Graph, Vertex
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

MS = 1_000_000


@dataclass(frozen=True)
class Watch(Element):
    """Notes when packets come: (milliseconds, bytes)."""

    PORTS: ClassVar[str] = "1/0"
    ROLE: ClassVar[Role] = Role.EXIT
    seen: list[tuple[float, bytes]] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return WatchHolder(self)


class WatchHolder(Holder):
    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        self.watch.seen.append((context.now_ns / MS, packet.data))
        self.watch.stamps.append(timestamp_of(packet) / MS)
        return ()


class Timeline:
    """`q` -> the elements, pulling -> `w`: the last of them pushes; `e0`, `e1`, … are their names."""

    def __init__(self, *elements: Element, queue: Element | None = None) -> None:
        self.watch = Watch()
        last = len(elements) - 1
        vertices = [Vertex("q", queue or Queue(), "h", "l")]
        vertices += [Vertex(f"e{n}", e, "l", "h" if n == last else "l") for n, e in enumerate(elements)]
        vertices.append(Vertex("w", self.watch, "h", ""))
        links = tuple(Connection(n, 0, n + 1, 0) for n in range(len(vertices) - 1))
        self.router = Router(Graph(tuple(vertices), links), MemoryIo(), VirtualClock())

    def push(self, data: bytes, stamp_ms: float | None = None) -> None:
        packet = PacketBuffer(data)
        if stamp_ms is not None:
            timestamp(packet, int(stamp_ms * MS))
        self.router.push(self.router.by_name["q"], 0, packet)

    def run(self, until_ms: float) -> None:
        self.router.run(int(until_ms * MS))

    def times(self, arrivals: Sequence[tuple[float, bytes]], end_ms: float = 5000) -> list[float]:
        """When packets leave that arrive so, in milliseconds."""
        for at, data in arrivals:
            self.run(at)
            self.push(data)
        self.run(end_ms)
        return [at for at, _ in self.watch.seen]
