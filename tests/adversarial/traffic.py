"""Hostile packets and modules at random, and what really leaves a module when such packets come to it."""

from collections.abc import Iterator
from random import Random

from innet.elements.base import OUTSIDE, Role
from innet.explore.machine import Machine
from innet.explore.replay import module_frame
from innet.ir import nodes as ir
from innet.ir.interpret import PacketBuffer, State, run
from innet.platform.ipv4 import checksum

ADDRESS, OWNER, VICTIM = 0xC6336401, 0xAC100F85, 0xCB007109  # 198.51.100.1, 172.16.15.133, 203.0.113.9
STRANGER, ETHERTYPE_LIKE = (
    0xCB00714D,
    0x08004501,
)  # 203.0.113.77, 8.0.69.1: bytes that look like a frame's type
ADDRESSES = (
    OWNER,
    VICTIM,
    STRANGER,
    ETHERTYPE_LIKE,
    0x08080808,
    0xE0000001,
    0xFFFFFFFF,
    0x7F000001,
    0xCB007109,
)
MAX_STEPS = 400

ETHERNET = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x00"


def header(random: Random, source: int, destination: int, proto: int, body: bytes) -> bytes:
    """An IPv4 packet around `body`; options, fragments, lengths and checksums are as bad as they can be."""
    options = bytes(
        random.choice((1, 0x83, 0x44, 0xAC)) for _ in range(4 * random.choice((0, 0, 0, 1, 2, 10)))
    )
    size = 20 + len(options)
    length = size + len(body) if random.random() < 0.9 else random.choice((20, 28, size, 65535))
    fragment = random.choice((0, 0, 0, 0x4000, 0x2000, 0x2003, 0x0010))
    head = bytes((0x40 | size // 4, random.choice((0, 0x45)))) + length.to_bytes(2, "big")
    head += random.choice((b"\0\x01", b"\x45\0")) + fragment.to_bytes(2, "big")
    head += bytes((random.choice((64, 64, 1, 0, 77)), proto)) + b"\0\0"
    head += source.to_bytes(4, "big") + destination.to_bytes(4, "big") + options
    total = checksum(head) if random.random() < 0.9 else 0x1234
    return head[:10] + total.to_bytes(2, "big") + head[12:] + body


def body_of(random: Random, depth: int) -> tuple[int, bytes]:
    """A protocol and what an IPv4 packet of it carries; packets in packets, and bytes that look like addresses."""
    proto = random.choice((17, 17, 17, 6, 6, 1, 4, 4, 47))
    tail = b"".join(
        random.choice((*ADDRESSES, ADDRESS)).to_bytes(4, "big") for _ in range(random.randrange(12))
    )
    tail = tail[: random.choice((len(tail), len(tail) // 2, 3))]
    if proto == 4 and depth:
        inner, content = body_of(random, depth - 1)
        source, destination = (random.choice((*ADDRESSES, ADDRESS)) for _ in range(2))
        return proto, header(random, source, destination, inner, content)
    ports = b"".join(random.choice((7, 53, 80, 1024, 1500, 4000, 40000)).to_bytes(2, "big") for _ in range(2))
    if depth and random.random() < 0.3:
        inner, content = body_of(random, 0)
        tail = header(random, random.choice((*ADDRESSES, ADDRESS)), random.choice(ADDRESSES), inner, content)
    match proto:
        case 17:
            return proto, ports + (8 + len(tail)).to_bytes(2, "big") + b"\0\0" + tail
        case 6:
            flags = random.choice((0x02, 0x10, 0x11, 0x04))
            return proto, ports + bytes(8) + bytes((0x50, flags)) + bytes(6) + tail
        case 1:
            return proto, bytes((random.choice((8, 0, 3)), 0)) + checksum(b"\x08\0" + bytes(6)).to_bytes(
                2, "big"
            ) + tail
    return proto, tail


def frame(random: Random) -> bytes:
    """A frame that a platform may hand to the module."""
    proto, body = body_of(random, 2)
    return ETHERNET + header(random, random.choice(ADDRESSES), ADDRESS, proto, body)


def leaving(
    machine: Machine, packet: PacketBuffer, entry: str, state: State, random: Random
) -> Iterator[bytes]:
    """The frames that leave the module because of one packet; holders let go of it by any of their outputs."""
    work = [(entry, OUTSIDE, packet)]
    for _ in range(MAX_STEPS):
        if not work:
            return
        name, port, one = work.pop()
        outcome = run(machine.program(name, port), one, state)
        out = list(outcome.copies)
        if isinstance(outcome.verdict, ir.Emit):
            out.append((outcome.verdict.port, one))
        elif isinstance(outcome.verdict, ir.Hold):
            if machine.elements[name].ROLE is Role.EXIT:
                sent = module_frame(one.copy())
                if sent is not None:
                    yield sent
            out.append((random.randrange(max(1, machine.outputs(name))), one))
        work += [
            (target, at, copy.copy()) for p, copy in out for target, at in machine.next.get((name, p), ())
        ]


def session(machine: Machine, random: Random, packets: int) -> Iterator[tuple[int | None, set[int], bytes]]:
    """Packets one after the other, tables kept: (source of the cause or None, sources so far, frame that leaves)."""
    state = State()
    seen: set[int] = set()
    entries, makers = machine.with_role(Role.ENTRY), machine.with_role(Role.SOURCE)
    for _ in range(packets):
        if makers and random.random() < 0.1:
            for out in leaving(machine, PacketBuffer(b""), random.choice(makers), state, random):
                yield None, seen, out
            continue
        came = frame(random)
        source = int.from_bytes(came[26:30], "big")
        seen.add(source)
        for entry in entries:
            for out in leaving(machine, PacketBuffer(came), entry, state, random):
                yield source, seen, out
