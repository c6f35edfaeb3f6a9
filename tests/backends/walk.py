"""The reference interpreter on a graph of packet programs: a packet and all its copies, each to its end."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from innet import ir
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer, State
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.target import Leave, Redirect


@dataclass(slots=True)
class Arrival:
    """Where a packet or a copy of it ended. `way` is None if it was dropped; `element` is where it was last, `reason`
    why it was dropped there. `route` are the inputs it came by; `envs` the variables of the programs behind them."""

    way: Leave | Input | None
    packet: PacketBuffer
    element: str
    reason: str = ""
    route: tuple[Input, ...] = ()
    envs: tuple[dict[str, int], ...] = ()
    held: bool = False
    """Whether its element's holder got it: a device has sent it."""


@dataclass(slots=True)
class _Work:
    at: Destination
    packet: PacketBuffer
    element: str
    route: tuple[Input, ...] = ()
    envs: tuple[dict[str, int], ...] = ()
    held: bool = False


class _Run(interpret._Run):
    """One program on one packet, with its variables."""

    havoc = False
    """Whether it has put bytes into the packet that nobody can foretell."""

    def stmt(self, stmt: ir.Stmt) -> ir.Verdict | None:
        if isinstance(stmt, ir.Havoc):
            self.havoc = True
        return super().stmt(stmt)


@dataclass
class Walker:
    """The graph, run by the interpreter up to its exits and to the inputs named in `stops`."""

    graph: Graph
    stops: frozenset[Input]
    state: State = field(default_factory=State)
    watch: Callable[[ir.Branch, bool], None] | None = None
    divided: frozenset[Input] = frozenset()
    """Inputs that stop only the packets which their program copies, keeps or fills with anything; as they came."""
    drops: Counter[tuple[str, str]] = field(default_factory=Counter)

    def walk(self, packet: PacketBuffer, at: Input | None = None) -> list[Arrival]:
        """What becomes of a packet that comes in at `at` (or where packets do), in the order in which Click does it."""
        start = self.graph.entry if at is None else at
        assert isinstance(start, Input)
        found: list[Arrival] = []
        work = [_Work(start, packet, "")]
        while work:
            one = work.pop()
            at, packet = one.at, one.packet  # type: ignore[assignment]  # tested below
            if not isinstance(at, Input) or at in self.stops:
                assert not isinstance(at, Redirect)
                found.append(Arrival(at, packet, one.element, "", one.route, one.envs, one.held))
                continue
            program, route = self.graph.programs[at], (*one.route, at)
            before = packet.copy() if at in self.divided else packet
            counted = None if before is packet else dict(self.state.statistics)
            kept = None if before is packet else deepcopy(self.state.tables)
            kind = interpret._Run if before is packet else _Run  # `interpret.run` hides the variables
            run = kind(program.element, packet, self.state, self.watch)
            verdict = run.block(program.body)
            keeps = isinstance(verdict, ir.Hold) and at.element not in self.graph.held
            if counted is not None and isinstance(run, _Run) and (keeps or run.copies or run.havoc):
                assert kept is not None
                self.state.statistics, self.state.tables = counted, kept  # it counts where it is run again
                found.append(Arrival(at, before, one.element, "", one.route, one.envs, one.held))
                continue
            envs = (*one.envs, run.env)
            outs: list[tuple[int, PacketBuffer]] = list(run.copies)
            held = None
            match verdict:
                case ir.Drop(reason):
                    self.drops[at.element, reason] += 1
                    found.append(Arrival(None, packet, at.element, reason, route, envs))
                case ir.Emit(port):
                    outs.append((port, packet))
                case ir.Hold():
                    held = _Work(self.graph.held[at.element], packet, at.element, route, envs, True)
            if held is not None:
                work.append(held)
            for port, leaving in reversed(outs):
                way = self.graph.connections.get((at.element, port))
                if way is not None:
                    work.append(_Work(way, leaving, at.element, route, envs))
                    continue
                reason = f"output {port} is not connected"
                self.drops[at.element, reason] += 1
                found.append(Arrival(None, leaving, at.element, reason, route, envs))
        return found
