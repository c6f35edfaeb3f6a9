"""Modules that cheat: none of them is ever safe for a role in which it cheats, and what is shown of them is true."""

from random import Random

import pytest

from innet.explore.witness import summary
from innet.messages import Answer, Assessment, Check, Role
from innet.verify.security import ANTI_SPOOFING, DEFAULT_OFF, inject, violates
from innet.verify.session import SECOND_NS, Setting, leaving
from innet.verify.violations import YEARS, Question, stepped
from tests.adversarial.judge import Case, box, corpus, judge, machine, rules
from tests.adversarial.traffic import ADDRESS, ETHERNET, OWNER, VICTIM, session

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
        if check.text in (ANTI_SPOOFING, DEFAULT_OFF) and check.holds is Answer.NO:
            assert check.witness is not None, "a violation is told only if packets show it"
            assert check.witness.replayed
            assert shown_again(case.text, role, check), check.witness


UNSHOWN = {
    "delay_replaces_note", "entry_tied_then_untied", "hour_of_the_day", "source_timestamp_backdoor", "unfollowed_zero",
}  # fmt: skip
"""Violations for which no packet is found: they are not told as facts. The last one never happens."""


def shown_again(text: str, role: Role, check: Check) -> bool:
    """Whether what is shown happens again: packets sent one after the other, or to a module that runs."""
    assert check.witness is not None
    frames = [ETHERNET + bytes.fromhex(packet) for packet in check.witness.packets]
    sources = {int.from_bytes(frame[26:30], "big") for frame in frames}
    made = box(text)

    def wrong(left: bytes, causes: set[int], seen: set[int]) -> bool:
        return violates(causes, seen, left, rules(role), check.text) and summary(left) == check.witness.result

    question = Question(
        made, ADDRESS, OWNER, VICTIM, lambda label: inject(ADDRESS, label=label), lambda *_: (), wrong
    )
    if frames and stepped(question, frames) is not None:
        return True
    settings = [Setting(seed, second * SECOND_NS) for second in YEARS for seed in (0, -1, -2, 1, 2, 3)]
    return any(
        wrong(left, sources, sources)
        for setting in settings
        for lefts in leaving(made.machine, frames, setting, 5 * SECOND_NS)
        for left in lefts
    )


def test_nearly_every_violation_is_shown_by_packets() -> None:
    """Over the whole corpus: what is not shown is not told as a fact, and is listed here."""
    unshown = set()
    for case in CHEATS:
        for role in TENANTS:
            for check in judge(case.text, role).checks:
                if check.text in (ANTI_SPOOFING, DEFAULT_OFF) and check.holds is Answer.UNDECIDED:
                    unshown.add(case.path.stem)
                    assert check.witness is None
    more = unshown - {"mark_from_the_end"} - UNSHOWN
    assert len(more) <= 2, more  # where the search for packets begins hangs on memory addresses


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
