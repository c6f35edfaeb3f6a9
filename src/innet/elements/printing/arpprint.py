"""ARPPrint."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress, Filename
from innet.elements.base import Element, Role
from innet.elements.ethernet.arp import ARP_BYTES, HARDWARE_ETHERNET, REPLY, REQUEST
from innet.elements.ethernet.frame import ETHERNET_BYTES
from innet.elements.holder import Holder, Io, show_time, timestamp_of
from innet.elements.printing.lines import Printer
from innet.flowspec.names import dotted
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4

FIXED_BYTES, TRAILERS = 8, 0x1000
REVERSE_REQUEST, REVERSE_REPLY, INVERSE_REQUEST, INVERSE_REPLY = 3, 4, 8, 9


def quad(data: bytes) -> str:
    """An IPv4 address."""
    return dotted(int.from_bytes(data, "big"))


def ether(data: bytes) -> str:
    """An Ethernet address."""
    return EtherAddress().show(int.from_bytes(data, "big"))


def message(op: int, arp: bytes) -> str:
    """What an ARP message says, as tcpdump puts it."""
    sha, spa, tha, tpa = arp[8:14], arp[14:18], arp[18:24], arp[24:28]
    match op:
        case _ if op == REQUEST:
            at = f" ({ether(tha)})" if any(tha[: arp[4]]) else ""
            return f"arp who-has {quad(tpa)}{at} tell {quad(spa)}"
        case _ if op == REPLY:
            return f"arp reply {quad(spa)} is-at {ether(sha)}"
        case _ if op == REVERSE_REQUEST:
            return f"rarp who-is {ether(tha)} tell {ether(sha)}"
        case _ if op == REVERSE_REPLY:
            return f"rarp reply {ether(tha)} at {quad(tpa)}"
        case _ if op == INVERSE_REQUEST:
            return f"invarp who-is {ether(tha)} tell {ether(sha)}"
        case _ if op == INVERSE_REPLY:
            return f"invarp reply {ether(tha)} at {quad(tpa)}"
    return f"arp-#{op}"


@dataclass(frozen=True)
class ARPPrint(Element):
    """Print a line about each ARP message, much as tcpdump does.

    Ports:      in 0: packets.  out 0: the same; those without network header annotation pass in silence, as do messages
                that are not for IPv4.
    Arguments:  LABEL.  TIMESTAMP (keyword, bool, default true).  ETHER (keyword, bool, default false): print the
                Ethernet header's addresses, too.  ACTIVE (keyword, bool, default true): print at all.
                OUTFILE (keyword, a file): print there.
    State:      handler `active`.
    Source:     Click manual, ARPPrint.  Bytes that a short message lacks are zero.
    """

    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "arp, TIMESTAMP false, ETHER true")

    label: str = ""
    _: KW_ONLY
    timestamp: bool = True
    ether: bool = False
    active: bool = True
    outfile: Annotated[str | None, Filename()] = None

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        file = None if self.outfile is None else io.create_file(self.outfile)
        return Printer(self.line, self.active, file)

    def line(self, packet: PacketBuffer) -> str | None:
        """What is printed about a packet."""
        net = packet.marks.get(Mark.NET)
        if net is None:
            return None
        line = f"{self.label}: " if self.label else ""
        if self.timestamp:
            line += f"{show_time(timestamp_of(packet))}: "
        if self.ether:
            line += self.addresses(packet, net)
        arp = bytes(packet.bytes[net : packet.marks[Mark.END]])
        if len(arp) < FIXED_BYTES:
            return f"{line}truncated-arp ({len(arp)})"
        arp = arp.ljust(ARP_BYTES, b"\0")
        hardware, protocol, op = (int.from_bytes(arp[at : at + 2], "big") for at in (0, 2, 6))
        if protocol not in (ETHERTYPE_IPV4, TRAILERS) or arp[5] != 4 or arp[4] == 0:
            return None
        line += "trailer-" * (protocol == TRAILERS) + message(op, arp)
        return line + f"hardware #{hardware}" * (hardware != HARDWARE_ETHERNET)

    def addresses(self, packet: PacketBuffer, net: int) -> str:
        """`SRC > DST: ` of the Ethernet header, if there is one in front."""
        at = packet.marks.get(Mark.MAC, packet.marks[Mark.DATA])
        if at + ETHERNET_BYTES > min(net, packet.marks[Mark.END]):
            return ""
        frame = bytes(packet.bytes[at : at + ETHERNET_BYTES])
        return f"{ether(frame[6:12])} > {ether(frame[:6])}: "
