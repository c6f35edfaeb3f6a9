"""What the symbolic executor says of elements written in program text holds for each packet, as for built-in ones."""

import pytest

from tests.backends.test_symbolic_covers_concrete import ROUNDS, Examination
from tests.elements.written import CLASSES

LOST = {"Everything": {"e: a write at aux, whose position depends on the packet"}}
"""What the executor says it cannot follow; a module that does it is never called safe."""


@pytest.mark.parametrize("name", CLASSES)
def test_every_packet_does_what_its_path_says(name: str) -> None:
    examination = Examination(CLASSES[name])
    examination.packets()
    examination.flows(range(10))
    for n in range(ROUNDS // 8):
        examination.more(n)
    lost = LOST.get(name, set())
    for case, report in zip(examination.cases, examination.reports, strict=True):
        assert report.lost <= lost, str(case)
        assert report.taken, str(case)
