"""Packets as an attacker would make them: what proofs cannot solve for is tried with these."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass

from innet import ir
from innet.elements.base import OUTSIDE, Role
from innet.explore.machine import Machine
from innet.explore.witness import with_transport_sum
from innet.ir.interpret import ones_sum
from innet.packet.headers import PROTO_TCP, PROTO_UDP

ETHERNET = bytes.fromhex("0200000000020200000000010800")
"""The header of the frames of examples: a platform writes its own, so that no example may hang on it."""
PROTO_IPIP = 4
MAX_WORDS = 8
LARGE = 30_000
"""Bytes of payload of a packet that is to weigh much."""


def packet(
    source: int,
    destination: int,
    proto: int,
    body: bytes,
    options: bytes = b"",
    fragment: int = 0,
    number: int = 1,
) -> bytes:
    """An IPv4 packet with right checksums, its transport one too; `fragment` are flags and offset, as in the header."""
    size = 20 + len(options)
    head = bytes((0x40 | size // 4, 0)) + (size + len(body)).to_bytes(2, "big") + number.to_bytes(2, "big")
    head += fragment.to_bytes(2, "big") + bytes((64, proto, 0, 0))
    head += source.to_bytes(4, "big") + destination.to_bytes(4, "big") + options
    total = ~ones_sum(head) & 0xFFFF
    whole = head[:10] + total.to_bytes(2, "big") + head[12:]
    return whole + with_transport_sum(whole, body)


def udp(source: int, destination: int, payload: bytes, ports: tuple[int, int] = (40000, 80)) -> bytes:
    """A UDP packet."""
    sport, dport = (port.to_bytes(2, "big") for port in ports)
    body = sport + dport + (8 + len(payload)).to_bytes(2, "big") + bytes(2) + payload
    return packet(source, destination, PROTO_UDP, body)


def sequences(machine: Machine, sources: Sequence[int], address: int, victim: int) -> Iterator[list[bytes]]:
    """Frames for a module at `address`, in sequences: tunnels, fragments, options, words, addresses in payloads."""
    named = victim.to_bytes(4, "big")
    for source in sources:
        inner = udp(victim, victim ^ 1, named * 8)
        tunnel = packet(source, address, PROTO_IPIP, inner)
        yield [ETHERNET + tunnel]
        yield [*(ETHERNET + part for part in _fragments(source, address, PROTO_IPIP, inner))]
        yield [ETHERNET + udp(source, address, inner)]
        yield [ETHERNET + udp(source, address, named * 12)]
        yield [ETHERNET + udp(source, address, named * 12)] * 2
        for kind in _options(machine):
            option = bytes((kind, 7, 4)) + named + b"\0"
            yield [ETHERNET + packet(source, address, PROTO_UDP, udp(source, address, b"")[20:], option)]
        for word in _words(machine):
            yield [ETHERNET + udp(source, address, word * 2)]
    if len(sources) > 1:
        parts = _fragments(sources[0], address, PROTO_UDP, bytes(24))[:1]
        parts.append(packet(sources[-1], address, PROTO_UDP, named * 8, fragment=1))
        yield [ETHERNET + part for part in parts]


def _fragments(source: int, address: int, proto: int, body: bytes) -> list[bytes]:
    """A packet in two fragments, the first one of 24 bytes."""
    first, rest = body[:24], body[24:]
    return [
        packet(source, address, proto, first, fragment=0x2000),
        *([packet(source, address, proto, rest, fragment=3)] if rest else []),
    ]


def plain(frame: bytes) -> bytes:
    """The frame with the header that examples have."""
    return ETHERNET + frame[14:]


def varied(frame: bytes, number: int) -> bytes:
    """The frame as of another flow: with another source port, if it has ports."""
    ip = frame[14:]
    size = 4 * (ip[0] & 15)
    first = not int.from_bytes(ip[6:8], "big") & 0x1FFF
    if ip[9] not in (PROTO_UDP, PROTO_TCP) or not first or len(ip) < size + 20:
        return frame
    port = (int.from_bytes(ip[size : size + 2], "big") + number) & 0xFFFF
    body = port.to_bytes(2, "big") + ip[size + 2 :]
    return frame[: 14 + size] + with_transport_sum(ip[:size], body)


def turned(frame: bytes, source: int | None = None) -> bytes:
    """A packet the other way: addresses and ports change places; from `source`, if it is given."""
    ip = frame[14:]
    size = 4 * (ip[0] & 15)
    head = bytearray(ip[:size])
    head[12:20] = ip[16:20] + ip[12:16]
    if source is not None:
        head[12:16] = source.to_bytes(4, "big")
    head[8] = 64
    head[10:12] = bytes(2)
    head[10:12] = (~ones_sum(bytes(head)) & 0xFFFF).to_bytes(2, "big")
    body = ip[size:]
    if ip[9] in (PROTO_UDP, PROTO_TCP) and not int.from_bytes(ip[6:8], "big") & 0x1FFF and len(body) >= 4:
        body = body[2:4] + body[:2] + body[4:]
    return frame[:14] + bytes(head) + with_transport_sum(bytes(head), body)


def from_other(frame: bytes, number: int) -> bytes:
    """The frame as sent by another host."""
    ip = bytearray(frame[14:])
    size = 4 * (ip[0] & 15)
    source = int.from_bytes(ip[12:16], "big") ^ number
    ip[12:16] = source.to_bytes(4, "big")
    ip[10:12] = bytes(2)
    ip[10:12] = (~ones_sum(bytes(ip[:size])) & 0xFFFF).to_bytes(2, "big")
    return frame[:14] + bytes(ip[:size]) + with_transport_sum(bytes(ip[:size]), bytes(ip[size:]))


def large(frame: bytes) -> bytes:
    """The frame with a long payload."""
    ip = frame[14:]
    size = 4 * (ip[0] & 15)
    head = bytearray(ip[:size])
    head[2:4] = (size + LARGE).to_bytes(2, "big")
    head[10:12] = bytes(2)
    head[10:12] = (~ones_sum(bytes(head)) & 0xFFFF).to_bytes(2, "big")
    body = ip[size:].ljust(LARGE, b"\0")[:LARGE]
    return frame[:14] + bytes(head) + with_transport_sum(bytes(head), body)


def _words(machine: Machine) -> list[bytes]:
    """What the configuration itself looks for: the strings and bytes among its elements' arguments."""
    found: dict[bytes, None] = {}

    def visit(value: object) -> None:
        if isinstance(value, bytes) and len(value) > 1:
            found[value] = None
        elif isinstance(value, str) and len(value) > 1:
            found[value.encode("latin-1", "replace")] = None
        elif isinstance(value, tuple | list):
            for one in value:
                visit(one)

    for element in machine.elements.values():
        if is_dataclass(element):
            for f in fields(element):
                visit(getattr(element, f.name))
    return list(found)[:MAX_WORDS]


def _options(machine: Machine) -> list[int]:
    """The IPv4 options that the configuration looks for."""
    found: dict[int, None] = {}

    def visit(block: ir.Block) -> None:
        for stmt in block:
            if isinstance(stmt, ir.FindOption):
                found.update(dict.fromkeys(stmt.kinds))
            elif isinstance(stmt, ir.Branch):
                visit(stmt.then)
                visit(stmt.otherwise)

    for name, element in machine.elements.items():
        outside = [OUTSIDE] if element.ROLE in (Role.ENTRY, Role.SOURCE) else []
        for port in (*range(machine.inputs(name)), *outside):
            visit(machine.program(name, port).body)
    return list(found)


__all__ = ["from_other", "large", "packet", "plain", "sequences", "turned", "udp", "varied"]
