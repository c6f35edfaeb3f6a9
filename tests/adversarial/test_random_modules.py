"""Modules and packets at random: no rule that is said to hold is broken by any packet that really leaves."""

from random import Random

import pytest

from innet.diagnostics import ConfigurationError
from innet.messages import Answer, Role
from innet.verify.security import ANTI_SPOOFING, DEFAULT_OFF
from tests.adversarial.judge import judge, machine
from tests.adversarial.modules import module
from tests.adversarial.traffic import ADDRESS, OWNER, session

SEEDS, A_TEST = 200, 10
WORK = 400_000
"""Less than a request may cost: what is undecided says nothing here."""


@pytest.mark.parametrize("first", range(0, SEEDS, A_TEST))
def test_rules_that_hold_are_not_broken(first: int) -> None:
    for seed in range(first, first + A_TEST):
        random = Random(seed)
        text = module(random)
        try:
            made = machine(text)
        except ConfigurationError:
            continue
        show = seed == first  # that holds or not without packets that show it, which take most of the time
        checks = {check.text: check.holds for check in judge(text, Role.THIRD_PARTY, WORK, show).checks}
        for cause, seen, frame in session(made, random, 100):
            source, destination = (int.from_bytes(frame[at : at + 4], "big") for at in (26, 30))
            if checks.get(ANTI_SPOOFING) is Answer.YES:
                assert source in (ADDRESS, cause), f"seed {seed}:\n{text}\n{frame.hex()}"
            if checks.get(DEFAULT_OFF) is Answer.YES:
                allowed = (ADDRESS, OWNER, OWNER + 1, cause, *seen)
                assert destination in allowed, f"seed {seed}:\n{text}\n{frame.hex()}"
