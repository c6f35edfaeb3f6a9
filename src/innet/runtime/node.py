"""An element of a running router, and what its holder sees of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from innet import ir
from innet.elements.base import OUTSIDE, Element
from innet.elements.holder import Call, Context, Holder
from innet.elements.memory import Memory
from innet.elements.meter.average import RateAverage
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import PULL, Vertex

if TYPE_CHECKING:
    from innet.runtime.router import Router


class Node:
    """An element of the running router: its programs, its holder, its neighbours."""

    def __init__(self, router: "Router", vertex: Vertex) -> None:
        self.router = router
        self.name = vertex.name
        self.element = vertex.element
        self.inputs, self.outputs = vertex.inputs, vertex.outputs
        self.span, self.config = vertex.span, vertex.config
        self.targets: list[tuple[Node, int] | None] = [None] * len(vertex.outputs)
        self.sources: list[tuple[Node, int] | None] = [None] * len(vertex.inputs)
        self.programs: dict[int, ir.Program] = {}
        self.verdicts: dict[int, ir.Verdict | None] = {}
        self.away = False
        """Whether another router runs this element: packets pushed to it are given away."""
        self.holder: Holder | None = None
        self.takes = False
        """Whether its holder answers each pull by itself, by `take`."""
        self.context = NodeContext(router, self)
        self.calls: list[Call] = []
        self.rates: dict[str, RateAverage] = {}
        self.idle_runs = 0

    def program(self, port: int) -> ir.Program:
        """The program for packets that arrive on input `port` (or from OUTSIDE)."""
        program = self.programs.get(port)
        if program is None:
            program = self.element.trace(port, len(self.outputs), self.name, len(self.inputs))
            self.programs[port] = program
        return program

    def verdict(self, port: int) -> ir.Verdict | None:
        """What the program of input `port` is, if it is a verdict and nothing else; most queues' and switches' are."""
        body = self.program(port).body
        verdict = body[0] if len(body) == 1 and isinstance(body[0], ir.Emit | ir.Drop | ir.Hold) else None
        self.verdicts[port] = verdict
        return verdict

    @property
    def runs(self) -> bool:
        """Whether it has a task here."""
        return not self.away and (self.drains or (self.holder is not None and self.holder.RUNS))

    @property
    def drains(self) -> bool:
        """Whether it pulls by a task that is not its holder's: a sink in pull context."""
        has_task = self.holder is not None and self.holder.RUNS
        return PULL in self.inputs and PULL not in self.outputs and not has_task

    def reconfigure(self, element: Element) -> None:
        """Be `element` from now on; statistics and tables stay."""
        self.element = element
        self.programs.clear()
        self.verdicts.clear()
        if self.holder is not None:
            self.holder.reconfigured(element)


@dataclass
class NodeContext:
    """`Context` for the holder of one node."""

    router: "Router"
    node: Node

    @property
    def now_ns(self) -> int:
        return self.router.clock()

    @property
    def random(self) -> Random:
        return self.router.state.random

    @property
    def outputs(self) -> int:
        return len(self.node.outputs)

    @property
    def memory(self) -> Memory:
        return Memory(self.router.state, self.router.drops, self.node.name)

    def pull(self, port: int) -> PacketBuffer | None:
        return self.router.pull(self.node, port)

    def emit(self, port: int, packet: PacketBuffer) -> None:
        self.router.push_out(self.node, ((port, packet),))

    def outside(self, packet: PacketBuffer) -> PacketBuffer | None:
        return self.router.settle(self.node, self.router.outcome(self.node, OUTSIDE, packet), 0)

    def waiting(self, port: int) -> bool:
        return any(h.waiting() for h in self.router.notifiers(self.node, port))

    def blocked(self, port: int) -> bool:
        found = self.router.queues_after(self.node, port)
        return bool(found) and all(h.full() for h in found)

    def queues(self) -> Sequence[Holder]:
        return self.router.queues(self.node)

    def drop(self, reason: str) -> None:
        self.router.drops[self.node.name, reason] += 1

    def other(self, element: str) -> Holder | None:
        node = self.router.by_name.get(element)
        return None if node is None or node.away else node.holder

    def read(self, handler: str) -> str:
        return self.router.handlers.read(handler, self.node.name)

    def write(self, handler: str, value: str) -> None:
        self.router.handlers.write(handler, value, self.node.name)

    def readable(self, handler: str) -> bool:
        return self.router.handlers.readable(handler, self.node.name)

    def writable(self, handler: str) -> bool:
        return self.router.handlers.writable(handler, self.node.name)

    def say(self, text: str) -> None:
        self.router.say(f"{self.node.name}: {text}")

    def log(self, line: str) -> None:
        self.router.say(line)

    def show(self, text: str) -> None:
        self.router.show(text)

    def stop(self) -> None:
        self.router.stop()


def _check_context(context: NodeContext) -> Context:
    """`NodeContext` is a `Context` (for the type checker)."""
    return context
