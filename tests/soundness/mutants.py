"""Faults put into what judges, on purpose: a campaign that finds nothing means something only if it finds these."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import Any

from innet.elements.sandbox import changeenforcer
from innet.explore import flow, network
from innet.explore.flow import End, Flow
from innet.explore.network import Walk
from innet.messages import Role
from innet.policy import Quantifier
from innet.symbolic.execute import Emitted
from innet.symbolic.state import Tables
from innet.symbolic.terms import FALSE
from innet.verify import reach, security
from innet.verify.questions import Question
from innet.verify.reach import Query
from innet.verify.standing import Standing
from tests.agreement.mutants import Patch
from tests.soundness import modules, networks
from tests.soundness.modules import Sent, Violation
from tests.soundness.networks import Contradiction
from tests.soundness.places import COPYING_BOXES, PLATFORMS, POOLS, Guest, Shape, guest
from tests.verify.networks import CLIENT, PASS, STATEFUL, inward

QUESTIONS = ((Role.THIRD_PARTY, False), (Role.CLIENT, False), (Role.THIRD_PARTY, True))
TRIES = 10
PACKETS = 60


@dataclass(frozen=True)
class Mutant:
    """A fault, and where it shows: the text of a module, or a network, its modules and a rule; with True the modules
    come one after another."""

    put: Callable[[Patch], None]
    shows: str | tuple[Shape, tuple[Guest, ...], str] | tuple[Shape, tuple[Guest, ...], str, bool]

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
        return [one for one in settle(*arguments) if one.end is not End.LOST]

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


def only_the_first_place_starts(patch: Patch) -> None:
    starts = reach.starts
    patch.setattr(reach, "starts", lambda *arguments: islice(starts(*arguments), 1))


def only_two_boxes_let_packets_through(patch: Patch) -> None:
    run = Walk.run

    def fault(self: Walk, passed: Any, *arguments: Any) -> Any:
        return iter(()) if passed.name in ("third", "fourth") else run(self, passed, *arguments)

    patch.setattr(Walk, "run", fault)


def copies_are_forgotten(patch: Patch) -> None:
    execute = flow.execute

    def fault(program: Any, *arguments: Any) -> Any:
        for one in execute(program, *arguments):
            if not (program.element == "t" and isinstance(one, Emitted) and one.port):
                yield one

    patch.setattr(flow, "execute", fault)


def modules_send_nothing_by_themselves(patch: Patch) -> None:
    patch.setattr(Query, "depart", lambda self, state, progress: [])


def modules_that_come_change_nothing(patch: Patch) -> None:
    changed = Standing.changed
    patch.setattr(Standing, "changed", lambda self, removed, added: changed(self, removed, ()))


def modules_never_meet(patch: Patch) -> None:
    patch.setattr(Query, "resume", lambda self, waiting, modules: None)
    patch.setattr(Walk, "platform", lambda self, node, state, progress: iter(()))


def platforms_but_the_first_are_far(patch: Patch) -> None:
    platform = Walk.platform

    def fault(self: Walk, node: Any, *arguments: Any) -> Any:
        return platform(self, node, *arguments) if node.name == PLATFORMS[0] else iter(())

    patch.setattr(Walk, "platform", fault)


def packets_are_short(patch: Patch) -> None:
    patch.setattr(Question, "longest", property(lambda self: 1000))
    patch.setattr(network, "joined", lambda state: iter((state,)))


def the_first_visit_is_enough(patch: Patch) -> None:
    arrive = Query.arrive_last

    def fault(self: Query, place: str, port: int, arrived: Any, *more: Any) -> list[Any]:
        return [c for c in arrive(self, place, port, arrived, *more) if c[0].store.status(arrived) is False]

    patch.setattr(Query, "arrive_last", fault)


def connectionless_traffic_is_not_looked_at(patch: Patch) -> None:
    _judged_as(unconnected=FALSE)(patch)


def authorizations_never_end(patch: Patch) -> None:
    patch.setattr(changeenforcer, "_older", lambda now, seen, seconds: (now - seen) > 10**18)


def answers_go_to_any_port(patch: Patch) -> None:
    patch.setattr(
        changeenforcer, "_ports", lambda p, protocol: (p.ip.tos.cast(16) & 0, p.ip.tos.cast(16) & 0)
    )


ANSWER = "FromNetfront() -> Strip(14) -> CheckIPHeader -> "
TO_HOME = "FromNetfront() -> StoreIPAddress(172.16.7.7, dst) -> dst :: ToNetfront();"
TO_CLOUD = "FromNetfront() -> StoreIPAddress(198.51.101.1, dst) -> dst :: ToNetfront();"
LONG_HOME = TO_HOME.replace("StoreIP", "l :: CheckLength(1600) -> Discard; l [1] -> StoreIP")
CLOSED = inward("IPFilter(deny dst net 172.16.0.0/16, allow all)")
NO_WAY_OUT = PASS.replace("FromDevice(inside) ->", "FromDevice(inside) -> Discard; Idle ->")


def _at(text: str, platform: int = 0) -> Guest:
    found = guest(text, CLIENT, platform, POOLS[platform] + 1)
    assert found is not None
    return found


ECHO = _at(networks.MODULES[0])
CHAIN, BEHIND = Shape(((STATEFUL,),)), Shape(((CLOSED,),))
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
    Mutant(connectionless_traffic_is_not_looked_at, ANSWER + "IPMirror -> ToNetfront();"),
    Mutant(authorizations_never_end, ANSWER + "IPMirror -> s :: StoreIPAddress(198.18.0.9, 16); Idle -> s; "
           "s -> c :: IPClassifier(tcp, -) -> ToNetfront(); c [1] -> StoreIPAddress(203.0.113.77, 12) -> "
           "StoreIPAddress(172.16.15.133, 16) -> ToNetfront();"),
    Mutant(answers_go_to_any_port, ANSWER + "IPMirror -> StoreData(22, \\<0009>) -> c :: IPClassifier(udp, -) -> "
           "ToNetfront(); c [1] -> StoreIPAddress(203.0.113.9, 16) -> ToNetfront();"),
    Mutant(rules_look_at_empty_tables_only, (CHAIN, (), "never reach from internet udp -> client")),
    Mutant(way_points_are_not_missed, (Shape(((PASS,),)), (ECHO,), "always reach from internet -> module -> client")),
    Mutant(the_first_visit_is_enough,
           (Shape(((PASS,),)), (ECHO,), "always reach from client -> access const src port")),
    Mutant(never_looks_away, (Shape(((PASS,),)), (ECHO,), "never reach from internet udp -> client")),
    Mutant(only_the_first_place_starts,
           (Shape(((NO_WAY_OUT,), (PASS,))), (), "never reach from client -> internet")),
    Mutant(only_two_boxes_let_packets_through,
           (Shape(((PASS, PASS, PASS, PASS),)), (ECHO,), "never reach from internet -> client")),
    Mutant(copies_are_forgotten,
           (Shape(((COPYING_BOXES[1],),)), (), "never reach from internet dst host 172.16.15.133 -> 172.16.7.7")),
    Mutant(modules_send_nothing_by_themselves, (BEHIND, (_at(TO_HOME),), "never reach from module -> client")),
    Mutant(modules_that_come_change_nothing,
           (BEHIND, (_at(TO_HOME),), "never reach from internet -> client", True)),
    Mutant(modules_never_meet,
           (Shape(((CLOSED,),), (-1, 0)), (_at(TO_CLOUD), _at(TO_HOME, 1)),
            "never reach from internet dst host 198.51.100.1 -> client")),
    Mutant(platforms_but_the_first_are_far,
           (Shape(((CLOSED,),), (-1, 0)), (ECHO, _at(TO_HOME, 1)), "never reach from internet -> client")),
    Mutant(packets_are_short, (BEHIND, (_at(LONG_HOME),), "never reach from internet -> client")),
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
            shape, guests, rule, *stepwise = mutant.shows
            made = networks.asked(shape, guests, [rule], bool(stepwise))
            networks.examine(made, networks.sequence(random, made, PACKETS))
            return False
        one = modules.judged(mutant.shows)
        assert one is not None
        assert not one.unsuitable
        for role, tcp_only in QUESTIONS:
            one.security(role, tcp_only)
            sent: list[Sent] = modules.traffic(random, modules.guided(one), PACKETS)
            modules.check(one, role, tcp_only, sent, seed)
    except (Violation, Contradiction):
        return True
    return False


__all__ = ["MUTANTS", "Mutant", "caught"]
