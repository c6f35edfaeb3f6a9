"""Random packets of every kind: right and wrong, whole and cut, with what an element's arguments speak of."""

import re
from random import Random

from innet.ir.interpret import ones_sum
from tests.elements.ip6packets import ipv6, packed, with_sum
from tests.elements.packets import ICMP, TCP, UDP, address, ipv4, tcp, transport_sum, udp

ADDRESSES = (
    "10.0.0.1",
    "192.0.2.1",
    "192.0.2.10",
    "8.8.8.8",
    "255.255.255.255",
    "224.0.0.5",
    "127.0.0.1",
    "0.0.0.0",
)
PORTS = (53, 80, 1500, 4754, 1024, 40000)
PROTOCOLS = (UDP, TCP, ICMP, 4, 47)
LINKS = (0x020000000002, 0xFFFFFFFFFFFF, 0x01005E000001)
OPTIONS = (
    bytes([1, 1, 1, 0]),
    bytes([131, 7, 4]) + address("203.0.113.5").to_bytes(4, "big") + b"\0",
    bytes([1, 137, 11, 8]) + address("203.0.113.5").to_bytes(4, "big") + bytes([198, 51, 100, 9]),
    bytes([131, 39, 40]) + bytes(range(1, 37)) + b"\0",
    bytes([7, 7, 4, 0, 0, 0, 0, 0]),
    bytes([131, 200, 4, 1]),
    bytes([68, 1, 5, 0]),
    bytes([148, 4, 0, 0]),
)
_QUAD = re.compile(r"\d+\.\d+\.\d+\.\d+")
ADDRESSES6 = ("2001:db8::1", "fe80::2", "ff02::1", "::1", "::")
_ADDRESS6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


class Corpus:
    """Packets for one element: `text` is its arguments, whose addresses and numbers turn up in the packets.

    `options` is how many packets out of one have IPv4 options.
    """

    def __init__(self, rng: Random, text: str = "", options: float = 0.2) -> None:
        self.rng = rng
        self.options = options
        self.addresses = (*ADDRESSES, *(_QUAD.findall(text) * 2))
        self.addresses6 = (*ADDRESSES6, *([a for a in _ADDRESS6.findall(text) if is_address6(a)] * 2))
        self.ports = (*PORTS, *(int(n) for n in _NUMBER.findall(text) if int(n) < 65536))

    def address(self) -> int:
        """An address that packets have, or that the element speaks of."""
        return address(self.rng.choice(self.addresses))

    def frame(self) -> bytes:
        """An Ethernet frame with an IPv4 packet."""
        return self.link() + self.ip()

    def link(self) -> bytes:
        rng = self.rng
        dst = rng.choice((*LINKS, rng.getrandbits(48)))
        src = rng.choice((LINKS[0], rng.getrandbits(48)))
        return dst.to_bytes(6, "big") + src.to_bytes(6, "big") + b"\x08\x00"

    def ip(self) -> bytes:
        """An IPv4 packet whose header is complete; all else may be wrong."""
        rng = self.rng
        proto = rng.choice(PROTOCOLS)
        options = self.route() if rng.random() < self.options else b""
        payload = self.transport(proto)
        off = rng.choice((0x2000, 185, 0x2001)) if rng.random() < 0.12 else rng.choice((0, 0, 0x4000))
        packet = ipv4(
            payload,
            rng.choice(self.addresses),
            rng.choice(self.addresses),
            proto,
            ttl=rng.choice((0, 1, 2, 64, 255)),
            tos=rng.choice((0, 1, 2, 3, 0xB8)),
            off=off,
            ident=rng.getrandbits(16),
            options=options,
        )
        packet = self.right_sums(packet, proto) if not off else packet
        wrong = rng.random()
        if wrong < 0.06:  # a wrong length, the checksum right for it
            length = rng.choice((0, 19, 20, 24, 28, len(packet) - 1, len(packet) + 1, 65535))
            packet = ipv4(payload, proto=proto, off=off, options=options, length=length)
        elif wrong < 0.10:
            packet = packet[:10] + rng.randbytes(2) + packet[12:]
        elif wrong < 0.20:  # cut, its length field telling more
            packet = packet[: rng.randrange(4 * (packet[0] & 15), len(packet) + 1)]
        elif wrong < 0.30:  # the padding of short frames
            packet += bytes(rng.choice((1, 6, 18)))
        return packet

    def route(self) -> bytes:
        """IPv4 options: source routes of every length, right and wrong, and others (RFC 791 section 3.1)."""
        rng = self.rng
        if rng.random() < 0.3:
            return rng.choice(OPTIONS)
        out = b"\x01" * rng.randrange(3)
        for kind in rng.sample((131, 137), rng.choice((1, 1, 2))):
            room = (40 - len(out) - 3) // 4
            length = 3 + 4 * rng.randrange(room + 1) if room >= 0 else 3
            pointer = rng.choice((length + 1, length + 1, 4, 8, 5, 0, length + 5, rng.randrange(4, 44, 4)))
            out += bytes([kind, length, pointer]) + rng.randbytes(length - 3)
        out = out[:40]
        return out + bytes(-len(out) % 4)

    def transport(self, proto: int) -> bytes:
        rng = self.rng
        body = rng.randbytes(rng.choice((0, 0, 1, 4, 20, 60, rng.randrange(200), rng.choice((0, 1400)))))
        sport, dport = rng.choice(self.ports), rng.choice(self.ports)
        match proto:
            case 17:
                length = rng.choice((-1, -1, -1, -1, 4, 8, 9, 2000))
                return udp(body, sport, dport, rng.choice((0, 1)), length)
            case 6:
                head = bytearray(tcp(b"", sport, dport, rng.getrandbits(32), rng.getrandbits(32)))
                head[12] = rng.choice((0x50, 0x50, 0x50, 0x60, 0x40, 0xF0))
                head[13] = rng.choice((0x02, 0x10, 0x11, 0x12, 0x14, 0x04, 0x01, rng.getrandbits(8)))
                return bytes(head) + body
            case 1:
                kind = rng.choice((0, 3, 5, 8, 8, 8, 11, 12, 13))
                if rng.random() < 0.3:  # contents whose sum is zero, one way or the other
                    return bytes([kind, 0, 0, 0]) + rng.choice((bytes(4), b"\xff\xff\0\0"))
                return bytes([kind, rng.choice((0, 1, 4))]) + rng.randbytes(6) + body
            case 4:
                return ipv4(udp(body, sport, dport), rng.choice(self.addresses), rng.choice(self.addresses))
        return body

    def right_sums(self, packet: bytes, proto: int) -> bytes:
        """The packet with its transport checksum right, three times out of four."""
        at = {17: 6, 6: 16, 1: 2}.get(proto)
        if at is None or self.rng.random() < 0.25:
            return packet
        hlen = packet[0] % 16 * 4
        if len(packet) < hlen + at + 2:
            return packet
        if proto == UDP and self.rng.random() < 0.3:
            return packet  # no checksum, or a wrong one
        cleared = bytearray(packet)
        cleared[hlen + at : hlen + at + 2] = b"\0\0"
        total = icmp_sum(bytes(cleared)) if proto == ICMP else transport_sum(bytes(cleared))
        cleared[hlen + at : hlen + at + 2] = ((total ^ 0xFFFF) or (0xFFFF if proto == UDP else 0)).to_bytes(
            2, "big"
        )
        return bytes(cleared)

    def ip6(self) -> bytes:
        """An IPv6 packet with TCP, UDP or ICMPv6 (often a neighbour solicitation); right sums, lengths not always."""
        rng = self.rng
        nxt = rng.choice((UDP, TCP, 58, 58, 44))
        asked = b"\x87\0\0\0\0\0\0\0" + packed(rng.choice(self.addresses6)) + b"\x01\x01" + rng.randbytes(6)
        other = bytes([rng.choice((1, 4, 128)), 0]) + rng.randbytes(rng.choice((2, 6, 40)))
        payload = rng.choice((asked, asked, other)) if nxt == 58 else self.transport(nxt)
        packet = ipv6(
            payload,
            rng.choice(self.addresses6),
            rng.choice(self.addresses6),
            nxt,
            rng.choice((0, 1, 2, 64, 255, 255)),
            rng.choice((0, 0xB8)),
            length=rng.choice((None, None, None, 0, 3, 65535)),
        )
        at = {UDP: 6, TCP: 16, 58: 2}.get(nxt)
        return packet if at is None or len(payload) < at + 2 else with_sum(packet, at)

    def any(self) -> bytes:
        """Any bytes: frames, bare packets, tagged frames, ARP, noise; some of them cut anywhere."""
        rng = self.rng
        link = self.link()
        tag = rng.choice((0x8100, 0x88A8)).to_bytes(2, "big") + rng.getrandbits(16).to_bytes(2, "big")
        packet = rng.choice(
            (
                lambda: link + self.ip(),
                lambda: self.ip(),
                lambda: link[:12] + tag + b"\x08\x00" + self.ip(),
                lambda: link[:12] + b"\x08\x06" + rng.randbytes(28),
                lambda: link[:12] + b"\x86\xdd" + self.ip6(),
                lambda: self.ip6(),
                lambda: rng.randbytes(rng.randrange(80)),
                lambda: bytes(rng.randrange(70)),
            )
        )()
        return packet[: rng.randrange(len(packet) + 1)] if rng.random() < 0.25 else packet


def is_address6(text: str) -> bool:
    """Whether it is an IPv6 address, and no Ethernet address."""
    try:
        return bool(packed(text))
    except ValueError:
        return False


def icmp_sum(packet: bytes) -> int:
    """The one's complement sum of an ICMP message."""
    return ones_sum(packet[packet[0] % 16 * 4 :])
