"""Is the campaign worth anything? Faults put into the symbolic executor, each of which it must find."""

from random import Random

import pytest

from innet.elements.registry import REGISTRY
from innet.symbolic.evaluation import Unbound
from tests.backends.campaign import Campaign, Disagreement, Report
from tests.backends.faults import MUTANTS, Patch
from tests.backends.flows import AnyState, instances, new_flow
from tests.backends.forms import cases

SEQUENCES = 40


def examine(name: str) -> None:
    """The campaign on one element; raises `Disagreement`, or whatever a fault leads to."""
    programs = list(cases(REGISTRY[name]))
    with_tables = list(instances(programs))
    reports = [[Report() for _ in instance.cases] for instance in with_tables]
    any_state = [AnyState(instance) for instance in with_tables]
    for n in range(SEQUENCES):  # each in turn: a fault may show with one of them only
        for instance, report, states in zip(with_tables, reports, any_state, strict=True):
            new_flow(instance, report, Random(f"{n} {instance}"), 5)
            states.run(report, Random(f"any {n} {instance}"))
    for case in () if with_tables else programs:
        campaign = Campaign(case)
        campaign.random(60)
        campaign.solved()


def examine_all(names: tuple[str, ...]) -> None:
    for name in names:
        examine(name)


@pytest.mark.parametrize(("mutate", "elements"), MUTANTS, ids=[mutate.__name__ for mutate, _ in MUTANTS])
def test_the_campaign_finds_the_fault(
    mutate: Patch, elements: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    with pytest.raises((Disagreement, AssertionError, Unbound)):
        examine_all(elements)
