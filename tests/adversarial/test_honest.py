"""Modules that mean well get what they ask for: neither refused nor put in the sandbox without need."""

from random import Random

import pytest

from innet.messages import Answer, Assessment, Role
from innet.verify.security import USE
from tests.adversarial.judge import Case, corpus, judge, machine
from tests.adversarial.test_cheats import TENANTS, name
from tests.adversarial.traffic import ADDRESS, OWNER, session

HONEST = corpus("honest")


def test_the_corpus_is_large() -> None:
    assert len(HONEST) >= 20
    assert sum(set(case.expected.values()) == {Assessment.SAFE} for case in HONEST) >= 15


@pytest.mark.parametrize("role", TENANTS, ids=lambda role: role.value)
@pytest.mark.parametrize("case", HONEST, ids=name)
def test_an_honest_module_is_judged_as_it_deserves(case: Case, role: Role) -> None:
    found = judge(case.text, role)
    assert found.assessment is case.expected[role], [c for c in found.checks if c.holds is not Answer.YES]


@pytest.mark.parametrize("case", HONEST, ids=name)
def test_operators_may_do_all_of_it(case: Case) -> None:
    assert judge(case.text, Role.OPERATOR).assessment is Assessment.SAFE


@pytest.mark.parametrize(
    "case", [c for c in HONEST if c.expected[Role.THIRD_PARTY] is Assessment.SAFE], ids=name
)
def test_what_is_safe_sends_nothing_that_is_not_allowed(case: Case) -> None:
    for cause, seen, frame in session(machine(case.text), Random(case.path.stem), 100):
        source, destination = (int.from_bytes(frame[at : at + 4], "big") for at in (26, 30))
        assert source in (ADDRESS, cause)
        assert destination in (ADDRESS, OWNER, OWNER + 1, cause, *seen)


@pytest.mark.parametrize("module", ["pass_through_firewall", "pass_through_dpi"])
def test_in_path_functions_are_told_how_to_become_addressed_ones(module: str) -> None:
    (case,) = [c for c in HONEST if c.path.stem == module]
    (check,) = [c for c in judge(case.text, Role.CLIENT).checks if c.holds is Answer.NO]
    assert check.text == USE
    assert "traffic addressed to others" in check.reason
    assert "IPRewriter(pattern - - ADDRESS - 0 0)" in check.remedy
