"""The names that Click configurations know by heart: annotations, protocols, ports, ICMP types, TCP flags.

In-Net reads no services or protocols file of the host: what a configuration means must not depend on the machine.
"""

from collections.abc import Mapping
from typing import NamedTuple


class AnnotationName(NamedTuple):
    """`size` bytes of the annotation area from byte `offset` on."""

    offset: int
    size: int


ANNOTATION_BYTES = 48
"""The size of the annotation area."""

ANNOTATIONS: Mapping[str, AnnotationName] = {
    name: AnnotationName(offset, size)
    for name, offset, size in (
        ("DST_IP", 0, 4), ("DST_IP6", 0, 16), ("PAINT", 16, 1), ("ICMP_PARAMPROB", 17, 1), ("FIX_IP_SRC", 19, 1),
        ("VLAN_TCI", 20, 2), ("VLAN", 20, 2), ("AGGREGATE", 20, 4), ("FWD_RATE", 20, 4), ("MISC_IP", 20, 4),
        ("EXTRA_PACKETS", 24, 4), ("REV_RATE", 24, 4), ("IPREASSEMBLER", 28, 4), ("EXTRA_LENGTH", 28, 4),
        ("FIRST_TIMESTAMP", 32, 8), ("PACKET_NUMBER", 32, 4), ("IPSEC_SPI", 32, 4), ("SEQUENCE_NUMBER", 36, 4),
        ("PERFCTR", 40, 8), ("WIFI_EXTRA", 16, 24),
    )
}  # fmt: skip
"""Click's annotation names; overlaps are meant."""

PROTOCOLS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "sctp": 132,
}  # fmt: skip
"""IP protocols."""

PORTS: Mapping[str, int] = {
    "auth": 113, "bootpc": 68, "bootps": 67, "chargen": 19, "daytime": 13, "discard": 9, "dns": 53, "domain": 53,
    "echo": 7, "finger": 79, "ftp": 21, "ftp-data": 20, "http": 80, "https": 443, "imap3": 220, "imaps": 993,
    "irc": 194, "netbios-dgm": 138, "netbios-ns": 137, "netbios-ssn": 139, "nntp": 119, "ntp": 123, "pop3": 110,
    "pop3s": 995, "pptp": 1723, "rip": 520, "route": 520, "smtp": 25, "snmp": 161, "snmp-trap": 162, "ssh": 22,
    "sunrpc": 111, "telnet": 23, "tftp": 69, "www": 80,
}  # fmt: skip
"""TCP and UDP ports: Click's list, and `http`."""

ICMP_TYPES: Mapping[str, int] = {
    "echo-reply": 0, "unreachable": 3, "sourcequench": 4, "redirect": 5, "echo": 8, "routeradvert": 9,
    "routersolicit": 10, "timeexceeded": 11, "parameterproblem": 12, "timestamp": 13, "timestamp-reply": 14,
    "inforeq": 15, "inforeq-reply": 16, "maskreq": 17, "maskreq-reply": 18,
}  # fmt: skip
"""ICMP types (RFC 792, RFC 950, RFC 1256)."""

ICMP_CODES: Mapping[int, Mapping[str, int]] = {
    3: {
        "net": 0, "host": 1, "protocol": 2, "port": 3, "needfrag": 4, "srcroutefail": 5, "netunknown": 6,
        "hostunknown": 7, "isolated": 8, "netprohibited": 9, "hostprohibited": 10, "tosnet": 11, "toshost": 12,
        "filterprohibited": 13, "hostprecedence": 14, "precedencecutoff": 15,
    },
    5: {"net": 0, "host": 1, "tosnet": 2, "toshost": 3},
    11: {"transit": 0, "reassembly": 1},
    12: {"erroratptr": 0, "missingopt": 1, "length": 2},
}  # fmt: skip
"""ICMP codes by type (RFC 792, RFC 1122 section 3.2.2, RFC 1812 section 5.2.7)."""

TCP_FLAGS: Mapping[str, int] = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32}
"""Bits of byte 13 of the TCP header."""
