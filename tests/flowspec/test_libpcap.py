"""Flows against libpcap's own compiler: random expressions of the documented subset on random IPv4 packets near their
constants, in both directions; and the differences that docs/reference/flows.md lists, each as it is there."""

import ctypes
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.explore.network import parse
from innet.flowspec import lower, parse_flow
from innet.ir import Mark
from innet.ir.interpret import PacketBuffer, evaluate
from innet.symbolic.evaluation import holds
from innet.symbolic.execute import evaluate as evaluate_symbolic
from innet.symbolic.solve import satisfied
from innet.symbolic.state import State, Tables, inject_ip
from innet.verify.world import PARSE
from tests.backends.forms import Given, Start, valuation
from tests.flowspec.grammar import IDIOMS, flows, frame, packets, tagged_flows
from tests.flowspec.libpcap import ETHERNET, LIBRARY, RAW, Filter, RefusedError

EXAMPLES = settings.default.max_examples
SEEDS = st.integers(0, 1 << 32)
STRICTER = "F150"
"""Division by what is no constant or is zero, and shifts by more than 31 bits, as far as libpcap takes them."""


def is_here() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


needs_libpcap = pytest.mark.skipif(
    not is_here() and os.geteuid() != 0,  # as root `innet test` installs it, and without it these tests fail
    reason=f"{LIBRARY} (Debian: libpcap0.8) is not installed, and only root can do so",
)


def marked(packet: bytes, net: int) -> PacketBuffer:
    buffer = PacketBuffer(packet)
    if net:
        buffer.marks[Mark.MAC] = 0
    buffer.marks[Mark.NET] = net
    buffer.marks[Mark.TRANSPORT] = net + 4 * (packet[net] & 15)
    return buffer


def condition(flow: str) -> ir.Expr | None:
    """What we make of a flow that libpcap takes; None if it is one of those that we are stricter about."""
    try:
        return lower(parse_flow(flow).predicate)
    except ConfigurationError as error:
        if {d.code for d in error.diagnostics} == {STRICTER}:
            return None
        raise


@needs_libpcap
@given(flows(), SEEDS)
@example("1 + tcp[0] > 0", 0)
@example("3 % 2 ^ ip[8] & 0xf | 1 = 1", 0)
def test_flows_mean_what_libpcap_says(flow: str, seed: int) -> None:
    oracle, ours = Filter(flow), condition(flow)
    for packet in packets(flow, seed, 12) if ours is not None else ():
        assert bool(evaluate(ours, marked(packet, 0))) == oracle.matches(packet), packet.hex()


@needs_libpcap
@settings(max_examples=EXAMPLES // 2)
@given(flows(ethernet=True), SEEDS)
def test_flows_about_frames_mean_what_libpcap_says(flow: str, seed: int) -> None:
    oracle, ours = Filter(flow, ETHERNET), condition(flow)
    for n, packet in enumerate(packets(flow, seed, 12) if ours is not None else ()):
        data = frame(packet, seed + n)
        assert bool(evaluate(ours, marked(data, 14))) == oracle.matches(data), data.hex()


@needs_libpcap
@settings(max_examples=EXAMPLES // 2)
@given(tagged_flows(), SEEDS)
@example("vlan and tcp port 80 or vlan 5 and ip proto 6", 0)
def test_flows_about_tagged_frames_mean_what_libpcap_says(flow: str, seed: int) -> None:
    oracle, ours = Filter(flow, ETHERNET), condition(flow)
    for n, packet in enumerate(packets(flow, seed, 12) if ours is not None else ()):
        tags = (n + seed) % 3
        data = frame(packet, seed + n, tags)
        buffer = marked(data, 0 if tags else 14)
        if tags:
            buffer.marks |= {Mark.MAC: 0}
            del buffer.marks[Mark.NET], buffer.marks[Mark.TRANSPORT]
        assert bool(evaluate(ours, buffer)) == oracle.matches(data), data.hex()


@needs_libpcap
@settings(max_examples=EXAMPLES // 2)
@given(flows(), SEEDS)
def test_what_libpcap_takes_of_cut_packets_we_take(flow: str, seed: int) -> None:
    """libpcap rejects a packet as soon as it reads beyond it, so what it takes does not depend on absent bytes."""
    oracle, ours = Filter(flow), condition(flow)
    for packet in packets(flow, seed, 12, short=True) if ours is not None else ():
        if oracle.matches(packet):
            assert evaluate(ours, marked(packet, 0)), packet.hex()


WORDS = [
    "tcp", "udp", "icmp", "sctp", "esp", "ip", "ip6", "src", "dst", "port", "portrange", "host", "net",
    "proto", "80", "17", "443", "2", "0", "10.0.0.1", "10.0.0.0/8", "10.1", "1-500", "mask 255.255.0.0",
    "and", "or", "not", "(", ")", "tcp[13]", "ip[6:2]", "&", "|", "^", "%", "*", "+", "-", "<<", "=", "!=",
    "<", "len", "\\tcp", "tcp-syn", "less", "greater",
]  # fmt: skip
LENIENT = {
    "syntax error": "proto tcp",
    "Mask syntax for networks only": "src 10.0.0.0/8",
}
"""What libpcap says of texts that we take and it does not, each with an example from the documentation."""


@needs_libpcap
@settings(max_examples=2 * EXAMPLES)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join))
def test_any_words_that_we_take_libpcap_takes_too(flow: str) -> None:
    try:
        ours = lower(parse_flow(flow).predicate)
    except ConfigurationError:
        return
    try:
        oracle = Filter(flow)
    except RefusedError as refused:
        reason = next(reason for reason in LENIENT if reason in str(refused))
        assert ("proto tcp" if reason == "syntax error" else "10.0.0.0/8") in flow or "proto" in flow, flow
        return
    for packet in packets(flow, len(flow), 12):
        assert bool(evaluate(ours, marked(packet, 0))) == oracle.matches(packet), packet.hex()


@needs_libpcap
@pytest.mark.parametrize(
    ("flow", "refusal"),
    [
        ("ip proto tcp", "syntax error"),
        ("src 10.0.0.0/8", "Mask syntax for networks only"),
        ("vlan and udp", "no VLAN support"),
    ],
)
def test_what_we_take_and_libpcap_does_not(flow: str, refusal: str) -> None:
    parse_flow(flow)
    with pytest.raises(RefusedError, match=refusal):
        Filter(flow, RAW)


@needs_libpcap
@pytest.mark.parametrize(
    ("flow", "code"),
    [
        ("ip[2:2] / ip[1] = 16", "F150"),
        ("ip[2:2] / (2 - 2) = 1", "F150"),
        ("ip[ip[2]] = 1", "F148"),
        ("proto 300", "F157"),
        ("src 80", "F156"),
        ("host 10.1", "F156"),
        ("ip protochain 6", "F142"),
        ("ip6 host ::1", "F149"),
        ("not arp", "F149"),
        ("icmp6", "F149"),
    ],
)
def test_what_libpcap_takes_and_we_do_not(flow: str, code: str) -> None:
    Filter(flow, RAW if "arp" not in flow else ETHERNET)
    with pytest.raises(ConfigurationError) as caught:
        parse_flow(flow)
    assert caught.value.diagnostics[0].code == code


@needs_libpcap
def test_a_test_beyond_the_packet_is_false_where_libpcap_gives_the_packet_up() -> None:
    (packet,) = packets("", 1, 1)
    for flow, libpcap, ours in [
        ("ip[5000] = 0", False, False),
        ("not ip[5000] = 0", False, True),
        ("ip[5000] = 0 or ip", False, True),
        ("ip or ip[5000] = 0", True, True),
    ]:
        assert Filter(flow).matches(packet) is libpcap, flow
        assert bool(evaluate(lower(parse_flow(flow).predicate), marked(packet, 0))) is ours, flow


def parsed_packets() -> tuple[Start, Tables]:
    """Any IPv4 packet in a frame, as nodes look at it."""
    injected, tables = inject_ip(), Tables(False)
    states: tuple[State, ...] = tuple(parse(injected.state.fork(), PARSE, tables))
    return Start(injected, states, {}), tables


@settings(max_examples=EXAMPLES)
@given(flows(ethernet=True), SEEDS, st.booleans())
@example(IDIOMS[6], 3, False)
def test_a_flow_means_the_same_in_proofs_as_on_packets(flow: str, seed: int, short: bool) -> None:
    """The condition, evaluated symbolically on every packet at once, and then on one."""
    ours = condition(flow)
    if ours is None:
        return
    start, tables = parsed_packets()
    cases = [case for state in start.states for case in evaluate_symbolic(ours, state, tables)]
    for n, packet in enumerate(packets(flow, seed, 6, short)):
        if len(packet) < 20 or len(packet) < 4 * (packet[0] & 15):
            continue  # no complete IPv4 header: such packets are not in networks
        data = frame(packet, seed + n)
        values, blobs = valuation(start, Given(data))
        mine = [formula for state, formula in cases if satisfied(state.store, values, blobs)]
        assert len(mine) == 1
        assert holds(mine[0], values, blobs) == bool(evaluate(ours, marked(data, 14))), data.hex()
