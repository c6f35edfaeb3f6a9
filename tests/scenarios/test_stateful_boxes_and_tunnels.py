"""Sections 3 and 6.1: boxes that remember, and tunnels. A flow finds its own state when it comes back; what other flows
may have left in a table counts where safety depends on it; a tunnel's exit restores what its entry hid.

The network: internet, edge router, a box under test, access router; behind it clients, and a platform whose modules
serve.
"""

from dataclasses import replace

import pytest

from innet.messages import Answer, Assessment, Role
from innet.verify.world import World
from tests.adversarial.judge import judge
from tests.verify.networks import CHAIN, CLIENT, OPERATOR, PASS, STATEFUL, ask, chain, inward, run

YES, NO = Answer.YES, Answer.NO
ECHO = "FromNetfront() -> IPFilter(allow udp) -> IPMirror -> out :: ToNetfront()"
SERVER, OTHER = "198.51.100.11", "198.51.100.12"
VIP = "198.51.100.100"
OUT = "EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"


def box(elements: str, inside: str = "ip", outside: str = "ip") -> str:
    """A middlebox of which `elements` defines `box` with two inputs and outputs: 0 from inside to outside, 1 back."""
    return f"""
    {elements}
    FromDevice(inside) -> Classifier(12/0800) -> Strip(14) -> CheckIPHeader -> ci :: IPClassifier({inside}, -);
    FromDevice(outside) -> Classifier(12/0800) -> Strip(14) -> CheckIPHeader -> ce :: IPClassifier({outside}, -);
    ci [0] -> [0] box; ci [1] -> Discard; ce [0] -> [1] box; ce [1] -> Discard;
    box [0] -> {OUT} -> ToDevice(outside); box [1] -> {OUT} -> ToDevice(inside);
    """


NAT = box("box :: IPRewriter(pattern 10.9.0.1 1024-65535 - - 0 1, drop);", "udp", "udp and dst host 10.9.0.1")


def balancer(mappers: str) -> str:
    """A load balancer for what comes to VIP from outside; servers answer through it."""
    return f"""
    {mappers}
    box :: IPRewriter(lb, drop);
    ce :: IPClassifier(dst host {VIP} and udp, -); ci :: IPClassifier(udp, -);
    FromDevice(outside) -> Classifier(12/0800) -> Strip(14) -> CheckIPHeader -> ce;
    FromDevice(inside) -> Classifier(12/0800) -> Strip(14) -> CheckIPHeader -> ci;
    ce [0] -> [0] box; ce [1] -> Discard; ci [1] -> Discard;
    ci [0] -> [1] box;
    box [0] -> {OUT} -> ToDevice(inside); box [1] -> {OUT} -> ToDevice(outside);
    """


ROUND_ROBIN = f"lb :: RoundRobinIPMapper(- - {SERVER} - 0 1, - - {OTHER} - 0 1);"
HASH = f"lb :: SourceIPHashMapper(64 0xbadbeef, - - {SERVER} - 0 1 1, - - {OTHER} - 0 1 2);"


def served(first: str) -> World:
    """The network with two servers on the platform."""
    world = run(chain(first), "One", ECHO, SERVER, OPERATOR)
    return run(world, "Two", ECHO, OTHER, OPERATOR)


# ---- boxes that remember


BESIDE = CHAIN.replace(
    """  second: {kind: middlebox, click: second.click, interfaces: {outside: {}, inside: {}}}
""",
    """  S: {kind: middlebox, click: second.click, interfaces: {eth: {}}}
""",
)
BESIDE = BESIDE.replace("in: 10.0.0.1/30}", "in: 10.0.0.1/30, server: 192.0.2.1/30}").replace(
    "10.9.0.0/16: in", "10.9.0.0/16: in, 192.88.99.0/24: server"
)
BESIDE = BESIDE.replace("first:inside, second:outside", "first:inside, access:up").replace(
    "second:inside, access:up", "edge:server, S"
)
"""The chain without its second box, which is a server beside the edge router."""
MIRROR = """FromDevice(eth) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow udp) -> IPMirror
    -> ToDevice(eth);"""


def test_a_nat_takes_the_answer_back_to_who_asked() -> None:
    world = chain(NAT, MIRROR, text=BESIDE)
    asked = "from client udp and src port 4000 and dst host 192.88.99.1"
    for statement, holds in [
        (
            f"reach {asked} -> S src host 10.9.0.1 -> client dst port 4000 and src host 192.88.99.1 const payload",
            YES,
        ),
        (f"always new reach {asked} -> S -> client dst port 4000", YES),
        (f"never new reach {asked} -> S -> client dst port 4001", YES),
        (f"reach {asked} -> S src net 172.16.0.0/16", NO),
        ("never new reach from internet -> client", YES),
        ("never reach from internet tcp -> client", YES),  # only UDP has entries
        ("never reach from internet udp -> client", NO),  # what another flow's entry lets in
        ("never reach from internet udp and dst host 10.9.0.2 -> client", YES),
    ]:
        assert ask(world, statement).holds is holds, statement


@pytest.mark.parametrize("mappers", [ROUND_ROBIN, HASH], ids=["round robin", "hash of the source"])
def test_a_load_balancer_gives_a_flow_one_server_and_its_answers_the_public_address(mappers: str) -> None:
    world = served(balancer(mappers))
    asked = f"from internet udp and dst host {VIP}"
    for statement, holds in [
        (f"reach {asked} -> One:out -> internet src host {VIP} const payload", YES),
        (f"reach {asked} -> Two:out -> internet src host {VIP}", YES),
        (f"reach {asked} -> One:out -> Two:out", NO),
        (f"never new reach {asked} -> internet src host {SERVER}", YES),
        (f"reach from internet udp and dst host {SERVER} -> One:out", NO),
        # a server's own packets are no answers, whatever else is in the table
        ("never new reach from client -> internet", YES),
    ]:
        assert ask(world, statement).holds is holds, statement


def test_of_two_boxes_in_a_row_each_keeps_its_state() -> None:
    """Two boxes that remember, one behind the other: the answer finds its entry in each."""
    world = chain(STATEFUL, NAT.replace("10.9.0.1", "172.16.0.77"))
    assert ask(world, "reach from client udp -> internet src host 172.16.0.77 const payload").holds is YES
    assert ask(world, "never new reach from internet -> client").holds is YES
    assert ask(world, "never reach from internet tcp -> client").holds is YES


def test_a_sandbox_lets_answers_out_and_nothing_else() -> None:
    """ChangeEnforcer around a module that mirrors some packets and sends others to a stranger."""
    mixed = """FromNetfront() -> c :: IPClassifier(udp port 7, -); c [0] -> IPMirror -> out :: ToNetfront();
        c [1] -> StoreIPAddress(8.8.8.8, dst) -> out"""
    world = run(chain(), "Mixed", mixed, "198.51.100.1", CLIENT)
    (module,) = world.deployed
    third = replace(module.account, role=Role.THIRD_PARTY, owned=())
    boxed = chain().with_deployed((replace(module, account=third, sandbox=True),))
    stranger = "203.0.113.77"
    for free, enforced, statement in [
        (NO, NO, "never new reach from module -> internet dst host 8.8.8.8 and not udp"),  # who may have asked
        (NO, YES, f"never new reach from {stranger} tcp -> Mixed:out -> internet dst host 8.8.8.8"),
        (YES, YES, f"reach from {stranger} udp and dst port 7 -> Mixed:out -> internet dst host {stranger}"),
        (YES, NO, f"reach from {stranger} tcp -> Mixed:out -> internet dst host 8.8.8.8"),
    ]:  # fmt: skip
        assert ask(world, statement).holds is free, statement
        assert ask(boxed, statement).holds is enforced, statement


# ---- tunnels


ENTRY = "Strip(14) -> {} -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
EXIT = "Strip({}) -> EtherEncap(0x0800, 2:0:0:0:0:3, 2:0:0:0:0:4)"
CLIENTS = "dst net 172.16.0.0/16"
TUNNELS = {
    "IP in IP": ("IPEncap(4, 10.0.0.9, 10.0.0.10)", 34),
    "IP in UDP": ("UDPIPEncap(10.0.0.9, 4000, 10.0.0.10, 4789)", 42),
    "IP in UDP in IP": ("UDPIPEncap(10.0.0.9, 1, 10.0.0.10, 2) -> IPEncap(4, 10.0.1.9, 10.0.1.10)", 62),
    "three times": (" -> ".join(f"IPEncap(4, {n}.0.0.1, {n}.0.0.2)" for n in (9, 11, 12)), 74),
}  # fmt: skip


@pytest.mark.parametrize("kind", TUNNELS)
def test_the_exit_of_a_tunnel_restores_what_its_entry_hid(kind: str) -> None:
    wrap, behind = TUNNELS[kind]
    world = chain(inward(ENTRY.format(wrap)), inward(EXIT.format(behind)))
    for start in ("reach", "always reach"):
        kept = (
            f"{start} from internet {CLIENTS} -> client const host && port && proto && payload && id && tos"
        )
        check = ask(world, kept)
        assert check.holds is YES, check.reason
        assert start != "reach" or (check.witness is not None and check.witness.replayed)
    assert ask(world, f"reach from internet udp and {CLIENTS} -> second const host").holds is NO
    wrong = chain(inward(ENTRY.format(wrap)), inward(EXIT.format(behind + 4)))
    check = ask(wrong, f"reach from internet udp and {CLIENTS} -> client const host")
    assert check.holds is not YES, (
        "what is in the packets is taken for headers: not all of it can be followed"
    )


def test_what_comes_out_of_a_tunnel_that_began_elsewhere_may_be_anything() -> None:
    """Decapsulation of a payload nobody knows: any addresses come out."""
    world = chain(PASS, inward("IPFilter(allow ip proto 4) -> " + EXIT.format(34)))
    opened = "from internet ip proto 4 and ip[0] = 0x45"
    for statement, holds in [
        (f"reach {opened} and dst net 172.16.0.0/16 -> client src host 172.16.9.9", YES),
        (f"never reach {opened} -> client src host 172.16.9.9", NO),
        (
            f"reach {opened} and {CLIENTS} -> client const src",
            YES,
        ),  # the sender may have written the same inside
        (f"always reach {opened} and {CLIENTS} -> client const src", NO),
    ]:
        assert ask(world, statement).holds is holds, statement


@pytest.mark.parametrize(
    "text",
    [
        "FromNetfront() -> IPFilter(allow ip proto 4) -> Strip(34) -> MarkIPHeader -> CheckIPHeader "
        "-> StoreIPAddress($ADDR, src) -> ToNetfront()",
        "FromNetfront() -> IPFilter(allow udp dst port 4789) -> Strip(42) -> CheckIPHeader "
        "-> StoreIPAddress($ADDR, src) -> ToNetfront()",
    ],
    ids=["IP in IP", "IP in UDP"],
)
def test_opening_unknown_payload_is_for_the_sandbox(text: str) -> None:
    assert judge(text, Role.THIRD_PARTY).assessment is Assessment.SANDBOX
    assert judge(text, Role.CLIENT).assessment is Assessment.SAFE
    inner = text.replace("-> StoreIPAddress($ADDR, src) ", "")
    assert judge(inner, Role.CLIENT).assessment is Assessment.SANDBOX  # the source is the payload's, too
