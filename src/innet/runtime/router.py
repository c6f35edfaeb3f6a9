"""Runs a configuration: the packet programs in the reference interpreter, and the holders around them.

Push is depth first and synchronous: all that a packet causes behind output 0 happens before output 1 gets its copy.
Neither push nor pull uses Python's stack for the graph, so a configuration may be as deep as it likes. Tasks take
turns, one run each. Time, randomness and I/O are arguments.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TypeAlias

from innet import ir
from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.argument_names import NameBook
from innet.elements.base import OUTSIDE, Role
from innet.elements.holder import HandlerError, Holder, Io, Out, Pulling, timestamp
from innet.elements.meter.average import RateAverage
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer
from innet.runtime.clock import VirtualClock
from innet.runtime.graph import PULL, Graph
from innet.runtime.handlers import Handlers
from innet.runtime.node import Node

HOPS_PER_ELEMENT = 64
"""A packet may enter elements this often, times their number (and a thousand more), before it counts as looping."""
MAX_COPIES = 1_000_000
"""Elements that one push, with all copies it causes, or one pull may enter beyond what one packet may."""

Leave: TypeAlias = Callable[[str, int, PacketBuffer], None]
"""Takes a packet that goes to an input (element, port) which somebody else runs."""

MAX_IDLE_RUNS = 32
"""A task that found nothing to do so often, while nobody else did anything, does not keep a run in virtual time on."""


class Router:
    """A running configuration.

    `clock` says the time in nanoseconds; `io` opens captures and devices; `random` is where every random number
    comes from. Raises ConfigurationError with all that elements find wrong when they are set up.

    Elements named in `away` are run by somebody else: what is pushed to them goes to `leave`, with their name and the
    input. They still stand in the graph, for what follows from it.

    `drops` counts packets by (element, reason); `state` holds tables and statistics. What elements say to a person and
    what they print goes to `say` and `show`, which at first collect it in `messages` and `printed`.
    """

    def __init__(
        self,
        graph: Graph,
        io: Io,
        clock: Callable[[], int] | None = None,
        random: Random | None = None,
        *,
        away: Collection[str] = (),
        leave: Leave | None = None,
    ) -> None:
        self.clock: Callable[[], int] = VirtualClock() if clock is None else clock
        self.state = interpret.State(clock=lambda: self.clock(), random=random or Random(0))
        self.drops: Counter[tuple[str, str]] = Counter()
        self.messages: list[str] = []
        self.printed: list[str] = []
        self.names: NameBook | None = None
        """The names of its text, for arguments that are written as it runs."""
        self.frozen = False
        """Whether handlers may not change elements, because what they do was proven."""
        self.texts: dict[str, str] = {}
        """Of its text: `config`, `flatconfig`, `requirements`, for the global handlers of these names."""
        self.say: Callable[[str], None] = self.messages.append
        self.show: Callable[[str], None] = self.printed.append
        self.io = io
        self.ended = False
        self._stops = 0
        self._packets = 0
        self._leave: Leave = leave or self._nobody
        self.max_copies = MAX_COPIES
        self.nodes = [Node(self, v) for v in graph.vertices]
        self.by_name = {n.name: n for n in self.nodes}
        self.handlers = Handlers(self)
        self.max_hops = HOPS_PER_ELEMENT * len(self.nodes) + 1000
        for c in graph.connections:
            source, target = self.nodes[c.source], self.nodes[c.target]
            if source.outputs[c.output] == PULL:
                target.sources[c.input] = source, c.output
            else:
                source.targets[c.output] = target, c.input
        self._notifiers: dict[tuple[str, int], list[Holder]] = {}
        self._queues: dict[tuple[str, int], list[Holder]] = {}
        self._stores: dict[str, list[Holder]] = {}
        for name in away:
            self.by_name[name].away = True
        self._set_up(io)
        self.tasks = [n for n in self.nodes if n.runs]
        here = (n for n in self.nodes if not n.away)
        self.driver = next((n for n in here if n.holder is not None and n.holder.drives), None)

    def _nobody(self, element: str, port: int, packet: PacketBuffer) -> None:
        """Nobody was named who takes packets for elements that are away."""
        self.drops[element, "not run here"] += 1

    def _set_up(self, io: Io) -> None:
        """Make the holders, in the order of the text; report all that goes wrong."""
        found: list[Diagnostic] = []
        for node in self.nodes:
            try:
                node.holder = node.element.holder(io, node.inputs, node.outputs)
            except ConfigurationError as e:
                found += (_about(d, node) for d in e.diagnostics)
            self._measure(node)
            if node.holder is not None and node.holder.instead is not None:
                node.element = node.holder.instead
            if node.holder is not None:
                node.takes = node.holder.PULLS and type(node.holder).pull is Holder.pull
            node.calls = list(node.element.calls())
            for call in node.calls:
                if not self.handlers.writable(call.handler, node.name):
                    found.append(self.no_handler(node, call.handler))
        found += self._claimed_twice()
        found += self._watch_nothing()
        drivers = [n for n in self.nodes if n.holder is not None and n.holder.drives]
        if len(drivers) > 1:
            found.append(_about(Diagnostic("E131", "a configuration has only one DriverManager"), drivers[1]))
        if found:
            raise ConfigurationError(found)

    def _measure(self, node: Node) -> None:
        """Keep averages of the statistics whose rates the element's handlers show."""
        if not node.element.RATES:
            return
        for handler, (statistic, bits, _) in node.element.RATES.items():
            average = node.rates[handler] = RateAverage(bits)
            self.state.listeners.setdefault((node.name, statistic), []).append(average.update)

    def _claimed_twice(self) -> Iterable[Diagnostic]:
        """Devices that two elements of one role claim for themselves."""
        owner: dict[tuple[Role, str], Node] = {}
        for node in self.nodes:
            if node.holder is None or not node.holder.exclusive:
                continue
            first = owner.setdefault((node.element.ROLE, node.holder.device), node)
            if first is not node:
                message = f"device '{node.holder.device}' already belongs to '{first.name}'"
                yield _about(Diagnostic("E132", message), node)

    def _watch_nothing(self) -> Iterable[Diagnostic]:
        """Elements that watch the queues near them, where there are none."""
        for node in self.nodes:
            if node.holder is not None and node.holder.WATCHES and not self.queues(node):
                yield _about(Diagnostic("E138", "there is no queue near it", help="name one: QUEUES q"), node)

    def no_handler(self, node: Node, handler: str) -> Diagnostic:
        """A handler is called that does not exist."""
        message = f"'{node.name}' calls '{handler}', which is no write handler of this configuration"
        return _about(Diagnostic("E133", message, expected="ELEMENT.HANDLER [VALUE]"), node)

    # ---- packets

    def outcome(self, node: Node, port: int, packet: PacketBuffer) -> Sequence[Out]:
        """Run one program on `packet`; what leaves the element, in order."""
        self._packets += 1
        try:
            verdict = node.verdicts[port]
        except KeyError:
            verdict = node.verdict(port)
        if verdict is None:
            result = interpret.run(node.program(port), packet, self.state)
            outs: Sequence[Out] = [*result.copies, *self._end(node, port, packet, result.verdict)]
        else:
            outs = self._end(node, port, packet, verdict)
        if node.calls:
            self._count_calls(node)
        return outs

    def _end(self, node: Node, port: int, packet: PacketBuffer, verdict: ir.Verdict) -> Sequence[Out]:
        """Do what the verdict says; what leaves the element because of it."""
        if isinstance(verdict, ir.Emit):
            return [(verdict.port, packet)]
        if isinstance(verdict, ir.Hold):
            return self._held(node, port, packet)
        self.drops[node.name, verdict.reason] += 1
        return ()

    def _held(self, node: Node, port: int, packet: PacketBuffer) -> Sequence[Out]:
        if node.holder is None:
            return ((0, packet),) if node.outputs else ()
        return node.holder.push(packet, port, node.context)

    def _count_calls(self, node: Node) -> None:
        """Write the handlers whose count has come."""
        due = []
        for call in node.calls:
            count = self.state.statistics.get((node.name, call.statistic), 0)
            if count == call.at or (count > call.at and not call.exact):
                due.append(call)
        for call in due:
            node.calls.remove(call)
            try:
                self.handlers.write(call.handler, call.value, node.name)
            except HandlerError as e:
                self.say(f"{node.name}: {e}")

    def push(self, node: Node, port: int, packet: PacketBuffer, hops: int = 0) -> None:
        """Give `packet`, which entered `hops` elements, to input `port` of `node`; follow it and its copies until each
        one's end."""
        work = [(node, port, packet, hops)]
        left = self.max_hops + self.max_copies
        while work:
            node, port, packet, hops = work.pop()
            left -= 1
            if hops > self.max_hops or left < 0:
                self.drops[node.name, "loop"] += 1
                continue
            if node.away:
                self._leave(node.name, port, packet)
                continue
            outs = self.outcome(node, port, packet)
            for out, leaving in reversed(outs):
                target = node.targets[out] if out < len(node.targets) else None
                if target is None:
                    self.drops[node.name, f"output {out} is not connected"] += 1
                else:
                    work.append((*target, leaving, hops + 1))

    def push_out(self, node: Node, outs: Iterable[Out]) -> None:
        """Push packets out of `node`, one after the other."""
        for out, packet in outs:
            target = node.targets[out] if out < len(node.targets) else None
            if target is None:
                self.drops[node.name, f"output {out} is not connected"] += 1
            elif target[0].away:
                self._leave(target[0].name, target[1], packet)
            else:
                self.push(*target, packet)

    def settle(self, node: Node, outs: Sequence[Out], pulled: int) -> PacketBuffer | None:
        """Push what leaves by push outputs; the packet that leaves by output `pulled`, if that is a pull output."""
        answer = None
        for out, packet in outs:
            if out == pulled and node.outputs[out : out + 1] == PULL:
                answer = packet
            else:
                self.push_out(node, ((out, packet),))
        return answer

    def pull(self, node: Node, port: int) -> PacketBuffer | None:
        """Ask whatever is before input `port` of `node` for a packet."""
        waiting: list[tuple[Node, int, int, Pulling | None]] = []  # node, output, input asked, its pull
        ask = node.sources[port]
        if ask is not None and ask[0].takes:
            holder = ask[0].holder
            return None if holder is None else holder.take(ask[0].context)
        answer: PacketBuffer | None = None
        left = self.max_hops + self.max_copies
        while True:
            left -= 1
            if ask is not None and (len(waiting) > self.max_hops or left < 0):
                ask, answer = None, None  # a loop of pulls has nothing to give
            if ask is not None:
                up, out = ask
                if up.holder is not None and up.holder.PULLS:
                    pulling = up.holder.pull(out, up.context)
                    ask, answer = self._go_on(waiting, up, out, pulling, None)
                    continue
                wanted = up.element.pull_input(out)
                answer = None
                ask = None
                if wanted is not None and wanted < len(up.sources):
                    ask = up.sources[wanted]
                    waiting.append((up, out, wanted, None))
                continue
            if not waiting:
                return answer
            up, out, wanted, paused = waiting.pop()
            if paused is not None:
                ask, answer = self._go_on(waiting, up, out, paused, answer)
            elif answer is not None:
                answer = self.settle(up, self.outcome(up, wanted, answer), out)

    def _go_on(
        self,
        waiting: list[tuple[Node, int, int, Pulling | None]],
        node: Node,
        out: int,
        pulling: Pulling,
        answer: PacketBuffer | None,
    ) -> tuple[tuple[Node, int] | None, PacketBuffer | None]:
        """Resume a pull with `answer`: whom it asks next (then None), or nobody and what it returned."""
        try:
            wanted = next(pulling) if answer is None else pulling.send(answer)
        except StopIteration as done:
            return None, done.value
        waiting.append((node, out, wanted, pulling))
        return node.sources[wanted], None

    def deliver(self, device: str, frame: bytes, time_ns: int | None = None) -> bool:
        """A frame arrived on `device`: give each element that listens there a copy; whether one did."""
        heard = False
        for node in self.nodes:
            if node.element.ROLE is Role.ENTRY and node.holder is not None and node.holder.device == device:
                heard = True
                self.inject(node, frame, time_ns)
        return heard

    def inject(self, node: Node, frame: bytes, time_ns: int | None = None) -> None:
        """Run `receive` of an ENTRY element on a frame, and push what comes of it."""
        packet = PacketBuffer(frame)
        timestamp(packet, self.clock() if time_ns is None else time_ns)
        if node.away:
            self._leave(node.name, OUTSIDE, packet)
            return
        self.push_out(node, self.outcome(node, OUTSIDE, packet))

    # ---- notifiers

    def notifiers(self, node: Node, port: int) -> list[Holder]:
        """The holders upstream of a pull input where packets may wait."""
        key = node.name, port
        found = self._notifiers.get(key)
        if found is None:
            found = []
            seen = set()
            work = [node.sources[port]]
            while work:
                at = work.pop()
                if at is None or id(at[0]) in seen:
                    continue
                up = at[0]
                seen.add(id(up))
                through = [s for s, kind in zip(up.sources, up.inputs, strict=True) if kind == PULL]
                if up.holder is not None and up.holder.PULLS and (up.holder.NOTIFIES or not through):
                    found.append(up.holder)
                work += through
            self._notifiers[key] = found
        return found

    def queues_after(self, node: Node, port: int) -> list[Holder]:
        """The holders with a full notifier that packets from push output `port` may end up in."""
        key = node.name, port
        found = self._queues.get(key)
        if found is None:
            found = []
            seen = set()
            work = [node.targets[port] if port < len(node.targets) else None]
            while work:
                at = work.pop()
                if at is None or id(at[0]) in seen:
                    continue
                seen.add(id(at[0]))
                holder = at[0].holder
                if holder is not None and holder.NOTIFIES:
                    found.append(holder)
                elif holder is None or holder.PASSES:
                    work += at[0].targets
            self._queues[key] = found
        return found

    def account(self) -> Iterator[str]:
        """For people: how packets are run."""
        yield "no machine code: every packet goes through Python"

    def queues(self, node: Node) -> list[Holder]:
        """The holders that store packets: those that `node` names, or those its packets come to or from first."""
        found = self._stores.get(node.name)
        if found is None:
            found = []
            names = () if node.holder is None else node.holder.watched
            downstream = PULL not in node.outputs[:1]
            seen = {id(node)}
            work = [self.by_name[name] for name in names] or neighbours(node, downstream)
            while work:
                at = work.pop()
                if id(at) in seen:
                    continue
                seen.add(id(at))
                if at.holder is not None and at.holder.STORES:
                    found.append(at.holder)
                elif not names:
                    work += neighbours(at, downstream)
            self._stores[node.name] = found
        return found

    # ---- tasks and time

    def stop(self) -> None:
        """Ask for the end of the run: at once, unless a DriverManager has other plans."""
        self._stops += 1

    def _handle_stops(self) -> None:
        while self._stops and not self.ended:
            self._stops -= 1
            driver = self.driver
            self.ended = driver is None or driver.holder is None or driver.holder.stopped(driver.context)

    def round(self) -> bool:
        """Let each task that is due run once; whether one of them did anything, if only to see a packet dropped."""
        worked = False
        now = self.clock()
        for node in self.tasks:
            if self.ended:
                break
            if node.holder is not None and node.holder.RUNS:
                wake = node.holder.wake_ns(node.context)
                if wake is None or wake > now:
                    continue
                before = self._packets
                did = self.run_task(node, node.holder) or self._packets != before
            else:
                did = self._drain(node)
            if self._stops:
                self._handle_stops()
                did = True
            node.idle_runs = 0 if did else node.idle_runs + 1
            worked |= did
        if worked:
            for node in self.tasks:
                node.idle_runs = 0
        return worked

    def run_task(self, node: Node, holder: Holder) -> bool:
        """Run the task of a holder once; whether it did anything."""
        return holder.run(node.context)

    def _drain(self, node: Node) -> bool:
        """One run of a sink in pull context: each pull input in turn, as many packets as its burst says."""
        worked = False
        for port, kind in enumerate(node.inputs):
            if kind != PULL:
                continue
            left = self._drain_burst(node)
            before = self._packets
            while left != 0 and (packet := self.pull(node, port)) is not None:
                left -= 1
                self.push_out(node, self.outcome(node, port, packet))
            worked |= self._packets != before
        return worked

    def _drain_burst(self, node: Node) -> int:
        """How many packets a sink pulls in one run: its BURST and ACTIVE arguments, if it has them; negative: all."""
        if not getattr(node.element, "active", True):
            return 0
        return int(getattr(node.element, "burst", 1)) or -1

    def next_wake(self) -> int | None:
        """The earliest time in the future at which a task wants to run; None if there is none."""
        return min((wake for _, wake in self._sleepers()), default=None)

    def _sleepers(self) -> Iterator[tuple[Node, int]]:
        """The tasks that want to run at some time in the future, and when."""
        now = self.clock()
        for node in self.tasks:
            if node.holder is not None and node.holder.RUNS:
                wake = node.holder.wake_ns(node.context)
                if wake is not None and wake <= now:
                    wake = node.holder.timer_ns(node.context)
                if wake is not None and wake > now:
                    yield node, wake

    def work(self, rounds: int) -> bool:
        """At most `rounds` rounds; whether there is more to do right now."""
        for _ in range(rounds):
            if self.ended or not self.round():
                return False
        return not self.ended

    def run(self, until_ns: int | None = None) -> None:
        """Run in virtual time until the configuration stops or nobody has anything left to do, or to `until_ns`.

        Tasks that only look for packets in vain, again and again, do not keep a run going.
        """
        clock = self.clock
        if not isinstance(clock, VirtualClock):
            raise TypeError("only a virtual clock can be set forward")
        for node in self.tasks:
            node.idle_runs = 0
        while not self.ended:
            if self.round():
                continue
            sleepers = list(self._sleepers())
            wake = min((time for _, time in sleepers), default=None)
            if until_ns is None and all(node.idle_runs >= MAX_IDLE_RUNS for node, _ in sleepers):
                return
            if wake is None or (until_ns is not None and wake > until_ns):
                clock.advance(until_ns or 0)
                return
            clock.advance(wake)


def neighbours(node: Node, downstream: bool) -> list[Node]:
    """The nodes that the push outputs of `node` lead to, or that its pull inputs ask."""
    found = node.targets if downstream else node.sources
    return [other[0] for other in found if other is not None]


def _about(diagnostic: Diagnostic, node: Node) -> Diagnostic:
    """The diagnostic with the element's name, and its place if it has none."""
    message = diagnostic.message
    if not message.startswith("'"):
        message = f"{type(node.element).__name__}: {message}"
    return replace(diagnostic, message=message, span=diagnostic.span or node.span)
