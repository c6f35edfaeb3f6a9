"""Packets that are longer than links carry: receive offload joins them. Modules get those of up to 32,767 bytes behind
the header, so what rules say of all packets, they say of those too."""

import pytest

from innet.explore import stands
from innet.messages import Answer, Check
from innet.symbolic.formulas import in_atom
from innet.symbolic.store import Store
from innet.symbolic.terms import Fn, Sym
from innet.verify.forwarded import Collected
from innet.verify.world import PARSE
from tests.verify.networks import PASS, ask, chain, inward, policy, request, run
from tests.verify.test_forwarded import network

YES, NO = Answer.YES, Answer.NO
TO_HOME = "StoreIPAddress(172.16.7.7, dst)"
CLOSED = inward("IPFilter(deny dst net 172.16.0.0/16, allow all)")
LENGTH_TESTS = (
    "long :: CheckLength(2000) -> Discard; long [1] ->",
    "long :: Classifier(1700/00, -) [1] -> Discard; long [0] ->",
    "long :: IPFilter(allow ip len > 1514) -> CheckIPHeader(14) ->",
    "long :: IPClassifier(ip len > 1514, -) [1] -> Discard; long [0] -> CheckIPHeader(14) ->",
)
"""Elements that let long packets pass only. What the header says of the length is true where it has been checked."""


def diverting(length_test: str) -> str:
    return f"FromNetfront() -> {length_test} {TO_HOME} -> out :: ToNetfront();"


def total(check: Check) -> int:
    """Bytes of the packet that shows an answer, from its IPv4 header on."""
    assert check.witness is not None
    assert check.witness.replayed
    return len(bytes.fromhex(check.witness.packet))


@pytest.mark.parametrize("length_test", LENGTH_TESTS)
@pytest.mark.parametrize(
    "rule",
    [
        "never reach from internet -> client",
        "never new reach from internet -> M:out -> client",
        "never reach from module -> client",
        "never reach from 198.51.100.1 -> 172.16.7.7",
        "always reach from internet -> second -> first -> client",
        "always new reach from module -> client udp and tcp",
    ],
)
def test_a_module_that_sends_long_packets_elsewhere_breaks_the_rule(length_test: str, rule: str) -> None:
    check = ask(run(chain(CLOSED), "M", diverting(length_test), "198.51.100.1"), rule)
    assert check.holds is NO
    assert total(check) > 1500


@pytest.mark.parametrize("length_test", LENGTH_TESTS)
def test_a_request_for_such_a_module_is_refused(length_test: str) -> None:
    world = chain(CLOSED, rules="never reach from internet -> client")
    assert not request(world, f"M module:\n{diverting(length_test)}\n").placements
    assert request(world, "M module:\nFromNetfront() -> IPMirror -> out :: ToNetfront();\n").placements


def test_entries_that_only_long_packets_make_are_there() -> None:
    opened = """
    flows :: IPRewriter(keep 0 1, drop);
    FromDevice(inside, SNAPLEN 40000) -> Classifier(12/0800) -> length :: CheckLength(2000);
    length -> Discard; length [1] -> CheckIPHeader(14) -> [0] flows;
    FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14) -> [1] flows;
    flows [0] -> ToDevice(outside); flows [1] -> ToDevice(inside);
    """
    assert ask(chain(opened), "never reach from internet -> client").holds is NO
    assert ask(chain(opened), "never new reach from internet -> client").holds is YES


@pytest.mark.parametrize("length_test", LENGTH_TESTS)
def test_what_is_asked_of_some_flow_holds_for_packets_that_every_link_carries(length_test: str) -> None:
    world = run(chain(), "M", diverting(length_test), "198.51.100.1")
    assert ask(world, "reach from internet ip[0] = 0x45 -> M:out").holds is NO
    assert ask(world, "never reach from internet ip[0] = 0x45 -> M:out").holds is NO


def test_devices_of_middleboxes_cut_what_links_carry_and_nothing_that_was_joined() -> None:
    rule = "always new reach from internet -> client const payload"
    cutting = PASS.replace("FromDevice(outside)", "FromDevice(outside, SNAPLEN {})")
    assert ask(chain(), rule).holds is YES
    assert ask(chain(cutting.format(1514)), rule).holds is YES
    assert ask(chain(cutting.format(1513)), rule).holds is NO


@pytest.mark.parametrize(
    "statement",
    [
        "never reach from internet -> client",
        "never reach from internet -> platform",
        "always reach from internet -> platform -> client",
        "always reach from internet -> client udp",
    ],
)
def test_a_packet_that_shows_something_is_short_if_a_short_one_does(statement: str) -> None:
    check = ask(chain(), statement)
    assert check.holds is NO
    assert total(check) <= 100


def test_a_collected_network_is_asked_about_long_packets_too() -> None:
    collected = Collected(network(), PARSE)
    for holds, word in ((NO, "reach"), (NO, "never reach")):
        (rule,) = policy(f"{word} from a:in len > 1600 and dst net 10.2.0.0/16 -> d:out").rules
        assert collected.answer(rule).holds is holds


GUARD = inward("length :: CheckLength(1514); length [1] -> Discard; length")
"""A box that keeps long packets back, as every link does."""


@pytest.mark.parametrize("length_test", LENGTH_TESTS)
def test_packets_may_be_joined_behind_a_box_that_lets_no_long_one_pass(length_test: str) -> None:
    closed = inward("IPFilter(deny dst net 172.16.0.0/16, allow all)")
    world = run(chain(GUARD, closed), "M", diverting(length_test), "198.51.100.1")
    for rule in ("never reach from internet -> client", "always new reach from internet -> first -> M:out"):
        assert ask(world, rule.replace("first -> M:out", "second -> first -> M:out")).holds is not YES
    honest = run(
        chain(GUARD, closed), "M", "FromNetfront() -> IPMirror -> out :: ToNetfront();", "198.51.100.1"
    )
    assert ask(honest, "never reach from internet -> client").holds is YES


def test_what_is_cut_into_pieces_passes_a_box_that_lets_no_long_one_pass() -> None:
    way_out = "FromDevice(inside) -> length :: CheckLength(1514) -> ToDevice(outside); length [1] -> Discard;"
    guard = f"FromDevice(outside) -> ToDevice(inside); {way_out}"
    sends = (
        "FromNetfront() -> long :: CheckLength(2000) -> Discard; long [1] -> IPMirror -> out :: ToNetfront();"
    )
    world = run(chain(guard), "M", sends, "198.51.100.1")
    assert ask(world, "never reach from module -> internet").holds is not YES
    assert ask(world, "never reach from module icmp -> internet").holds is YES


@pytest.mark.parametrize(
    ("guard", "passing"),
    [
        # joined packets are as long as only such are that the box keeps back
        ("IPFilter(deny ip len > 1000 && ip len < 30000, allow all)", "ip len > 2000 && ip len < 20000"),
        # the box tells short from long of some packets only, in one condition
        ("IPFilter(deny dst port 80 && ip len > 1500, allow all)", "dst port 80 && ip len > 2000"),
        ("IPFilter(allow ip len < 1500 || dst port 81)", "dst port 80 && ip len > 2000"),
        # the first segment has the text, the last one ends the connection
        (
            "end :: IPFilter(deny tcp opt fin and ip[40:1] = 0x41, allow all)",
            "tcp opt fin and ip[40:1] = 0x41",
        ),
    ],
)
def test_what_tells_joined_packets_from_long_ones_may_have_been_looked_at(guard: str, passing: str) -> None:
    module = f"FromNetfront() -> IPFilter(allow {passing}) -> CheckIPHeader(14) -> {TO_HOME} -> out :: ToNetfront();"
    world = run(chain(inward(guard), CLOSED), "M", module, "198.51.100.1")
    for rule in ("never reach from internet -> client", "never new reach from internet -> M:out -> client"):
        assert ask(world, rule).holds is not YES


def outward(elements: str) -> str:
    """A middlebox that does something to IPv4 packets on their way out only."""
    way_out = f"FromDevice(inside) -> MarkIPHeader(14) -> {elements} -> ToDevice(outside);"
    return f"FromDevice(outside) -> ToDevice(inside); {way_out}"


@pytest.mark.parametrize("place", ["first", "second"])
@pytest.mark.parametrize(
    ("kept_back", "sent"),
    [
        # pieces are shorter than all that the module sends, though not all of that is long
        ("ip len >= 900", "CheckIPHeader(14) -> IPFilter(deny ip len < 1000, allow all)"),
        # what the first piece has, the second has not
        ("ip[80:1] = 0x41", "IPFilter(allow ip[80:1] = 0x41)"),
        ("ip id 7", "IPFilter(allow ip id 7)"),
        ("tcp opt fin", "IPFilter(allow tcp opt fin)"),
    ],
)
def test_pieces_are_others_than_what_the_module_lets_pass(place: str, kept_back: str, sent: str) -> None:
    module = f"FromNetfront() -> {sent} -> StoreIPAddress(203.0.113.77, dst) -> out :: ToNetfront();"
    guard = outward(f"IPFilter(deny {kept_back}, allow all)")
    boxes = (guard, PASS) if place == "first" else (PASS, guard)
    world = run(chain(*boxes), "M", module, "198.51.100.1")
    assert ask(world, "never reach from module -> internet").holds is not YES
    closed = run(chain(outward("IPFilter(deny all)")), "M", module, "198.51.100.1")
    assert ask(closed, "never reach from module -> internet").holds is YES


def test_a_module_gets_the_pieces_of_what_another_one_sends() -> None:
    sends = "FromNetfront() -> long :: CheckLength(2000) -> Discard; long [1] -> {} -> out :: ToNetfront();"
    first = sends.format("StoreIPAddress(198.51.100.1, src) -> StoreIPAddress(198.51.100.2, dst)")
    second = f"""
    FromNetfront() -> IPFilter(allow src host 198.51.100.1) -> length :: CheckLength(1514)
      -> {TO_HOME} -> out :: ToNetfront();
    length [1] -> Discard;
    """
    world = run(run(chain(CLOSED), "A", first, "198.51.100.1"), "B", second, "198.51.100.2")
    rule = "never new reach from internet -> A:out -> client"
    assert ask(world, rule).holds is not YES
    deaf = second.replace("allow src host 198.51.100.1", "allow src host 198.51.100.3")
    world = run(run(chain(CLOSED), "A", first, "198.51.100.1"), "B", deaf, "198.51.100.2")
    assert ask(world, rule).holds is YES


def test_clients_get_the_pieces_of_what_a_module_sends() -> None:
    sends = f"FromNetfront() -> long :: CheckLength(2000) -> Discard; long [1] -> {TO_HOME} -> out :: ToNetfront();"
    world = run(chain(CLOSED), "M", sends, "198.51.100.1")
    assert ask(world, "never reach from module -> client len < 1000").holds is not YES


def test_payload_is_kept_where_nothing_tells_joined_packets_from_others() -> None:
    to_phone = "IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.7.7 - 0 0)"
    module = f"FromNetfront() -> CheckIPHeader(14) -> {to_phone} -> out :: ToNetfront();"
    world = run(chain(CLOSED), "M", module, "198.51.100.1")
    assert ask(world, "always new reach from internet -> M:out -> client const payload").holds is YES


def test_tunnels_are_joined_too() -> None:
    """What is in IP in IP is joined as the packets in it are."""
    module = f"""FromNetfront() -> IPFilter(allow ip proto 4) -> long :: CheckLength(2000) -> Discard;
        long [1] -> {TO_HOME} -> out :: ToNetfront();"""
    world = run(chain(GUARD, CLOSED), "M", module, "198.51.100.1")
    assert ask(world, "never reach from internet -> client").holds is not YES
    other = run(chain(GUARD, CLOSED), "M", module.replace("proto 4", "proto 50"), "198.51.100.1")
    assert ask(other, "never reach from internet -> client").holds is YES


def test_what_is_found_in_a_joined_packet_may_be_anything() -> None:
    """One module opens tunnels in UDP, long ones only; the next one gets ICMP out of them, which no card joins."""
    opens = """FromNetfront() -> IPFilter(allow udp) -> long :: CheckLength(2000) -> Discard;
        long [1] -> Strip(42) -> MarkIPHeader(0) -> CheckIPHeader(0) -> StoreIPAddress(198.51.100.2, dst)
        -> out :: ToNetfront();"""
    diverts = f"FromNetfront() -> IPFilter(allow icmp) -> {TO_HOME} -> out :: ToNetfront();"
    world = run(run(chain(GUARD, CLOSED), "A", opens, "198.51.100.1"), "B", diverts, "198.51.100.2")
    assert ask(world, "never new reach from internet -> A:out -> client").holds is not YES


@pytest.mark.parametrize(
    ("flow", "passing"),
    [
        # of packets no longer than their window says, joined ones are longer
        ("tcp and ip[2:2] <= tcp[14:2]", "tcp && ip len > 2000 && tcp win < 2000"),
        ("udp and ip[2:2] <= ip[4:2]", "udp && ip len > 2000 && ip id < 2000"),
        # the datagram's length is another one, too
        ("udp and udp[4:2] <= udp[2:2]", "udp && transp[4:2] > 2000 && dst port < 2000"),
    ],
)
def test_lengths_may_have_been_compared_with_what_stays(flow: str, passing: str) -> None:
    module = f"""FromNetfront() -> MarkIPHeader(14) -> IPFilter(allow {passing}) -> CheckIPHeader(14) -> {TO_HOME}
        -> out :: ToNetfront();"""
    world = run(chain(PASS, CLOSED), "M", module, "198.51.100.1")
    assert ask(world, f"never reach from internet {flow} -> M:out -> client").holds is not YES
    assert ask(world, f"never reach from internet {flow} and icmp -> M:out -> client").holds is YES


def test_of_a_checksum_no_more_may_be_known_than_whether_it_is_right() -> None:
    total = Sym("ip.len", 16)
    right = Fn("sum", (total,), 16, lambda length: length)
    for numbers, told in (((0xFFFF, 0xFFFF), set()), ((0, 0xFFFE), set()), ((0x1234, 0x1234), {total})):
        store = Store()
        assert store.assume(in_atom(right, (numbers,)))
        assert stands._told(store, set()) == told


@pytest.mark.parametrize(
    "rule",
    [
        "never reach from internet -> 198.51.100.1 len > 1600",
        "never reach from internet -> module len > 1600",
        "always reach from internet -> module len <= 1514",
        "always new reach from internet -> 198.51.100.1 len <= 1514",
    ],
)
def test_packets_come_to_a_module_as_its_platform_hands_them_over(rule: str) -> None:
    """No long one passes the box, and the platform's card joins those that do."""
    mirror = "FromNetfront() -> IPMirror -> out :: ToNetfront();"
    assert ask(run(chain(GUARD), "M", mirror, "198.51.100.1"), rule).holds is not YES
    closed = run(chain(inward("IPFilter(deny all)")), "M", mirror, "198.51.100.1")
    assert ask(closed, rule).holds is YES
