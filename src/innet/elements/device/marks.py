"""How a frame from outside gets its header marks and its packet type."""

from collections.abc import Iterator
from contextlib import contextmanager

from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4, PacketType

ETHERNET_BYTES = 14
BROADCAST = 0xFFFF_FFFF_FFFF


@contextmanager
def ipv4_at(p: Packet, offset: int) -> Iterator[None]:
    """For packets with a complete IPv4 header `offset` bytes after their start: mark it, note its destination, go on.

    Complete: version 4, at least 20 bytes long by its own account, and all of it in the packet. RFC 791 section 3.1.
    """
    first = p.raw(Mark.DATA, offset, 1)
    with p.when((first >= 0x45) & (first <= 0x4F)):
        header = p.bind(((first & 0x0F) << 2).cast(16))
        with p.when(header + offset <= p.length):
            p.set_mark(Mark.NET, Mark.DATA, offset)
            p.set_mark(Mark.TRANSPORT, Mark.NET, 0, header)
            p.anno.dst_ip = p.ip.dst
            yield


def mark_frame(p: Packet) -> None:
    """MAC mark and packet type of an Ethernet frame; IPv4 marks if it is one and its header is complete."""
    p.set_mark(Mark.MAC, Mark.DATA)
    set_packet_type(p)
    with p.when(p.ether.type == ETHERTYPE_IPV4), ipv4_at(p, ETHERNET_BYTES):
        pass


def set_packet_type(p: Packet) -> None:
    """Packet type by the destination address: broadcast, multicast, or this host; in one expression, without a branch,
    since every packet passes here and every branch would double the paths of every proof."""
    dst = p.ether.dst
    group, broadcast = dst.bits(40, 1), dst == BROADCAST
    p.anno.packet_type = (group.cast(8) << 1) - broadcast.cast(8)


assert (PacketType.HOST, PacketType.BROADCAST, PacketType.MULTICAST) == (0, 1, 2), (
    "set_packet_type counts on it"
)
