"""Perhaps: what it passes is not known, so nothing is proven to pass it, and nothing to be stopped by it."""

import pytest

from innet.messages import Answer
from tests.verify.networks import ask, chain, inward

UNKNOWN = inward('IPFilter(deny tcp, allow all) -> Perhaps("line 7 of an access list")')


@pytest.mark.parametrize(
    ("statement", "known"),
    [
        ("reach from internet udp -> 172.16.0.9 dst port 53", Answer.UNDECIDED),
        ("never reach from internet udp -> 172.16.0.9 dst port 53", Answer.UNDECIDED),
        ("reach from internet tcp -> 172.16.0.9 dst port 53", Answer.NO),
        ("never reach from internet tcp -> 172.16.0.9", Answer.YES),
        ("always reach from internet udp -> edge -> 172.16.0.9", Answer.YES),
        ("reach from client udp -> internet", Answer.YES),
    ],
)
def test_only_what_it_cannot_decide_is_known(statement: str, known: Answer):
    assert ask(chain(first=UNKNOWN), statement).holds is known
