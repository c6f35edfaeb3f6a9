"""IPv4 packets in a holder's hands: their header and what follows as bytes."""

from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.nodes import Mark

LENGTH, OFFSET, CHECKSUM = slice(2, 4), slice(6, 8), slice(10, 12)
DF, MF, OFFSET_MASK = 0x4000, 0x2000, 0x1FFF


def number(data: bytes | bytearray, where: slice) -> int:
    """A field of a header."""
    return int.from_bytes(data[where], "big")


def put_number(data: bytearray, where: slice, value: int) -> None:
    """Set a field of a header."""
    data[where] = (value & 0xFFFF).to_bytes(2, "big")


def bytes_of(packet: PacketBuffer) -> bytearray:
    """All from the network mark to the packet's end."""
    return packet.bytes[packet.marks[Mark.NET] : packet.marks[Mark.END]]


def header_of(packet: PacketBuffer) -> bytearray:
    """The IPv4 header, as long as it says it is, as far as it is there."""
    data = bytes_of(packet)
    return data[: (data[0] & 15) * 4]


def put_header(packet: PacketBuffer, head: bytearray) -> None:
    """Put a header of the same length back."""
    at = packet.marks[Mark.NET]
    packet.bytes[at : at + len(head)] = head


def fill_checksum(head: bytearray) -> None:
    """Compute a header's checksum anew."""
    put_number(head, CHECKSUM, 0)
    put_number(head, CHECKSUM, ones_sum(bytes(head)) ^ 0xFFFF)


def replaced(packet: PacketBuffer, head: bytes | bytearray, payload: bytes | bytearray) -> PacketBuffer:
    """A copy of the packet with another header and payload; the transport mark is behind the header."""
    other = packet.copy()
    at = packet.marks[Mark.NET]
    other.bytes[at:] = bytes(head) + bytes(payload)
    other.marks[Mark.TRANSPORT] = at + len(head)
    other.marks[Mark.END] = len(other.bytes)
    return other
