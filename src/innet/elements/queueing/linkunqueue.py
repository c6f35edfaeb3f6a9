"""LinkUnqueue: a serial link between two queues."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Bandwidth, Seconds
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, timestamp, timestamp_of
from innet.elements.queueing.delayed import any_timestamp
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet

LEAST = 100
"""Bytes a second, and the unit in which bandwidths are kept."""
EXTRA_LENGTH = slice(28, 32)


class LinkUnqueueHolder(Holder):
    """The packets on the link, first to leave first; each one's timestamp is when it leaves."""

    RUNS = STORES = True
    WRITABLE = ("reset",)
    READS = ("size",)

    def __init__(self, latency_ns: int, bandwidth: int) -> None:
        self.latency_ns, self.bandwidth = latency_ns, bandwidth
        self.packets: deque[PacketBuffer] = deque()
        self.back_to_back = False

    def accepts(self, context: Context) -> bool:
        """Whether the newest packet has been sent, so that another one can start."""
        return not self.packets or timestamp_of(self.packets[-1]) <= context.now_ns + self.latency_ns

    def accept(self, packet: PacketBuffer, context: Context) -> None:
        """Send `packet` after the one before, or now."""
        start = context.now_ns + self.latency_ns
        if self.packets and self.back_to_back:
            start = timestamp_of(self.packets[-1])
        length = len(packet.data) + int.from_bytes(packet.annotations[EXTRA_LENGTH], "big")
        timestamp(packet, start + length * 10_000 // (self.bandwidth // LEAST) * 1000)
        self.packets.append(packet)
        self.back_to_back = True

    def wake_ns(self, context: Context) -> int | None:
        times = [timestamp_of(self.packets[0])] if self.packets else []
        if context.waiting(0):
            times.append(timestamp_of(self.packets[-1]) - self.latency_ns if self.packets else 0)
        return min(times, default=None)

    def timer_ns(self, context: Context) -> int | None:
        return timestamp_of(self.packets[0]) if self.packets else None

    def run(self, context: Context) -> bool:
        worked = False
        while self.accepts(context):
            packet = context.pull(0)
            if packet is None:
                self.back_to_back = False
                break
            self.accept(packet, context)
            worked = True
        while self.packets and timestamp_of(self.packets[0]) <= context.now_ns:
            context.emit(0, self.packets.popleft())
            worked = True
        return worked

    def holding(self) -> int:
        return len(self.packets)

    def read(self, handler: str) -> str | None:
        match handler:
            case "size":
                return str(len(self.packets))
            case "bandwidth":
                return str(self.bandwidth // LEAST * LEAST)
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "reset":
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Forget what is on the link."""
        self.packets.clear()
        self.back_to_back = False

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, LinkUnqueue)
        self.latency_ns, self.bandwidth = element.latency_ns, element.bandwidth
        self.reset()


@dataclass(frozen=True)
class LinkUnqueue(Element):
    """Pull packets and push them as if they had come over a serial link.

    Ports:      in 0 (pull): any.  out 0 (push): the packet; its timestamp is when it left the link.
    Arguments:  LATENCY (seconds, to the nanosecond); BANDWIDTH (at least 100 bytes a second, kept in units of 100).
    State:      the packets on the link: one leaves LATENCY after it was sent, and the next is sent then. Its length is
                that of the packet and of what was cut off it before. A change of arguments loses them.
    Verifier:   the identity but for the timestamp; when a packet leaves is not modelled.
    Errors:     BANDWIDTH is below 100 bytes a second.
    Source:     Click manual, LinkUnqueue.
    """

    PROCESSING: ClassVar[str] = "l/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("10ms, 1MBps", "0, 8kbps")
    WRITABLE: ClassVar[Mapping[str, str]] = {"latency": "latency_ns", "bandwidth": "bandwidth"}

    latency_ns: Annotated[int, Seconds(digits=9)]
    bandwidth: Annotated[int, Bandwidth()]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.bandwidth < LEAST:
            return (f"BANDWIDTH is {self.bandwidth}; expected at least {LEAST} bytes a second",)
        return ()

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        any_timestamp(p)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return LinkUnqueueHolder(self.latency_ns, self.bandwidth)
