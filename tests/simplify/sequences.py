"""A module as it is written and made smaller, on the same packets one after another: whatever it does, both do."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from random import Random

from innet import ir
from innet.elements.base import OUTSIDE, Role
from innet.explore.machine import Machine
from innet.explore.replay import module_frame
from innet.ir.interpret import PacketBuffer, State, run
from innet.platform.gates import EntryGate
from innet.platform.ipv4 import checksum
from innet.simplify import Simplified, handed_over, simplify
from tests.adversarial.traffic import ADDRESS, ADDRESSES, ETHERNET, frame

GATE = EntryGate(ADDRESS).trace(OUTSIDE, 1, "gate", 0)
STEP_NS = 1_000_000
MAX_STEPS = 400


class Difference(AssertionError):  # noqa: N818 - what the tests look for
    """The two do not do the same with a packet."""


def with_programs(machine: Machine, programs: Mapping[tuple[str, int], ir.Program]) -> Machine:
    """The same configuration with other programs."""
    other = copy(machine)
    other._programs = {**machine._programs, **programs}
    return other


def smaller(machine: Machine, watched: frozenset[str] = frozenset()) -> Simplified:
    """What is left of a module at `ADDRESS`."""
    return simplify(machine, handed_over(machine, GATE, ADDRESS), watched)


Event = tuple[str, int, bytes, bytes, ir.Verdict]
"""Element, input, what left it (or was dropped) and with which annotations, verdict."""


@dataclass
class Running:
    """A module with its state. What elements hold leaves at once, by any of their outputs."""

    machine: Machine
    state: State = field(default_factory=State)
    random: Random = field(default_factory=lambda: Random(1))

    def take(self, frame: bytes, now: int) -> tuple[list[bytes | None], list[Event]]:
        """The frames that leave because of one that the platform hands over, and what happened on the way."""
        self.state.clock = lambda: now
        packet = PacketBuffer(frame)
        if not isinstance(run(GATE, packet, self.state).verdict, ir.Emit):
            return [], []
        sent: list[bytes | None] = []
        events: list[Event] = []
        for entry in self.machine.with_role(Role.ENTRY):
            self.follow(entry, packet.copy(), sent, events)
        return sent, events

    def follow(self, entry: str, packet: PacketBuffer, sent: list[bytes | None], events: list[Event]) -> None:
        machine = self.machine
        work = [(entry, OUTSIDE, packet)]
        while work and len(events) < MAX_STEPS:
            name, port, one = work.pop()
            outcome = run(machine.program(name, port), one, self.state)
            verdict = outcome.verdict
            events.append((name, port, one.data, bytes(one.annotations), verdict))
            out = list(outcome.copies)
            if isinstance(verdict, ir.Emit):
                out.append((verdict.port, one))
            elif isinstance(verdict, ir.Hold):
                if machine.elements[name].ROLE is Role.EXIT:
                    sent.append(module_frame(one.copy()))
                out.append((self.random.randrange(max(1, machine.outputs(name))), one))
            work += [(to, at, copy.copy()) for p, copy in out for to, at in machine.next.get((name, p), ())]

    def numbers(self) -> dict[tuple[str, str], int]:
        """What its elements counted."""
        return {key: number for key, number in self.state.statistics.items() if number}


def traffic(random: Random, sent: list[bytes]) -> Iterator[bytes]:
    """Frames for the module: of new flows, of known ones, and answers to what it sent (`sent` grows meanwhile)."""
    before: list[bytes] = []
    while True:
        kind = random.random()
        if kind < 0.3 and before:
            yield random.choice(before)
        elif kind < 0.55 and sent:
            yield answer(random.choice(sent[-20:]))
        elif kind < 0.65 and sent:
            yield error(random.choice(sent[-20:]))
        else:
            before.append(frame(random) if kind < 0.85 else datagram(random))
            yield before[-1]


def datagram(random: Random) -> bytes:
    """A plain UDP packet to the module."""
    ports = (random.choice((53, 1024, 1500)).to_bytes(2, "big") for _ in range(2))
    body = b"".join(ports) + (8 + 4).to_bytes(2, "big") + b"\0\0" + random.randbytes(4)
    return plain(random.choice(ADDRESSES), 17, body)


def plain(source: int, proto: int, body: bytes) -> bytes:
    """A frame with a good IPv4 header and without options."""
    head = b"\x45\0" + (20 + len(body)).to_bytes(2, "big") + bytes((0, 1, 0, 0, 64, proto, 0, 0))
    head += source.to_bytes(4, "big") + ADDRESS.to_bytes(4, "big")
    return ETHERNET + head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body


def error(frame: bytes) -> bytes:
    """That a port is unreachable, from where `frame` was sent to."""
    body = b"\x03\x03" + bytes(6) + frame[14:62]
    body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    return plain(int.from_bytes(frame[30:34], "big"), 1, body)


def answer(frame: bytes) -> bytes:
    """To the module, from where `frame` was sent to, ports turned round; its checksums stay as good as they were."""
    at = 14 + (frame[14] & 15) * 4
    out = bytearray(frame)
    out[26:30], out[30:34] = frame[30:34], frame[26:30]
    if out[30:34] != ADDRESS.to_bytes(4, "big"):  # the checksum is wrong then: some modules do not look at it
        out[30:34] = ADDRESS.to_bytes(4, "big")
    if len(frame) >= at + 4:
        out[at : at + 2], out[at + 2 : at + 4] = frame[at + 2 : at + 4], frame[at : at + 2]
    return bytes(out)


def compare(machine: Machine, made: Simplified, random: Random, packets: int) -> int:
    """Both on some packets; how many frames left. Raises `Difference`."""
    whole, less = Running(machine), Running(with_programs(machine, made.programs))
    sent: list[bytes] = []
    source = traffic(random, sent)
    for n in range(packets):
        came = next(source)
        a, b = whole.take(came, n * STEP_NS), less.take(came, n * STEP_NS)
        if a != b:
            raise Difference(f"packet {n}, {came.hex()}:\n{a}\n{b}")
        sent += [one for one in a[0] if one is not None and len(one) >= 34]
    if whole.numbers() != less.numbers():
        raise Difference(f"{whole.numbers()}\n{less.numbers()}")
    return len(sent)
