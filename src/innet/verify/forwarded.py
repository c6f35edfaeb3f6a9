"""Statements about collected networks, where routers look at nothing but the destination, such as
`reach from NODE:PORT dst net NET -> NODE:PORT`. Packets come in by a port, or by any edge port of a node; a hop is a
router that they come to, or a port that they leave or come in by.

What differs from packet to packet is decided by formulas, where packets go by classes of destinations. A yes carries a
packet that has been sent through the tables.
"""

import itertools
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

from innet.diagnostics import Diagnostic, PolicyError, suggest
from innet.explore.network import parse
from innet.explore.witness import solutions, summary
from innet.ir.nodes import Mark, Program
from innet.messages import Answer, Check, Step, Witness
from innet.network import End, lpm
from innet.network.forwarding import AddressClass, Forwarding
from innet.policy import ConstField, ElementPort, Named, Node, Place, Quantifier, Reach, Region
from innet.symbolic import ranges as rs
from innet.symbolic.execute import formula_of
from innet.symbolic.formulas import all_of, member, negate
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import State, Tables, inject_ip
from innet.symbolic.terms import Formula, Sym
from innet.symbolic.work import BudgetExceeded
from innet.verify.questions import prepare

MAX_TTL = 255
CHANGED = {"ip.ttl": (64, 72), "ip.sum": (80, 96)}
"""What routers change in the IP header: the first bit, and the one behind the last. They write the Ethernet addresses,
too."""
MAX_TRIED = 20
"""How many classes of destinations are tried for a packet that does what was asked."""

At: TypeAlias = tuple[End, int]
"""The port that a packet came in by, and how many hops of the statement it has passed."""


class Collected:
    """A collected network, with what is found out about it for one question and serves the next."""

    def __init__(self, network: Forwarding, program: Program) -> None:
        """`program` is how a frame on a wire is read (`innet.verify.world.PARSE`)."""
        self.network = network
        self.injected = inject_ip()
        self.symbols = self.injected.symbols
        (self.anything,) = parse(self.injected.state.fork(), program, Tables(False))
        """Any IPv4 packet, with NET and TRANSPORT known."""
        self.later = self.anything.fork()
        """The same packet behind routers, of which it is not told how many: what they change may be anything."""
        memory = self.later.memory
        changed = [self.symbols[name] for name in (*CHANGED, "ether.dst", "ether.src")]
        for rid in memory.order:
            for bit, (width, term, _) in [*memory.cells[rid].items()]:
                if term in changed:
                    memory.write(rid, bit, width, Sym(f"later {term}", width), None, self.later.store)
        self._ways: dict[tuple[int, End, tuple[Node, ...], bool], tuple[End, ...] | None] = {}

    @cached_property
    def edges(self) -> frozenset[End]:
        return frozenset(self.network.edges)

    def way(
        self, one: AddressClass, start: End, hops: tuple[Node, ...], around: bool
    ) -> tuple[End, ...] | None:
        """A way of packets of a class from `start`: the ports that they come in by, and at last the one they leave by.
        It passes `hops` in order; or (`around`) gets to the last one without. None if there is none."""
        key = one.number, start, hops, around
        if key not in self._ways:
            self._ways[key] = self._search(one, start, hops, around)
        return self._ways[key]

    def _search(
        self, one: AddressClass, start: End, hops: tuple[Node, ...], around: bool
    ) -> tuple[End, ...] | None:
        last = len(hops) - 1

        def passed(index: int, end: End, leaves: bool, begins: bool) -> int:
            """The hops passed when a packet is there; len(hops) if that is looked for, -1 if it is out of it."""
            while index <= last - around and at(hops[index], end, leaves, begins):
                index += 1  # several hops may be one place: a router, and the port that it is come to by
            if around and at(hops[last], end, leaves, begins):
                return len(hops) if index < last else -1
            return index

        before: dict[At, At | None] = {}
        work: deque[At] = deque()  # the shortest way first: the one with the fewest routers

        def enter(end: End, index: int, came: At | None, leaves: bool = False) -> At | None:
            index = passed(index, end, leaves, came is None)
            here = end, index
            if index < 0 or here in before:
                return None
            before[here] = came
            if index == len(hops):
                return here
            if not leaves:
                work.append(here)
            return None

        found = enter(start, 0, None)
        while work and found is None:
            end, index = here = work.popleft()
            for port in one.outputs.get(end.node, ()):
                out = End(end.node, port)
                if not self.leaves(end, port):
                    continue
                left = passed(index, out, True, False)
                if out in self.edges or left == len(hops):
                    found = enter(out, index, here, leaves=True)
                elif left >= 0:
                    for place in self.network.wires.get(out, ()):
                        found = found or enter(place, left, here)
                if found is not None:
                    break
        way: list[End] = []
        step: At | None = found
        while step is not None:
            way.append(step[0])
            step = before[step]
        return tuple(way[::-1]) if found is not None else None

    def leaves(self, end: End, port: str) -> bool:
        """Whether a packet that came in by `end` may leave by a port of its route."""
        return port != end.interface or end in self.network.returns

    def starts(self, node: Node) -> Iterator[End]:
        """The ports by which packets from `node` come in."""
        if isinstance(node, ElementPort):
            yield port_of(node)
        elif isinstance(node, Named):
            yield from (end for end in self.network.edges if end.node == node.name)
        elif node == Region(Place.INTERNET):
            yield from self.network.edges

    def answer(self, reach: Reach) -> Check:
        """Whether a statement holds. Raises PolicyError for nodes that the network does not have."""
        self.check(reach)
        try:
            return self._answer(reach)
        except (BudgetExceeded, Imprecise, Split):
            return Check(reach.text, Answer.UNDECIDED, "its flows have too many cases")

    def _answer(self, reach: Reach) -> Check:
        question = prepare(reach, {})
        tables, hops = Tables(False), tuple(hop.node for hop in question.hops)
        here, *flows = (formula_of(flow, self.anything.fork(), tables) for flow in question.flows)
        there = [formula_of(flow, self.later.fork(), tables) for flow in question.flows[1:]]
        moved = any(changes(const) for hop in question.hops for const in hop.const)
        vague = moved or there != flows
        if reach.quantifier is Quantifier.ALWAYS:
            breach = here if moved else all_of(here, negate(all_of(*there)))
            wanted = [(hops, True, here, False), (hops, False, breach, vague)]
        else:
            wanted = [(hops, False, all_of(here, *there), vague)]
        doubts: list[str] = []
        for nodes, around, formula, guessed in wanted:
            base = self.anything.fork()
            lengths = member(self.symbols["length"], ((0, question.longest),))
            if not base.store.assume(all_of(lengths, formula)):
                continue
            witness, trace, near = self.shown(base, question.start.node, nodes, around, guessed)
            if near and witness is None:
                doubts.append(
                    "routers change the time to live, the header checksum and the Ethernet addresses"
                    if guessed
                    else "a flow seems to do this, but no packet was found that does"
                )
            if witness is None:
                continue
            if reach.quantifier is Quantifier.SOME:
                return Check(reach.text, Answer.YES, witness=witness, trace=trace)
            return Check(reach.text, Answer.NO, "a flow does this", witness=witness, trace=trace)
        if doubts:
            return Check(reach.text, Answer.UNDECIDED, doubts[0])
        if reach.quantifier is Quantifier.SOME:
            return Check(reach.text, Answer.NO, "no packet of this flow gets there")
        return Check(reach.text, Answer.YES)

    def shown(
        self, base: State, start: Node, hops: tuple[Node, ...], around: bool, guessed: bool
    ) -> tuple[Witness | None, tuple[Step, ...], bool]:
        """A packet of `base` that takes such a way, with the way; and whether some might that was not found. None is
        looked for if what packets are like behind routers was `guessed`."""
        symbols = self.symbols
        possible = base.store.domain(symbols["ip.dst"])
        might, tried = False, 0
        for end in self.starts(start):
            for one in self.network.classes:
                if not rs.intersect(possible, one.ranges):
                    continue
                way = self.way(one, end, hops, around)
                if way is None:
                    continue
                case = base.fork()
                least = len(way) if len(way) > 1 else 0  # one more than there are routers that send it on
                ttl: Formula = member(symbols["ip.ttl"], ((least, MAX_TTL),) if least <= MAX_TTL else ())
                if not case.store.assume(all_of(member(symbols["ip.dst"], one.ranges), ttl)):
                    continue
                if not case.store.feasible():
                    continue
                might = True
                if guessed:
                    return None, (), True
                found = next(solutions(self.injected, self.injected, case.store), None)
                if found is not None and self.takes(found.frame, way):
                    note = f"by {way[-1]}"
                    steps = tuple(Step(str(place)) for place in way)
                    return Witness(summary(found.frame), found.frame[14:].hex(), note, True), steps, True
                tried += 1
                if tried == MAX_TRIED:
                    return None, (), True
        return None, (), might

    def takes(self, frame: bytes, way: tuple[End, ...]) -> bool:
        """Whether the tables send a packet that way."""
        address = int.from_bytes(frame[30:34], "big")
        for here, there in itertools.pairwise(way):
            output = lpm.lookup(self.network.tables.get(here.node, []), address) or ()
            outs = [End(here.node, port) for port in output if self.leaves(here, port)]
            if there not in outs and not any(there in self.network.wires.get(out, ()) for out in outs):
                return False
        return True

    def check(self, reach: Reach) -> None:
        """Raises PolicyError, with every such mistake, for nodes that a collected network does not have."""
        problems = []
        for hop in (reach.start, *reach.hops):
            node = hop.node
            ports = self.network.ports.get(node.module, ()) if isinstance(node, ElementPort) else ()
            if isinstance(node, ElementPort) and node.element in ports:
                continue
            if isinstance(node, Named) and node.name in self.network.ports:
                continue
            if node == Region(Place.INTERNET) and hop is reach.start:
                continue
            if isinstance(node, ElementPort) and node.module in self.network.ports:
                word, known, what = node.element, list(ports), f"a port of '{node.module}'"
            else:
                word, known = getattr(node, "module", getattr(node, "name", "")), [*self.network.ports]
                what = "NODE or NODE:PORT, with a node"
            text = "this is no node or port of the network"
            near = suggest(word, known)
            help = f"did you mean '{near}'?" if near else ""
            expected = f"{what} such as " + ", ".join(known[:12])
            problems.append(Diagnostic("V303", text, node.span, expected, help))
        if problems:
            raise PolicyError(problems)


def changes(const: ConstField) -> bool:
    """Whether routers change what must not change."""
    fields = [f for f in const.fields if f.mark is Mark.NET]
    return any(f.bit < end and start < f.bit + f.width for f in fields for start, end in CHANGED.values())


def port_of(node: ElementPort) -> End:
    """The port of a node that is written as an element of a module."""
    return End(node.module, node.element)


def at(node: Node, end: End, leaves: bool, begins: bool) -> bool:
    """Whether a packet that comes in by `end`, or leaves the network by it, is at the node of a statement. Where it
    begins it has come to a router, but by no port that counts."""
    if isinstance(node, ElementPort):
        return port_of(node) == end and not begins
    return isinstance(node, Named) and node.name == end.node and not leaves


__all__ = ["Collected"]
