"""A short run of the fuzz campaign, and every input that once was a fault."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import settings

from tests.fuzz.campaign import Target, attempt, kept, run
from tests.fuzz.targets import TARGETS

INPUTS = settings.default.max_examples
FINE = ("", "refused")


@pytest.mark.parametrize("name", TARGETS)
def test_random_inputs_are_taken_or_refused(name: str) -> None:
    report = run(TARGETS[name], Random(f"test {name}"), inputs=INPUTS)
    assert [(fault.data, fault.why) for fault in report.faults] == []
    assert report.refused > 0, "mutations are found out"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        pytest.param(target, path, id=f"{name}/{path.name}")
        for name, target in TARGETS.items()
        for path in kept(name)
    ],
)
def test_what_was_a_fault_is_none_any_more(target: Target, path: Path) -> None:
    data = path.read_bytes()
    assert attempt(target, data)[0] in FINE
    assert attempt(target, data, watch_memory=True)[0] in FINE


def crash(data: bytes) -> None:
    if b"x" in data:
        raise KeyError("x")


def hang(data: bytes) -> None:
    while b"x" in data:
        pass


def waste(data: bytes) -> None:
    if b"x" in data:
        bytearray(40 << 20)


@pytest.mark.parametrize(
    ("fault", "why"),
    [(crash, "KeyError: 'x'"), (hang, "more than 1.0 s"), (waste, "41943")],
    ids=lambda a: str(a)[:14],
)
def test_the_campaign_finds_and_shrinks_faults(fault: object, why: str) -> None:
    target = Target("t", fault, (b"some words and an x among them",), (b"x",))  # type: ignore[arg-type]
    wrong, _, _ = attempt(target, target.seeds[0], watch_memory=fault is waste)
    assert wrong.startswith(why)
    if fault is not hang:
        report = run(target, Random(1), inputs=33)
        assert {found.data for found in report.faults} == {b"x"}
