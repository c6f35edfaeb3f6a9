"""Kernel and interpreter agree on random programs: more of the IR, and stranger, than elements use."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from innet.ir.dump import dump
from innet.xdp.compile import Compiler
from tests.xdp.differential import bare, compare
from tests.xdp.graphs import single
from tests.xdp.programs import Maker

pytestmark = pytest.mark.kernel


@example(seed=2206)  # a pointer's lower half was spilled
@example(seed=3195)  # the complement of the frame's length was made of the complement of its end
@given(seed=st.integers(0, 2**32))
def test_random_programs(seed: int, compiler: Compiler) -> None:
    program = Maker(seed).program()
    try:
        compare(single(program), compiler, bare(seed, 20), refusals=1)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{dump(program)}") from problem
