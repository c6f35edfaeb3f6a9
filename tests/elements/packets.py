"""Packets for element tests, and one way to run a single element on them."""

from dataclasses import dataclass

from innet import ir
from innet.elements.base import Element
from innet.ir.interpret import PacketBuffer, State, ones_sum, run
from innet.ir.nodes import Mark
from innet.packet.headers import BY_NAME

TCP, UDP, ICMP = 6, 17, 1


def address(text: str) -> int:
    """A dotted quad as a number."""
    return int.from_bytes(bytes(int(part) for part in text.split(".")), "big")


def ipv4(
    payload: bytes = b"",
    src: str = "10.0.0.1",
    dst: str = "192.0.2.9",
    proto: int = UDP,
    ttl: int = 64,
    tos: int = 0,
    off: int = 0,
    ident: int = 1,
    options: bytes = b"",
    length: int | None = None,
    checksum: int | None = None,
) -> bytes:
    """An IPv4 packet, right unless told otherwise."""
    words = 5 + len(options) // 4
    total = len(payload) + 4 * words if length is None else length
    head = bytearray(
        bytes([0x40 | words, tos])
        + total.to_bytes(2, "big")
        + ident.to_bytes(2, "big")
        + off.to_bytes(2, "big")
        + bytes([ttl, proto, 0, 0])
        + address(src).to_bytes(4, "big")
        + address(dst).to_bytes(4, "big")
        + options
    )
    head[10:12] = ((ones_sum(bytes(head)) ^ 0xFFFF) if checksum is None else checksum).to_bytes(2, "big")
    return bytes(head) + payload


def udp(
    payload: bytes = b"", sport: int = 1000, dport: int = 53, checksum: int = 0, length: int = -1
) -> bytes:
    """A UDP datagram, without checksum unless one is given."""
    numbers = (sport, dport, 8 + len(payload) if length < 0 else length, checksum)
    return b"".join(n.to_bytes(2, "big") for n in numbers) + payload


def tcp(payload: bytes = b"", sport: int = 1000, dport: int = 80, seq: int = 1, ack: int = 2) -> bytes:
    """A TCP segment without options, its checksum zero."""
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    numbers = seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
    return ports + numbers + bytes([0x50, 0x10, 4, 0, 0, 0, 0, 0]) + payload


def transport_sum(packet: bytes) -> int:
    """The one's complement sum of an IPv4 packet's payload and pseudo header: 0xffff if its checksum is right."""
    hlen = packet[0] % 16 * 4
    total = int.from_bytes(packet[2:4], "big")
    pseudo = packet[12:20] + bytes([0, packet[9]]) + (total - hlen).to_bytes(2, "big")
    return ones_sum(pseudo + packet[hlen:total])


def buffer(data: bytes, offset: int | None = 0, **annotations: int) -> PacketBuffer:
    """A packet with its IPv4 header marked `offset` bytes after its start (not, if None), and annotations set."""
    packet = PacketBuffer(data)
    if offset is not None:
        packet.marks[Mark.NET] = offset
        packet.marks[Mark.TRANSPORT] = offset + (data[offset] % 16 * 4 if len(data) > offset else 0)
    for name, value in annotations.items():
        packet.store(field(f"anno.{name}"), value)
    return packet


def field(name: str) -> ir.Field:
    """The IR field called `name`."""
    marks = {"mac": Mark.MAC, "net": Mark.NET, "transport": Mark.TRANSPORT, "anno": Mark.ANNOTATION}
    f = BY_NAME[name]
    return ir.Field(marks[f.header.value], f.bit, f.width)


@dataclass
class Result:
    """What became of a packet: the output it left by or the reason of its drop, itself, and copies sent before."""

    to: int | str
    packet: PacketBuffer
    copies: list[tuple[int, PacketBuffer]]

    @property
    def data(self) -> bytes:
        return self.packet.data

    def __getitem__(self, name: str) -> int:
        return self.packet.load(field(name))


def send(
    element: Element, data: bytes | PacketBuffer, outputs: int = 1, state: State | None = None, port: int = 0
) -> Result:
    """Run `element`, of which `outputs` outputs are in use, on a packet that arrives on input `port`."""
    assert not element.problems(port + 1, outputs)
    packet = buffer(data) if isinstance(data, bytes) else data
    outcome = run(element.trace(port, outputs, "e", port + 1), packet, state or State())
    match outcome.verdict:
        case ir.Emit(to):
            return Result(to, packet, outcome.copies)
        case ir.Drop(reason):
            return Result(reason, packet, outcome.copies)
    return Result("held", packet, outcome.copies)


def ip_checksum_right(packet: bytes) -> bool:
    """Whether an IPv4 header's checksum is right."""
    return ones_sum(packet[: 4 * (packet[0] & 15)]) == 0xFFFF


def icmp_checksum_right(packet: bytes) -> bool:
    """Whether the checksum of an ICMP message in an IPv4 packet is right."""
    return ones_sum(packet[4 * (packet[0] & 15) :]) == 0xFFFF
