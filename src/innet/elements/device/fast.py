"""The fast sources: frames with UDP or TCP over IPv4 and zeros, at a rate, for benchmarks."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, IPAddress, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.source import SourceHolder
from innet.elements.holder import Context, handler_int
from innet.elements.meter.gaprate import MAX_RATE, GapRate
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4

LEAST_LENGTH = 60
ETHER, IP, TTL = 14, 20, 250
TRANSPORT = ETHER + IP
TICK_NS = 1_000_000


def ip_header(proto: int, length: int, src: int, dst: int) -> bytes:
    """An IPv4 header as these sources write it, for a frame of so many bytes."""
    head = bytearray(IP)
    head[0], head[8], head[9] = 0x45, TTL, proto
    head[2:4] = (length - ETHER).to_bytes(2, "big")
    head[12:20] = src.to_bytes(4, "big") + dst.to_bytes(4, "big")
    head[10:12] = (ones_sum(bytes(head)) ^ 0xFFFF).to_bytes(2, "big")
    return bytes(head)


def pseudo_sum(proto: int, length: int, src: int, dst: int) -> int:
    """What addresses, protocol and length contribute to the transport checksum of a frame."""
    return ones_sum(src.to_bytes(4, "big") + dst.to_bytes(4, "big") + bytes([0, proto]) + size(length))


def size(length: int) -> bytes:
    """The transport length of a frame, as it is written."""
    return (length - TRANSPORT).to_bytes(2, "big")


def write_frame(p: Packet, length: int, ethers: tuple[int, int], proto: int, src: int, dst: int) -> None:
    """Make an empty packet a frame of `length` bytes with an IPv4 header, marked, and zeros behind it."""
    p.set_mark(Mark.END, Mark.DATA, length)
    head = ethers[1].to_bytes(6, "big") + ethers[0].to_bytes(6, "big") + ETHERTYPE_IPV4.to_bytes(2, "big")
    head += ip_header(proto, length, src, dst)
    for at in range(0, len(head), 2):
        p.set_raw(Mark.DATA, at, 2, int.from_bytes(head[at : at + 2], "big"))
    p.set_mark(Mark.NET, Mark.DATA, ETHER)
    p.set_mark(Mark.TRANSPORT, Mark.NET, IP)
    p.anno.dst_ip = dst


def length_of(length: int) -> int:
    """The length of frames for an argument LENGTH: at least 60 bytes."""
    return max(length, LEAST_LENGTH)


class FastHolder(SourceHolder):
    """Gives a packet when the rate allows one. It has a task only to have the clock set forward."""

    WRITABLE = (*SourceHolder.WRITABLE, "rate")
    READS = ("count", "rate")

    def __init__(self, outputs: str, rate: int, limit: int, active: bool) -> None:
        super().__init__(outputs, limit, active, stamp=False)
        self.gap = GapRate(rate) if rate else None
        self.refused = False
        self.first_tick = self.last_tick = 0

    def take(self, context: Context) -> PacketBuffer | None:
        if not self.active or self.done():
            return None
        if self.gap is not None:
            if not self.gap.allows(context.now_ns):
                self.refused = True
                return None
            self.gap.passed()
        packet = self.make(context)
        if packet is not None:
            self.fill(packet, context)
        if self.count == 1:
            self.first_tick = context.now_ns // TICK_NS
        if self.spent():
            self.last_tick = context.now_ns // TICK_NS
        return packet

    def done(self) -> bool:
        """Whether no packet comes any more."""
        return self.spent()

    def fill(self, packet: PacketBuffer, context: Context) -> None:
        """Write what is different in each packet."""

    def wake_ns(self, context: Context) -> int | None:
        return self.gap.wake_ns(context.now_ns) if self.gap is not None and self.refused else None

    def run(self, context: Context) -> bool:
        self.refused = False
        return False

    def restart(self, context: Context) -> None:
        self.count = self.first_tick = self.last_tick = 0

    def read(self, handler: str) -> str | None:
        if handler != "rate":
            return super().read(handler)
        ticks = max(1, self.last_tick - self.first_tick)
        return str(self.count * 1000 // ticks if self.last_tick else 0)

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "rate":
            return super().write(handler, value, context)
        rate = handler_int(value, 0, MAX_RATE)
        self.gap = GapRate(rate) if rate else None
        return True


@dataclass(frozen=True)
class FastFlows(Element):
    """Base of the fast sources of several flows."""

    PORTS: ClassVar[str] = "0/1"
    PROCESSING: ClassVar[str] = "l/l"
    ROLE: ClassVar[Role] = Role.SOURCE

    rate: Annotated[int, Unsigned()]
    limit: int
    length: Annotated[int, Unsigned(16)]
    srceth: Annotated[int, EtherAddress()]
    srcip: Annotated[int, IPAddress()]
    dsteth: Annotated[int, EtherAddress()]
    dstip: Annotated[int, IPAddress()]
    flows: Annotated[int, Unsigned(16)]
    flowsize: Annotated[int, Unsigned()]
