"""Platforms that were away: what is deployed comes to them, what nobody wants goes, and others' work is left alone."""

from pathlib import Path

import pytest

from innet.controller.store import State
from innet.diagnostics import PlatformError
from innet.messages import Role
from innet.platform import Deployment
from tests.controller.world import CLIENT, Bench, FakeAgent, request


def stranger(name: str = "stranger", platform: str = "one") -> Deployment:
    return Deployment(name, "M", "x", Role.CLIENT, platform, "198.51.100.3", "")


def test_only_the_platforms_named_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    name = bench.controller.apply(request("A"), CLIENT).identifier
    for agent in bench.agents.values():
        agent.apply(stranger())
        agent.remove(f"{name}.A")
    bench.controller.synchronize(["one"])
    assert [r.id for r in bench.agents["one"].observe().modules] == [f"{name}.A"]
    assert [r.id for r in bench.agents["two"].observe().modules] == ["stranger.M"]
    assert all(d.platform == "one" for d in bench.agents["one"].seen)


def test_what_another_controller_is_about_to_deploy_stays(tmp_path: Path) -> None:
    """One controller has applied and not confirmed yet; another one synchronizes at that moment."""
    other = Bench(tmp_path)
    steps = []

    def checkpoint(step: str) -> None:
        steps.append(step)
        if step in ("module applied", "applied"):
            other.controller.synchronize(["one", "two"])

    bench = Bench(tmp_path, checkpoint)
    name = bench.controller.apply(request("A", "B"), CLIENT).identifier
    assert "applied" in steps
    assert sorted(bench.running()) == [f"{name}.A", f"{name}.B"]


class KillsMeanwhile(FakeAgent):
    """Another controller kills a deployment just before this platform runs it again."""

    victim = ""
    bench: Bench

    def apply(self, deployment: Deployment) -> None:
        if deployment.identifier == self.victim:
            self.victim = ""
            self.bench.controller.kill(deployment.identifier)
        super().apply(deployment)


def test_what_is_killed_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    name = bench.controller.apply(request("A"), CLIENT).identifier
    assert name is not None
    agent = KillsMeanwhile("one", tmp_path)
    agent.bench, agent.victim = Bench(tmp_path), name
    bench.agents["one"] = agent
    bench.controller.synchronize(["one"])
    row = bench.store.get(name)
    assert row is not None
    assert row.state is State.KILLED
    assert bench.running() == []


def test_one_platform_that_fails_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    names = [bench.controller.apply(request("A", "B"), CLIENT).identifier for _ in range(2)]
    running = sorted(bench.running())
    assert len(running) == 2 * len(names)
    for agent in bench.agents.values():
        for report in agent.observe().modules:
            agent.remove(report.id)
    bench.agents["one"].fails_for.add("A")
    with pytest.raises(PlatformError, match="one is out of order"):
        bench.controller.synchronize(["one", "two"])
    assert sorted(bench.running()) == [id for id in running if id != f"{names[0]}.A"]
