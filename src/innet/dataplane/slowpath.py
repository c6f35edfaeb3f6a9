"""The slow path: the elements of a module that run in the agent, by the interpreter and their holders.

All others run in the kernel. A packet that comes to a slow element's input is taken here and followed through slow
elements, as `Router.push` does; where it goes to an element of the kernel it leaves, with marks and annotations.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType

from innet.dataplane.slowregion import closed, must_be_slow
from innet.elements.base import OUTSIDE
from innet.elements.holder import Holder, Io, Out, timestamp
from innet.ir.interpret import PacketBuffer, TableState
from innet.runtime.graph import PULL, Graph
from innet.runtime.node import Node
from innet.runtime.router import Leave, Router

__all__ = ["CAPACITY", "SlowPath", "closed", "must_be_slow"]

CAPACITY = 4096
"""Packets that the elements of one module may keep at once, all together."""
COPIES = 65_536
"""Elements that one packet, with all its copies, may enter at a time: what one packet can cost the other modules."""
REMEMBERED = 100
"""Lines that elements say or print of which the last ones are kept."""
PASSES_AT = 60
"""The annotation bytes that say how often a packet left the slow path (u16, little-endian). No element reads or writes
them; those that the configuration can name end at 48."""
SPARE_PULLS = 1024
"""In one round elements may pull so often, beyond twice what the module may keep."""
SPARE_PASSES = 64
"""A packet may leave once for each slow element, and so often more, before it counts as looping."""
FULL, LOOP = "slow path is full", "loop"
NO_TABLES: Mapping[tuple[str, str], TableState] = MappingProxyType({})


class SlowPath:
    """The slow part of a module.

    `graph` is the whole configuration, `slow` names the elements to run here (closed under `closed`). `leave` is given
    what goes to another element: its name, the input, the packet, which is the receiver's from then on. It may call
    `take` before it returns. Devices of slow elements come from `io`; `clock` says the time in nanoseconds.
    At most `capacity` packets are kept; one too many is dropped, "slow path is full" at the element that would keep it.
    `tables`, by element and name, are those that the kernel uses too; then `clock` must be the kernel's.
    Raises ConfigurationError with what its elements find wrong, and ValueError if a pull leads out of `slow`.
    """

    def __init__(
        self,
        graph: Graph,
        slow: frozenset[str],
        io: Io,
        leave: Leave,
        clock: Callable[[], int],
        random: Random,
        capacity: int = CAPACITY,
        tables: Mapping[tuple[str, str], TableState] = NO_TABLES,
    ) -> None:
        _check_pulls(graph, slow)
        away = [v.name for v in graph.vertices if v.name not in slow]
        self.router = _BoundedRouter(graph, io, clock, random, away, self._leave, capacity)
        self.messages: deque[str] = deque(maxlen=REMEMBERED)
        """What elements said and printed, the last of it."""
        self.router.say = self.router.show = self.messages.append
        self.router.frozen = True
        self.router.state.tables |= tables
        self._give = leave
        self._nodes = {node.name: node for node in self.router.nodes if not node.away}
        self._passes = min(len(slow) + SPARE_PASSES, 0xFFFF)

    def take(self, element: str, port: int, packet: PacketBuffer) -> None:
        """Give `packet` to input `port` of a slow element (OUTSIDE: a frame that came in), and follow it.

        The packet is the slow path's from then on. Raises KeyError for an element that is not slow.
        """
        node = self._nodes[element]
        passes = packet.annotations[PASSES_AT] | packet.annotations[PASSES_AT + 1] << 8
        if passes > self._passes:
            self.router.drops[element, LOOP] += 1
            return
        if port == OUTSIDE:
            timestamp(packet, self.router.clock())
        self.router.push(node, port, packet)

    def _leave(self, element: str, port: int, packet: PacketBuffer) -> None:
        annotations = packet.annotations
        passes = annotations[PASSES_AT] + 1
        if passes < 256:
            annotations[PASSES_AT] = passes
        else:
            annotations[PASSES_AT], annotations[PASSES_AT + 1] = 0, min(annotations[PASSES_AT + 1] + 1, 0xFF)
        self._give(element, port, packet)

    def work(self, rounds: int) -> bool:
        """Let tasks that are due run, at most so often each; whether there is more to do right now."""
        return self.router.work(rounds)

    def next_wake(self) -> int | None:
        """The earliest time in the future at which a task wants to run, in nanoseconds; None if there is none."""
        return None if self.router.ended else self.router.next_wake()

    def holding(self) -> int:
        """How many packets its elements keep now."""
        return self.router.holding()

    @property
    def idle(self) -> bool:
        """Whether nothing happens here before the next packet comes; call `work` until it has no more to do first."""
        return self.next_wake() is None and self.holding() == 0

    @property
    def ended(self) -> bool:
        """Whether an element ended the run (Click's driver stop): tasks do not run any more."""
        return self.router.ended

    @property
    def drops(self) -> Counter[tuple[str, str]]:
        """How many packets ended here, by element and reason."""
        return self.router.drops

    @property
    def statistics(self) -> Mapping[tuple[str, str], int]:
        """What the slow elements counted, by element and name."""
        return self.router.state.statistics


def _check_pulls(graph: Graph, slow: frozenset[str]) -> None:
    for vertex in graph.vertices:
        if PULL in vertex.inputs + vertex.outputs and vertex.name not in slow:
            raise ValueError(f"'{vertex.name}' must be slow: it pulls or is pulled")


class _BoundedRouter(Router):
    """A router that keeps only so many packets, and follows only so many copies."""

    def __init__(
        self,
        graph: Graph,
        io: Io,
        clock: Callable[[], int],
        random: Random,
        away: Sequence[str],
        leave: Leave,
        capacity: int,
    ) -> None:
        super().__init__(graph, io, clock, random, away=away, leave=leave)
        self.max_copies = COPIES
        self.capacity = capacity
        self._room = 0
        self._pulls = 0
        here = [(n, n.holder) for n in self.nodes if not n.away and n.holder is not None]
        self._keepers = {n: h for n, h in here if type(h).holding is not Holder.holding}

    def holding(self) -> int:
        """How many packets its elements keep."""
        return sum(holder.holding() for holder in self._keepers.values())

    def round(self) -> bool:
        self._pulls = 2 * self.capacity + SPARE_PULLS
        return super().round()

    def pull(self, node: Node, port: int) -> PacketBuffer | None:
        if self._pulls <= 0:
            return None  # only a source that never ends gives so much; the others' turn
        self._pulls -= 1
        return super().pull(node, port)

    def _held(self, node: Node, port: int, packet: PacketBuffer) -> Sequence[Out]:
        if node in self._keepers:
            if self._room == 0:  # as many came as there was room for; some have left since
                self._room = max(0, self.capacity - self.holding())
                if self._room == 0:
                    self.drops[node.name, FULL] += 1
                    return ()
            self._room -= 1
        return super()._held(node, port, packet)
