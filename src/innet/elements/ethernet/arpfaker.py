"""ARPFaker."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, IPAddress
from innet.elements.base import Element, Role
from innet.elements.ethernet.arp import REPLY, write_message
from innet.elements.holder import Context, Holder, Io, timestamp
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.trace import Packet

FIRST_NS, INTERVAL_NS = NS, 10 * NS


class Faker(Holder):
    """When the next answer is due."""

    RUNS = True

    def __init__(self) -> None:
        self.due_ns: int | None = None

    def wake_ns(self, context: Context) -> int | None:
        if self.due_ns is None:
            self.due_ns = context.now_ns + FIRST_NS
        return self.due_ns

    def run(self, context: Context) -> bool:
        self.due_ns = context.now_ns + INTERVAL_NS
        packet = PacketBuffer()
        timestamp(packet, context.now_ns)
        context.outside(packet)
        return True


@dataclass(frozen=True)
class ARPFaker(Element):
    """Tell a host an Ethernet address by ARP answers that it did not ask for.

    Ports:      out 0: an ARP reply one second after the start, then every ten seconds.
    Arguments:  DSTIP, DSTETH (addresses of the host that is told); SRCIP, SRCETH (what it is told).
    Source:     Click manual, ARPFaker; RFC 826.
    """

    PORTS: ClassVar[str] = "0/1"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.SOURCE
    EXAMPLES: ClassVar[tuple[str, ...]] = ("10.0.0.2, 2:0:0:0:0:2, 10.0.0.1, 2:0:0:0:0:1",)

    dstip: Annotated[int, IPAddress()]
    dsteth: Annotated[int, EtherAddress()]
    srcip: Annotated[int, IPAddress()]
    srceth: Annotated[int, EtherAddress()]

    def originate(self, p: Packet) -> None:
        write_message(p, self.dsteth, REPLY, (self.srceth, self.srcip), (self.dsteth, self.dstip))
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Faker()
