"""The platform's own elements around every module: what proofs assume of packets is enforced here, on each one.

Into a module go IPv4 packets that do not claim its own address as source; out of it go IPv4 packets that are not
addressed to it, with the platform's Ethernet addresses (DESIGN section 9). They are elements like all others, so that
they run in the kernel and in the interpreter alike; no configuration can name them.
"""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.device.marks import ETHERNET_BYTES, mark_frame
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4, LONGEST_PAYLOAD


@dataclass(frozen=True)
class EntryGate(Element):
    """Frames for the module at `address`: out 0, unchanged.

    Drops: "not an IPv4 packet with a complete header", "source is the module's own address",
           "longer than any packet of the proof".
    """

    PORTS: ClassVar[str] = "0/1"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.ENTRY

    address: int

    def receive(self, p: Packet) -> None:
        mark_frame(p)
        with p.when(~p.marked(Mark.NET)):
            p.drop("not an IPv4 packet with a complete header")
        with p.when(p.ip.src == self.address):
            p.drop("source is the module's own address")
        with p.when(p.distance(Mark.TRANSPORT, Mark.END) > LONGEST_PAYLOAD):
            p.drop("longer than any packet of the proof")
        p.emit(0)


@dataclass(frozen=True)
class ExitGate(Element):
    """Packets that the module at `address` sends: out 0, as frames with the Ethernet addresses `destination` and
    `source`, marked as on arrival.

    Drops: "shorter than an Ethernet header", "not an IPv4 packet", "longer than the interface takes", "addressed to the
           module itself".
    """

    PORTS: ClassVar[str] = "1/1"
    PROCESSING: ClassVar[str] = "h/h"

    address: int
    destination: int
    source: int
    mtu: int | None = None

    def push(self, p: Packet, port: int) -> None:
        ethernet = p.marked(Mark.MAC) & (p.distance(Mark.MAC, Mark.DATA) == 0)
        with p.when(~ethernet):
            p.set_mark(Mark.DATA, Mark.DATA, -ETHERNET_BYTES)
            p.set_mark(Mark.MAC, Mark.DATA)
            p.ether.type = ETHERTYPE_IPV4
        with p.when(~p.present(Mark.MAC, 0, ETHERNET_BYTES)):
            p.drop("shorter than an Ethernet header")
        p.ether.dst, p.ether.src = self.destination, self.source
        for mark in (Mark.NET, Mark.TRANSPORT, Mark.AUX):
            p.clear_mark(mark)
        mark_frame(p)
        with p.when(~p.marked(Mark.NET)):
            p.drop("not an IPv4 packet")
        if self.mtu is not None:  # the kernel would drop it too, and tell nobody
            with p.when(p.distance(Mark.NET, Mark.END) > self.mtu):
                p.drop("longer than the interface takes")
        with p.when(p.ip.dst == self.address):
            p.drop("addressed to the module itself")
        p.emit(0)
