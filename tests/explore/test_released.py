"""Elements whose holder changes packets: what proofs make of `released`, what a replay does, and what it covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.device.todevice import ToDevice
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.queueing.queue import Queue
from innet.explore.flow import Budget, End, flows
from innet.explore.machine import Machine
from innet.explore.replay import BoxState, through
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.symbolic.state import Tables, inject_ip


class Doubler(Holder):
    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        second = packet.copy()
        second.bytes[packet.marks[Mark.DATA]] = context.random.randrange(256)
        return ((0, packet), (1, second))


@dataclass(frozen=True)
class Twice(Element):
    """The packet, and a copy of it that begins with any byte."""

    PORTS: ClassVar[str] = "1/2"
    ROLE: ClassVar[Role] = Role.HOLDER

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        p.copy(0)
        p.havoc(Mark.DATA, 0, 1)
        p.emit(1)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Doubler()


def machine(element: Element) -> Machine:
    exits = {f"out{n}": ToDevice(f"eth{n}") for n in range(2)}
    wires = [("e", n, f"out{n}", 0) for n in range(2)]
    return Machine({"e": element, **exits}, wires)


def places(element: Element) -> list[tuple[str, bool]]:
    """The exits that flows reach, and whether the first byte is still the one that came."""
    origin = inject_ip().state
    start = origin.memory.marks[Mark.MAC] = origin.memory.marks[Mark.DATA]
    first = origin.memory.read(start[0], start[1] * 8, 8, origin.store)
    found = []
    for flow in flows(machine(element), [("e", 0, origin.fork())], Tables(False), Budget(100)):
        assert flow.end is End.EXIT
        at = flow.state.memory.marks[Mark.DATA]
        same = flow.state.memory.read(at[0], at[1] * 8, 8, flow.state.store) == first
        found.append((flow.place, same))
    return sorted(found)


def test_what_is_released_leaves_as_the_element_says():
    assert places(Twice()) == [("out0", True), ("out1", False)]


def test_a_holder_that_says_nothing_lets_packets_out_unchanged_by_any_output():
    assert places(Queue()) == [("out0", True), ("out1", True)]


def test_a_replay_does_what_the_holder_does():
    packet = PacketBuffer(bytes(60))
    packet.marks[Mark.MAC] = 0
    sent = list(through(machine(Twice()), "e", 0, packet, BoxState()))
    assert [(name, one.data[1:]) for name, one in sent] == [("out0", bytes(59)), ("out1", bytes(59))]
    assert sent[0][1].data == bytes(60)
