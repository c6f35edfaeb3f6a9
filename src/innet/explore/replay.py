"""One concrete packet through a configuration or the network, by the reference interpreter: what really happens.

Time stands still: a holder that keeps packets as they are lets them out at once, as in the proofs; one that changes
them does what it does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import BinaryIO, TypeAlias

from innet.elements.base import OUTSIDE, Role
from innet.elements.holder import Capture, CaptureSink, Device, HandlerError, Holder, Out, Remembered
from innet.elements.memory import Memory
from innet.explore.machine import Machine
from innet.explore.modules import ARRIVES, SENDS, Box, Module
from innet.explore.network import Network
from innet.ir import nodes as ir
from innet.ir.interpret import PacketBuffer, State, run
from innet.ir.nodes import Mark
from innet.network import Clients, End, Host, Internet, Middlebox, Node, Platform, Router, Switch
from innet.network.model import Output
from innet.packet.headers import ETHERTYPE_IPV4
from innet.records import quick
from innet.symbolic.ranges import contains, single

MAX_STEPS = 10_000
ANYBODY = bytes.fromhex("02fd00000000")
"""Whom frames are addressed to that go through a box to whoever is behind it: all take them."""
UNTOLD = 0x02FE_0000_0000
"""Ethernet addresses that are not told count from here."""
ETHERNET = bytes(12) + ETHERTYPE_IPV4.to_bytes(2, "big")


@quick
@dataclass(frozen=True, slots=True)
class Event:
    """The packet at a place: a node, or an element's input. `delivered`: it ended there as it should. `marked`: a copy
    with its header marks, where it had them there. `after`: which event of the list it was at just before, -1 for none;
    of a packet that was copied, several come after one."""

    place: str
    port: int
    packet: bytes
    delivered: bool = False
    dropped: str = ""
    marked: PacketBuffer | None = field(default=None, compare=False, repr=False)
    after: int = field(default=-1, compare=False)


Moving: TypeAlias = tuple[End, bytes, int]
"""A frame that arrives at an interface, and the event it comes from."""


class Descent:
    """Which events are what became of the packet of which: a packet that goes round makes very long rows of them, so
    each event has its place among all, in which what came of it follows it directly."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.visits: dict[object, list[int]] = {}
        """The events at nodes of statements, as far as somebody has looked for them."""
        sizes = [1] * len(events)
        for n in range(len(events) - 1, -1, -1):
            if events[n].after >= 0:
                sizes[events[n].after] += sizes[n]
        self._sizes, self._places = sizes, [0] * len(events)
        free = 0
        nexts = [0] * len(events)
        for n, event in enumerate(events):  # after what it comes from
            if event.after < 0:
                place, free = free, free + sizes[n]
            else:
                place = nexts[event.after]
                nexts[event.after] += sizes[n]
            self._places[n], nexts[n] = place, place + 1

    def comes_from(self, n: int, earlier: int) -> bool:
        """Whether event `n` is what became of the packet of event `earlier` (-1: of what all began with), or is
        that."""
        if earlier < 0:
            return True
        return 0 <= self._places[n] - self._places[earlier] < self._sizes[earlier]


class _Lone:
    """What a holder may ask of the world while one packet is followed: nothing but time, and what it remembers."""

    def __init__(self, machine: Machine, element: str, state: State) -> None:
        self.outputs = machine.outputs(element)
        self.random, self.now_ns = state.random, state.clock()
        self.memory: Remembered = Memory(state, {}, element)

    def pull(self, port: int) -> PacketBuffer | None:
        return None

    def emit(self, port: int, packet: PacketBuffer) -> None:
        raise AssertionError("a holder that is pushed answers what leaves")

    def outside(self, packet: PacketBuffer) -> PacketBuffer | None:
        return None

    def waiting(self, port: int) -> bool:
        return False

    def blocked(self, port: int) -> bool:
        return False

    def queues(self) -> Sequence[Holder]:
        return ()

    def drop(self, reason: str) -> None:
        pass

    def other(self, element: str) -> Holder | None:
        return None

    def read(self, handler: str) -> str:
        raise HandlerError(handler)

    def write(self, handler: str, value: str) -> None:
        raise HandlerError(handler)

    def readable(self, handler: str) -> bool:
        return False

    def writable(self, handler: str) -> bool:
        return False

    def say(self, text: str) -> None:
        pass

    def log(self, line: str) -> None:
        pass

    def show(self, text: str) -> None:
        pass

    def stop(self) -> None:
        pass


class _NoWorld:
    """An `Io` for holders that need no files and no devices."""

    def open_capture(self, name: str) -> Capture:
        raise AssertionError("no holder that changes packets reads files")

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink:
        raise AssertionError("no holder that changes packets writes files")

    def open_file(self, name: str) -> BinaryIO:
        raise AssertionError("no holder that changes packets reads files")

    def create_file(self, name: str, append: bool = False) -> BinaryIO:
        raise AssertionError("no holder that changes packets writes files")

    def device(self, name: str) -> Device:
        raise AssertionError("no holder that changes packets has a device")


_LATER = Random(0)
"""In place of dice that are not made yet."""


class BoxState(State):
    """What the elements of one configuration remember between packets that are followed: holders too.

    Counters begin `turn` later than they would: so many packets of other flows have asked them.
    """

    _dice: Random

    def __init__(self, turn: int = 0) -> None:
        super().__init__(random=_LATER)
        self.holders: dict[str, Holder | None] = {}
        self.turn = turn

    @property
    def random(self) -> Random:
        """The dice, made when somebody asks for them: few do, and making them takes long."""
        if self._dice is _LATER:
            self._dice = Random(0)
        return self._dice

    @random.setter
    def random(self, dice: Random) -> None:
        self._dice = dice

    def first(self, counter: ir.Counter) -> int:
        return (counter.first + self.turn) % (counter.wrap or 1 << counter.width)

    def push(self, machine: Machine, element: str, port: int, packet: PacketBuffer) -> Sequence[Out]:
        """What leaves a holder that does more than keep packets, because it gets `packet`."""
        if element not in self.holders:
            inputs, outputs = "h" * machine.inputs(element), "h" * machine.outputs(element)
            self.holders[element] = machine.elements[element].holder(_NoWorld(), inputs, outputs)
        holder = self.holders[element]
        if holder is None:
            return ()
        world = _Lone(machine, element, self)
        return (*holder.push(packet, port, world), *holder.settled(world))


class Dice(Random):
    """Random numbers for a replay: searches that may start anywhere start with the first."""

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return 0 if stop is None else start


class Loaded(Random):
    """Dice that always show their lowest or their highest number."""

    def __init__(self, high: bool) -> None:
        super().__init__(0)
        self.high = high

    def getrandbits(self, k: int) -> int:
        return (1 << k) - 1 if self.high else 0

    def random(self) -> float:
        return 1 - 2**-53 if self.high else 0.0

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        low, beyond = (0, start) if stop is None else (start, stop)
        return beyond - 1 if self.high else low

    def randbytes(self, n: int) -> bytes:
        return bytes([255 if self.high else 0]) * n


def memory(seed: int) -> BoxState:
    """What elements remember at the start, and how their dice fall."""
    state = BoxState()
    state.random = Dice(0) if seed == 0 else Random(seed)
    return state


def through(
    machine: Machine,
    element: str,
    port: int,
    packet: PacketBuffer,
    state: BoxState,
    events: list[Event] | None = None,
    scope: str = "",
    after: int = -1,
) -> Iterator[tuple[str, PacketBuffer]]:
    """The packets that reach exits (exit element, packet), in the order in which Click would send them. What happens is
    added to `events`, the names of elements behind `scope`; it comes of the event `after`."""
    work = [(element, port, packet, after)]
    steps = here = 0
    while work:
        name, into, p, came = work.pop()
        steps += 1
        if steps > MAX_STEPS:
            return
        if events is not None:
            known = Mark.NET in p.marks and Mark.TRANSPORT in p.marks
            here = len(events)
            marked = p.copy() if known else None
            events.append(Event(scope + name, into, p.data, False, "", marked, came))
        outcome = run(machine.program(name, into), p, state)
        out: list[tuple[int, PacketBuffer]] = list(outcome.copies)
        verdict = outcome.verdict
        if isinstance(verdict, ir.Emit):
            out.append((verdict.port, p))
        elif isinstance(verdict, ir.Hold) and machine.released(name, into) is not None:
            out += state.push(machine, name, into, p)
        elif isinstance(verdict, ir.Hold):
            if machine.elements[name].ROLE is Role.EXIT:
                yield name, p.copy()
            out.append((0, p))
        elif events is not None:
            events.append(Event(scope + name, into, p.data, dropped=verdict.reason, after=here))
        follow = [
            (target, at, copy, here)
            for output, copy in out
            for target, at in machine.next.get((name, output), ())
        ]
        work.extend(reversed(follow))


def enter(
    machine: Machine, entry: str, frame: bytes, state: BoxState, events: list[Event] | None = None
) -> Iterator[tuple[str, PacketBuffer]]:
    """A frame from outside at an entry element."""
    yield from through(machine, entry, OUTSIDE, PacketBuffer(frame), state, events)


@dataclass
class Replay:
    """A packet's way through the network. `states` holds what each box remembers, from packet to packet; counters in
    them begin `turn` later than they would in a box that has just started. `inside`: events inside middleboxes are
    recorded too, as those inside modules are. Of equal ways (`equal` at most so far) a router takes the one to the node
    that comes after it in `story`, or else the one of number `choice`, modulo how many there are."""

    network: Network
    turn: int = 0
    inside: bool = False
    choice: int = 0
    story: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    equal: int = 1
    states: dict[str, BoxState] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    steps: int = 0
    _macs: dict[End, bytes] = field(default_factory=dict)
    """Ethernet addresses of stations that the snapshot does not tell."""
    _descent: tuple[int, Event, Descent] | None = None
    _reader: State = field(default_factory=BoxState)
    """What the program that reads headers remembers: how many frames it read."""

    @property
    def descent(self) -> Descent:
        """What comes of what, of the events so far."""
        count, known = len(self.events), self._descent
        if known is None or known[0] != count or known[1] is not self.events[-1]:
            if not count:
                return Descent(())
            known = self._descent = count, self.events[-1], Descent(self.events)
        return known[2]

    def send(self, end: End, frame: bytes) -> None:
        """A frame arrives at an interface; follows it, and all that comes of it, to the end. One that comes to a
        station is addressed to it."""
        if not isinstance(self.network.snapshot.nodes[end.node], Switch | Middlebox):
            frame = self.mac(end) + frame[6:]
        self.follow([(end, frame, -1)])

    def follow(self, work: list[Moving]) -> None:
        """Follow frames that arrive at interfaces, the last first, and all that comes of them."""
        while work:
            self.steps += 1
            if self.steps > MAX_STEPS:
                return
            work.extend(reversed(list(self.arrive(*work.pop()))))

    def note(self, place: str, frame: bytes, after: int, delivered: bool = False) -> int:
        """Add an event; which one it is."""
        self.events.append(Event(place, 0, frame, delivered, after=after))
        return len(self.events) - 1

    def within(
        self, box: Box, element: str, port: int, packet: PacketBuffer, after: int, inside: bool = True
    ) -> list[tuple[str, PacketBuffer, int]]:
        """What reaches the exits of a configuration when a packet comes to an input of an element, each with the event
        it comes from: the last one `inside`, or `after` where those are not recorded."""
        events = self.events if inside else None
        found = through(box.machine, element, port, packet, self.state(box), events, box.scope, after)
        return [(name, one, len(self.events) - 1 if inside else after) for name, one in found]

    def arrive(self, end: End, frame: bytes, after: int) -> Iterator[Moving]:
        snapshot = self.network.snapshot
        node = snapshot.nodes[end.node]
        if self.for_another(node, end, frame):
            return
        here = self.note(end.node, frame, after)
        if isinstance(node, Middlebox):
            box = self.network.boxes[end.node]
            for element in box.entries.get(end.interface, ()):
                arrived = self.within(box, element, OUTSIDE, PacketBuffer(frame), here, self.inside)
                for exit_, packet, at in arrived:
                    yield from self.wire(node.name, box.exits[exit_], packet.data, at)
            return
        if isinstance(node, Switch):
            port = node.table.get(int.from_bytes(frame[:6], "big"))
            for name in (port,) if port else node.interfaces:
                if name != end.interface:
                    yield from self.wire(node.name, name, frame, here)
            return
        if ipv4_frame(frame) is None:
            return
        header = frame[14:34]
        dst = int.from_bytes(header[16:20], "big")
        if isinstance(node, Internet):
            self.note(node.name, frame, here, delivered=True)
        elif isinstance(node, Clients | Host):
            owner = snapshot.owner(dst)
            if owner is not None and owner.node == node.name:
                self.note(node.name, frame, here, delivered=True)
        elif isinstance(node, Router):
            output = node.allowed(snapshot.forward(node.name, dst), end.interface)
            if header[8] > 1 and output and output != ("self",):
                self.equal = max(self.equal, len(output))
                out = End(node.name, self.way(node.name, output))
                yield from self.wire(
                    *out, self.readdressed(lowered(frame), out, self.station(out, dst)), here
                )
        elif isinstance(node, Platform):
            module = self.network.modules.at(dst)
            if module is not None and module.platform == node.name:
                yield from self.module(module, frame, here)

    # ---- Ethernet addresses

    def mac(self, end: End) -> bytes:
        """The address of a station; one of its own where the snapshot does not tell it."""
        told = self.network.snapshot.interface(end).mac
        if told is not None:
            return told.to_bytes(6, "big")
        return self._macs.setdefault(end, (UNTOLD + len(self._macs)).to_bytes(6, "big"))

    def readdressed(self, frame: bytes, out: End, station: End | None) -> bytes:
        """The frame as a station sends it to another one, or to whoever hears it."""
        return (ANYBODY if station is None else self.mac(station)) + self.mac(out) + frame[12:]

    def station(self, out: End, destination: int) -> End | None:
        """Whom a router sends packets to by an interface; None: to who is behind the box there."""
        snapshot, facing = self.network.snapshot, self.network.facing(out)
        told = snapshot.plain.addressed(out) if facing is None else {}
        if not told:
            return facing
        snapshot.note_table(("stations", *out), single(destination))
        return next((one for one, some in told.items() if contains(some, destination)), None)

    def for_another(self, node: Node, end: End, frame: bytes) -> bool:
        """Whether a station drops a frame, as `Walk.for_another` says."""
        if isinstance(node, Switch | Middlebox) or frame[:6] in (ANYBODY, self.mac(end)):
            return False
        several, router = frame[0] & 1, isinstance(node, Router)
        if isinstance(node, Platform) or node.interfaces[end.interface].mac is None:
            told = self.network.snapshot.stations_with(int.from_bytes(frame[:6], "big"))
            return bool(told or (several and router)) or frame[:6] in self._macs.values()
        return router or not several

    def way(self, router: str, output: Output) -> str:
        """Which of equal ways a router takes."""
        usual = output[self.choice % len(output)]
        after = self.story.get(router) if len(output) > 1 else None
        if after is None:
            return usual
        ends = ((name, self.network.snapshot.neighbour(router, name)) for name in output)
        return next((name for name, end in ends if end is not None and end.node == after), usual)

    def send_module(self, module: Module, frame: bytes) -> None:
        """A frame comes to a module's platform; follows all that comes of it."""
        self.follow(list(self.module(module, frame, -1))[::-1])

    def send_output(self, module: Module, element: str, port: int, frame: bytes) -> None:
        """A packet, marked as FromNetfront marks it, leaves an element of a module by an output."""
        box = module.box
        sent: list[tuple[str, PacketBuffer, int]] = []
        for target, into in box.machine.next.get((element, port), ()):
            sent += self.within(box, target, into, self.received(frame), -1)
        if element in box.exits and not sent:
            sent = [(element, self.received(frame), -1)]
        self.follow([out for one in sent for out in self.leave(module, *one)][::-1])

    def module(self, module: Module, frame: bytes, after: int) -> Iterator[Moving]:
        if frame[26:30] == module.address.to_bytes(4, "big"):
            return
        here = self.note(ARRIVES + module.name, frame, after)
        if not self.passes(module, frame, inward=True):
            return
        for entries in list(module.box.entries.values())[:1]:
            for entry in entries:
                for one in self.within(module.box, entry, OUTSIDE, PacketBuffer(frame), here):
                    yield from self.leave(module, *one)

    def leave(self, module: Module, element: str, packet: PacketBuffer, after: int) -> Iterator[Moving]:
        """What the platform does with a packet at a module's exit."""
        out = module_frame(packet)
        if out is None or out[30:34] == module.address.to_bytes(4, "big"):
            return
        if self.passes(module, out, inward=False):
            here = self.note(module.name + SENDS, out, after)
            wire = End(module.platform, module.box.exits[element])
            yield from self.wire(*wire, self.readdressed(out, wire, self.network.gateway(wire)), here)

    def passes(self, module: Module, frame: bytes, inward: bool) -> bool:
        """Whether the sandbox around the module, if it has one, lets the frame through."""
        if module.enforcer is None:
            return True
        program = module.enforcer.inward if inward else module.enforcer.outward
        verdict = run(program, self.received(frame), self.state(module.box)).verdict
        return isinstance(verdict, ir.Emit)

    def received(self, frame: bytes) -> PacketBuffer:
        """The frame as FromNetfront hands it on."""
        packet = PacketBuffer(frame)
        run(self.network.parse, packet, self._reader)
        return packet

    def seen(self, event: Event) -> PacketBuffer:
        """The packet of an event with its header marks, as statements look at it."""
        return self.received(event.packet) if event.marked is None else event.marked

    def wire(self, node: str, interface: str, frame: bytes, after: int) -> Iterator[Moving]:
        peer = self.network.snapshot.neighbour(node, interface)
        if peer is not None:
            yield peer, frame, after

    def state(self, box: Box) -> BoxState:
        known = self.states.get(box.scope)
        if known is None:
            known = self.states[box.scope] = BoxState(self.turn)
        return known


def lowered(frame: bytes) -> bytes:
    """The frame after a router: TTL one less, header checksum updated (RFC 1624)."""
    total = (~int.from_bytes(frame[24:26], "big") & 0xFFFF) + 0xFEFF
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return frame[:22] + bytes([frame[22] - 1]) + frame[23:24] + total.to_bytes(2, "big") + frame[26:]


def module_frame(packet: PacketBuffer) -> bytes | None:
    """What the platform sends of a packet at a module's exit: an IPv4 frame, or None if it is not one."""
    marks = packet.marks
    return ipv4_frame(packet.data if marks.get(Mark.MAC) == marks[Mark.DATA] else ETHERNET + packet.data)


def ipv4_frame(frame: bytes) -> bytes | None:
    """The frame, if it carries a packet with a complete IPv4 header."""
    good = frame[12:14] == ETHERTYPE_IPV4.to_bytes(2, "big") and len(frame) >= 34 and frame[14] >> 4 == 4
    size = (frame[14] & 15) * 4 if good else 0
    return frame if good and size >= 20 and len(frame) >= 14 + size else None
