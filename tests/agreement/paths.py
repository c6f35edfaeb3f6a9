"""The symbolic executor on a whole configuration: every way of every packet; what happened must be one of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from innet import ir
from innet.elements.base import Role
from innet.explore.flow import Budget, End, Flow, Hop, flows
from innet.explore.witness import solutions
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.symbolic.evaluation import Unbound, evaluate_linear
from innet.symbolic.execute import Emitted
from innet.symbolic.memory import ANNOTATIONS, Memory
from innet.symbolic.solve import functions
from innet.symbolic.state import State, Tables, inject_raw
from innet.symbolic.terms import Blob, Lin, Sym, Term
from innet.symbolic.work import BudgetExceeded
from innet.xdp.graph import Input
from innet.xdp.target import Leave
from tests.agreement.machine import OUT, SENT, Prepared
from tests.backends.campaign import (
    Blobs,
    Disagreement,
    Values,
    bind,
    concrete_end,
    excluded,
    meets,
    symbolic_end,
)
from tests.backends.forms import Form, Given, Start, empty, framed, valuation
from tests.backends.walk import Arrival

MAX_ROUNDS = 6
MAX_STEPS = 4_000
MAX_WORK = 800_000
MAX_PATHS = 2_000
Place = tuple[str, str, str]
"""What ended a packet: `exit`, `sent` or `drop`; the element; the reason."""
Route = tuple[tuple[str, int], ...]


class TooMany(Exception):  # noqa: N818 - not an error
    """The configuration has more paths than the campaign pays for."""


@dataclass(slots=True)
class Path:
    """One way of some packets to their end; the variables of all its programs are in the state's environment."""

    place: Place
    route: Route
    state: State

    def __str__(self) -> str:
        return " ".join(self.place).strip() + " by " + " ".join(f"{e}[{p}]" for e, p in self.route)


@dataclass
class Paths:
    """All ways of the packets of a form. `new`: tables are empty at first; if not, they may hold anything."""

    name: str
    form: Form
    start: Start
    new: bool
    prepared: Prepared
    paths: list[Path] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    lost_states: list[State] = field(default_factory=list)
    at: dict[Place, list[Path]] = field(default_factory=dict)

    def covers(self, frame: bytes, arrivals: Sequence[Arrival], exact: bool) -> int:
        """Raise `Disagreement` unless all that became of a frame is on some path and, if `exact`, all that the paths
        say has happened. Gives 1, or 0 if the frame is not one of the form."""
        if not self.form.accepts(frame):
            return 0
        given = Given(frame)
        values, blobs = valuation(self.start, given)
        matched: set[int] = set()
        waits = False
        for one in arrivals:
            place = self.place_of(one)
            if place is None:
                waits = True
                continue
            near = ""
            found = False
            for path in self.at.get(place, ()):
                if excluded(path.state.store, values):
                    continue
                words = self.unlike(path, one, values, blobs)
                if words is None:
                    continue
                if words:
                    near = words
                    continue
                found = True
                matched.add(id(path))
            if not found and not self.may_be_lost(values, blobs):
                near = f"; the nearest: {near}" if near else ""
                raise Disagreement(f"no path covers '{' '.join(place).strip()}'{near}")
        if exact and not waits and not self.lost_states:
            self.happens(arrivals, values, blobs, matched)
        return 1

    def place_of(self, one: Arrival) -> Place | None:
        """Where it ended; None if it goes on in a router."""
        if one.way is None:
            return "drop", one.element, one.reason
        if isinstance(one.way, Leave):
            if one.way.code >= SENT:
                return "sent", one.element, ""
            return "exit", f"exit{one.way.code - OUT}", ""
        return ("exit", one.way.element, "") if one.way.element in self.prepared.exits else None

    def unlike(self, path: Path, one: Arrival, values: Values, blobs: Blobs) -> str | None:
        """What tells a path from what happened, if the packet is one of the path's; None if it is not."""
        route = tuple((at.element, at.port) for at in one.route)
        if path.route != route:
            return None
        env = {name: value for each in one.envs for name, value in each.items()}
        bound = bind(path.state, env, values)
        exact = not path.state.over and self.new
        try:
            if not meets(path.state, bound, blobs, False):
                return None
            return differences(path.state, one.packet, bound, blobs)
        except Unbound:
            if exact:
                raise
            return ""

    def happens(self, arrivals: Sequence[Arrival], values: Values, blobs: Blobs, matched: set[int]) -> None:
        """Raise `Disagreement` if a path says of a packet what did not happen."""
        env = {name: value for one in arrivals for each in one.envs for name, value in each.items()}
        for path in self.paths:
            if id(path) in matched or path.state.over or excluded(path.state.store, values):
                continue
            try:
                holds = meets(path.state, bind(path.state, env, values), blobs, True)
            except Unbound:
                continue
            if holds:
                raise Disagreement(f"a path holds, but it is not what happens: {path}")

    def covers_one_of(self, frames: Sequence[bytes], exit_: str, packet: PacketBuffer) -> int:
        """Raise `Disagreement` unless some path of one of the frames comes to the exit with this packet."""
        paths = self.at.get(("exit", exit_, ""), ())
        accepted = [frame for frame in frames if self.form.accepts(frame)]
        if len(accepted) < len(frames) and len(accepted) < 1:
            return 0
        near = ""
        for frame in accepted:
            values, blobs = valuation(self.start, Given(frame))
            for path in paths:
                if excluded(path.state.store, values):
                    continue
                known, more = dict(values), dict(blobs)
                learn(path.state.memory, packet, known, more)
                try:
                    if not meets(path.state, known, more, False):
                        continue
                    words = differences(path.state, packet, known, more)
                except Unbound:
                    words = ""
                if not words:
                    return 1
                near = words
            if self.may_be_lost(values, blobs):
                return 0
        if len(accepted) < len(frames):
            return 0  # it may have come of a frame that is not one of these
        near = f"; the nearest: {near}" if near else ""
        raise Disagreement(f"no path of any packet covers what came to {exit_}: {packet.data.hex()}{near}")

    def may_be_lost(self, values: Values, blobs: Blobs) -> bool:
        """Whether the executor has said that it does not follow this packet."""
        return any(
            not excluded(state.store, values) and meets(state, values, blobs, False)
            for state in self.lost_states
        )

    def frames(self, most: int, seconds: float) -> list[bytes]:
        """Frames made from the constraints of the paths, as many as there is time for."""
        found: list[bytes] = []
        until = time.monotonic() + seconds
        step = len(self.paths) // most + 1
        for path in self.paths[::step]:
            if time.monotonic() > until:
                break
            if any(f.op.startswith("option") for f in functions(path.state.store)):
                continue
            solution = next(solutions(self.start.injected, self.start.injected, path.state.store), None)
            if solution is not None and self.form.accepts(solution.frame):
                found.append(solution.frame)
        return found


def differences(state: State, packet: PacketBuffer, values: Values, blobs: Blobs) -> str:
    """What tells the packet of a path from one that there is; empty if nothing does."""
    end = concrete_end(ir.Emit(0), packet)
    found = symbolic_end(Emitted(0, state), end, values, blobs)
    return "" if found == end else found.differs(end)


def learn(memory: Memory, packet: PacketBuffer, values: Values, blobs: Blobs) -> None:
    """Take from the packet what symbols are that nobody knows: they stand where they stand."""
    first = packet.marks[Mark.DATA]
    try:
        rid, offset = memory.marks[Mark.DATA]
        before = memory.from_start(rid, offset)
        at = first - evaluate_linear(before, values, blobs)
    except Unbound:
        return
    places = [(ANNOTATIONS, packet.annotations, 0)]
    learned: set[Blob] = set()
    for region in memory.order:
        places.append((region, packet.bytes, at))
        try:
            length = evaluate_linear(memory.lengths[region], values, blobs)
        except Unbound:
            break
        blob = memory.blobs[region]
        if blob is not None and blob.parent is None and blob not in blobs and at >= 0:
            blobs[blob] = bytes(packet.bytes[at : at + length])
            learned.add(blob)
        at += length
    for region, data, start in places:
        for bit, (width, term, _) in memory.cells[region].items():
            value = bits(data, start * 8 + bit, width)
            if value is None:
                continue
            match term:
                case Sym(blob=None):
                    values.setdefault(term, value)
                case Lin(linear=(const, ((Sym(blob=None) as sym, 1),))):
                    values.setdefault(sym, (value - const) % (1 << sym.width))
                case Lin(linear=(const, ((Sym() as sym, 1),))) if sym.blob in learned:
                    was = (value - const) % (1 << sym.width)
                    blobs[sym.blob] = with_bits(blobs[sym.blob], sym.bit, sym.width, was)


def with_bits(data: bytes, at: int, width: int, value: int) -> bytes:
    """`data` with a number in it; as it is where there is no room."""
    shift = 8 * len(data) - at - width
    if shift < 0:
        return data
    number = int.from_bytes(data, "big") & ~((1 << width) - 1 << shift) | value << shift
    return number.to_bytes(len(data), "big")


def bits(data: bytearray, at: int, width: int) -> int | None:
    """A number in some bytes; None if it is not wholly there."""
    first, last = at // 8, (at + width + 7) // 8
    if first < 0 or last > len(data):
        return None
    return int.from_bytes(data[first:last], "big") >> (-(at + width) & 7) & (1 << width) - 1


# ---- exploring


def explored(prepared: Prepared, raw: bool, new: bool) -> Paths:
    """All ways through a configuration; raises `TooMany`."""
    entry = prepared.entry
    name = "frames" if not raw else "any bytes"
    form = Form(name, inject_raw if raw else framed)
    if prepared.elements[entry.element].ROLE is Role.SOURCE:
        form = Form("nothing", empty)
    tables = Tables(any_state=not new)
    known = -1
    for _ in range(1 if new else MAX_ROUNDS):
        injected = form.inject("")
        start = Start(injected, (), {})
        found = Paths(f"{form.name}, {'tables empty' if new else 'any tables'}", form, start, new, prepared)
        try:
            explore(found, entry, injected.state.fork(), tables)
        except BudgetExceeded:
            raise TooMany from None
        size = sum(map(len, tables.templates.values()))
        if size == known or new:
            break
        known = size
    return found


def explore(found: Paths, entry: Input, state: State, tables: Tables) -> None:
    envs: dict[int, tuple[Hop, dict[str, Term]]] = {}

    def watch(element: str, port: int, one: State) -> tuple[State]:
        hop = one.hop
        assert isinstance(hop, Hop)
        envs[id(hop)] = hop, dict(one.env)  # the variables of the element before
        return (one,)

    budget = Budget(MAX_STEPS, work=MAX_WORK)
    for flow in flows(found.prepared.machine, [(entry.element, entry.port, state)], tables, budget, watch):
        add(found, flow, envs)
        if len(found.paths) > MAX_PATHS:
            raise TooMany


def add(found: Paths, flow: Flow, envs: dict[int, tuple[Hop, dict[str, Term]]]) -> None:
    state = flow.state
    if flow.end is End.LOST or flow.end is End.LOOP:
        found.lost.append(flow.reason)
        found.lost_states.append(state)
        return
    hop = state.hop
    assert isinstance(hop, Hop)
    story = hop.story()
    env: dict[str, Term] = {}
    for one in story:
        env |= envs.get(id(one), (one, {}))[1]
    exits = found.prepared.exits
    if flow.place in exits:
        story = story[:-1]
        place: Place = ("exit", flow.place, "")
    else:
        env |= state.env
        place = ("sent" if flow.end is End.EXIT else "drop", flow.place, flow.reason)
    state.env = env
    path = Path(place, tuple((one.place, one.port) for one in story), state)
    found.paths.append(path)
    found.at.setdefault(place, []).append(path)


__all__ = ["Blob", "Path", "Paths", "TooMany", "explored"]
