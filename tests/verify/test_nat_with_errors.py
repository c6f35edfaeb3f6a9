"""A NAT with pings and ICMP errors (ELEMENTS, Annex A), proven in a network."""

import pytest

from innet.messages import Answer
from tests.verify.networks import ask, chain

YES, NO = Answer.YES, Answer.NO
NAT = """
define($EXT 10.9.0.1);
rw   :: IPRewriter(pattern $EXT 1024-65535 - - 0 1, drop);
ping :: ICMPPingRewriter(pattern $EXT - 0-65535 0 1, drop);
err  :: ICMPRewriter(rw ping);
in  :: FromDevice(inside) -> Strip(14) -> CheckIPHeader -> ci :: IPClassifier(tcp or udp, icmp type echo, -);
ext :: FromDevice(outside) -> Strip(14) -> CheckIPHeader
    -> ce :: IPClassifier(dst host $EXT and (tcp or udp), dst host $EXT and icmp type echo-reply,
                         dst host $EXT and icmp, -);
ci [0] -> [0] rw;   ci [1] -> [0] ping;   ci [2] -> Discard;
ce [0] -> [1] rw;   ce [1] -> [1] ping;   ce [2] -> err;   ce [3] -> Discard;
toext :: EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2) -> ToDevice(outside);
toin  :: EtherEncap(0x0800, 2:0:0:0:0:3, 2:0:0:0:0:4) -> ToDevice(inside);
rw [0], ping [0] -> toext;   rw [1], ping [1], err -> toin;
"""


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("reach from client -> internet src host 10.9.0.1", YES),
        ("reach from client icmp -> internet src host 10.9.0.1", YES),
        ("reach from client -> internet src net 172.16.0.0/16", NO),
        ("reach from internet -> client", NO),
        ("reach from internet icmp -> client", NO),
        ("always new reach from client udp -> internet src host 10.9.0.1", YES),
        ("never new reach from internet -> client", YES),
    ],
)
def test_new_flows_leave_under_the_public_address_and_none_come_in(statement: str, holds: Answer) -> None:
    assert ask(chain(NAT), statement).holds is holds
