"""kill -9 of a daemon at any step: the next one runs what was confirmed."""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.platform import Deployment
from innet.platform.remote import RemoteAgent
from tests.platform.daemons import NODE, PICKY, deployment, running

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}

Wanted = dict[str, Deployment]
Step = tuple[Callable[[RemoteAgent], object], Callable[[Wanted], Wanted]]
"""What is asked, and what that means."""


def put(one: Deployment) -> Step:
    return lambda agent: agent.apply(one), lambda wanted: {**wanted, one.id: one}


def drop(id: str) -> Step:
    return lambda agent: agent.remove(id), lambda wanted: {k: v for k, v in wanted.items() if k != id}


def replace(*all: Deployment) -> Step:
    return lambda agent: agent.replace(all), lambda wanted: {one.id: one for one in all}


SERIES = [
    put(deployment(1)),
    put(deployment(2)),
    put(deployment(1, PICKY)),
    drop("m1.M"),
    put(deployment(3)),
    replace(deployment(3), deployment(2, name="m4"), deployment(5, PICKY)),
    drop("m4.M"),
    drop("m4.M"),
    put(deployment(2)),
]


Child = Callable[[Path, int], contextlib.AbstractContextManager[RemoteAgent]]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """Begins a daemon in a process of its own, that kills itself at a step (0: never)."""
    command = [sys.executable, "-m", "tests.platform.daemon_child"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT, cwd=ROOT) as process:

        def ask(line: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            return process.stdout.readline()

        @contextlib.contextmanager
        def begin(folder: Path, kill_at: int) -> Iterator[RemoteAgent]:
            assert ask(f"{kill_at} {folder}") == "ready\n"
            try:
                with contextlib.closing(RemoteAgent(folder / "run" / f"{NODE.name}.sock", 20)) as agent:
                    yield agent
            finally:
                assert ask("") == "gone\n"

        yield begin
        process.communicate()  # it ends with its input


def carry_out(agent: RemoteAgent, series: list[Step], wanted: Wanted) -> tuple[Wanted, Wanted | None]:
    """What is wanted after all that was confirmed; and with the step that broke off, if one did."""
    for ask, mean in series:
        try:
            ask(agent)
        except PlatformError:
            return wanted, mean(wanted)
        wanted = mean(wanted)
    return wanted, None


def settled(agent: RemoteAgent) -> RemoteAgent:
    """The same, once it has done what it found to do at its start."""
    while not agent.ping()["settled"]:
        time.sleep(0.001)
    return agent


def runs(folder: Path) -> Wanted:
    """What a new daemon there runs."""
    with running(folder) as (daemon, agent):
        reports = settled(agent).observe().modules
        assert not any(report.problem for report in reports)
        assert daemon.desired.damage is None
        return {id: module.deployment for id, module in daemon.agent._modules.items()}


def test_killed_at_each_step(tmp_path: Path, child: Child) -> None:
    for number in range(1, 200):
        folder = tmp_path / str(number)
        with child(folder, number) as agent:
            confirmed, begun = carry_out(agent, SERIES, {})
        found = runs(folder)
        assert found in (confirmed, begun), number
        if begun is None:
            assert number > 60, "there are more steps than that"
            return
    pytest.fail("it is never done")


def test_killed_at_random_and_going_on(tmp_path: Path, child: Child) -> None:
    chance = random.Random(5)
    wanted: Wanted = {}
    broke_off: Wanted | None = None
    for _ in range(10):
        before = broke_off
        with child(tmp_path, chance.randrange(2, 120)) as agent, contextlib.suppress(PlatformError):
            found = {report.id for report in settled(agent).observe().modules}
            assert found in (set(wanted), set(before or wanted))
            wanted, broke_off = (wanted if found == set(wanted) else before or wanted), None
            while broke_off is None:
                number = chance.randrange(1, 30)
                step = put(deployment(number)) if chance.random() < 0.6 else drop(f"m{number}.M")
                wanted, broke_off = carry_out(agent, [step], wanted)
    assert runs(tmp_path) in (wanted, broke_off)
