"""Section 7.1, Table 1: which middleboxes are safe for whom. The cells come out of the rules; nothing goes by a name.

Rows as the rules read them: what a tenant gets is addressed to its module, so a firewall, meter or shaper hands on to
its owner. The paper's twelfth row, an x86 VM, is left out: no element is opaque, so no configuration stands for it.
"""

import pytest

from innet.messages import Answer, Assessment, Role
from innet.verify.security import ANTI_SPOOFING, DEFAULT_OFF, USE
from tests.adversarial.judge import judge

SAFE, SANDBOX, REFUSED = Assessment.SAFE, Assessment.SANDBOX, Assessment.REFUSED

IP_ROUTER = """
FromNetfront() -> routes :: StaticIPLookup($ADDR/32 0, 172.16.0.0/16 1, 0.0.0.0/0 2);
routes [0] -> Discard;
routes [1] -> DecIPTTL -> out :: ToNetfront();
routes [2] -> DecIPTTL -> out;
"""
DPI = """
FromNetfront() -> attack :: Classifier(54/90909090, 54/4556494C, -);
attack [0] -> Discard;
attack [1] -> Discard;
attack [2] -> ToNetfront();
"""
NAT = """
rw :: IPRewriter(pattern $ADDR 1024-65535 - - 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src net 10.0.0.0/8, -);
sides [0] -> [0] rw;
sides [1] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
"""
TRANSPARENT_PROXY = """
rw :: IPRewriter(pattern - - - 3128 0 0);
FromNetfront() -> kinds :: IPClassifier(dst host $ADDR, tcp dst port 80, -);
kinds [0] -> Discard;
kinds [1] -> rw -> out :: ToNetfront();
kinds [2] -> out;
"""
FLOW_METER = """
FromNetfront() -> classes :: IPClassifier(tcp, udp, -);
classes [0] -> Counter -> owner :: StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
classes [1] -> Counter -> owner;
classes [2] -> Counter -> owner;
"""
RATE_LIMITER = """
FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Queue(200) -> TimedUnqueue(0.1, 10) -> ToNetfront()
"""
FIREWALL = """
FromNetfront() -> IPFilter(deny tcp dst port 23, deny ip frag, allow tcp or udp, deny all)
  -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> ToNetfront()
"""
TUNNEL = """
rw :: IPRewriter(pattern $ADDR 1024-65535 - - 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133 and ip proto 4, -);
sides [0] -> StripIPHeader -> CheckIPHeader -> [0] rw;
sides [1] -> Strip(14) -> [1] rw;
rw [0] -> ToNetfront();
rw [1] -> IPEncap(4, $ADDR, 172.16.15.133) -> ToNetfront();
"""
MULTICAST = """
FromNetfront() -> copies :: Tee;
copies [0] -> StoreIPAddress(172.16.15.133, dst) -> out :: ToNetfront();
copies [1] -> StoreIPAddress(172.16.15.134, dst) -> out;
"""
DNS_SERVER = (
    "FromNetfront() -> CheckIPHeader(14) -> IPFilter(allow udp dst port 53) -> IPMirror -> ToNetfront()"
)
REVERSE_PROXY = """
rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 80 0 1, drop);
FromNetfront() -> sides :: IPClassifier(tcp and src host 172.16.15.133 and src port 80, tcp dst port 80);
sides [1] -> cache :: IPClassifier(tcp opt syn, -);
cache [0] -> [0] rw;
cache [1] -> IPMirror -> out :: ToNetfront();
sides [0] -> [1] rw;
rw [0] -> out;
rw [1] -> out;
"""
BATCHER = """
FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)
  -> TimedUnqueue(120, 100) -> ToNetfront()
"""
EXPLICIT_PROXY = """
FromNetfront() -> Strip(14) -> GetIPAddress(28)
  -> StoreIPAddress($ADDR, src) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
"""
INNER_SOURCES = (
    "FromNetfront() -> IPFilter(allow ip proto 4) -> StripIPHeader -> CheckIPHeader -> ToNetfront()"
)
BARE_NAT = "FromNetfront() -> IPRewriter(pattern $ADDR 1024-65535 - - 0 0) -> ToNetfront()"
TO_VICTIM = "FromNetfront() -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront()"

TABLE = [
    # row, configuration, third party, client
    ("IP Router", IP_ROUTER, REFUSED, REFUSED),
    ("DPI", DPI, REFUSED, REFUSED),
    ("NAT", NAT, REFUSED, REFUSED),
    ("Transparent Proxy", TRANSPARENT_PROXY, REFUSED, REFUSED),
    ("Flow meter", FLOW_METER, SAFE, SAFE),
    ("Rate limiter", RATE_LIMITER, SAFE, SAFE),
    ("Firewall", FIREWALL, SAFE, SAFE),
    ("Tunnel", TUNNEL, SANDBOX, SAFE),
    ("Multicast", MULTICAST, SAFE, SAFE),
    ("DNS Server", DNS_SERVER, SAFE, SAFE),
    ("Reverse proxy", REVERSE_PROXY, SAFE, SAFE),
]
BESIDE_THE_TABLE = [
    ("Figure 4's batcher", BATCHER, SAFE, SAFE),
    ("to a victim, source kept", TO_VICTIM, REFUSED, SAFE),
    ("to a victim in its own name", TO_VICTIM.replace("->", "-> StoreIPAddress($ADDR, src) ->", 1), REFUSED, SAFE),
    ("a false source", "FromNetfront() -> StoreIPAddress(8.8.8.8, src) -> ToNetfront()", REFUSED, REFUSED),
    ("a sink", "FromNetfront() -> Counter -> Discard", SAFE, SAFE),
    ("owner and victim", MULTICAST.replace("172.16.15.134", "203.0.113.9"), SANDBOX, SAFE),
    ("an explicit proxy", EXPLICIT_PROXY, SANDBOX, SAFE),
    ("a tunnel that keeps inner sources", INNER_SOURCES, SANDBOX, SANDBOX),
    ("NAT without sides", BARE_NAT, REFUSED, REFUSED),
    ("a pass-through firewall", "FromNetfront() -> IPFilter(allow tcp) -> ToNetfront()", REFUSED, REFUSED),
]  # fmt: skip
ROWS = [*TABLE, *BESIDE_THE_TABLE]
ROLES = (Role.THIRD_PARTY, Role.CLIENT, Role.OPERATOR)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.value)
@pytest.mark.parametrize(("row", "text", "third_party", "client"), ROWS, ids=[row[0] for row in ROWS])
def test_a_cell(row: str, text: str, third_party: Assessment, client: Assessment, role: Role) -> None:
    expected = {Role.THIRD_PARTY: third_party, Role.CLIENT: client, Role.OPERATOR: SAFE}[role]
    found = judge(text, role)
    assert found.assessment is expected, [c for c in found.checks if c.holds is not Answer.YES]


@pytest.mark.parametrize("row", TABLE[:4], ids=lambda row: row[0])
def test_in_path_functions_are_refused_for_their_use_and_not_for_a_forged_packet(
    row: tuple[str, str, Assessment, Assessment],
) -> None:
    held = {check.text: check.holds for check in judge(row[1], Role.THIRD_PARTY).checks}
    assert held == {ANTI_SPOOFING: Answer.YES, DEFAULT_OFF: Answer.YES, USE: Answer.NO}
