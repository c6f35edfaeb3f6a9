"""A small soundness campaign, and faults in what judges: each is found. `./innet bench sound` runs more of it."""

import pytest

from tests.soundness.campaign import Campaign
from tests.soundness.mutants import MUTANTS, Mutant, caught

MODULES, PACKETS = range(7000, 7012), 30


def test_nothing_contradicts_what_proofs_say() -> None:
    campaign = Campaign(PACKETS)
    assert list(campaign.run(MODULES)) == []
    assert campaign.tally.modules
    assert campaign.tally.networks
    assert campaign.tally.spoke


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_in_what_judges_is_found(mutant: Mutant) -> None:
    assert caught(mutant)
