"""The story of a flow: every path its packets take through the network, as the paper's Figure 2b prints one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from innet import flowspec, ir
from innet.diagnostics import ConfigurationError, Diagnostic, Source, Span, suggest
from innet.explore.flow import BudgetExceeded, Hop
from innet.explore.modules import Places
from innet.explore.network import Network, Outcome, Walk, parse
from innet.explore.replay import Event
from innet.explore.witness import solutions
from innet.ir.interpret import evaluate as evaluate_concretely
from innet.messages import Step
from innet.policy import Node, parse_policy
from innet.symbolic.execute import evaluate
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.state import State, Tables
from innet.verify.confirm import MAX_SOLUTIONS, replays
from innet.verify.constant import payload_kept
from innet.verify.questions import Start, starts
from innet.verify.story import steps
from innet.verify.world import World

BUDGET = 20_000


@dataclass(frozen=True)
class Path:
    """One way that packets of a flow take: its steps, the last of which says how it ended."""

    steps: tuple[Step, ...]
    condition: ir.Expr
    outcome: Outcome | None = None
    start: Start | None = None

    @property
    def open_ended(self) -> bool:
        """Whether it is not known what becomes of some of its packets."""
        return self.outcome is None or self.outcome.lost

    def example(self, network: Network) -> bytes | None:
        """A frame of the flow that took this way when the interpreter replayed it, tables empty; None if none of those
        that were tried did, or the way is not followed to its end."""
        outcome, start = self.outcome, self.start
        if outcome is None or start is None or outcome.lost:
            return None
        for found in islice(solutions(start.injected, start.injected, outcome.state.store), MAX_SOLUTIONS):
            for replay in replays(network, start, found, outcome.state, inside=True):
                sent = replay.received(found.frame)
                if evaluate_concretely(self.condition, sent) and took(outcome, replay.events):
                    return found.frame
        return None


def took(outcome: Outcome, events: Sequence[Event]) -> bool:
    """Whether a packet that was replayed took the way to `outcome`: was at its places in order, and ended so."""
    hop = outcome.state.hop
    assert isinstance(hop, Hop)
    places = [h.place for h in hop.story()]
    at = -1
    for place in places:
        at = next((n for n in range(at + 1, len(events)) if events[n].place == place), len(events))
    if at >= len(events):
        return False
    rest = events[at:]
    if outcome.delivered:
        return any(e.delivered and e.place == outcome.node for e in rest)
    if any(e.dropped == outcome.reason for e in rest if e.place == places[-1]):
        return True
    return not any(e.delivered or e.dropped for e in events) and {e.place for e in rest} <= {
        places[-1],
        outcome.node,
    }


def trace_flow(flow: str, node: str, world: World) -> tuple[Path, ...]:
    """The paths of all packets of `flow` (tcpdump's words, empty for any) that start at `node`, tables empty.

    Delivered ones come first; the last step of each says how it ended. Raises ConfigurationError for a flow or node
    that makes no sense.
    """
    condition = flowspec.lower(flowspec.parse_flow(flow).predicate)
    place = start_node(node, world)
    tables = Tables(False)
    budget = world.network.budget(BUDGET)
    walk = Walk(world.network, tables, budget, _pass, Places())
    found: list[Path] = []
    try:
        for start in starts(place, world.network):
            for parsed in parse(start.injected.state.fork(), world.network.parse, tables):
                for state, formula in evaluate(condition, parsed, tables):
                    if not (state.store.assume(formula) and state.store.feasible()):
                        continue
                    if start.end is not None:
                        ways = walk.from_wire(start.end, state, state.memory.fork())
                    elif start.module is not None:
                        ways = walk.from_module(start.module, state, None)
                    else:
                        continue
                    for way in ways:  # what was found before the exploration is cut short is told
                        found.append(Path(_story(*way), condition, way[0], start))
    except (BudgetExceeded, Imprecise, Split):
        why = f"there are more paths: the exploration was cut short: {budget.explored()}"
        return (*_delivered_first(found), Path((Step("…", note=why),), condition))
    return _delivered_first(found)


def _delivered_first(found: list[Path]) -> tuple[Path, ...]:
    return tuple(sorted(found, key=lambda one: one.outcome is None or not one.outcome.delivered))


def _story(outcome: Outcome, before: object) -> tuple[Step, ...]:
    """The steps of a path; the last says how it ended, and of packets that arrived whether their payload is still what
    it was in the memory `before`."""
    hop = outcome.state.hop
    assert isinstance(hop, Hop)
    story = steps(hop, outcome.state.store, outcome.state)
    end = (
        "delivered"
        if outcome.delivered
        else f"not followed: {outcome.reason}"
        if outcome.lost
        else f"dropped: {outcome.reason}"
    )
    last = replace(story[-1], note=end)
    if outcome.delivered and isinstance(before, Memory):
        kept = PAYLOAD[payload_kept(before, outcome.state)]
        last = replace(last, fields=(*last.fields, ("payload", kept)))
    return (*story[:-1], last)


PAYLOAD = {True: "as sent", False: "changed", None: "may be changed"}
"""What the last step says of the payload of packets that arrived."""


def _pass(place: str, port: int, state: State, progress: object) -> tuple[tuple[State, object], ...]:
    return ((state, progress),)


def start_node(word: str, world: World) -> Node:
    """The node that `word` means at the start of a path: as in a rule of the operator."""
    rule = parse_policy(Source("--from", f"reach from {word} -> internet")).rules[0]
    node = rule.start.node
    name = getattr(node, "name", None)
    if name is not None and name not in world.snapshot.nodes:
        known = [*world.snapshot.nodes, "client", "internet"]
        near = suggest(word, known)
        raise ConfigurationError(
            Diagnostic(
                "V303", f"'{word}' is not a node of the network", Span(Source("--from", word), 0, len(word)),
                "an address, a subnet, 'client', 'internet', or one of " + ", ".join(world.snapshot.nodes),
                f"did you mean '{near}'?" if near else "",
            )
        )  # fmt: skip
    return node


__all__ = ["Path", "trace_flow"]
