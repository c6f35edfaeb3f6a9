"""Modules that differ in constants and addresses alone still share a program when they are made smaller."""

import pytest

from innet.dataplane.compose import Composed, Wire, compose
from innet.network import parse_address
from innet.simplify import StepKind
from innet.xdp.shape import structure, template

WIRE = Wire(1, 2, 3)
BATCHER = "FromNetfront() -> CheckIPHeader(14) -> IPFilter(allow udp port {}) -> IPRewriter(pattern - - {} - 0 0) -> {}"
PLAIN = BATCHER.format(1500, "172.16.15.133", "ToNetfront();")
FIRST, SECOND = "198.51.100.7", "198.51.100.9"


def module(text: str, address: str = FIRST) -> Composed:
    return compose(text, "m", address, WIRE)


def share(a: Composed, b: Composed, others: int = 0) -> bool:
    """Whether `b` runs by the program of `a` at `FIRST`, made when `others` with other constants were known."""
    own = structure(a.graph)
    known = [
        structure(module(BATCHER.format(1600 + n, f"10.0.0.{n}", "ToNetfront();")).graph)
        for n in range(others)
    ]
    found = template(own, known, (parse_address(FIRST), *a.computed))
    return found.values(structure(b.graph)) is not None


def test_another_address_is_no_other_program() -> None:
    assert share(module(PLAIN), module(PLAIN, SECOND))


def test_other_constants_are_parameters_once_somebody_varies_them() -> None:
    other = module(BATCHER.format(1700, "192.0.2.1", "ToNetfront();"), SECOND)
    assert not share(module(PLAIN), other)
    assert share(module(PLAIN), other, others=1)


@pytest.mark.parametrize(
    "text", [PLAIN.replace("0 0)", "0 0, CAPACITY 9)"), PLAIN.replace("- - 172", "$ADDR 1024-65535# 172")]
)
def test_tables_that_matter_stay(text: str) -> None:
    one = module(text.replace("$ADDR", FIRST))
    assert [step.kind for step in one.kept] == [StepKind.TABLE]
    assert all(step.kind is not StepKind.TABLE for step in one.steps)


def test_the_entry_counts_for_those_who_read_it() -> None:
    """The platform's account has what a FromNetfront counts; the agent, which runs the text, counts all the same."""
    assert "its count" in {step.what for step in module(PLAIN).steps}
    written = compose(PLAIN, "m", FIRST, WIRE, smaller=False)
    assert written.steps == written.kept == ()
    assert written.computed == frozenset()
