"""Requests become deployments step by step, and each step is taken back if the next one fails."""

from pathlib import Path

import pytest

from innet.controller import ConflictError
from innet.controller.store import HOLDING, State, Store
from innet.diagnostics import ConfigurationError, PlatformError
from innet.messages import Assessment
from tests.controller.world import CLIENT, OPERATOR, OTHER, PROVIDER, Bench, request


def test_a_request_is_deployed_listed_and_killed(tmp_path: Path) -> None:
    steps: list[str] = []
    bench = Bench(tmp_path, steps.append)
    reply = bench.controller.apply(request("A", "B"), CLIENT)
    name = reply.identifier
    assert name is not None
    assert steps == ["planned", "reserved", "module applied", "module applied", "applied", "confirmed"]
    assert bench.running() == [f"{name}.A", f"{name}.B"]
    (record,) = bench.controller.list()
    assert (record.identifier, record.account, record.state) == (name, "mobile", "confirmed")
    assert [(m.module, m.platform, m.address) for m in record.modules] == [
        ("A", "one", "198.51.100.1"),
        ("B", "one", "198.51.100.2"),
    ]
    bench.controller.kill(name)
    assert bench.running() == []
    assert bench.controller.list() == ()
    assert bench.slots() == 0
    row = bench.store.get(name)
    assert row is not None
    assert row.state is State.KILLED


def test_identifiers_are_words_and_never_given_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    names = []
    for _ in range(12):
        name = bench.controller.apply(request(), CLIENT).identifier
        assert name is not None
        assert len(name) == 6
        assert all(c in "aeiou" for c in name[1::2])
        bench.controller.kill(name)
        names.append(name)
    assert len(set(names)) == len(names)


def test_refused_means_nothing_happened(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    reply = bench.controller.apply(request("A", "B", "C", "D"), CLIENT)
    assert reply.identifier is None
    assert bench.slots() == 0
    assert bench.store.all(*State) == ()


def test_places_fill_up_and_become_free(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    names = [bench.controller.apply(request(), CLIENT).identifier for _ in range(6)]
    assert names[5] is None
    places = [m.platform for record in bench.controller.list() for m in record.modules]
    assert sorted(places) == ["one", "one", "two", "two", "two"]
    assert names[0] is not None
    bench.controller.kill(names[0])
    assert bench.controller.apply(request(), CLIENT).identifier is not None


def test_accounts_see_and_kill_their_own_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    mine = bench.controller.apply(request(), CLIENT).identifier
    assert mine is not None
    assert bench.controller.list(OTHER) == ()
    assert len(bench.controller.list(CLIENT)) == len(bench.controller.list(OPERATOR)) == 1
    with pytest.raises(ConfigurationError, match=f"no deployment '{mine}'"):
        bench.controller.kill(mine, OTHER)
    assert bench.running()
    bench.controller.kill(mine, OPERATOR)
    with pytest.raises(ConfigurationError, match="no deployment"):
        bench.controller.kill(mine, OPERATOR)


@pytest.mark.parametrize("how", ["fails_for", "forgets"])
def test_a_platform_that_fails_leaves_nothing(tmp_path: Path, how: str) -> None:
    bench = Bench(tmp_path)
    getattr(bench.agents["one"], how).add("B")
    with pytest.raises(PlatformError):
        bench.controller.apply(request("A", "B"), CLIENT)
    assert bench.running() == []
    assert bench.slots() == 0
    assert bench.store.all(*HOLDING) == ()
    bench.agents["one"].fails_for.clear()
    bench.agents["one"].forgets.clear()
    assert bench.controller.apply(request("A", "B"), CLIENT).identifier is not None


@pytest.mark.parametrize("step", ["planned", "reserved", "module applied", "applied", "confirmed"])
def test_an_interrupt_at_any_step_takes_everything_back(tmp_path: Path, step: str) -> None:
    def interrupt(done: str) -> None:
        if done == step:
            raise KeyboardInterrupt

    bench = Bench(tmp_path, interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.controller.apply(request("A", "B"), CLIENT)
    assert bench.running() == []
    assert bench.slots() == 0


def test_what_changed_while_planning_is_planned_anew(tmp_path: Path) -> None:
    first, second = Bench(tmp_path), Bench(tmp_path)
    first.prover.on_plan = lambda: (second.controller.apply(request(), OTHER) and None) or _once(first)
    assert first.controller.apply(request(), CLIENT).identifier is not None
    assert first.prover.asked == 2
    addresses = [m.address for record in first.controller.list() for m in record.modules]
    assert len(set(addresses)) == 2


def _once(bench: Bench) -> None:
    bench.prover.on_plan = lambda: None


def test_when_others_are_always_faster_it_is_a_conflict(tmp_path: Path) -> None:
    first, second = Bench(tmp_path), Bench(tmp_path)

    def disturb() -> None:
        name = second.controller.apply(request(), OTHER).identifier
        assert name is not None
        second.controller.kill(name)

    first.prover.on_plan = disturb
    with pytest.raises(ConflictError, match="changed 5 times"):
        first.controller.apply(request(), CLIENT)
    assert first.running() == []
    assert first.slots() == 0


def test_a_new_controller_makes_platforms_run_what_is_confirmed_and_nothing_else(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    name = bench.controller.apply(request(), CLIENT).identifier
    bench.agents["one"].remove(f"{name}.Echo")
    (bench.agents["two"].folder / "stranger.M").write_text("198.51.101.9")
    again = Bench(tmp_path)
    assert again.controller.recover() == ()
    assert again.running() == [f"{name}.Echo"]


def test_what_a_living_controller_is_doing_is_left_alone(tmp_path: Path) -> None:
    taken: list[tuple[str, ...]] = []

    def look(step: str) -> None:
        if step == "reserved":
            taken.append(Bench(tmp_path).controller.recover(synchronize=False))

    bench = Bench(tmp_path, look)
    assert bench.controller.apply(request(), CLIENT).identifier is not None
    assert taken == [()]
    assert len(bench.running()) == 1


def test_sandboxes_know_their_accounts_addresses_as_they_come_and_go(tmp_path: Path) -> None:
    bench = Bench(tmp_path, assessment=Assessment.SANDBOX)
    first = bench.controller.apply(request("A"), PROVIDER).identifier
    assert bench.agents["one"].seen[-1].whitelist == ("10.0.0.1/32", "10.0.0.2/32", "198.51.100.1/32")
    second = bench.controller.apply(request("B"), PROVIDER).identifier
    refreshed = bench.agents["one"].seen[-1]
    assert refreshed.id == f"{first}.A"
    assert "198.51.100.2/32" in refreshed.whitelist
    assert second is not None
    bench.controller.kill(second)
    assert bench.agents["one"].seen[-1].id == f"{first}.A"
    assert "198.51.100.2/32" not in bench.agents["one"].seen[-1].whitelist


def test_an_address_a_third_party_may_still_send_to_is_nobody_elses(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    first = bench.controller.apply(request("First"), PROVIDER)
    assert first.identifier is not None
    assert bench.controller.apply(request("Second"), PROVIDER).identifier is not None
    freed = first.plan.placements[0].address
    bench.controller.kill(first.identifier, PROVIDER)
    stranger = bench.controller.apply(request("Third"), OTHER)
    assert stranger.plan.placements[0].address != freed


def test_clients_sandboxes_may_send_anywhere(tmp_path: Path) -> None:
    bench = Bench(tmp_path, assessment=Assessment.SANDBOX)
    bench.controller.apply(request(), CLIENT)
    assert bench.agents["one"].seen[-1].whitelist == ("0.0.0.0/0",)


@pytest.mark.parametrize("content", [b"no database at all, just text " * 40, None])
def test_a_state_file_that_is_none_is_a_platform_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state"
    if content is None:
        import sqlite3

        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE something (x)")
        other.close()
    else:
        path.write_bytes(content)
    with pytest.raises(PlatformError, match="state file"):
        Store(path, lambda: 0.0)
