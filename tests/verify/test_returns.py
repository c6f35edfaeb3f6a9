"""Packets that pass the last node of an `always` and come back to it: each time they have to conform."""

import pytest

from innet.messages import Answer
from innet.network import parse_address
from innet.verify.world import Deployed
from tests.verify.networks import CLIENT, ask, chain

MIRROR = "FromNetfront() -> IPClassifier(tcp) -> IPMirror -> out :: ToNetfront();"
ECHO = "FromNetfront() -> IPClassifier(udp) -> IPMirror -> out :: ToNetfront();"


@pytest.mark.parametrize(
    ("text", "rule", "holds"),
    [
        (MIRROR, "always reach from client tcp -> access const tcp[8:2]", Answer.NO),
        (MIRROR, "always new reach from client tcp -> access const src port", Answer.NO),
        (MIRROR, "always reach from client tcp -> access dst net 198.51.100.0/24", Answer.NO),
        (MIRROR, "always reach from client tcp -> access -> module const proto", Answer.YES),
        (MIRROR, "always reach from client tcp -> access", Answer.YES),
        (MIRROR, "always reach from client tcp -> access const proto", Answer.YES),
        (ECHO, "always reach from client tcp -> access const tcp[8:2]", Answer.YES),
        (ECHO, "always reach from client udp -> access const tos", Answer.YES),
    ],
)
def test_each_visit_counts(text: str, rule: str, holds: Answer) -> None:
    world = chain()
    module = Deployed("M", CLIENT, "platform", parse_address("198.51.100.1"), text, identifier="d.M")
    check = ask(world.with_deployed((module,)), rule)
    assert check.holds is holds, check.reason
    if holds is Answer.NO:
        assert check.witness is not None
        assert check.witness.replayed
    assert ask(world, rule).holds is (Answer.NO if "dst net" in rule else Answer.YES), "there is no module"
