"""Packets that come to the agent: those that the kernel hands over, and those for modules that do not run."""

from collections import Counter
from collections.abc import Callable

from innet.dataplane.base import TAP_QUEUE, Base
from innet.dataplane.compose import FAN_OUT
from innet.dataplane.instance import Instance
from innet.dataplane.library import Library
from innet.dataplane.registry import Registry
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP
from innet.platform.protocol import PLATFORM, ModuleState
from innet.xdp import handover
from innet.xdp.graph import Input, Places, Resume

BATCH = 256
"""Frames taken from the TAP before anything else gets its turn."""
SYN, ACK, ECHO_REQUEST = 0x02, 0x10, 8


class Packets:
    """The agent's end of the TAP.

    `go_on` starts or resumes a module that a packet wants, and says whether it runs. `drops` are packets that reached
    no module. `table_bytes` is what the tables of one module may take.
    """

    def __init__(
        self,
        base: Base,
        library: Library,
        registry: Registry,
        clock: Callable[[], int],
        table_bytes: int,
        drops: Counter[str],
        go_on: Callable[[Instance], bool],
    ) -> None:
        self.base, self.library, self.registry, self.table_bytes = base, library, registry, table_bytes
        self.drops, self.go_on = drops, go_on
        self._clock = clock
        self.emptied = 0
        """How often nothing waited for the agent any more."""
        self.at_hand = b""
        """The frame that is looked at now; empty if what happens comes from no frame."""

    def read(self) -> None:
        """Packets for modules that do not run, and those that the kernel hands over."""
        frames = self.base.tap.read_many(BATCH)
        for frame in frames:
            self.at_hand = frame
            given = handover.read(frame)
            if given is not None:
                self.take(given)
            else:
                self._missed(frame)
        self.at_hand = b""
        self.emptied += len(frames) < BATCH

    def empty(self) -> None:
        """Deal with all that waits for the agent now."""
        before = self.emptied
        for _ in range(TAP_QUEUE // BATCH + 1):
            self.read()
            if self.emptied > before:
                return

    def take(self, given: handover.Handover) -> None:
        """Give a packet that the kernel handed over to the elements of its module that run here."""
        one = self.registry.by_index.get(given.module)
        if one is None or one.slow is None or given.region >= len(one.shape.latest.regions):
            self.drops["handed over to no module"] += 1
            return
        if one.state is ModuleState.SUSPENDED and not self.go_on(one):
            return
        began = self._clock()
        region = one.shape.latest.regions[given.region]
        if region.element == FAN_OUT:
            for (element, _), to in one.prepared.composed.graph.connections.items():
                if element == FAN_OUT and isinstance(to, Input):
                    self.give_back(one, to, given.packet.copy())
        else:
            one.slow.take(one.prepared.composed.names[region.element], region.port, given.packet)
        one.slow_ns += self._clock() - began

    def give_back(self, one: Instance, region: Input, packet: PacketBuffer) -> bool:
        """Give a packet back to the kernel, to go on at `region`."""
        if one.slow is not None and region.element in one.shape.slow:
            one.slow.take(one.prepared.composed.names[region.element], region.port, packet)
            return True
        at = packet.marks.get
        key = (
            region.element,
            region.port,
            at(Mark.DATA),
            at(Mark.MAC),
            at(Mark.NET),
            at(Mark.TRANSPORT),
            at(Mark.AUX),
        )
        number = one.shape.numbers.get(key)
        if number is None:
            number = self._place(one, region, packet)
        if number is None:
            one.drops[PLATFORM, "headers where no program expects them"] += 1
            return False
        if not self.base.tap.write(handover.write(one.index, number, packet, one.slot + 1)):
            one.drops[PLATFORM, "the kernel did not take a packet back"] += 1
            return False
        return True

    def _place(self, one: Instance, region: Input, packet: PacketBuffer) -> int | None:
        """The number of the place for a packet with these marks, kept for the next one."""
        marks = packet.marks
        places: Places = tuple((mark, marks[mark]) for mark in Mark if mark in marks and mark is not Mark.END)
        number = self._point(one, Resume(region, places))
        if number is not None:
            known = (Mark.DATA, Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX)
            one.shape.numbers[region.element, region.port, *map(marks.get, known)] = number
        return number

    def _point(self, one: Instance, point: Resume) -> int | None:
        """The number of a place to go on from; learnt if it is new."""
        if point in one.shape.points:
            return one.shape.points.index(point)
        number = self.library.learn(one.shape, point)
        if number is None:
            return None
        for other in self.registry.all():
            if other.shape is one.shape and other.state is ModuleState.RUNNING:
                if not other.shape.shared:
                    other.add_tables(self.base, self.table_bytes)
                other.load(self.base)
        return number

    def _missed(self, frame: bytes) -> None:
        """A packet for a module that does not run, or did not a moment ago."""
        one = self.registry.by_address.get(int.from_bytes(frame[30:34], "big"))
        if one is None:
            self.drops["no module has this address"] += 1
            return
        if one.state is not ModuleState.RUNNING:
            if one.state is ModuleState.COLD and not begins_flow(frame):
                one.drops[PLATFORM, "no flow begins with this packet, and the module does not run"] += 1
                return
            if not self.go_on(one):
                return
        if not self.base.tap.write(frame):
            one.drops[PLATFORM, "the kernel did not take a packet back"] += 1


def begins_flow(frame: bytes) -> bool:
    """Whether a packet begins a flow: TCP SYN, UDP, ICMP echo request; the frame has a complete IPv4 header."""
    header = 14 + (frame[14] & 15) * 4
    protocol, later = frame[23], int.from_bytes(frame[20:22], "big") & 0x1FFF
    if later:
        return False
    if protocol == PROTO_UDP:
        return True
    if protocol == PROTO_TCP:
        return len(frame) > header + 13 and frame[header + 13] & (SYN | ACK) == SYN
    return protocol == PROTO_ICMP and len(frame) > header and frame[header] == ECHO_REQUEST
