"""Segments that are joined before a module and cut behind it, at random: no rule that is said to hold is broken.

Two filters of a box, one each way, and the filter of a module between them, most of the time so that one lets pass just
what another does not. What may then come out is sent through in fact: segments through the box, those that pass joined
as receive offload does it (Linux's tcp_gro_receive), the module, pieces as segmentation offload makes them, the box.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest

from innet.diagnostics import Source
from innet.elements.base import Role
from innet.explore import resized
from innet.explore.machine import Machine, device_of
from innet.explore.replay import enter, memory, module_frame
from innet.messages import Answer
from innet.verify.world import machine_of
from tests.elements.packets import ipv4, tcp, transport_sum
from tests.verify.networks import PASS, ask, chain, run

STRANGER, MODULE, SINK = "203.0.113.9", "198.51.100.1", "203.0.113.77"
RULE = f"never new reach from internet tcp and src host {STRANGER} -> M:out -> internet"
ETHERNET = bytes(12) + b"\x08\x00"
FIN, PSH, ACK = 1, 8, 16
LINK, SIZES = 1500, (536, 1460)
"""Bytes of a packet that a link carries, and of data in pieces."""
SEEDS, A_TEST, STREAMS = 60, 15, 40

TESTS = (
    *(f"ip len {how} {size}" for how in "><" for size in (100, 600, 1000, 1500, 2000)),
    "tcp opt fin", "tcp opt psh", "ip[60:1] = 0x41", "ip[60:1] = 0x42", "ip[1200:1] = 0x41", "ip id 7", "dst port 80",
    "src port 99", "ip[2:2] & 1 = 1", "ip[24:4] = 1000", "ip[36:2] = 5",
)  # fmt: skip


def condition(choose: Random, depth: int = 0) -> str:
    kind = choose.random()
    if depth < 2 and kind < 0.45:
        parts = condition(choose, depth + 1), condition(choose, depth + 1)
        return f"({choose.choice((' && ', ' || ')).join(parts)})"
    return f"!({condition(choose, depth + 1)})" if depth < 2 and kind < 0.6 else choose.choice(TESTS)


def filters(choose: Random) -> tuple[str, str, str]:
    """Of the box on the way in, of the module, and of the box on the way out."""
    first, second, third = (condition(choose) for _ in range(3))
    if choose.random() < 0.5:
        return first, f"!({first})", choose.choice(("tcp", third))
    return choose.choice(("tcp", first)), second, f"!({second})"


def box_text(inward: str, outward: str) -> str:
    return "".join(
        f"FromDevice({a}) -> MarkIPHeader(14) -> IPFilter(allow {one}) -> ToDevice({b});"
        for a, one, b in (("outside", inward, "inside"), ("inside", outward, "outside"))
    )


@dataclass(frozen=True)
class Segment:
    """A TCP segment of one connection, or several in one."""

    target: str
    ports: tuple[int, int]
    number: int
    identifier: int
    flags: int
    data: bytes

    @property
    def frame(self) -> bytes:
        text = bytearray(tcp(self.data, *self.ports, seq=self.number, ack=1))
        text[13] = self.flags
        whole = bytearray(ipv4(bytes(text), STRANGER, self.target, proto=6, ident=self.identifier))
        whole[36:38] = (transport_sum(bytes(whole)) ^ 0xFFFF).to_bytes(2, "big")
        return ETHERNET + bytes(whole)

    @classmethod
    def of(cls, frame: bytes) -> "Segment":
        """The segment in a frame, whose headers have no options."""
        numbers = struct.unpack("!HHI", frame[34:42])
        target = ".".join(map(str, frame[30:34]))
        return cls(
            target, numbers[:2], numbers[2], int.from_bytes(frame[18:20], "big"), frame[47], frame[54:]
        )


def segments(choose: Random) -> list[Segment]:
    """A few in order; all but the last are of one size."""
    count, size = choose.choice((1, 1, 2, 2, 3)), choose.choice((30, 400, 900, 1448, 1460))
    ports = choose.choice((99, 5)), choose.choice((80, 81))
    number, identifier = choose.choice((1000, 7)), choose.choice((7, 6, 5, 0, 100))
    found = []
    for n in range(count):
        last = n + 1 == count
        length = choose.choice((1, 30, size - 1, size)) if last else size
        flags = ACK | (choose.choice((0, 0, FIN, PSH, FIN | PSH)) if last else 0)
        data = (bytes(choose.choice(b"AB") for _ in range(4)) * (length // 4 + 1))[:length]
        found.append(Segment(MODULE, ports, number, identifier + n, flags, data))
        number += length
    return found


def joined(parts: list[Segment]) -> Segment:
    flags = 0
    for part in parts:
        flags |= part.flags
    return replace(parts[0], flags=flags, data=b"".join(part.data for part in parts))


def pieces(whole: Segment, size: int) -> Iterator[Segment]:
    starts = range(0, len(whole.data), size)
    for n, at in enumerate(starts):
        flags = whole.flags if n + 1 == len(starts) else whole.flags & ~(FIN | PSH)
        data = whole.data[at : at + size]
        yield replace(
            whole, number=whole.number + at, identifier=whole.identifier + n, flags=flags, data=data
        )


def through(machine: Machine, device: str | None, frame: bytes) -> list[bytes]:
    """The frames that leave a box, or a module."""
    found = []
    for entry in machine.with_role(Role.ENTRY):
        if device is None or device_of(machine, entry) == device:
            for _, packet in enter(machine, entry, frame, memory(0)):
                left = module_frame(packet) if device is None else bytes(packet.data)
                found += [] if left is None else [left]
    return found


def gets_out(box: Machine, module: Machine, parts: list[Segment]) -> bool:
    """Whether anything of the segments, joined or not, passes the box, the module, and the box again."""
    passed = [Segment.of(frame) for part in parts for frame in through(box, "outside", part.frame)]
    ways = [[one] for one in passed]
    if all(len(passed[0].data) >= len(one.data) for one in passed):
        ways += [passed[:n] for n in range(2, len(passed) + 1)]
    for way in ways:
        for sent in through(module, None, joined(way).frame):
            size = len(sent) - len(ETHERNET)
            cut = [pieces(Segment.of(sent), some) for some in SIZES] if size > LINK else []
            for frame in (sent, *(one.frame for some in cut for one in some)):
                if through(box, "inside", frame):
                    return True
    return False


def broken(seeds: Iterable[int]) -> list[int]:
    """The seeds whose rule is broken although it is said to hold."""
    wrong = []
    for seed in seeds:
        choose = Random(seed)
        inward, passing, outward = filters(choose)
        text = box_text(inward, outward)
        store = f"IPFilter(allow {passing}) -> StoreIPAddress({SINK}, dst)"
        module = f"FromNetfront() -> {store} -> out :: ToNetfront();"
        if ask(run(chain(text, PASS), "M", module, MODULE), RULE).holds is not Answer.YES:
            continue
        machines = machine_of(Source("box", text)), machine_of(Source("module", module))
        if any(gets_out(*machines, segments(choose)) for _ in range(STREAMS)):
            wrong.append(seed)
    return wrong


@pytest.mark.parametrize("first", range(0, SEEDS, A_TEST))
def test_rules_that_hold_are_not_broken_by_joined_packets_and_pieces(first: int) -> None:
    assert broken(range(first, first + A_TEST)) == []


@pytest.mark.parametrize("forgotten", ["stands_for_joined", "stands_for_pieces"])
def test_it_shows_if_what_cards_make_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    monkeypatch.setattr(resized, forgotten, lambda state, size: True)
    assert broken(range(12))
