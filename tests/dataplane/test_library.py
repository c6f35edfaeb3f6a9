"""Which programs a platform compiles for a module, as the kernel takes them or not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from innet.dataplane.compose import Composed, Wire, compose
from innet.dataplane.library import Library
from innet.network import parse_address
from innet.xdp.compile import Code, Compiler
from innet.xdp.emit import Emitted
from innet.xdp.graph import Input
from innet.xdp.programs import VerifierError
from innet.xdp.target import Redirect, Xdp

BATCHER = (
    "FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> {}"
)
TEXT = BATCHER.format("ToNetfront();")


def module(address: str) -> Composed:
    return compose(TEXT, "m", address, Wire(1, 2, 3))


def library(compiler: Compiler, folder: Path, wants: Callable[[Emitted], bool]) -> Library:
    """One whose kernel takes the programs that it `wants`."""

    def check(emitted: Emitted, code: Code) -> None:
        if not wants(emitted):
            raise VerifierError("R1 is not what it should be", "R1 is not what it should be")

    return Library(compiler, Xdp(), Redirect(9), check, folder, 250)


def prepare(library: Library, address: str) -> Composed:
    return library.prepare(module(address), parse_address(address)).composed


def test_what_is_left_of_a_module_is_what_runs(compiler: Compiler, tmp_path: Path) -> None:
    one = library(compiler, tmp_path, lambda emitted: True)
    assert prepare(one, "198.51.100.1").steps
    assert one.shapes[0].shared
    assert prepare(one, "198.51.100.2").steps
    assert (len(one.shapes), one.compiled) == (1, 1)


@pytest.mark.parametrize(
    "wants",
    [
        lambda emitted: bool(emitted.tables),
        lambda emitted: bool(emitted.tables) or Input("2", 0) not in emitted.weights,
    ],
    ids=["the program", "one element"],
)
def test_what_the_kernel_wants_to_see_is_not_left_out(
    compiler: Compiler, tmp_path: Path, wants: Callable[[Emitted], bool]
) -> None:
    one = library(compiler, tmp_path, wants)
    assert prepare(one, "198.51.100.1").steps == ()
    assert [shape.shared for shape in one.shapes] == [False]
    compiled = one.compiled
    assert prepare(one, "198.51.100.2").steps == ()
    assert (len(one.shapes), one.compiled) == (1, compiled), "it is not tried again"
