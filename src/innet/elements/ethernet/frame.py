"""What the Ethernet elements share: guards, and a new header in front."""

from innet.ir.nodes import Mark
from innet.ir.trace import Ethernet, Packet, Value

NO_ETHERNET_HEADER = "no Ethernet header"
ETHERNET_BYTES, VLAN_BYTES, TAG_BYTES = 14, 18, 4
ETHERTYPE_VLAN = 0x8100
VLAN_ID = 0x0FFF


def require_ethernet_header(p: Packet, length: int = ETHERNET_BYTES) -> None:
    """Drop packets of fewer than `length` bytes."""
    with p.when(~p.present(Mark.DATA, 0, length)):
        p.drop(NO_ETHERNET_HEADER)


def frame(p: Packet, offset: int = 0) -> Ethernet:
    """The Ethernet header `offset` bytes after the packet's start."""
    return Ethernet(p, Mark.DATA, offset)


def mark_header(p: Packet, length: int) -> None:
    """The MAC header starts where the packet does and is `length` bytes long; the network header follows."""
    p.set_mark(Mark.MAC, Mark.DATA)
    p.set_mark(Mark.NET, Mark.DATA, length)


def put_header(p: Packet, dst: Value | int, src: Value | int, ethertype: int) -> None:
    """Put an Ethernet header in front of the packet, and mark it."""
    p.unstrip(ETHERNET_BYTES)
    mark_header(p, ETHERNET_BYTES)
    p.ether.dst, p.ether.src, p.ether.type = dst, src, ethertype


def put_tagged_header(p: Packet, dst: int, src: int, tci: Value | int, ethertype: int) -> None:
    """Put an Ethernet header with an IEEE 802.1Q tag in front of the packet, and mark it."""
    p.unstrip(VLAN_BYTES)
    mark_header(p, VLAN_BYTES)
    p.ether.dst, p.ether.src, p.ether.type = dst, src, ETHERTYPE_VLAN
    p.set_raw(Mark.DATA, 14, 2, tci)
    p.set_raw(Mark.DATA, 16, 2, ethertype)
