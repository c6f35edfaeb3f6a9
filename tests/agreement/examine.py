"""One configuration through four back ends, packet by packet; what they differ in is a `Contradiction`.

The interpreter says what is right: a router runs the elements that act by themselves, a walk over the packet programs
all others, and a router alone must do the same where it can run everything. Machine code is given what comes in, and
what comes back from the router; the kernel what comes in; the symbolic executor must cover what happens to each packet.
"""

import errno
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random

from innet import ir
from innet.dataplane.slowregion import mentioned
from innet.elements.base import OUTSIDE, Role
from innet.elements.holder import Out
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer, State
from innet.ir.nodes import Mark
from innet.runtime.clock import VirtualClock
from innet.runtime.node import Node
from innet.runtime.router import Router
from innet.simplify import simplify
from innet.symbolic.state import empty, inject_raw, stamp
from innet.xdp.compile import Compiler
from innet.xdp.graph import Graph, Input
from innet.xdp.install import InstalledGraph
from innet.xdp.install import install as install_graph
from innet.xdp.native import Left, NativeGraph
from innet.xdp.native_target import Native
from innet.xdp.target import Leave, Xdp
from tests.agreement.configurations import parsed
from tests.agreement.machine import OUT, Prepared, prepare
from tests.agreement.nowhere import Nowhere
from tests.agreement.paths import Paths, TooMany, explored
from tests.agreement.traffic import Sent, Traffic
from tests.backends.campaign import Disagreement
from tests.backends.walk import Arrival, Walker
from tests.xdp.differential import DIVERTED, SHORTEST, XDP, Expected, immovables, same_handover
from tests.xdp.differential import same_state as same_kernel_state
from tests.xdp.native import expected, run_at, same_left, same_state

SOLVE_S = 0.2
"""How long packets are looked for that take the paths of an exploration."""
ROUNDS = 6
"""How often each task of the router may run between two packets."""
ALONE_PACKETS = 60
"""So many packets also go through a router that runs everything."""
RAW = 0.3
"""In how many configurations out of one any bytes are explored, not only IPv4 in Ethernet frames."""
KEPT = 15
"""So many packets that something kept are held against the paths of all packets before."""
LAST_NS = 10_000_000_000


class Contradiction(Exception):  # noqa: N818 - what the campaign looks for
    """Two back ends differ. `end` is which one is not the interpreter's, `at` the number of the packet."""

    def __init__(self, end: str, at: int, words: str) -> None:
        super().__init__(f"{end}, packet {at}: {words}")
        self.end, self.at, self.words = end, at, words
        self.sent: Sequence[Sent] = ()


@dataclass
class Step:
    """Something the fast part was asked: a frame that came in, or a packet that came `back`; and what came of it."""

    number: int
    time_ns: int
    back: Input | None
    packet: PacketBuffer | None
    arrivals: list[Arrival]
    expected: list[Expected]


@dataclass
class Story:
    """What the interpreter made of all packets: steps of the fast part, and arrivals at exits by packet."""

    sent: list[Sent] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    reached: list[tuple[int, str, PacketBuffer, Arrival | None]] = field(default_factory=list)
    """Packet during which it happened, exit, the packet there, and how it got there if only programs had it."""
    state: State = field(default_factory=State)
    drops: dict[tuple[str, str], int] = field(default_factory=dict)
    full: int | None = None
    """The first packet after which a table is full: from there on time matters."""


Watch = Callable[[ir.Branch, bool], None]


class WatchedRouter(Router):
    """A router that tells of each branch taken."""

    prepared: Prepared
    watch: Watch | None

    def outcome(self, node: Node, port: int, packet: PacketBuffer) -> Sequence[Out]:
        if self.watch is None:
            return super().outcome(node, port, packet)
        program = node.program(port)
        self.prepared.number(Input(node.name, port), program)
        self._packets += 1
        result = interpret.run(program, packet, self.state, self.watch)
        outs = [*result.copies, *self._end(node, port, packet, result.verdict)]
        if node.calls:
            self._count_calls(node)
        return outs


class Interpreter:
    """The configuration by the reference interpreter."""

    def __init__(self, prepared: Prepared, seed: int, watch: Watch | None = None) -> None:
        self.prepared, self.watch = prepared, watch
        self.clock = VirtualClock()
        self.story = Story(state=State(clock=self.clock, random=Random(seed)))
        self.walker = Walker(prepared.graph, prepared.stops, self.story.state, watch)
        self.router: Router | None = None
        if prepared.agents:
            away = [n for n in prepared.elements if n not in prepared.agents]
            self.router = WatchedRouter(
                prepared.vertices, Nowhere(), self.clock, Random(seed + 1), away=away, leave=self.left
            )
            self.router.prepared, self.router.watch = prepared, watch
        self.number = 0
        self.exited: list[PacketBuffer] = []

    def feed(self, sent: Sent) -> list[PacketBuffer]:
        """One frame, and all that comes of it until nobody has anything to do; what came to exits."""
        self.number = len(self.story.sent)
        self.story.sent.append(sent)
        self.exited = []
        self.clock.advance(sent.time_ns)
        self.fast(None, PacketBuffer(sent.frame))
        if self.router is not None:
            self.router.work(ROUNDS)
        self.look_for_full_tables()
        return self.exited

    def finish(self) -> Story:
        """Let what is kept come out."""
        if self.router is not None:
            for _ in range(5):
                self.clock.advance(self.clock() + LAST_NS)
                self.router.work(10 * ROUNDS)
        self.story.drops = dict(self.walker.drops)
        return self.story

    def look_for_full_tables(self) -> None:
        if self.story.full is None and any(
            len(held.rows) >= held.table.capacity for held in self.story.state.tables.values()
            if held.table.kind is not ir.TableKind.PREFIX
        ):  # fmt: skip
            self.story.full = self.number

    def fast(self, back: Input | None, packet: PacketBuffer) -> None:
        """A packet for the fast part."""
        given = None if back is None else packet.copy()
        arrivals = self.walker.walk(packet, back)
        kept = [one for one in arrivals if one.way is not None]
        copies = [replace(one, packet=one.packet.copy()) for one in kept]
        wanted = [e for one in copies if (e := expected(one)) is not None]
        self.story.steps.append(Step(self.number, self.clock(), back, given, arrivals, wanted))
        for one, copy in zip(kept, copies, strict=True):
            if isinstance(one.way, Leave):
                if one.way.code < OUT + 100:
                    self.arrived(f"exit{one.way.code - OUT}", one.packet, one if back is None else None)
            elif one.way is not None and one.way.element in self.prepared.exits:
                self.arrived(one.way.element, one.packet, one if back is None else None)
            elif one.way is not None:
                one.packet = copy.packet
                self.slow(one.way, copy.packet.copy())

    def slow(self, at: Input, packet: PacketBuffer) -> None:
        """A packet for the router."""
        assert self.router is not None
        node = self.router.by_name[at.element]
        if at.port == OUTSIDE:
            self.router.push_out(node, self.router.outcome(node, OUTSIDE, packet))
        else:
            self.router.push(node, at.port, packet)

    def left(self, element: str, port: int, packet: PacketBuffer) -> None:
        """A packet that comes out of the router."""
        if element in self.prepared.exits:
            self.arrived(element, packet, None)
        else:
            self.fast(Input(element, port), packet)

    def arrived(self, exit_: str, packet: PacketBuffer, arrival: Arrival | None) -> None:
        self.exited.append(packet)
        self.story.reached.append((self.number, exit_, packet, arrival))


# ---- a router alone


def check_router(prepared: Prepared, story: Story, seed: int) -> None:
    """A router that runs everything itself does the same, if nothing is kept."""
    if prepared.agents:
        return
    came: list[tuple[str, PacketBuffer]] = []
    clock = VirtualClock()
    router = Router(
        prepared.vertices, Nowhere(), clock, Random(seed), away=sorted(prepared.exits),
        leave=lambda name, _, packet: came.append((name, packet)),
    )  # fmt: skip
    node = router.by_name[prepared.entry.element]
    where = 0
    for number, sent in enumerate(story.sent[:ALONE_PACKETS]):
        clock.advance(sent.time_ns)
        came.clear()
        router.push_out(node, router.outcome(node, OUTSIDE, PacketBuffer(sent.frame)))
        wanted = []
        while where < len(story.reached) and story.reached[where][0] == number:
            wanted.append(story.reached[where][1:3])
            where += 1
        if [name for name, _ in came] != [name for name, _ in wanted]:
            raise Contradiction(
                "router", number, f"{[n for n, _ in came]} got it, not {[n for n, _ in wanted]}"
            )
        for (name, mine), (_, other) in zip(came, wanted, strict=True):
            if words := unlike(mine, other):
                raise Contradiction("router", number, f"at {name}: {words}")


def unlike(a: PacketBuffer, b: PacketBuffer) -> str:
    """What two packets differ in."""
    if a.data != b.data:
        return f"data {a.data.hex()}, not {b.data.hex()}"
    if a.annotations != b.annotations:
        return f"annotations {a.annotations.hex()}, not {b.annotations.hex()}"
    first, second = a.marks[Mark.DATA], b.marks[Mark.DATA]
    mine, other = {m: n - first for m, n in a.marks.items()}, {m: n - second for m, n in b.marks.items()}
    return "" if mine == other else f"marks {mine}, not {other}"


# ---- machine code


def check_native(prepared: Prepared, story: Story, seed: int, made: Graph | None = None) -> None:
    """Machine code (of `made`, if that is given) does what the walk did, with what comes in and what comes back."""
    name = "native" if made is None else "smaller"
    with NativeGraph(made or prepared.graph, DIVERTED, Random(seed), prepared.refused) as native:
        slow = frozenset(Input(s.element, s.port) for s in native.emitted.slow)
        if slow != prepared.stops:
            story = again(prepared, story, slow, seed)
        number = -1
        try:
            for number, got, wanted in native_steps(native, story):  # noqa: B007 - the handler tells it
                same_left([one for one in got if one.code != Native.drop], wanted, "")
            same_state(native, story.state, story.drops)
        except AssertionError as error:
            raise Contradiction(name, number, words_of(error)) from None


def check_smaller(prepared: Prepared, story: Story, seed: int, compiler: Compiler | None) -> int:
    """Programs from which is left out what is proven to make no difference do what the walk did, every fourth time in
    the kernel too; how many things that were."""
    graph, steps = smaller(prepared)
    if steps:
        check_native(prepared, story, seed, graph)
        if compiler is not None and seed % 4 == 0:
            check_kernel(prepared, story, seed, compiler, graph)
    return steps


def smaller(prepared: Prepared) -> tuple[Graph, int]:
    """The graph with such programs, for any frames and all that sources make; how much was left out."""
    injected = inject_raw().state
    stamp(injected.memory)
    start = [(prepared.entry.element, prepared.entry.port, injected)]
    start += [(name, OUTSIDE, empty()) for name in prepared.machine.with_role(Role.SOURCE)]
    made = simplify(prepared.machine, start, mentioned(prepared.vertices))
    programs = {at: made.programs.get((at.element, at.port), p) for at, p in prepared.graph.programs.items()}
    return replace(prepared.graph, programs=programs), len(made.steps)


def words_of(error: AssertionError) -> str:
    return " ".join(str(error).split())[:1500] or "they differ"


def native_steps(
    native: NativeGraph, story: Story
) -> Iterator[tuple[int, Sequence[Left], Sequence[Expected]]]:
    """The steps of the story, with what machine code made of each; in one batch if nothing comes back."""
    if all(step.back is None for step in story.steps):
        found = run_at(native, [s.frame for s in story.sent], [s.time_ns for s in story.sent])
        for step, got in zip(story.steps, found, strict=True):
            yield step.number, got, step.expected
        return
    for step in story.steps:
        if step.back is None:
            got = native.run([story.sent[step.number].frame], step.time_ns)
        else:
            assert step.packet is not None
            if min(step.packet.marks.values()) < 0:
                raise AssertionError("a mark before the packet")
            got = native.push(step.back, [step.packet], step.time_ns)
        yield step.number, got, step.expected


def again(
    prepared: Prepared,
    story: Story,
    slow: frozenset[Input],
    seed: int,
    divided: frozenset[Input] = frozenset(),
    shortest: int = 0,
) -> Story:
    """The story as far as a back end goes that hands over at other inputs too, and is never given shorter frames."""
    clock = VirtualClock()
    out = Story(sent=story.sent, state=State(clock=clock, random=Random(seed)), full=story.full)
    walker = Walker(prepared.graph, slow, out.state, None, divided)
    for number, sent in enumerate(story.sent):
        if len(sent.frame) < shortest:
            continue
        clock.now_ns = sent.time_ns
        arrivals = walker.walk(PacketBuffer(sent.frame))
        wanted = [e for one in arrivals if (e := expected(one)) is not None]
        out.steps.append(Step(number, sent.time_ns, None, None, arrivals, wanted))
    out.drops = dict(walker.drops)
    return out


# ---- the kernel


def check_kernel(
    prepared: Prepared, story: Story, seed: int, compiler: Compiler, made: Graph | None = None
) -> int:
    """The kernel does (with `made`, if that is given) what the walk did, as far as it goes; how many packets were
    compared."""
    graph = replace(made or prepared.graph, back=())
    loaded = install(graph, compiler, prepared)
    try:
        slow = frozenset(Input(s.element, s.port) for s in loaded.emitted.slow)
        divided = frozenset(Input(s.element, s.port) for s in loaded.emitted.divided)
        story = again(prepared, story, slow, seed, divided, SHORTEST)
        return _check_kernel(prepared, loaded, story)
    finally:
        loaded.installed.close()


def install(graph: Graph, compiler: Compiler, prepared: Prepared) -> InstalledGraph:
    return install_graph(
        graph, XDP, DIVERTED, compiler, statistics=False, refused=prepared.whole, shared=True
    )


def _check_kernel(prepared: Prepared, loaded: InstalledGraph, story: Story) -> int:
    chance = any(
        isinstance(s, ir.Random | ir.Now) or (isinstance(s, ir.Allocate) and s.order is ir.Order.RANDOM)
        for at in loaded.emitted.weights
        for s in statements_of(prepared, at)
    )
    compared, stuck = 0, 0
    for step in story.steps:
        if story.full is not None and step.number >= story.full:
            break
        frame = story.sent[step.number].frame
        try:
            got = loaded.installed.program.run(frame)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            break  # it became longer than a test run gives back
        compared += 1
        if chance:
            if got.verdict not in possible(prepared):
                raise Contradiction("kernel", step.number, f"verdict {got.verdict}")
            continue
        if got.verdict == Xdp.abort or immovables(loaded) > stuck:
            stuck = immovables(loaded)
            if refusal(step, got.verdict):
                continue
            if prepared.remembers:
                break  # tables go apart from here
            continue
        try:
            agree(loaded, step, got.verdict, got.frame)
        except AssertionError as error:
            raise Contradiction("kernel", step.number, words_of(error)) from None
    if compared == len(story.steps) and not chance and not stuck:
        try:
            same_kernel_state(prepared.graph, loaded, story.state, story.drops)
        except AssertionError as error:
            raise Contradiction("kernel", -1, words_of(error)) from None
    return compared


def statements_of(prepared: Prepared, at: Input) -> Iterable[ir.Stmt]:
    from innet.ir.uses import statements

    return statements(prepared.graph.programs[at].body)


def possible(prepared: Prepared) -> set[int]:
    """The verdicts that a compiled graph may have."""
    ways = (*prepared.graph.connections.values(), *prepared.graph.held.values())
    return {Xdp.drop, Xdp.abort, DIVERTED.code, *(way.code for way in ways if isinstance(way, Leave))}


def refusal(step: Step, verdict: int) -> bool:
    """Whether the packet was too short for a kernel to send, and that is all."""
    short = [one for one in step.expected if one.packet is None and len(one.data) < SHORTEST]
    return bool(short) and verdict == Xdp.drop


def agree(loaded: InstalledGraph, step: Step, verdict: int, frame: bytes) -> None:
    """The kernel's answer is the walk's."""
    if not step.expected:
        assert verdict == Xdp.drop, f"verdict {verdict}, though the packet is dropped"
        return
    (wanted,) = step.expected
    assert verdict == wanted.verdict, f"verdict {verdict}, not {wanted.verdict}"
    if wanted.packet is not None:
        same_handover(loaded.emitted, wanted, frame, "handed over")
    else:
        assert frame.hex() == wanted.data.hex(), f"{frame.hex()}, not {wanted.data.hex()}"


# ---- the symbolic executor


def check_symbolic(prepared: Prepared, story: Story, views: Sequence[Paths]) -> int:
    """Every packet's way is one of the explored ones; how many were held against them."""
    compared = 0
    tables = prepared.tables
    firsts = [step for step in story.steps if step.back is None]
    kept = [one for one in story.reached if one[3] is None]
    for view in views:
        for step in firsts:
            if view.new and step.number and tables:
                break
            frame = story.sent[step.number].frame
            try:
                compared += view.covers(frame, step.arrivals, view.new)
            except Disagreement as error:
                raise Contradiction("symbolic", step.number, f"{view.name}: {error}") from None
        if view.new and tables:
            continue
        for number, exit_, packet, _ in kept[:: len(kept) // KEPT + 1]:
            frames = [one.frame for one in story.sent[number::-1]]
            try:
                compared += view.covers_one_of(frames, exit_, packet)
            except Disagreement as error:
                raise Contradiction("symbolic", number, f"{view.name}: {error}") from None
    return compared


# ---- all of it


@dataclass
class Tally:
    """What a campaign has seen."""

    configurations: int = 0
    packets: int = 0
    kernel: int = 0
    symbolic: int = 0
    smaller: int = 0
    """Configurations of which something could be left out."""
    unexplored: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    elements: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ends:
    """Which back ends are asked; the kernel's by a compiler process. Machine code is asked twice: the second time of
    programs from which is left out what makes no difference."""

    native: bool = True
    symbolic: bool = True
    compiler: Compiler | None = None


@contextmanager
def ends(kernel: bool = True, native: bool = True, symbolic: bool = True) -> Iterator[Ends]:
    """The back ends, the kernel's with a compiler of its own."""
    if not kernel:
        yield Ends(native, symbolic)
        return
    with Compiler() as compiler:
        yield Ends(native, symbolic, compiler)


def views_of(prepared: Prepared, tally: Tally, rng: Random) -> list[Paths]:
    """The explorations of a configuration, as far as they can be paid for."""
    found = []
    for raw in (False, True):
        if raw and rng.random() > RAW:
            continue
        for new in (True, False):
            if not new and not prepared.tables:
                continue  # nothing is remembered: one exploration says it all
            if raw and not new and rng.random() > RAW:
                continue
            try:
                found.append(explored(prepared, raw, new))
            except TooMany:
                tally.unexplored += 1
    for view in found:
        for reason in view.lost:
            tally.lost[reason] = tally.lost.get(reason, 0) + 1
    return found


def examine(
    text: str,
    sent: Sequence[Sent] | None,
    seed: int,
    ends: Ends,
    packets: int = 200,
    watch: Watch | None = None,
    tally: Tally | None = None,
    only: str = "",
    prepared: Prepared | None = None,
) -> Story:
    """All back ends on one configuration, with packets given or random ones; raises `Contradiction`.

    The contradiction carries the packets, so that it can be seen again: `error.sent`. `only` names the one end to ask.
    """
    tally = tally or Tally()
    prepared = prepare(text) if prepared is None else prepared
    rng = Random(seed)
    views: list[Paths] = []
    clock = Stopwatch(tally.seconds)
    if ends.symbolic and only in ("", "symbolic"):
        with asked("symbolic"):
            views = views_of(prepared, tally, Random(seed + 2))
        clock.lap("explore")
    interpreter = Interpreter(prepared, seed, watch)
    if sent is None:
        traffic = Traffic(rng, spoken(text), SHORTEST if prepared.remembers and rng.random() < 0.8 else 0)
        traffic.extra = [frame for view in views for frame in view.frames(8, SOLVE_S)]
        clock.lap("solve")
        for _ in range(packets):
            for packet in interpreter.feed(traffic.next()):
                traffic.talk.came_out(packet)
    else:
        for one in sent:
            interpreter.feed(one)
    story = interpreter.finish()
    clock.lap("interpret")
    tally.packets += len(story.sent)
    try:
        if only in ("", "router"):
            with asked("router"):
                check_router(prepared, story, seed)
            clock.lap("router")
        if ends.native and only in ("", "native"):
            with asked("native"):
                check_native(prepared, story, seed)
            clock.lap("native")
        if ends.native and only in ("", "smaller"):
            with asked("smaller"):
                tally.smaller += check_smaller(prepared, story, seed, ends.compiler) > 0
            clock.lap("smaller")
        if ends.compiler is not None and only in ("", "kernel"):
            with asked("kernel"):
                tally.kernel += check_kernel(prepared, story, seed, ends.compiler)
            clock.lap("kernel")
        if views:
            with asked("symbolic"):
                tally.symbolic += check_symbolic(prepared, story, views)
            clock.lap("symbolic")
    except Contradiction as error:
        error.sent = story.sent
        raise
    return story


@contextmanager
def asked(end: str) -> Iterator[None]:
    """While a back end is asked: what it fails with is a contradiction too."""
    try:
        yield
    except Contradiction:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__} at {where.name}:{where.lineno}: {error}"
        raise Contradiction(end, -1, words[:1500]) from error


class Stopwatch:
    """Where the time goes."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0) + now - self.last
        self.last = now


def spoken(text: str) -> str:
    """What the arguments in a text speak of."""
    return parsed(text).spoken
