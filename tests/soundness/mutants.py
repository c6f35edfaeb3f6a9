"""Faults put into what judges, on purpose: a campaign that finds nothing means something only if it finds these."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from innet.explore.flow import End, Flow
from innet.messages import Role
from innet.policy import Quantifier
from innet.symbolic.state import Tables
from innet.symbolic.terms import FALSE
from innet.verify import reach, security
from innet.verify.reach import Query
from tests.agreement.mutants import Patch
from tests.soundness import modules, networks
from tests.soundness.modules import Sent, Violation
from tests.soundness.networks import PASS, STATEFUL, Contradiction

TRIES = 10
PACKETS = 60


@dataclass(frozen=True)
class Mutant:
    """A fault, and where it shows: the text of a module, or (first box, second box, module, rule)."""

    put: Callable[[Patch], None]
    shows: str | tuple[str, str, str, str]

    @property
    def name(self) -> str:
        return self.put.__name__


def _judged_as(**changes: Any) -> Callable[[Patch], None]:
    def put(patch: Patch) -> None:
        judge = security._judge

        def fault(*arguments: Any) -> Iterator[security.Judged]:
            for one in judge(*arguments):
                yield replace(one, **changes)

        patch.setattr(security, "_judge", fault)

    return put


def sources_are_not_looked_at(patch: Patch) -> None:
    _judged_as(forges=FALSE)(patch)


def destinations_are_not_looked_at(patch: Patch) -> None:
    _judged_as(strays=FALSE)(patch)


def every_destination_asked_before(patch: Patch) -> None:
    patch.setattr(security, "earlier_source", lambda term, store: True)


def entries_of_other_flows_are_forgotten(patch: Patch) -> None:
    patch.setattr(Tables, "note", lambda self, *arguments: None)


def no_fragments_come(patch: Patch) -> None:
    inject = security.inject

    def fault(*arguments: Any) -> Any:
        injected = inject(*arguments)
        injected.state.store.domains[injected.symbols["ip.fragment"]] = ((0, 0),)
        injected.state.store.domains[injected.symbols["ip.flags"]] = ((0, 0), (2, 2))
        return injected

    patch.setattr(security, "inject", fault)


def headers_have_no_options(patch: Patch) -> None:
    inject = security.inject

    def fault(*arguments: Any) -> Any:
        injected = inject(*arguments)
        injected.state.store.domains[injected.symbols["ip.hl"]] = ((5, 5),)
        return injected

    patch.setattr(security, "inject", fault)


def sources_make_no_packets(patch: Patch) -> None:
    arrivals = security.arrivals
    patch.setattr(security, "arrivals", lambda box, injected: arrivals(box, injected)[:1])


def what_is_lost_is_no_matter(patch: Patch) -> None:
    settle = security.settle

    def fault(*arguments: Any) -> list[Flow]:
        return [flow for flow in settle(*arguments) if flow.end is not End.LOST]

    patch.setattr(security, "settle", fault)


def the_sandbox_lets_all_out(patch: Patch) -> None:
    enforcer = modules.RunningModule._from_module

    def fault(self: modules.RunningModule, data: bytes, ethernet: bool) -> bool:
        kept, self.enforcer = self.enforcer, None
        try:
            return enforcer(self, data, ethernet)
        finally:
            self.enforcer = kept

    patch.setattr(modules.RunningModule, "_from_module", fault)


def rules_look_at_empty_tables_only(patch: Patch) -> None:
    patch.setattr(reach, "is_any_state", lambda reach: False)


def way_points_are_not_missed(patch: Patch) -> None:
    patch.setattr(Query, "arrive_last", lambda self, place, port, arrived, state, progress: [])


def never_looks_away(patch: Patch) -> None:
    advance = Query.advance

    def fault(self: Query, place: str, state: Any, progress: Any) -> Any:
        there = progress.index + 1 == self.last
        never = self.question.reach.quantifier is Quantifier.NEVER
        return [] if never and there else advance(self, place, state, progress)

    patch.setattr(Query, "advance", fault)


ANSWER = "FromNetfront() -> Strip(14) -> CheckIPHeader -> "
MUTANTS = (
    Mutant(sources_are_not_looked_at, ANSWER + "IPMirror -> StoreIPAddress(8.8.8.8, src) -> ToNetfront();"),
    Mutant(destinations_are_not_looked_at, ANSWER + "StoreIPAddress(203.0.113.9, dst) -> ToNetfront();"),
    Mutant(every_destination_asked_before, ANSWER + "StoreIPAddress(203.0.113.9, dst) -> ToNetfront();"),
    Mutant(
        entries_of_other_flows_are_forgotten,
        ANSWER + "a :: IPClassifier(src host 203.0.113.9, -); a [1] -> [0] r :: IPRewriter(pattern 198.51.100.1 "
        "4000-4003 203.0.113.9 - 0 1, drop) [0] -> Discard; a [0] -> [1] r [1] -> StoreIPAddress(198.18.0.9, dst) "
        "-> ToNetfront();",
    ),
    Mutant(no_fragments_come, ANSWER + "c :: IPClassifier(ip frag, -); c [0] -> StoreIPAddress(203.0.113.9, dst) -> "
           "out :: ToNetfront(); c [1] -> IPMirror -> out;"),
    Mutant(headers_have_no_options, ANSWER + "c :: IPClassifier(ip hl 5, -); c [1] -> StoreIPAddress("
           "203.0.113.9, dst) -> out :: ToNetfront(); c [0] -> IPMirror -> out;"),
    Mutant(sources_make_no_packets, "RatedSource(LENGTH 30, RATE 10) -> UDPIPEncap(8.8.8.8, 1, 203.0.113.9, 2) -> "
           "out :: ToNetfront(); FromNetfront() -> Strip(14) -> CheckIPHeader -> IPMirror -> out;"),
    Mutant(the_sandbox_lets_all_out, ANSWER + "StripIPHeader -> CheckIPHeader -> ToNetfront();"),
    Mutant(rules_look_at_empty_tables_only,
           (STATEFUL, PASS, networks.MODULES[0], "never reach from internet udp -> client")),
    Mutant(way_points_are_not_missed,
           (PASS, PASS, networks.MODULES[0], "always reach from internet -> module -> client")),
    Mutant(never_looks_away, (PASS, PASS, networks.MODULES[0], "never reach from internet udp -> client")),
)  # fmt: skip


def caught(mutant: Mutant, tries: int = TRIES) -> bool:
    """Whether a bounded campaign finds the fault."""
    patch = Patch()
    try:
        mutant.put(patch)
        return any(_found(mutant, seed) for seed in range(tries))
    finally:
        patch.undo()


def _found(mutant: Mutant, seed: int) -> bool:
    random = Random(seed)
    try:
        if isinstance(mutant.shows, tuple):
            first, second, module, rule = mutant.shows
            made = networks.asked(first, second, module, [rule])
            networks.examine(made, networks.sequence(random, made, PACKETS))
            return False
        one = modules.judged(mutant.shows)
        assert one is not None
        assert not one.unsuitable
        for role in (Role.THIRD_PARTY, Role.CLIENT):
            one.security(role, False)
            sent: list[Sent] = modules.traffic(random, modules.guided(one), PACKETS)
            modules.check(one, role, False, sent, seed)
    except (Violation, Contradiction):
        return True
    return False


__all__ = ["MUTANTS", "Mutant", "caught"]
