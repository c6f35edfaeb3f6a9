"""What the ARP elements share: tests of frames, and a frame made of a packet, or of nothing (RFC 826)."""

from innet.elements.ethernet.frame import ETHERNET_BYTES, frame
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import ARP, Packet, Value
from innet.packet.headers import CLICK_ANNOTATION_BYTES, ETHERTYPE_ARP, ETHERTYPE_IPV4, PacketType

ARP_BYTES = 28
FRAME_BYTES = ETHERNET_BYTES + ARP_BYTES
HARDWARE_ETHERNET = 1
REQUEST, REPLY = 1, 2
BROADCAST, GROUP_BIT = (1 << 48) - 1, 1 << 40


def header(p: Packet) -> ARP:
    """The ARP header behind the Ethernet header that the packet starts with."""
    return ARP(p, Mark.DATA, ETHERNET_BYTES)


def is_arp(p: Packet, op: int) -> Value:
    """Whether the packet is an Ethernet frame with an ARP message `op` for IPv4; address lengths are not looked at."""
    h = header(p)
    return (
        h.present(ARP_BYTES)
        & (frame(p).type == ETHERTYPE_ARP)
        & (h.hrd == HARDWARE_ETHERNET)
        & (h.pro == ETHERTYPE_IPV4)
        & (h.op == op)
    )


def write_message(
    p: Packet,
    to: Value | int,
    op: int,
    sender: tuple[Value | int, Value | int],
    target: tuple[Value | int, Value | int],
) -> None:
    """Make the packet the frame of an ARP message, to Ethernet address `to`; sender and target are (Ethernet, IPv4).

    Of its annotations, only VLAN_TCI and the time stay.
    """
    p.set_mark(Mark.END, Mark.DATA, FRAME_BYTES)
    p.set_mark(Mark.MAC, Mark.DATA)
    p.set_mark(Mark.NET, Mark.DATA, ETHERNET_BYTES)
    p.clear_mark(Mark.TRANSPORT)
    p.clear_mark(Mark.AUX)
    p.ether.dst, p.ether.src, p.ether.type = to, sender[0], ETHERTYPE_ARP
    h = header(p)
    h.hrd, h.pro, h.hln, h.pln, h.op = HARDWARE_ETHERNET, ETHERTYPE_IPV4, 6, 4, op
    h.sha, h.spa = sender
    h.tha, h.tpa = target
    vlan_tci = p.anno.vlan_tci
    for byte in range(0, CLICK_ANNOTATION_BYTES, 8):
        p.set_raw(Mark.ANNOTATION, byte, 8, 0)
    p.anno.packet_type = PacketType.HOST
    p.anno.vlan_tci = vlan_tci


def message(to: int, op: int, sender: tuple[int, int], target: tuple[int, int]) -> PacketBuffer:
    """The frame of an ARP message, with its headers marked."""
    data = to.to_bytes(6, "big") + sender[0].to_bytes(6, "big") + ETHERTYPE_ARP.to_bytes(2, "big")
    data += HARDWARE_ETHERNET.to_bytes(2, "big") + ETHERTYPE_IPV4.to_bytes(2, "big") + bytes((6, 4, 0, op))
    for ether, address in (sender, target):
        data += ether.to_bytes(6, "big") + address.to_bytes(4, "big")
    packet = PacketBuffer(data)
    packet.marks[Mark.MAC], packet.marks[Mark.NET] = 0, ETHERNET_BYTES
    return packet
