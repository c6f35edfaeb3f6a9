"""A small soundness campaign, and faults in what judges: each is found. `./innet bench sound` runs more of it."""

import pytest

from tests.soundness.campaign import Campaign
from tests.soundness.mutants import MUTANTS, Mutant, caught
from tests.soundness.opinion import compare

MODULES, PACKETS = range(7000, 7011), 30


def test_nothing_contradicts_what_proofs_say() -> None:
    campaign = Campaign(PACKETS)
    assert list(campaign.run(MODULES)) == []
    assert campaign.tally.modules
    assert campaign.tally.networks
    assert campaign.tally.spoke


def test_z3_calls_nothing_possible_that_the_store_calls_impossible() -> None:
    found = compare(160, 3)
    assert found.wrong == []
    assert found.infeasible
    assert found.generous <= 2


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_in_what_judges_is_found(mutant: Mutant) -> None:
    assert caught(mutant)
