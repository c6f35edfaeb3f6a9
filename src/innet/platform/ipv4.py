"""The few bytes of a frame that the platform itself looks at, before and after a module's own programs."""

from typing import NamedTuple

ETHERNET_BYTES = 14
ETHERTYPE_IPV4 = b"\x08\x00"
UDP = 17


class Ends(NamedTuple):
    """Source and destination address of a packet, and its length from the IPv4 header."""

    source: int
    destination: int
    length: int


def ends(frame: bytes) -> Ends | None:
    """The ends of an Ethernet frame with a complete IPv4 header: version 4, at least 20 bytes by its own account, all
    of it there (RFC 791 section 3.1; as `FromNetfront` marks it). None for any other frame."""
    if len(frame) < ETHERNET_BYTES + 20 or frame[12:14] != ETHERTYPE_IPV4:
        return None
    if not 0x45 <= frame[14] <= 0x4F or len(frame) < ETHERNET_BYTES + (frame[14] & 15) * 4:
        return None
    return Ends(
        int.from_bytes(frame[26:30], "big"), int.from_bytes(frame[30:34], "big"), len(frame) - ETHERNET_BYTES
    )


def checksum(data: bytes) -> int:
    """The Internet checksum of `data` (RFC 1071): zero over a header whose own is right."""
    total = int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 0xFFFF
    if total == 0 and any(data):
        total = 0xFFFF
    return 0xFFFF - total


def udp(source: tuple[int, int], destination: tuple[int, int], payload: bytes, ttl: int = 64) -> bytes:
    """An IPv4 packet with a UDP datagram (RFC 768), checksums right; ends are (address, port)."""
    length = 8 + len(payload)
    ports = source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    datagram = ports + length.to_bytes(2, "big") + b"\0\0" + payload
    addresses = source[0].to_bytes(4, "big") + destination[0].to_bytes(4, "big")
    total = checksum(addresses + bytes((0, UDP)) + length.to_bytes(2, "big") + datagram) or 0xFFFF
    head = bytes((0x45, 0)) + (20 + length).to_bytes(2, "big") + b"\0\0\x40\0" + bytes((ttl, UDP))
    header = head + checksum(head + b"\0\0" + addresses).to_bytes(2, "big") + addresses
    return header + datagram[:6] + total.to_bytes(2, "big") + payload


def udp_parts(packet: bytes) -> tuple[tuple[int, int], tuple[int, int], bytes] | None:
    """Source, destination and payload of a whole UDP packet; None if it is none, or its checksum is wrong."""
    header = (packet[0] & 15) * 4
    datagram = packet[header : int.from_bytes(packet[2:4], "big")]
    fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
    if packet[9] != UDP or fragment or len(datagram) < 8:
        return None
    pseudo = packet[12:20] + bytes((0, UDP)) + datagram[4:6]
    if datagram[6:8] != b"\0\0" and checksum(pseudo + datagram) != 0:
        return None
    source = int.from_bytes(packet[12:16], "big"), int.from_bytes(datagram[:2], "big")
    destination = int.from_bytes(packet[16:20], "big"), int.from_bytes(datagram[2:4], "big")
    return source, destination, datagram[8:]
