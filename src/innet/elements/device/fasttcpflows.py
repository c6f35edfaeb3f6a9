"""FastTCPFlows."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.device.fast import TRANSPORT, FastFlows, FastHolder, length_of, pseudo_sum, write_frame
from innet.elements.device.fastudpflows import random_ports
from innet.elements.holder import Context, Holder, Io
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_TCP

SYN, DATA, FIN = 0x02, 0x18, 0x01
TCP_BYTES = 20
LEAST_FLOW = 3


class FastTCPFlowsHolder(FastHolder):
    """The ports of each flow, and how many packets it had."""

    def __init__(self, element: "FastTCPFlows", outputs: str) -> None:
        super().__init__(outputs, element.rate, element.limit, element.active)
        self.element = element
        self.size = max(element.flowsize, LEAST_FLOW)
        self.flows: list[tuple[bytes, int]] = [(b"", 0)] * element.flows
        self.numbers: dict[tuple[int, int], bytes] = {}

    def open(self) -> int | None:
        """A flow that got no FIN yet."""
        return next((n for n, (_, sent) in enumerate(self.flows) if sent != self.size), None)

    def done(self) -> bool:
        return self.spent() and self.open() is None

    def fill(self, packet: PacketBuffer, context: Context) -> None:
        closing = self.limit >= 0 and self.count > self.limit
        at = self.open() if closing else context.random.randrange(len(self.flows))
        assert at is not None, "asked only when not done"
        ports, sent = self.flows[at]
        if not ports or (sent == self.size and not closing):
            ports, sent = random_ports(context), 0
        sent = self.size if closing else sent + 1
        self.flows[at] = ports, sent
        flags = SYN if sent == 1 else FIN if sent == self.size else DATA
        numbers = self.numbers.setdefault((at, flags), context.random.randbytes(8))
        header = bytearray(ports + numbers + bytes([TCP_BYTES << 2, flags, 0xFF, 0xFF, 0, 0, 0, 0]))
        rest = pseudo_sum(PROTO_TCP, length_of(self.element.length), self.element.srcip, self.element.dstip)
        header[16:18] = (ones_sum(bytes(header) + rest.to_bytes(2, "big")) ^ 0xFFFF).to_bytes(2, "big")
        packet.bytes[TRANSPORT : TRANSPORT + TCP_BYTES] = header


@dataclass(frozen=True)
class FastTCPFlows(FastFlows):
    """Make TCP packets of several flows at a rate, for benchmarks.

    Ports:      out 0 (pull): Ethernet frames with IPv4 and TCP; network and transport headers are marked, and the
                destination annotation is set.
    Arguments:  RATE (packets a second, 0: as many as are pulled); LIMIT (packets, negative: no end); LENGTH (bytes of
                the frame, at least 60 are made); SRCETH, SRCIP, DSTETH, DSTIP; FLOWS, of which each packet's is chosen
                at random; FLOWSIZE (packets, at least 3 are made): a flow begins with SYN, ends with FIN, and then
                gets new random ports.  ACTIVE (bool, default true).
    State:      after LIMIT packets, each flow that has not ended gets its FIN.
    Verifier:   ports, numbers and checksum are any numbers.
    Errors:     FLOWS is 0.
    Source:     Click manual, FastTCPFlows. The payload is zeros.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("100, 10, 60, 2:0:0:0:0:1, 10.0.0.1, 2:0:0:0:0:2, 10.0.0.2, 3, 5",)

    active: bool = True

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.flows else ("FLOWS is 0; expected at least 1",)

    def originate(self, p: Packet) -> None:
        length = length_of(self.length)
        write_frame(p, length, (self.srceth, self.dsteth), PROTO_TCP, self.srcip, self.dstip)
        p.tcp.sport, p.tcp.dport = p.random(16), p.random(16)
        p.tcp.seq, p.tcp.ack = p.random(32), p.random(32)
        p.tcp.off, p.tcp.win, p.tcp.sum = TCP_BYTES // 4, 0xFFFF, p.random(16)
        p.tcp.flags = DATA
        kind = p.random(2)
        with p.when(kind == 1):
            p.tcp.flags = SYN
        with p.when(kind == 2):
            p.tcp.flags = FIN
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return FastTCPFlowsHolder(self, outputs)
