"""Where a `reach`, `always` or `never` once had, or could easily have, a yes that no packet bears out."""

import pytest

from innet.diagnostics import ConfigurationError, InNetError, PolicyError
from innet.messages import Answer
from innet.verify.world import Deployed
from tests.verify.networks import (
    BATCHER,
    CHAIN,
    CLIENT,
    OPERATOR,
    PASS,
    PROVIDER,
    ask,
    chain,
    figure3,
    inward,
    request,
    run,
)

YES, NO, UNDECIDED = Answer.YES, Answer.NO, Answer.UNDECIDED
TO_HOME = "IPRewriter(pattern - - 172.16.7.7 - 0 0)"
OVER_THE_EDGE = """
elementprogram Across {
  outputs 1
  net[192:64] = 1
  emit 0
}
"""
"""It writes eight bytes, of which the UDP header ends in the middle."""
ZERO = inward("StoreData(60, \\<00>)")
PORT = inward("StoreData(34, \\<0102>)")
PLAIN = "udp and ip[0] = 0x45 and ip[2:2] >= 60"
FIRST = "ip[6:2] & 0x1fff = 0"


@pytest.mark.parametrize(
    ("box", "statement", "holds"),
    [
        # a byte may be overwritten by what it was
        (ZERO, f"never reach from internet {PLAIN} and greater 60 -> client const payload", NO),
        (ZERO, f"reach from internet {PLAIN} and greater 60 -> client const payload", YES),
        (ZERO, f"reach from internet {PLAIN} and ip[46] = 1 -> client const payload", NO),
        (ZERO, f"never reach from internet {PLAIN} and ip[46] = 1 -> client const payload", YES),
        # padding is no payload
        (ZERO, "always reach from internet udp and ip[0] = 0x45 and ip[2:2] = 46 -> client const payload", YES),
        (inward("CheckIPHeader(14)"), "always reach from internet udp -> client const payload", YES),
        (inward("CheckIPHeader(14)"), "reach from internet udp and len > 60 and ip[2:2] = 46 -> client less 46", YES),
        # what is written begins in front of the payload
        (OVER_THE_EDGE + inward("Across"), f"always reach from internet udp and {FIRST} -> client const payload", NO),
        (PORT, f"always reach from internet udp and {FIRST} -> client const payload", YES),
        # in later fragments all is payload, and so it is of protocols without ports
        (PORT, "always reach from internet udp -> client const payload", NO),
        (PORT, "always reach from internet proto 50 -> client const payload", NO),
        # a port that is cut off is not kept, though it reads as zero
        (inward("Truncate(34)"), "always reach from internet udp and port 0 -> client const port", NO),
        (inward("Truncate(34)"), "never reach from internet udp and len = 28 and port 0 -> client const port", YES),
        (inward("Truncate(34)"), "always reach from internet udp and len = 20 -> client const port", YES),
    ],
)  # fmt: skip
def test_what_is_constant(box: str, statement: str, holds: Answer) -> None:
    check = ask(chain(box), statement)
    assert check.holds is holds, check.reason
    assert check.witness is None or check.witness.replayed


def test_a_hop_may_be_met_at_a_later_visit() -> None:
    """What a client sends to 10.9.9.9 comes back from the edge, and passes the access router again, rewritten."""
    world = chain(PASS, inward(TO_HOME))
    flow = "from client udp and dst host 10.9.9.9 -> access -> client const dst host"
    assert ask(world, f"reach {flow}").holds is YES
    assert ask(world, f"never reach {flow}").holds is NO
    # the router counts it down, and each time that it passes it is compared with another one
    assert ask(world, f"never reach {flow} && src host && ttl").holds is UNDECIDED


def test_what_goes_through_a_switch_many_times_does_not_go_round() -> None:
    """Each router sends packets to the next one, all by the same switch."""
    count = 14
    links = ["[internet, edge:out]", "[edge:lan, sw:p1]", f"[r{count}:homes, homes]"]
    nodes = [
        "internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}",
        "edge: {kind: router, interfaces: {out: 203.0.113.1/30, lan: 10.0.0.1/24}, "
        "routes: {172.16.0.0/16: lan via 10.0.0.2}}",
        f"sw: {{kind: switch, interfaces: {{{', '.join(f'p{n}: {{}}' for n in range(1, count + 1))}}}}}",
        "homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}",
    ]  # fmt: skip
    for n in range(2, count + 1):
        more, route = f"up: 10.0.0.{n}/24", f"172.16.0.0/16: up via 10.0.0.{n + 1}"
        if n == count:
            more, route = f"{more}, homes: 172.16.255.254/16", "0.0.0.0/0: up via 10.0.0.1"
        nodes.append(f"r{n}: {{kind: router, interfaces: {{{more}}}, routes: {{{route}}}}}")
        links.append(f"[r{n}:up, sw:p{n}]")
    text = "".join(f"  {node}\n" for node in nodes), "".join(f"  - {link}\n" for link in links)
    world = chain(text="nodes:\n{}links:\n{}".format(*text))
    assert ask(world, "reach from internet udp -> client").holds is YES
    assert ask(world, "never reach from internet udp -> client").holds is NO


@pytest.mark.parametrize(("limit", "answer"), [(55, NO), (10, UNDECIDED)])
def test_packets_that_go_round_become_other_ones(limit: int, answer: Answer) -> None:
    """They go round between two routers until a box gives those with a short time to live to a client."""
    box = f"""
FromDevice(outside) -> MarkIPHeader(14) -> c :: IPClassifier(ip ttl < {limit}, -);
c [0] -> StoreIPAddress(172.16.7.7, dst) -> in :: ToDevice(inside);
c [1] -> in;
FromDevice(inside) -> ToDevice(outside);
"""
    flow = "from internet udp and ip[8] = 64 and dst net 10.9.0.0/16 -> client"
    assert ask(chain(box), f"never reach {flow}").holds is answer


@pytest.mark.parametrize(("rounds", "answer"), [(1, NO), (14, UNDECIDED)])
def test_packets_that_are_counted_as_they_go_round_may_leave_after_all(rounds: int, answer: Answer) -> None:
    """A box writes into them how often they came, and gives them to a client in the end."""
    counted = "".join(f"c [{n}] -> SetIPDSCP({n + 1}) -> in;\n" for n in range(rounds))
    box = f"""
FromDevice(outside) -> MarkIPHeader(14) -> c :: IPClassifier({", ".join(f"ip dscp {n}" for n in range(rounds))}, -);
c [{rounds}] -> StoreIPAddress(172.16.7.7, dst) -> in :: ToDevice(inside);
{counted}
FromDevice(inside) -> ToDevice(outside);
"""
    flow = "from internet udp and ip[1] = 0 and dst net 10.9.0.0/16 -> client"
    assert ask(chain(box), f"never reach {flow}").holds is answer


def test_what_a_statement_has_passed_counts_as_packets_go_round() -> None:
    """Packets to 10.9.0.0/16 pass the same boxes again and again, each time as they were."""
    again = " -> ".join(["first -> access"] * 9)
    assert ask(chain(), f"never reach from internet udp and dst net 10.9.0.0/16 -> {again}").holds is not YES
    assert ask(chain(), "never reach from internet udp and dst net 10.9.0.0/16 -> client").holds is YES


def test_of_several_modules_passed_one_has_to_be_the_receivers() -> None:
    forward = "FromNetfront() -> StoreIPAddress({}, dst) -> ToNetfront()"
    world = run(chain(), "Mine", forward.format("172.16.15.133"), "198.51.100.1", CLIENT)
    world = run(world, "First", forward.format("198.51.100.1"), "198.51.100.2", OPERATOR)
    flow = "from internet dst host 198.51.100.2 -> module -> client"
    assert ask(world, f"reach {flow}").holds is YES
    assert ask(world, f"never reach {flow}").holds is NO


def test_frames_that_carry_no_plain_ipv4_arrive_all_the_same() -> None:
    tagging = (
        "FromDevice(outside) -> VLANEncap(5) -> ToDevice(inside); FromDevice(inside) -> ToDevice(outside);"
    )
    world = chain(tagging)
    assert ask(world, "never reach from internet -> second").holds is NO
    assert ask(world, "never reach from internet -> second udp").holds is YES
    for flow, holds in [
        ("vlan 5", YES),
        ("vlan 6", NO),
        ("vlan 5 and udp dst port 53", YES),
        ("vlan and vlan", NO),
    ]:
        assert ask(world, f"reach from internet udp -> second {flow}").holds is holds, flow
    assert ask(world, "never reach from internet -> client").holds is YES


def test_without_ingress_filtering_packets_have_any_source() -> None:
    rule = "never reach from internet src net 172.16.0.0/16 -> client"
    assert ask(chain(), rule).holds is YES
    assert (
        ask(chain(text=CHAIN.replace("ingress_filtering: true", "ingress_filtering: false")), rule).holds
        is NO
    )


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        (
            "reach from client -> 192.168.7.7",
            NO,
        ),  # the default route takes it to the internet, which has no such host
        ("reach from client -> 172.16.200.0/24 -> internet", NO),
        ("reach from client -> 203.0.113.77", YES),
        ("reach from client dst host 192.168.7.7 -> internet", YES),
        ("reach from 198.51.100.9 -> client", NO),  # an address of the pool that no module has
        ("reach from 198.51.100.0/24 -> client", NO),
        ("reach from 10.0.1.2 -> client", YES),  # the platform itself
    ],
)
def test_addresses_are_where_they_belong(statement: str, holds: Answer) -> None:
    assert ask(chain(), statement).holds is holds


def test_a_subnet_of_a_platform_sends_what_its_modules_send() -> None:
    echo = "FromNetfront() -> IPFilter(allow udp) -> IPMirror -> ToNetfront()"
    world = run(chain(), "Echo", echo, "198.51.100.1")
    assert ask(world, "reach from 198.51.100.0/24 udp and src host 198.51.100.1 -> client").holds is YES
    assert ask(world, "never reach from 198.51.100.0/24 tcp -> client").holds is YES
    assert ask(world, "reach from 198.51.100.1 udp and src host 198.51.100.1 -> client").holds is YES


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("never reach from internet -> secnd", "did you mean 'second'?"),
        ("never reach from nowhere -> client", "'nowhere' is not a node of the network"),
        ("never reach from internet -> $Batcher.ADDR", "'$Batcher.ADDR' has no value in a rule"),
        ("never reach from internet not dst host $ADDR -> client", "'$ADDR' has no value in a rule"),
        ("never reach from internet -> 10.0.0.0/255.0.255.0", "mask with holes"),
    ],
)
def test_a_rule_about_nothing_is_a_mistake_and_no_yes(rule: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        chain(rules=rule)
    assert words in str(caught.value)
    told(caught.value)


def test_an_address_that_no_module_of_the_request_has_is_a_mistake() -> None:
    for where in ("udp and not dst host $Batchr.ADDR -> client", "-> $Batchr.ADDR"):
        with pytest.raises(ConfigurationError) as caught:
            request(figure3(""), f"{BATCHER}\nreach from internet {where}")
        assert "did you mean '$Batcher.ADDR'?" in str(caught.value)
        told(caught.value)


def told(error: InNetError) -> None:
    """Every mistake has its place."""
    assert all(d.span is not None for d in error.diagnostics)


@pytest.mark.parametrize("sandbox", [False, True])
@pytest.mark.parametrize("start", ["module", "198.51.100.1"])
def test_answers_of_a_module_are_seen_through_its_sandbox(start: str, sandbox: bool) -> None:
    """What a rule starts with at a module has come to it: the sandbox knows whom it may answer."""
    mirror = Deployed(
        "M", PROVIDER, "platform", 0xC633_6401, "FromNetfront() -> IPMirror -> ToNetfront();", sandbox
    )
    world = chain(PASS, PASS).with_deployed((mirror,))
    for statement, holds in (
        (f"never new reach from {start} -> homes", NO),
        (f"never reach from {start} -> homes", NO),
        (f"reach from {start} -> homes", YES),
    ):
        check = ask(world, statement)
        assert check.holds is holds, (statement, check.reason)
        assert check.witness is None or check.witness.replayed
