"""Modules with elements of the tenant's own, on a platform in the kernel: tokens are parameters of one program."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from innet.dataplane.plane import KernelAgent
from innet.diagnostics import Source
from innet.policy import parse_request
from tests.dataplane.lab import Lab, address, datagram, deployment, lab, report

pytestmark = pytest.mark.kernel

EXAMPLE = Path(__file__).parents[2] / "examples" / "gameserver.innet"
(GAME,) = parse_request(Source("gameserver", EXAMPLE.read_text(encoding="utf-8"))).modules
STATELESS = re.sub(r"IPRewriter\([^)]*\)", "StoreIPAddress(172.16.15.133, dst)", GAME.code)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("programs") / "state", "prg") as made:
        yield made


@pytest.fixture
def agent(place: Lab) -> Iterator[KernelAgent]:
    made = place.agent()
    yield made
    made.down()
    place.agents.clear()
    place.received()


def test_the_game_server_is_shielded_in_the_kernel(place: Lab, agent: KernelAgent) -> None:
    agent.apply(deployment(GAME.code, address(0), "m0"))
    payloads = [b"GS01 join", b"GS02", b"GS0", b"GS01", b"flood" * 100]
    got = place.exchange(agent, [datagram(0, payload, dport=7777) for payload in payloads], 2)
    assert [one[42:] for one in got] == [b"GS01 join", b"GS01"]
    assert {one[30:34] for one in got} == {bytes([172, 16, 15, 133])}
    dropped = {reason: number for _, reason, number in report(agent, "d1.m0").drops}
    assert dropped == {"wrong token": 2, "no token": 1}


def test_modules_whose_tokens_differ_share_a_program(place: Lab, agent: KernelAgent) -> None:
    for n in range(8):
        agent.apply(deployment(STATELESS.replace("GS01", f"GS{n:02}"), address(n), f"m{n}"))
    slots = [agent.registry.by_id[f"d1.m{n}"].slot for n in range(8)]
    assert len(set(slots[1:])) == 1, "from the second on the token is a parameter"
    sent = [datagram(n, f"GS{token:02}".encode(), dport=7777) for n in range(8) for token in range(8)]
    got = place.exchange(agent, sent, 8)
    assert sorted(one[42:46] for one in got) == [f"GS{n:02}".encode() for n in range(8)]
