"""Which elements of a configuration are compiled, and as what graph.

Compiled is what packet programs do alone, on packets that are pushed: all else keeps packets, works by itself or is
asked for packets, and is Python. From a compiled element a packet may go to such a one, and back; the machine code ends
there. An element that copies packets is compiled only if machine code goes on with all copies to their end, so that
what comes of one copy has always happened before the next begins.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from innet import ir
from innet.elements.base import OUTSIDE
from innet.elements.device.fromdump import FromDumpHolder
from innet.elements.device.todump import ToDumpHolder
from innet.ir.nodes import Mark, Op
from innet.ir.uses import statements
from innet.packet.pcap import Writer
from innet.runtime.graph import PULL
from innet.runtime.node import Node
from innet.runtime.router import Router
from innet.runtime.sharing import shared_state
from innet.xdp.copies import copying
from innet.xdp.graph import Destination, Graph, Input, Resume
from innet.xdp.native import Lowered, lower
from innet.xdp.target import Leave
from innet.xdp.unsupported import WHOLE, Unsupported

DIVERT = Leave(32)
"""How packets for Python end."""
FILES = 1000
"""Packets for the nth file that is written end with FILES + n."""
WRITE = -2
"""In place of an input port: where a ToDump writes the packet."""
MAX_GROWTH = 14
"""How often packets may grow at their end, by at most 65,535 bytes each: they still fit in a native packet then."""
HOPS_AT, HOPS_BYTES = 60, 4
"""Where a packet carries, in a configuration with loops, how many elements it entered: in annotations that no element
reads or writes. Only machine code sees them."""
HOPS = ir.Field(Mark.ANNOTATION, 8 * HOPS_AT, 8 * HOPS_BYTES)
COUNT_HOP = ir.Assign(HOPS, ir.Binary(Op.ADD, HOPS, ir.Const(1, 8 * HOPS_BYTES)))
NO_PROGRAM = (ir.Drop("elsewhere"),)


@dataclass
class Plan:
    """What is compiled: names of `elements`; `feeders`, FromDumps whose packets come in at a point of their own;
    `files`, ToDumps whose files machine code writes; with `loops` each packet has HOPS. `python` says of the other
    elements why they are not."""

    graph: Graph
    lowered: Lowered
    elements: frozenset[str]
    feeders: tuple[str, ...]
    files: tuple[str, ...]
    loops: bool
    python: dict[str, str] = field(default_factory=dict)


def plan(router: Router, excluded: Collection[str] = ()) -> Plan | None:
    """How to compile `router`, `excluded` elements left out; None if there is nothing to compile."""
    return _Partition(router, excluded).plan()


class _Partition:
    def __init__(self, router: Router, excluded: Collection[str]) -> None:
        self.router = router
        self.python: dict[str, str] = {}
        self.loops = False
        for node in router.nodes:
            why = "a handler changed it" if node.name in excluded else alone(node)
            if why:
                self.python[node.name] = why

    def plan(self) -> Plan | None:
        self.loops = self.cut_loops()
        while True:
            self.close()
            graph, refused = self.graph()
            if not graph.back:
                return None
            lowered = lower(graph, DIVERT, refused)
            known = {Input(one.element, one.port) for one in refused}
            slow = [one for one in lowered.emitted.slow if Input(one.element, one.port) not in known]
            if not slow:
                return self.planned(graph, lowered)
            for one in slow:
                self.python.setdefault(one.element, one.reason)

    def planned(self, graph: Graph, lowered: Lowered) -> Plan:
        nodes = [n for n in self.router.nodes if n.name not in self.python]
        return Plan(
            graph,
            lowered,
            frozenset(n.name for n in nodes if n.inputs and not terminal(n)),
            tuple(n.name for n in nodes if isinstance(n.holder, FromDumpHolder)),
            tuple(one.element for one in graph.exits),
            self.loops,
            self.python,
        )

    # ---- what must be Python

    def cut_loops(self) -> bool:
        """See to it that every way back to an element leads through Python, where it is counted; whether there is one.

        What leads back is taken, not what it leads to: most packets do not come round."""
        found = False
        while True:
            closing = self.closing_edge(cut=True)
            if closing is None:
                return found or self.closing_edge(cut=False) is not None
            found = True
            self.python[closing.name] = "its packets may come round again"

    def closing_edge(self, cut: bool) -> Node | None:
        """An element from which a packet goes to one where it was before; with `cut`, by machine code alone."""
        open_: set[str] = set()
        done: set[str] = set()
        for start in sorted(self.router.nodes, key=lambda n: bool(n.inputs)):
            stack = [(start, False)]
            while stack:
                node, leaving = stack.pop()
                if leaving:
                    open_.discard(node.name)
                    done.add(node.name)
                    continue
                if node.name in done or node.name in open_ or (cut and node.name in self.python):
                    continue
                open_.add(node.name)
                stack.append((node, True))
                for target in node.targets:
                    if target is not None and not (cut and target[0].name in self.python):
                        if target[0].name in open_:
                            return node
                        stack.append((target[0], False))
        return None

    def close(self) -> None:
        """Take with Python's elements those that must go with them."""
        before = -1
        while len(self.python) != before:
            before = len(self.python)
            self.close_state()
            self.close_copies()
            self.close_growth()

    def close_state(self) -> None:
        """Elements with a state in common are of one kind."""
        groups: dict[str | tuple[str, str], list[str]] = {}
        for node in self.router.nodes:
            for port, _ in enumerate(node.inputs):
                for key in shared_state(node.program(port)):
                    groups.setdefault(key, []).append(node.name)
        for key, names in groups.items():
            together = [*names, key] if isinstance(key, str) and key in self.router.by_name else names
            odd = [name for name in together if name in self.python]
            if odd:
                for name in together:
                    self.python.setdefault(name, f"it shares state with '{odd[0]}'")

    def close_copies(self) -> None:
        """An element that copies is compiled if all behind it is."""
        whole: dict[str, bool] = {}
        for node in self.in_order():
            after = [t[0] for t in node.targets if t is not None]
            whole[node.name] = node.name not in self.python and all(whole.get(t.name, False) for t in after)
            if node.name not in self.python and not whole[node.name] and copies(node):
                self.python[node.name] = "it copies packets, and not all elements behind it are machine code"

    def close_growth(self) -> None:
        """Packets do not grow longer than machine code can take."""
        growth: dict[str, int] = {}
        for node in self.in_order():
            if node.name in self.python:
                growth[node.name] = 0
                continue
            after = max((growth.get(t[0].name, 0) for t in node.targets if t is not None), default=0)
            growth[node.name] = after + grows(node)
            if growth[node.name] > MAX_GROWTH:
                growth[node.name] = 0
                self.python[node.name] = "packets may grow too long"

    def in_order(self) -> list[Node]:
        """The elements that may be compiled and those right behind them, each behind all that it leads to."""
        order: list[Node] = []
        seen: set[str] = set()
        for start in self.router.nodes:
            stack = [(start, False)]
            while stack:
                node, leaving = stack.pop()
                if leaving:
                    order.append(node)
                elif node.name not in seen:
                    seen.add(node.name)
                    stack.append((node, True))
                    stack += [(t[0], False) for t in node.targets if t is not None]
        return order

    # ---- the graph

    def graph(self) -> tuple[Graph, list[Unsupported]]:
        """What is compiled, with the inputs that are not."""
        programs: dict[Input, ir.Program] = {}
        connections: dict[tuple[str, int], Destination] = {}
        back: list[Input | Resume] = []
        exits: dict[Input, Leave] = {}
        refused: dict[Input, Unsupported] = {}
        compiled = [node for node in self.router.nodes if node.name not in self.python]
        for node in compiled:
            for port in self.ports(node):
                one = program(node, port)
                if self.loops and port != OUTSIDE:
                    one = replace(one, body=(COUNT_HOP, *one.body))
                programs[Input(node.name, port)] = one
            for out, target in enumerate(node.targets):
                if target is not None:
                    connections[node.name, out] = Input(target[0].name, target[1])
            if isinstance(node.holder, ToDumpHolder):
                place = Input(node.name, WRITE if node.outputs else 0)
                connections[node.name, len(node.outputs)] = place
                exits[place] = Leave(FILES + len(exits))
                refused[place] = Unsupported(node.name, place.port, WHOLE, "a file")
                programs[place] = ir.Program(node.name, place.port, len(node.outputs) + 1, NO_PROGRAM)
            if isinstance(node.holder, FromDumpHolder):
                back.append(Resume(Input(node.name, OUTSIDE), ((Mark.DATA, 0),)))
        back += self.entries()
        for way in connections.values():
            if isinstance(way, Input) and way.element in self.python and way not in refused:
                refused[way] = Unsupported(way.element, way.port, WHOLE, self.python[way.element])
                programs[way] = ir.Program(way.element, way.port, 1, NO_PROGRAM)
        return Graph(programs, (), connections, {}, tuple(back), exits), list(refused.values())

    def ports(self, node: Node) -> Iterator[int]:
        """The inputs of a compiled element that have programs."""
        if isinstance(node.holder, FromDumpHolder):
            yield OUTSIDE
        elif not terminal(node):
            yield from range(len(node.inputs))

    def entries(self) -> Iterator[Input]:
        """Inputs of compiled elements to which Python pushes packets."""
        found: dict[Input, None] = {}
        for node in self.router.nodes:
            if node.name in self.python:
                for target in node.targets:
                    if target is not None and target[0].name not in self.python and not terminal(target[0]):
                        found[Input(target[0].name, target[1])] = None
        yield from found


def alone(node: Node) -> str:
    """Why an element must be Python, as far as that can be seen from itself; empty if there is no reason."""
    if PULL in node.inputs + node.outputs:
        return "packets are pulled"
    if node.element.calls():
        return "it calls handlers"
    holder = node.holder
    if holder is None:
        return "" if node.inputs else "it takes no packets"
    if type(holder) is FromDumpHolder:
        return ""
    if type(holder) is ToDumpHolder and type(holder.sink) is Writer:
        return ""
    return "it keeps, makes or shows packets"


def terminal(node: Node) -> bool:
    """Whether it does nothing but write packets to a file."""
    return isinstance(node.holder, ToDumpHolder) and not node.outputs


def program(node: Node, port: int) -> ir.Program:
    """The program of a compiled element's input; ToDump writes a copy of a packet that goes on."""
    if isinstance(node.holder, ToDumpHolder):
        body = (ir.Copy(len(node.outputs)), ir.Emit(0))
        return ir.Program(node.name, port, len(node.outputs) + 1, body)
    return node.program(port)


def copies(node: Node) -> bool:
    """Whether it may copy packets."""
    return bool(node.inputs) and any(copying(program(node, port).body) for port, _ in enumerate(node.inputs))


def grows(node: Node) -> int:
    """How many statements there are by which a packet may grow at its end."""
    ports = [OUTSIDE] if isinstance(node.holder, FromDumpHolder) else range(len(node.inputs))
    return max((sum(map(_grows, statements(program(node, port).body))) for port in ports), default=0)


def _grows(stmt: ir.Stmt) -> bool:
    return (
        isinstance(stmt, ir.SetMark)
        and stmt.mark is Mark.END
        and not (stmt.base is Mark.END and stmt.plus is None and stmt.offset <= 0)
    )
