"""Frames that are not IPv4, as boxes make them of packets: they are where they come to, and switches pass them on."""

import pytest

from innet.messages import Answer
from tests.verify.networks import CHAIN, PASS, ask, chain

TAG = PASS.replace("FromDevice(outside) ->", "FromDevice(outside) -> VLANEncap(5) ->")
UNTAG = PASS.replace("FromDevice(outside) ->", "FromDevice(outside) -> VLANDecap ->")
SWITCHED = (
    CHAIN.replace("  access:", "  between: {kind: switch, interfaces: {a: {}, b: {}}}\n  access:", 1)
    .replace("[first:inside, second:outside]", "[first:inside, between:a]\n  - [between:b, second:outside]")
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("never reach from internet -> access", Answer.NO),
        ("never reach from internet -> client", Answer.YES),
        ("always reach from internet -> access udp", Answer.NO),
        ("always reach from internet -> access", Answer.YES),
        ("always reach from internet -> homes", Answer.YES),
    ],
)
def test_a_tagged_packet_is_at_the_router_that_it_comes_to(rule: str, holds: Answer) -> None:
    check = ask(chain(second=TAG), rule)
    assert check.holds is holds, check.reason
    assert holds is Answer.YES or (check.witness is not None and check.witness.replayed)


def test_switches_pass_tagged_packets_on() -> None:
    world = chain(TAG, UNTAG, text=SWITCHED)
    for rule in ("never reach from internet -> client", "always reach from internet -> client tcp"):
        check = ask(world, rule)
        assert check.holds is Answer.NO, check.reason
        assert check.witness is not None
        assert check.witness.replayed
    assert ask(world, "reach from internet udp -> client const payload && port").holds is Answer.YES
