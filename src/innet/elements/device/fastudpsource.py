"""FastUDPSource."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import EtherAddress, IPAddress, Port, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.fast import FastHolder, length_of, pseudo_sum, size, write_frame
from innet.elements.holder import Holder, Io
from innet.ir.trace import Packet, Value
from innet.packet.headers import PROTO_UDP


@dataclass(frozen=True)
class FastUDPSource(Element):
    """Make UDP packets at a rate, for benchmarks.

    Ports:      out 0 (pull): Ethernet frames with IPv4 and UDP; network and transport headers are marked, and the
                destination annotation is set.
    Arguments:  RATE (packets a second, 0: as many as are pulled); LIMIT (packets, negative: no end); LENGTH (bytes of
                the frame, at least 60 are made); SRCETH, SRCIP, SPORT, DSTETH, DSTIP, DPORT.  CHECKSUM (bool, default
                true); INTERVAL (packets, default 0: never): both ports go on by one after so many; ACTIVE (bool,
                default true).
    State:      `made`, how many packets were made.
    Source:     Click manual, FastUDPSource. The payload is zeros; the ports go on from where they are after `reset`.
    """

    PORTS: ClassVar[str] = "0/1"
    PROCESSING: ClassVar[str] = "l/l"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "100, 10, 60, 2:0:0:0:0:1, 10.0.0.1, 1234, 2:0:0:0:0:2, 10.0.0.2, 53",
        "0, -1, 100, 2:0:0:0:0:1, 10.0.0.1, 1234, 2:0:0:0:0:2, 10.0.0.2, 53, false, 5",
    )

    rate: Annotated[int, Unsigned()]
    limit: int
    length: Annotated[int, Unsigned(16)]
    srceth: Annotated[int, EtherAddress()]
    srcip: Annotated[int, IPAddress()]
    sport: Annotated[int, Port("udp")]
    dsteth: Annotated[int, EtherAddress()]
    dstip: Annotated[int, IPAddress()]
    dport: Annotated[int, Port("udp")]
    checksum: bool = True
    interval: Annotated[int, Unsigned()] = 0
    active: bool = True

    def originate(self, p: Packet) -> None:
        length = length_of(self.length)
        write_frame(p, length, (self.srceth, self.dsteth), PROTO_UDP, self.srcip, self.dstip)
        sport, dport = Value(ir.Const(self.sport, 16)), Value(ir.Const(self.dport, 16))
        if self.interval:
            steps = p.bind((p.next(ir.Counter("made", 32)) // self.interval).cast(16))
            sport, dport = p.bind(sport + steps), p.bind(dport + steps)
        p.udp.sport, p.udp.dport = sport, dport
        octets = int.from_bytes(size(length), "big")
        p.udp.len = octets
        if self.checksum:
            rest = pseudo_sum(PROTO_UDP, length, self.srcip, self.dstip)
            total = p.bind(~sport.ones_add(dport).ones_add(octets).ones_add(rest))
            p.udp.sum = total + (total == 0).cast(16) * 0xFFFF
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return FastHolder(outputs, self.rate, self.limit, self.active)
