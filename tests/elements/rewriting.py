"""A small bench: packets through elements joined by hand, captures of the conformance vectors in and out."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from innet import ir
from innet.elements.base import Element
from innet.flowspec import names
from innet.ir.interpret import PacketBuffer, State, run
from innet.ir.nodes import Mark
from innet.packet import capture

TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, ACK = 1, 2, 4, 16
VECTORS = Path(__file__).parent.parent / "vectors"


def packets(vector: str, name: str) -> list[bytes]:
    """The packets of a capture of a vector."""
    with open(VECTORS / vector / name, "rb") as stream:
        return [record.data for record in capture.read(stream)]


def inputs(vector: str, checksum: bool = True) -> list[PacketBuffer]:
    """What CheckIPHeader lets through of a vector's input."""
    found = (check_ip_header(data, checksum) for data in packets(vector, "in0.pcap"))
    return [packet for packet in found if packet is not None]


def expected(vector: str) -> dict[int, list[bytes]]:
    """What each ToDump of a vector wrote."""
    files = sorted((VECTORS / vector / "expected").glob("out*.pcap"))
    return {int(f.stem[3:]): packets(vector, f"expected/{f.name}") for f in files}


def check_ip_header(data: bytes, checksum: bool) -> PacketBuffer | None:
    """CheckIPHeader: marks, cuts to the IP length, sets the destination annotation; None for a bad header."""
    header = (data[0] & 15) * 4 if data else 0
    if len(data) < 20 or data[0] >> 4 != 4 or header < 20 or header > len(data):
        return None
    length = int.from_bytes(data[2:4], "big")
    if length > len(data) or length < header:
        return None
    if checksum and sum(int.from_bytes(data[n : n + 2], "big") for n in range(0, header, 2)) % 0xFFFF:
        return None
    return marked(data[:length])


def marked(data: bytes) -> PacketBuffer:
    """An IPv4 packet with its marks and its destination annotation."""
    packet = PacketBuffer(data)
    packet.marks[Mark.NET] = 0
    packet.marks[Mark.TRANSPORT] = (data[0] & 15) * 4
    packet.annotations[:4] = data[16:20]
    return packet


class Instance:
    """One element of a router: `push` gives the outputs and packets that come of a packet."""

    def __init__(
        self, element: Element, name: str = "", inputs: int = 1, outputs: int = 1, state: State | None = None
    ) -> None:
        assert element.problems(inputs, outputs) == ()
        self.name = name or type(element).__name__
        self.state = state or State()
        self.programs = [element.trace(n, outputs, self.name, inputs) for n in range(inputs)]

    def push(self, packet: PacketBuffer, port: int = 0) -> list[tuple[int, PacketBuffer]]:
        outcome = run(self.programs[port], packet, self.state)
        self.verdict = outcome.verdict
        last = [(outcome.verdict.port, packet)] if isinstance(outcome.verdict, ir.Emit) else []
        return outcome.copies + last

    @property
    def reason(self) -> str:
        """Why the last packet was dropped; empty if it was not."""
        return self.verdict.reason if isinstance(self.verdict, ir.Drop) else ""


def collect(
    count: int, feed: list[PacketBuffer], through: Callable[[PacketBuffer], list[tuple[int, PacketBuffer]]]
) -> dict[int, list[bytes]]:
    """The bytes that come out on each of `count` outputs."""
    out: dict[int, list[bytes]] = {n: [] for n in range(count)}
    for packet in feed:
        for port, result in through(packet):
            out[port].append(result.data)
    return out


class Tuple(NamedTuple):
    """What tells flows apart; ports are -1 where there are none."""

    proto: int
    saddr: int
    sport: int
    daddr: int
    dport: int


def tuple_of(packet: PacketBuffer) -> Tuple:
    data = packet.data
    at = (data[0] & 15) * 4
    first = int.from_bytes(data[6:8], "big") & 0x1FFF == 0 and len(data) >= at + 4
    sport, dport = (int.from_bytes(data[n : n + 2], "big") if first else -1 for n in (at, at + 2))
    saddr, daddr = (int.from_bytes(data[n : n + 4], "big") for n in (12, 16))
    return Tuple(data[9], saddr, sport, daddr, dport)


def address(text: str) -> int:
    number = names.address(text)
    assert number is not None
    return number


def packet(
    source: str, destination: str, proto: int = UDP, flags: int = 0, payload: bytes = b"", sum_: int = 0
) -> PacketBuffer:
    """An IPv4 packet from `address:port` to `address:port`; its IP checksum is zero."""
    (saddr, sport), (daddr, dport) = (text.split(":") for text in (source, destination))
    ports = int(sport).to_bytes(2, "big") + int(dport).to_bytes(2, "big")
    if proto == TCP:
        transport = ports + bytes(8) + bytes((0x50, flags)) + bytes(2) + sum_.to_bytes(2, "big") + bytes(2)
    else:
        transport = ports + (8 + len(payload)).to_bytes(2, "big") + sum_.to_bytes(2, "big")
    transport += payload
    head = b"\x45\0" + (20 + len(transport)).to_bytes(2, "big") + bytes(4) + bytes((64, proto)) + bytes(2)
    ends = address(saddr).to_bytes(4, "big") + address(daddr).to_bytes(4, "big")
    return marked(head + ends + transport)


def shown(result: list[tuple[int, PacketBuffer]]) -> str:
    """`OUTPUT SOURCE > DESTINATION` of the one packet that came out, or an empty string."""
    if not result:
        return ""
    [(port, out)] = result
    n = tuple_of(out)
    return f"{port} {names.dotted(n.saddr)}:{n.sport} > {names.dotted(n.daddr)}:{n.dport}"


def full_sum(data: bytes) -> int:
    """The checksum field that makes a packet's UDP checksum right (RFC 768)."""
    pseudo = data[12:20] + bytes((0, data[9])) + (len(data) - 20).to_bytes(2, "big")
    padded = pseudo + data[20:] + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[n : n + 2], "big") for n in range(0, len(padded), 2))
    return (0xFFFF - total % 0xFFFF) % 0xFFFF
