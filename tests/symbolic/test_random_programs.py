"""Programs that no element has: random moves of marks, reads and writes, through both back ends."""

from random import Random

import pytest
from hypothesis import settings

from innet.elements.switching.null import Null
from innet.ir import dump
from innet.symbolic.work import BudgetExceeded
from tests.backends.campaign import Campaign, Disagreement
from tests.backends.forms import Case
from tests.symbolic.programs import Programs

PROGRAMS = settings.default.max_examples
LOST = {"r: a position behind a part of unknown length"}
"""A header whose place depends on bytes of a payload that is read and written across it: no element does that."""


@pytest.mark.parametrize("lot", range(4))
def test_every_packet_does_what_its_path_says(lot: int) -> None:
    lost: set[str] = set()
    given_up = 0
    for n in range(PROGRAMS // 2):
        rng = Random(f"{lot} {n}")
        program = Programs(rng).program(rng.randint(2, 7))
        try:
            campaign = Campaign(Case(Null(), f"{lot} {n}", program))
            campaign.random(4)
        except BudgetExceeded:  # many computed positions one after the other
            given_up += 1
            continue
        except Disagreement as e:
            pytest.fail(f"{e}\n{dump.dump(program)}")
        lost |= campaign.report.lost
    assert lost <= LOST
    assert given_up <= 1 + PROGRAMS // 50
