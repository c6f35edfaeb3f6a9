"""What deployed modules send is kept beside the state: not for other modules, and not for another In-Net."""

from dataclasses import replace
from pathlib import Path

import pytest

from innet.controller import Judged, Store, judged
from innet.diagnostics import Source
from innet.messages import Account, Role
from innet.policy import parse_policy, parse_request
from innet.verify import known
from innet.verify.plan import plan
from innet.verify.world import Deployed, World
from tests.verify.networks import BATCHER, CLIENT, figure3, read_figure3
from tests.verify.test_incremental import standings

SHAPES = (
    "FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.0.5 - 0 0) -> ToNetfront();",
    "FromNetfront() -> IPFilter(allow udp) -> IPMirror -> ToNetfront();",
    "FromNetfront() -> IPFilter(allow tcp) -> StoreIPAddress(172.16.0.9, dst) -> ToNetfront();",
    "FromNetfront() -> c :: IPClassifier(udp, -); c [0] -> ToNetfront(); c [1] -> Discard;",
)
OWNER = Account("a", Role.CLIENT, ((0xAC10_0005, 0xAC10_0005),))


def modules(*texts: str) -> tuple[Deployed, ...]:
    return tuple(
        Deployed(f"M{n}", OWNER, "platform3", 0xC633_6401 + n, text, identifier=f"d{n}")
        for n, text in enumerate(texts)
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.sqlite", lambda: 0.0)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The addresses of deployed modules that are judged."""
    found: list[int] = []
    real = known.assess

    def assess(*arguments: object) -> object:
        found.append(arguments[2].address)  # type: ignore[attr-defined]  # the rules
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(known, "assess", assess)
    return found


def world(store: Store, *deployed: Deployed) -> tuple[World, Judged]:
    kept = Judged(store)
    return World(figure3().snapshot, figure3().policy, deployed, kept=kept), kept


def test_what_was_judged_is_not_judged_again(store: Store, counted: list[int]) -> None:
    there = modules(*SHAPES)
    first, kept = world(store, *there)
    before = standings(first)
    kept.save()
    assert len(counted) == len(SHAPES)
    counted.clear()
    again, kept = world(store, *there)
    assert standings(again) == before
    assert counted == []
    asked = parse_request(Source("r", BATCHER))
    assert plan(asked, again, CLIENT) == plan(asked, first, CLIENT)


def test_another_module_is(store: Store, counted: list[int]) -> None:
    (one,) = modules(SHAPES[0])
    first, kept = world(store, one)
    standings(first)
    kept.save()
    others = (
        replace(one, text=one.text.replace("172.16.0.5", "172.16.0.9")),
        replace(one, address=one.address + 1),
        replace(one, account=replace(OWNER, owned=())),
        replace(one, account=replace(OWNER, role=Role.THIRD_PARTY)),
    )
    for other in others:
        counted.clear()
        standings(world(store, other)[0])
        assert counted == [other.address]
    counted.clear()
    standings(world(store, replace(one, name="N", identifier="d9.N"))[0])
    assert counted == [], "what it is called changes nothing"


def test_another_version_of_in_net_judges_anew(
    store: Store, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = modules(*SHAPES[:1])
    first, kept = world(store, *there)
    standings(first)
    kept.save()
    counted.clear()
    monkeypatch.setattr(judged, "version", lambda: "another")
    again, kept = world(store, *there)
    standings(again)
    assert len(counted) == 1
    kept.save()
    assert list(store.judged("another")), "and the old ones are gone"
    monkeypatch.undo()
    assert store.judged(judged.version()) == {}


def test_what_is_written_is_what_was_found(store: Store) -> None:
    for d in modules(*SHAPES):
        policy = parse_policy(Source("p", read_figure3("policy.innet")))
        one = World(figure3().snapshot, policy, (d,))
        found = one._shared.gist(d, one._lists)
        assert judged.gist_of(judged.json_of(found)) == found
    assert judged.gist_of(judged.json_of(None)) is None
