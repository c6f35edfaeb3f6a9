"""Modules that cheat: none of them is ever safe for a role in which it cheats, and what is shown of them is true."""

from random import Random

import pytest

from innet.messages import Answer, Assessment, Role
from innet.verify.security import ANTI_SPOOFING, DEFAULT_OFF, sent, violates
from tests.adversarial.judge import Case, box, corpus, judge, machine, rules
from tests.adversarial.traffic import ADDRESS, ETHERNET, OWNER, session

CHEATS = corpus("cheats")
TURNED_AWAY = {Assessment.REFUSED, Assessment.UNDECIDED}
TENANTS = (Role.THIRD_PARTY, Role.CLIENT)


def name(case: Case) -> str:
    return case.path.stem


def test_the_corpus_is_large_and_every_file_says_in_which_role_it_cheats() -> None:
    assert len(CHEATS) >= 150
    for case in CHEATS:
        assert set(case.expected) == set(TENANTS), case.path
        assert case.cheats == {role for role in TENANTS if case.expected[role] is not Assessment.SAFE}, (
            case.path
        )
        assert case.cheats, case.path


@pytest.mark.parametrize("role", TENANTS, ids=lambda role: role.value)
@pytest.mark.parametrize("case", CHEATS, ids=name)
def test_a_cheat_is_found_and_its_packet_really_cheats(case: Case, role: Role) -> None:
    found = judge(case.text, role)
    if role in case.cheats:
        assert found.assessment is not Assessment.SAFE
    if found.assessment is Assessment.UNDECIDED:
        assert case.expected[role] is not Assessment.SAFE, "an honest use was not followed to its end"
    else:
        assert found.assessment is case.expected[role]
    for check in found.checks:
        assert check.holds is Answer.YES or check.reason
        if check.witness is None or not check.witness.replayed:
            continue
        came = ETHERNET + bytes.fromhex(check.witness.packet)
        rule = ANTI_SPOOFING if check.text is ANTI_SPOOFING else check.text
        left = list(sent(box(case.text), came))
        assert any(violates(came, frame, rules(role), rule) for frame in left), check.witness


@pytest.mark.parametrize("case", CHEATS, ids=name)
def test_what_cheats_in_a_run_was_found(case: Case) -> None:
    """Hostile packets, one after the other with tables kept: a rule that holds is broken by none of them."""
    random = Random(case.path.stem)
    found = {role: {c.text: c.holds for c in judge(case.text, role).checks} for role in TENANTS}
    for cause, seen, frame in session(machine(case.text), random, 60):
        source, destination = (int.from_bytes(frame[at : at + 4], "big") for at in (26, 30))
        if source not in (ADDRESS, cause):
            for checks in found.values():
                assert checks.get(ANTI_SPOOFING) is not Answer.YES
        if destination not in (ADDRESS, OWNER, OWNER + 1, cause, *seen):
            assert found[Role.THIRD_PARTY].get(DEFAULT_OFF) is not Answer.YES


def test_operators_are_told_nothing_and_stopped_by_nothing() -> None:
    cheat = "FromNetfront() -> StoreIPAddress(203.0.113.9, src) -> ToNetfront()"
    assert judge(cheat, Role.OPERATOR).assessment is Assessment.SAFE
