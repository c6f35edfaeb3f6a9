"""Ask libpcap what flows mean, and write the answers to data/tcpdump_vectors.json: run by hand, not by the tests.

Packets are complete IPv4 packets (link type RAW): on cut ones libpcap gives up where we go on, see `tcpdump`.
"""

import json
import struct
from pathlib import Path

from tests.flowspec.libpcap import Filter, RefusedError, version


def ip(proto: int, payload: bytes, src: str = "10.0.0.1", dst: str = "172.16.15.133", **fields: int) -> bytes:
    """An IPv4 packet; `fields` are tos, id, off, ttl and options (bytes of them)."""
    options = bytes(fields.get("options", 0))
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        fields.get("tos", 0),
        20 + len(options) + len(payload),
        fields.get("id", 7),
        fields.get("off", 0),
        fields.get("ttl", 64),
        proto,
        0,
        bytes(map(int, src.split("."))),
        bytes(map(int, dst.split("."))),
    )
    return header + options + payload


def udp(sport: int, dport: int, data: bytes = b"payload.") -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def tcp(sport: int, dport: int, flags: int = 0x10, data: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", sport, dport, 1000, 2000, 0x50, flags, 8192, 0, 0) + data


def icmp(kind: int, code: int = 0) -> bytes:
    return struct.pack("!BBHHH", kind, code, 0, 1, 1) + b"ping"


PACKETS = {
    "udp 1500": ip(17, udp(4000, 1500)),
    "udp 80": ip(17, udp(80, 99)),
    "udp 443 back": ip(17, udp(443, 80), "172.16.15.133", "10.0.0.1"),
    "syn": ip(6, tcp(1025, 80, 0x02)),
    "syn ack": ip(6, tcp(80, 1025, 0x12), "8.8.8.8", "10.1.2.3"),
    "ack": ip(6, tcp(1025, 80, 0x10), ttl=1, tos=0x10),
    "fin": ip(6, tcp(6003, 22, 0x11), "192.168.1.1", "192.168.1.2"),
    "rst": ip(6, tcp(22, 6008, 0x04), "192.168.1.2", "192.168.1.1"),
    "https": ip(6, tcp(50000, 443, 0x18, b"x" * 80), ttl=255),
    "tcp options": ip(6, tcp(20, 21, 0x02), options=8),
    "udp options": ip(17, udp(53, 53), options=40),
    "first fragment": ip(17, udp(80, 80), off=0x2000),
    "later fragment": ip(17, udp(80, 80), off=0x2005),
    "last fragment": ip(6, tcp(80, 80), off=0x0010),
    "do not fragment": ip(6, tcp(80, 8080), off=0x4000),
    "echo": ip(1, icmp(8)),
    "echo reply": ip(1, icmp(0), "172.16.15.133", "8.8.8.8"),
    "unreachable": ip(1, icmp(3, 1)),
    "sctp": ip(132, udp(80, 5000)),
    "gre": ip(47, bytes(16)),
    "igmp": ip(2, bytes(8), dst="224.0.0.1", ttl=1),
    "esp": ip(50, bytes(20)),
    "multicast": ip(17, udp(5353, 5353), dst="239.1.2.3"),
    "big": ip(17, udp(1, 65535, b"z" * 600), "255.255.255.255", "0.0.0.0", id=0xFFFF, tos=0xFF),
}

FLOWS = """
ip
tcp
udp
icmp
sctp
igmp
esp
ah
not tcp
! tcp and ! udp
proto 47
ip proto 47
proto 47 or 50
ip proto \\tcp
ip proto \\udp or \\icmp
host 10.0.0.1
src host 10.0.0.1
dst host 172.16.15.133
dst 172.16.15.133
src 10.0.0.1 and dst 172.16.15.133
host 10.0.0.1 or 192.168.1.1
not host 10.0.0.1 and not 8.8.8.8
src and dst host 10.0.0.1
src or dst host 8.8.8.8
ip host 8.8.8.8
net 10
net 10.0.0.0/8
src net 192.168
dst net 192.168.1
src and dst net 192.168.1.0/24
net 172.16.0.0 mask 255.240.0.0
dst net 224.0.0.0/4
net 0.0.0.0/0
port 80
not port 80
src port 80
dst port 80
dst port 1500
udp dst port 1500
tcp port 80
tcp src port 80
udp port 80
sctp port 80
src or dst port 443
src and dst port 80
port 80 or 443
tcp port 80 or 443 or 22
tcp dst port 80 or 443 and host 10.0.0.1
port (80 or 443)
not port (80 or 443)
tcp port ftp or ftp-data
portrange 6000-6008
tcp portrange 20-80
dst portrange 1024-65535
src portrange 8080-80
udp or tcp and port 80
tcp and port 80 or udp
udp or (tcp and port 80)
(udp or tcp) and port 80
not udp and not tcp
not (udp or tcp)
not udp or tcp
tcp[tcpflags] & tcp-syn != 0
tcp[tcpflags] & (tcp-syn|tcp-ack) == (tcp-syn|tcp-ack)
tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
tcp[tcpflags] == tcp-syn
tcp[13] & 2 != 0
tcp[13] = 18
(tcp[13] & 0x12) = 0x12
not tcp[13] & 2 != 0
tcp[0:2] = 80
tcp[2:2] > 1023
tcp[2:2] <= 443
tcp[0:2] < tcp[2:2]
tcp[0:4] = 0x04010050
udp[4:2] > 16
udp[0:2] = udp[2:2]
udp[2:2] & 0xff00 = 0
icmp[icmptype] = icmp-echo
icmp[icmptype] = icmp-echo or icmp[icmptype] = icmp-echoreply
icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
icmp[0] = 3 and icmp[icmpcode] = 1
ip[8] < 5
ip[8] = 255
5 > ip[8]
ip[1] & 0x10 != 0
ip[0] & 0xf != 5
ip[0] & 0xf > 5
ip[9] = 17
ip[6:2] & 0x1fff = 0
ip[6:2] & 0x1fff != 0
ip[6:2] & 0x3fff != 0
ip[6] & 0x40 != 0
(ip[6:2] & 0x2000 != 0) and udp
ip[12:4] = 0x0a000001
ip[16] >= 224
ip[2:2] - ((ip[0] & 0xf) << 2) > 20
ip[2:2] > 60
ip[2:2] + 1 = 37
ip[2:2] / 4 = 9
ip[2:2] % 8 = 4
ip[8] * 2 = 128
ip[8] - 65 > 1000
ip[4:2] | 0xff = 0xff
ip[4:2] ^ 7 = 0
ip[8] >> 4 = 4
ip[0] << 8 = 0x4500
-ip[8] = 0xffffffc0
1 + 2 * 3 = 7
ip[1] & 3 + 13 != 0
ip[12:4] = ip[16:4]
len > 60
len <= 36
len = ip[2:2]
greater 100
less 36
ip multicast
ip6
tcp and not tcp[13] & 1 != 0 and dst port 80 or src port 80
not not tcp
not not not tcp
host 10.0.0.1 and not (port 80 or 443)
tcp && port 80 || udp && ! port 53
udp and portrange 1-1024 and src net 10.0.0.0/8
""".strip().splitlines()

REFUSED = """
tcp port
port 65536
port foo-bar-baz
net 10.0.0.1/8
tcp host 10.0.0.1
udp dst 10.0.0.1
10.0.0.1
80
tcp 80
tcp and
and tcp
not
(tcp
tcp)
tcp udp
port 80 90
tcp or 80
tcp[13]
tcp[0:3] = 1
ip[2:2] / 0 = 1
src src 10.0.0.1
icmp port 80
host 10.0.0.0/24
dst proto 6
frobnicate
""".strip().splitlines()


def ask(flow: str) -> str:
    try:
        oracle = Filter(flow, optimize=True)
    except RefusedError as refused:
        return f"error: {refused}"
    return "".join(str(int(oracle.matches(packet))) for packet in PACKETS.values())


def main() -> None:
    table = {
        "oracle": version(),
        "packets": {name: packet.hex() for name, packet in PACKETS.items()},
        "flows": {flow: ask(flow) for flow in FLOWS},
        "refused": {flow: ask(flow) for flow in REFUSED},
    }
    out = Path(__file__).parent / "data" / "tcpdump_vectors.json"
    out.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
