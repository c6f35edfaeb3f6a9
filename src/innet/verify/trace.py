"""The story of a flow: every path its packets take through the network, as the paper's Figure 2b prints one."""

from dataclasses import replace

from innet import flowspec
from innet.diagnostics import ConfigurationError, Diagnostic, Source, Span, suggest
from innet.explore.flow import BudgetExceeded, Hop
from innet.explore.modules import Places
from innet.explore.network import Outcome, Walk, parse
from innet.messages import Step
from innet.policy import Node, Reach, parse_policy
from innet.symbolic.execute import evaluate
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.state import State, Tables
from innet.verify.constant import payload_kept
from innet.verify.questions import starts
from innet.verify.story import steps
from innet.verify.world import World

BUDGET = 20_000


def trace_flow(flow: str, node: str, world: World) -> tuple[tuple[Step, ...], ...]:
    """The paths of all packets of `flow` (tcpdump's words, empty for any) that start at `node`, tables empty.

    Delivered ones come first; the last step of each says how it ended. Raises ConfigurationError for a flow or node
    that makes no sense.
    """
    condition = flowspec.lower(flowspec.parse_flow(flow).predicate)
    place = start_node(node, world)
    tables = Tables(False)
    budget = world.network.budget(BUDGET)
    walk = Walk(world.network, tables, budget, _pass, Places())
    found: list[tuple[Outcome, object]] = []
    try:
        for start in starts(place, world.network):
            for parsed in parse(start.injected.state.fork(), world.network.parse, tables):
                for state, formula in evaluate(condition, parsed, tables):
                    if not (state.store.assume(formula) and state.store.feasible()):
                        continue
                    if start.end is not None:
                        found += walk.from_wire(start.end, state, state.memory.fork())
                    elif start.module is not None:
                        found += walk.from_module(start.module, state, None)
    except (BudgetExceeded, Imprecise, Split):
        why = f"there are more paths: the exploration was cut short: {budget.explored()}"
        note = Step("…", note=why)
        return (*_stories(found), (note,))
    return _stories(found)


def _stories(found: list[tuple[Outcome, object]]) -> tuple[tuple[Step, ...], ...]:
    ordered = sorted(found, key=lambda one: not one[0].delivered)
    return tuple(_story(outcome, before) for outcome, before in ordered)


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


__all__ = ["Reach", "trace_flow"]
