"""Headers of frames that are known to be whole: told without the program that reads them, and as it would tell them."""

import random

import pytest

from innet.explore.network import DESTINATION, blank, parse
from innet.ir.nodes import Mark
from innet.symbolic import ranges as rs
from innet.symbolic.execute import Emitted, execute
from innet.symbolic.formulas import in_atom
from innet.symbolic.memory import ANNOTATIONS
from innet.symbolic.state import IP_CELLS, Injected, State, Tables, inject_ip, whole_frame
from innet.symbolic.terms import K, Sym, Term
from innet.verify.deployed import PARSE

WRITES = [(1, bit, width) for _, bit, width in IP_CELLS] + [
    (0, 0, 48), (0, 48, 48), (0, 96, 16), (0, 40, 16), (1, 0, 8), (1, 2, 4), (1, 64, 16), (1, 120, 16), (3, 0, 16),
    (2, 0, 8),
]  # fmt: skip
"""Where cells are written over: region (link, header, options, payload), bit, width."""


def changed(choose: random.Random) -> tuple[Injected, State]:
    """A packet as injected, some of it known or written over since."""
    injected = inject_ip()
    state = injected.state.fork()
    memory, store = state.memory, state.store
    if choose.random() < 0.5:
        low = choose.randint(5, 15)
        store.assume(in_atom(injected.symbols["ip.hl"], ((low, choose.randint(low, 15)),)))
    if choose.random() < 0.3:
        store.assume(in_atom(injected.symbols["length"], ((0, choose.randint(0, 60)),)))
    if choose.random() < 0.3:
        other = Sym("other", 4)
        store.domains[other] = rs.full(4)
        memory.cells[memory.order[1]][4] = (
            4,
            choose.choice([other, K(7, 4), injected.symbols["ip.hl"]]),
            None,
        )
    for _ in range(choose.randrange(3)):
        region, bit, width = choose.choice(WRITES)
        value: Term = choose.choice([K(choose.getrandbits(width), width), Sym("written", width)])
        if region != 2:  # options may be absent
            memory.write(memory.order[region], bit, width, value, None, store)
    if choose.random() < 0.2:
        memory.add_region((choose.randrange(3), ()), None)
    if choose.random() < 0.1:
        memory.marks[Mark.DATA] = (memory.order[0], choose.choice([2, 14]))
    return injected, state


@pytest.mark.parametrize("seed", range(400))
def test_as_the_program_tells_them(seed: int) -> None:
    """Marks and the destination annotation are those that the program gives, where it is not asked."""
    _, state = changed(random.Random(seed))
    blank(state)
    if whole_frame(state.memory, state.store) is None:
        return
    asked, told = state.fork(), list(parse(state.fork(), PARSE, Tables(False)))
    by_program = [r.state for r in execute(PARSE, asked, Tables(False)) if isinstance(r, Emitted)]
    assert len(by_program) == len(told) == 1
    one, other = told[0], by_program[0]
    assert one.memory.marks == other.memory.marks
    assert one.memory.order == other.memory.order
    annotations = one.memory.cells[ANNOTATIONS], other.memory.cells[ANNOTATIONS]
    assert annotations[0].keys() == annotations[1].keys()
    assert annotations[0][DESTINATION.bit] == annotations[1][DESTINATION.bit]
    assert one.store.domains == other.store.domains
    assert not one.lost


def test_many_are_known() -> None:
    """The test above looks at many such frames, and at many that are none."""
    known = 0
    for seed in range(400):
        _, state = changed(random.Random(seed))
        blank(state)
        known += whole_frame(state.memory, state.store) is not None
    assert 80 < known < 320


@pytest.mark.parametrize(
    ("region", "bit", "width", "value"),
    [(0, 96, 16, 0x0806), (0, 96, 8, 8), (1, 0, 4, 6), (1, 0, 8, 0x45), (1, 4, 4, 4), (1, 4, 2, 1)],
)
def test_what_is_no_ipv4_header_is_read(region: int, bit: int, width: int, value: int) -> None:
    """A frame that says otherwise of itself since it came in is read again."""
    state = inject_ip().state
    blank(state)
    assert whole_frame(state.memory, state.store) is not None
    state.memory.write(state.memory.order[region], bit, width, K(value, width), None, state.store)
    assert whole_frame(state.memory, state.store) is None
