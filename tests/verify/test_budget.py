"""Proofs end: whatever is asked, the work is counted and capped, and what was not seen is never `safe`."""

import pytest

from innet.controller.limits import Limits
from innet.diagnostics import ConfigurationError, Source
from innet.elements.classify.patterns import FilterRule
from innet.explore.flow import Budget
from innet.ir import check
from innet.messages import Account, Assessment, Role
from innet.policy import parse_request
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import all_of, any_of, member
from innet.symbolic.store import Store
from innet.symbolic.terms import Sym
from innet.symbolic.work import QUESTION, BudgetExceeded, Guard, Stopped, Work
from innet.verify.plan import SECURITY_BUDGET, plan
from innet.verify.security import Security, assess
from innet.verify.world import PARSE, Deployed
from tests.adversarial.judge import box, rules
from tests.soundness import large
from tests.soundness.large import CASES, Case
from tests.verify.networks import BATCHER, CLIENT, ask, chain, figure3

WORK = 150_000
"""A small part of what a request may cost, so that this takes little time."""
DECIDED = {"row", "counted_row", "routes", "alternatives", "nested"}


def judged(text: str, work: int = WORK, steps: int = SECURITY_BUDGET) -> tuple[Security, Budget]:
    budget = Budget(steps, work=work)
    return assess(box(text), PARSE, rules(Role.THIRD_PARTY), budget), budget


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_modules_of_any_size_are_judged_within_the_budget(case: Case) -> None:
    said, budget = judged(case.make(case.small))
    if case.name in DECIDED:
        assert said.assessment in (Assessment.SAFE, Assessment.REFUSED)
    else:
        assert said.assessment is Assessment.UNDECIDED
        assert budget.explored() in said.checks[0].reason
        assert "it has" in said.checks[0].reason


def test_what_is_undecided_for_want_of_work_is_decided_with_more() -> None:
    text = large.ip_filter(60)
    assert judged(text, 5_000)[0].assessment is Assessment.UNDECIDED
    assert judged(text, 3_000_000)[0].assessment is Assessment.SAFE


def test_steps_are_capped_too() -> None:
    said, budget = judged(large.row(300), 3_000_000, steps=100)
    assert said.assessment is Assessment.UNDECIDED
    assert "100 steps through 100 places" in said.checks[0].reason
    assert len(budget.places) == 100


def test_a_program_of_too_many_statements_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "MAX_STATEMENTS", 500)
    assert judged(large.ip_filter(600))[0].assessment is Assessment.UNDECIDED


def test_a_million_rules_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilterRule, "MOST", 100)
    box(large.ip_filter(100))
    with pytest.raises(ConfigurationError, match="101 of RULES; no more than 100 can be compiled and proven"):
        box(large.ip_filter(101))


def test_the_same_question_ends_at_the_same_place() -> None:
    first, second = (judged(large.parted_diamonds(40))[0] for _ in range(2))
    assert first.checks[0].reason == second.checks[0].reason


def test_a_violation_that_was_not_seen_is_no_reason_to_call_a_module_safe() -> None:
    text = large.parted_diamonds(40).replace("IPMirror", "StoreIPAddress(203.0.113.9, dst)")
    for work in (1_000, 30_000, WORK):
        assert judged(text, work)[0].assessment is not Assessment.SAFE


def hard(store: Store) -> bool:
    """Each of twelve symbols is its number while another is 99: none can be 99, which has to be tried."""
    symbols = [Sym(f"s{n}", 8) for n in range(12)]
    for n, one in enumerate(symbols):
        others = [s for s in symbols if s is not one]
        parts = [all_of(member(one, rs.single(n)), member(o, rs.single(99))) for o in others]
        if not store.assume(any_of(*parts)):
            return False
    return store.feasible()


def test_feasibility_is_charged() -> None:
    store, few = Store(), Store()
    store.work = Work(1_000_000)
    assert not hard(store)
    few.work = Work((1_000_000 - store.work.left) // 2)
    with pytest.raises(BudgetExceeded):
        hard(few)


def test_copies_of_a_store_are_charged_to_the_same_work() -> None:
    store = Store()
    store.work = Work(1_000_000)
    before = store.work.left
    hard(store.fork())
    assert store.work.left < before
    own = Work(1_000_000)
    left = store.work.left
    hard(store.fork(own))
    assert store.work.left == left
    assert own.left < 1_000_000


def test_what_is_kept_of_an_answered_question_costs_nobody_anything() -> None:
    store = Store()
    store.work = Work(100)
    store.work.done()
    for _ in range(1_000):
        store = store.fork()


def test_whoever_has_a_clock_may_stop_a_proof_and_nothing_is_remembered_of_it() -> None:
    world = figure3()
    request = parse_request(Source("request", BATCHER))
    said = plan(request, world, CLIENT, stop=lambda: "time is up")
    if said.assessment is not Assessment.UNDECIDED:  # it took too little work to be asked
        world.network.guard.stop = lambda: "time is up"
        with pytest.raises(Stopped, match="time is up"):
            assess(box(large.diamonds(40)), PARSE, rules(Role.CLIENT), world.network.budget(SECURITY_BUDGET))
    else:
        assert "time is up" in said.warnings[0]
    assert plan(request, world, CLIENT).assessment is Assessment.SAFE


def test_time_and_memory_are_limits_of_the_machine() -> None:
    now, taken = [0.0], [1 << 30]
    stop = Limits(seconds=2, memory=1 << 20).watch(lambda: now[0], lambda: taken[0])
    assert stop() == ""
    now[0] = 3.0
    assert "2 s" in stop()
    now[0], taken[0] = 1.0, (1 << 30) + (2 << 20)
    assert "1 MiB" in stop()


def test_rules_on_networks_say_what_was_seen() -> None:
    branches = "IPFilter(allow ip id 1 or ip tos 2) -> " * 3
    world = chain(first="FromDevice(outside) -> MarkIPHeader(14) -> " + branches.removesuffix(" -> ")
                  + " -> ToDevice(inside); FromDevice(inside) -> ToDevice(outside);")  # fmt: skip
    world.network.budget = lambda steps, work=0: Budget(3)  # type: ignore[method-assign]
    said = ask(world, "never reach from internet -> client")
    assert said.holds.value == "undecided"
    assert "3 steps through" in said.reason


def test_questions_of_one_request_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    request, world = parse_request(Source("r", BATCHER)), figure3("never reach from module -> 10.9.9.9")
    monkeypatch.setattr("innet.verify.plan.REQUEST_WORK", 500)
    monkeypatch.setattr("innet.verify.plan.PLATFORM_WORK", 0)
    made = plan(request, world, CLIENT)
    assert made.assessment is Assessment.UNDECIDED
    assert made.warnings == (
        "the proof was stopped: its questions take more work together than one request may cost",
    )
    monkeypatch.undo()
    assert plan(request, world, CLIENT).assessment is Assessment.SAFE


def test_no_request_pays_for_what_others_have_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the controller starts again, what is deployed is looked at when the first request comes."""
    left: list[int] = []
    ended = Guard.end

    def end(guard: Guard) -> None:
        left.append(guard.left)
        ended(guard)

    monkeypatch.setattr(Guard, "end", end)
    asked = parse_request(Source("r", BATCHER + "\nreach from internet udp -> Batcher:dst:0 -> client\n"))

    def module(n: int) -> Deployed:
        account = Account(f"a{n}", Role.CLIENT, ((0xAC10_0000 + n,) * 2,))
        text = (
            "FromNetfront() -> IPFilter(allow udp port 1500) "
            f"-> IPRewriter(pattern - - 172.16.0.{n} - 0 0) -> ToNetfront();"
        )
        return Deployed("M", account, "platform3", 0xC633_6400 + n, text, identifier=f"d{n}")

    for number in (1, 12):
        world = figure3().with_deployed(tuple(module(2 + n) for n in range(number)))
        assert plan(asked, world, CLIENT).granted
    few, many = left
    assert abs(few - many) < 5 * QUESTION, "eleven modules more are at least eleven questions more"
