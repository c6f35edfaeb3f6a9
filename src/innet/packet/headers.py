"""Every header field once: its name (RFC words), where it stands, and how wide it is."""

from dataclasses import dataclass
from enum import Enum


class Header(Enum):
    """A protocol header, by the mark at which it starts."""

    ETHERNET = "mac"
    NETWORK = "net"
    TRANSPORT = "transport"
    ANNOTATION = "anno"


@dataclass(frozen=True, slots=True)
class HeaderField:
    """`width` bits, `bit` bits after the start of `header`."""

    name: str
    header: Header
    bit: int
    width: int


def _fields(header: Header, *rows: tuple[str, int, int]) -> tuple[HeaderField, ...]:
    return tuple(HeaderField(name, header, bit, width) for name, bit, width in rows)


ETHERNET = _fields(Header.ETHERNET, ("ether.dst", 0, 48), ("ether.src", 48, 48), ("ether.type", 96, 16))
IPV4 = _fields(  # RFC 791 section 3.1, RFC 2474, RFC 3168
    Header.NETWORK,
    ("ip.vers", 0, 4), ("ip.hl", 4, 4), ("ip.tos", 8, 8), ("ip.len", 16, 16), ("ip.id", 32, 16),
    ("ip.off", 48, 16), ("ip.ttl", 64, 8), ("ip.proto", 72, 8), ("ip.sum", 80, 16),
    ("ip.src", 96, 32), ("ip.dst", 128, 32),
)  # fmt: skip
IPV6 = _fields(  # RFC 8200 section 3; an address is two numbers, since 64 bits are the most that one has
    Header.NETWORK,
    ("ip6.vers", 0, 4), ("ip6.class", 4, 8), ("ip6.flow", 12, 20), ("ip6.plen", 32, 16),
    ("ip6.nxt", 48, 8), ("ip6.hlim", 56, 8),
    ("ip6.src_high", 64, 64), ("ip6.src_low", 128, 64), ("ip6.dst_high", 192, 64), ("ip6.dst_low", 256, 64),
)  # fmt: skip
ARP = _fields(  # RFC 826, for IPv4 over Ethernet; stands where the network header does
    Header.NETWORK,
    ("arp.hrd", 0, 16), ("arp.pro", 16, 16), ("arp.hln", 32, 8), ("arp.pln", 40, 8), ("arp.op", 48, 16),
    ("arp.sha", 64, 48), ("arp.spa", 112, 32), ("arp.tha", 144, 48), ("arp.tpa", 192, 32),
)  # fmt: skip
TCP = _fields(  # RFC 9293 section 3.1
    Header.TRANSPORT,
    ("tcp.sport", 0, 16), ("tcp.dport", 16, 16), ("tcp.seq", 32, 32), ("tcp.ack", 64, 32),
    ("tcp.off", 96, 4), ("tcp.flags", 104, 8), ("tcp.win", 112, 16), ("tcp.sum", 128, 16), ("tcp.urp", 144, 16),
)  # fmt: skip
UDP = _fields(  # RFC 768
    Header.TRANSPORT, ("udp.sport", 0, 16), ("udp.dport", 16, 16), ("udp.len", 32, 16), ("udp.sum", 48, 16)
)
ICMP = _fields(  # RFC 792
    Header.TRANSPORT,
    ("icmp.type", 0, 8), ("icmp.code", 8, 8), ("icmp.sum", 16, 16), ("icmp.rest", 32, 32),
    ("icmp.id", 32, 16), ("icmp.seq", 48, 16),
)  # fmt: skip
ANNOTATIONS = _fields(  # ELEMENTS 2.3; the last three are kept beside Click's 48 bytes
    Header.ANNOTATION,
    ("anno.dst_ip", 0, 32), ("anno.dst_ip6_high", 0, 64), ("anno.dst_ip6_low", 64, 64),
    ("anno.paint", 16 * 8, 8), ("anno.icmp_paramprob", 17 * 8, 8), ("anno.fix_ip_src", 19 * 8, 8),
    ("anno.vlan_tci", 20 * 8, 16), ("anno.aggregate", 20 * 8, 32),
    ("anno.extra_length", 28 * 8, 32),
    ("anno.packet_type", 48 * 8, 8), ("anno.time_s", 52 * 8, 32), ("anno.time_ns", 56 * 8, 32),
)  # fmt: skip

CLICK_ANNOTATION_BYTES = 48
ANNOTATION_BYTES = 64

ALL = ETHERNET + IPV4 + IPV6 + TCP + UDP + ICMP + ANNOTATIONS + ARP
BY_NAME = {f.name: f for f in ALL}

PROTO_ICMP, PROTO_IPIP, PROTO_TCP, PROTO_UDP, PROTO_ICMP6 = 1, 4, 6, 17, 58
ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD


LONGEST_PAYLOAD = (1 << 15) - 1
"""Bytes after the IPv4 header of the longest packet that proofs know of and platforms hand to modules."""


class PacketType:
    """Values of `anno.packet_type`: how the frame was addressed, as the receiving host sees it."""

    HOST, BROADCAST, MULTICAST, OTHERHOST, OUTGOING, LOOPBACK = range(6)
