"""A controller that is killed between any two steps leaves nothing half done."""

import os
import signal
from pathlib import Path

import pytest

from innet.controller.store import UNFINISHED
from tests.controller.world import CLIENT, OTHER, Bench, request

STEPS = ("planned", "reserved", "module applied", "applied", "confirmed")
KILL_STEPS = ("killing", "module removed", "killed")


def in_child(work: object) -> int:
    """Run `work` in a child process; how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(3)
    return os.waitpid(child, 0)[1]


def die_at(step: str) -> object:
    def checkpoint(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_deploying(tmp_path: Path, step: str) -> None:
    def work() -> None:
        Bench(tmp_path, die_at(step)).controller.apply(request("A", "B"), CLIENT)  # type: ignore[arg-type]

    assert in_child(work) == signal.SIGKILL
    bench = Bench(tmp_path)
    taken = bench.controller.recover()
    if step == "confirmed":
        assert taken == ()
        assert len(bench.running()) == 2
        assert bench.slots() == 2
    else:
        assert len(taken) == 1
        assert bench.running() == []
        assert bench.slots() == 0
    assert bench.store.all(*UNFINISHED) == ()
    assert bench.controller.apply(request(), OTHER).identifier is not None


@pytest.mark.parametrize("step", KILL_STEPS)
def test_killed_while_killing(tmp_path: Path, step: str) -> None:
    name = Bench(tmp_path).controller.apply(request("A", "B"), CLIENT).identifier
    assert name is not None

    def work() -> None:
        Bench(tmp_path, die_at(step)).controller.kill(name)  # type: ignore[arg-type]

    assert in_child(work) == signal.SIGKILL
    bench = Bench(tmp_path)
    bench.controller.recover()
    assert bench.running() == []
    assert bench.slots() == 0
    assert bench.controller.list() == ()


def test_two_controllers_never_give_away_the_same_address(tmp_path: Path) -> None:
    def work() -> None:
        controller = Bench(tmp_path).controller
        for _ in range(2):
            controller.apply(request(), OTHER)
        os._exit(0)

    Bench(tmp_path)  # the state file is there
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                work()
            finally:
                os._exit(3)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    bench = Bench(tmp_path)
    held = [m.address for record in bench.controller.list() for m in record.modules]
    assert len(held) == len(set(held)) == bench.slots() == len(bench.running()) > 0
