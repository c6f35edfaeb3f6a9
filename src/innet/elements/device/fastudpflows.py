"""FastUDPFlows."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.device.fast import (
    TRANSPORT,
    FastFlows,
    FastHolder,
    length_of,
    pseudo_sum,
    size,
    write_frame,
)
from innet.elements.holder import Context, Holder, Io
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_UDP


def random_ports(context: Context) -> bytes:
    """A source and a destination port."""
    return b"".join(context.random.randrange(0xFFFF).to_bytes(2, "big") for _ in range(2))


class FastUDPFlowsHolder(FastHolder):
    """The ports of each flow, and how many packets it had."""

    def __init__(self, element: "FastUDPFlows", outputs: str) -> None:
        super().__init__(outputs, element.rate, element.limit, element.active)
        self.element = element
        self.flows: list[tuple[bytes, int]] = [(b"", element.flowsize)] * element.flows

    def fill(self, packet: PacketBuffer, context: Context) -> None:
        at = context.random.randrange(len(self.flows))
        ports, sent = self.flows[at]
        if not ports or sent == self.element.flowsize:
            ports, sent = random_ports(context), 0
        self.flows[at] = ports, sent + 1
        packet.bytes[TRANSPORT : TRANSPORT + 4] = ports
        if self.element.checksum:
            length = length_of(self.element.length)
            rest = pseudo_sum(PROTO_UDP, length, self.element.srcip, self.element.dstip)
            total = ones_sum(ports + size(length) + rest.to_bytes(2, "big")) ^ 0xFFFF or 0xFFFF
            packet.bytes[TRANSPORT + 6 : TRANSPORT + 8] = total.to_bytes(2, "big")


@dataclass(frozen=True)
class FastUDPFlows(FastFlows):
    """Make UDP packets of several flows at a rate, for benchmarks.

    Ports:      out 0 (pull): Ethernet frames with IPv4 and UDP; network and transport headers are marked, and the
                destination annotation is set.
    Arguments:  RATE (packets a second, 0: as many as are pulled); LIMIT (packets, negative: no end); LENGTH (bytes of
                the frame, at least 60 are made); SRCETH, SRCIP, DSTETH, DSTIP; FLOWS, of which each packet's is chosen
                at random; FLOWSIZE (packets): a flow gets new random ports after so many.  CHECKSUM (bool, default
                true); ACTIVE (bool, default true).
    Verifier:   ports and checksum are any numbers.
    Errors:     FLOWS or FLOWSIZE is 0.
    Source:     Click manual, FastUDPFlows. The payload is zeros.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "100, 10, 60, 2:0:0:0:0:1, 10.0.0.1, 2:0:0:0:0:2, 10.0.0.2, 3, 5",
        "0, -1, 100, 2:0:0:0:0:1, 10.0.0.1, 2:0:0:0:0:2, 10.0.0.2, 1, 1, false",
    )

    checksum: bool = True
    active: bool = True

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tuple(
            f"{name.upper()} is 0; expected at least 1"
            for name in ("flows", "flowsize")
            if not getattr(self, name)
        )

    def originate(self, p: Packet) -> None:
        length = length_of(self.length)
        write_frame(p, length, (self.srceth, self.dsteth), PROTO_UDP, self.srcip, self.dstip)
        p.udp.sport, p.udp.dport = p.random(16), p.random(16)
        p.udp.len = int.from_bytes(size(length), "big")
        if self.checksum:
            p.udp.sum = p.random(16)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return FastUDPFlowsHolder(self, outputs)
