"""IPRewriter, packet by packet and against what Click wrote."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet import ir
from innet.diagnostics import ConfigurationError
from innet.elements.arguments import NameBook, arguments_of, bind, unparse
from innet.elements.build import build_one
from innet.elements.rewrite.iprewriter import IPRewriter
from innet.elements.rewrite.specs import KEYWORDS
from innet.flowspec import names
from innet.ir.interpret import NS, PacketBuffer, State
from innet.lexical import Text
from tests.elements.rewriting import (
    ACK,
    FIN,
    ICMP,
    RST,
    SYN,
    TCP,
    UDP,
    Instance,
    Tuple,
    address,
    collect,
    expected,
    full_sum,
    inputs,
    marked,
    packet,
    shown,
    tuple_of,
)


class Patterns(NamedTuple):
    """An IPRewriterPatterns as the flat configuration has it."""

    arguments: Text
    name: str = "patterns"
    class_name: str = "IPRewriterPatterns"


def rewriter(*texts: str, patterns: str = "") -> IPRewriter:
    return bind(IPRewriter, Text(", ".join(texts)), NameBook.of([Patterns(Text(patterns))]).at("rw"))


def inside(n: Tuple) -> bool:
    return n.saddr >> 24 == 10


ALL: Callable[[Tuple], int | None] = lambda n: 0  # noqa: E731  # reads as the other rows do
INSIDE: Callable[[Tuple], int | None] = lambda n: 0 if inside(n) else 1  # noqa: E731
NET_10 = address("10.0.0.0") >> 24


def two_services(n: Tuple) -> int:
    if n.daddr == address("192.0.2.1") and (n.proto, n.dport) in ((TCP, 80), (UDP, 53)):
        return 0 if n.proto == TCP else 1
    return 2 if n.saddr >> 16 == 0x0A09 else 3


def firewall(n: Tuple) -> int:
    ways = (n.saddr >> 24 == NET_10, n.daddr >> 24 == NET_10)
    return 0 if ways == (True, False) else 1 if ways == (False, True) else 2


def named(n: Tuple) -> int:
    return 0 if n.proto in (TCP, UDP) and n.dport == 80 else 1 if inside(n) else 2


def port_1500(n: Tuple) -> int | None:
    return 0 if n.proto == UDP and 1500 in (n.sport, n.dport) else None


@pytest.mark.parametrize(
    ("vector", "texts", "outputs", "port_of"),
    [
        ("iprewriter_checksums", ["pattern 1.2.3.4 5 255.255.255.254 65535 0 0"], 1, ALL),
        ("iprewriter_fig4_dst", ["pattern - - 172.16.15.133 - 0 0"], 1, port_1500),
        ("mb_batcher_fig4", ["pattern - - 172.16.15.133 - 0 0"], 1, port_1500),
        ("iprewriter_snat_seq", ["pattern 192.0.2.1 2000-2999# - - 0 1", "drop"], 2, INSIDE),
        ("iprewriter_snat_sameport", ["pattern 192.0.2.1 1024-65535 - - 0 1", "pass 2"], 3, INSIDE),
        ("iprewriter_reply_collision", ["pattern 192.0.2.1 - 203.0.113.80 - 0 1", "pass 2"], 3, INSIDE),
        ("iprewriter_portrange_exhausted", ["pattern 192.0.2.9 7000-7003# 203.0.113.80 80 0 0"], 1, ALL),
        ("iprewriter_keep_firewall", ["keep 0 1", "drop", "nochange 2"], 3, firewall),
        (
            "iprewriter_two_inputs_dnat",
            ["pattern - - 10.9.0.80 8080 0 1", "pattern - - 10.9.0.53 - 2 1", "drop", "discard"],
            3,
            two_services,
        ),
        (
            "iprewriter_patterns_element",
            ["pattern to_web 0 1", "pattern hide 2 3", "pattern both 0 1"],
            4,
            named,
        ),
    ],
)
def test_writes_what_click_wrote(
    vector: str, texts: list[str], outputs: int, port_of: Callable[[Tuple], int | None]
) -> None:
    patterns = "to_web - - 10.0.0.80 8080, hide 192.0.2.77 30000-30100# - -, both 192.0.2.78 31000-31010# 10.0.0.81 -"
    instance = Instance(rewriter(*texts, patterns=patterns), inputs=len(texts), outputs=outputs)

    def through(packet: PacketBuffer) -> list[tuple[int, PacketBuffer]]:
        port = port_of(tuple_of(packet))
        return [] if port is None else instance.push(packet, port)

    feed = inputs(vector, checksum=vector != "iprewriter_checksums")
    assert collect(outputs, feed, through) == expected(vector)


@pytest.mark.parametrize(("dst_anno", "first"), [(True, 0), (False, 2)])
def test_the_destination_annotation_follows_unless_told_not_to(dst_anno: bool, first: int) -> None:
    instance = Instance(rewriter("pattern - - 172.16.15.133 - 0 0", f"DST_ANNO {int(dst_anno)}"))
    routed: dict[bool, list[bytes]] = {False: [], True: []}
    for each in inputs("iprewriter_dst_anno", checksum=True):
        for _, out in instance.push(each):
            routed[bytes(out.annotations[:4]) == bytes((172, 16, 15, 133))].append(out.data)
    wrote = expected("iprewriter_dst_anno")
    assert (routed[False], routed[True]) == (wrote[first], wrote[first + 1])


def test_ports_may_serve_several_peers_but_not_one_peer_twice() -> None:  # ELEMENTS annex B.2
    instance = Instance(rewriter("pattern 9.9.9.9 1000-1001# - - 0 0"))
    sent = [packet(f"10.0.0.1:{port}", peer) for port, peer in [(5, "8.8.8.8:53"), (6, "8.8.8.8:53")]]
    assert [shown(instance.push(each)) for each in sent] == [
        "0 9.9.9.9:1000 > 8.8.8.8:53",
        "0 9.9.9.9:1001 > 8.8.8.8:53",
    ]
    assert instance.push(packet("10.0.0.1:7", "8.8.8.8:53")) == []
    assert instance.reason == "no free port or address"
    assert instance.state.statistics == {("IPRewriter", "mapping_failures"): 1}
    assert shown(instance.push(packet("10.0.0.1:5", "8.8.4.4:53"))) == "0 9.9.9.9:1000 > 8.8.4.4:53"


def test_a_new_flow_that_takes_over_the_answers_removes_the_old_one() -> None:  # ELEMENTS annex B.2
    instance = Instance(rewriter("pattern 9.9.9.9 1000 - - 0 1", "drop"), inputs=2, outputs=2)
    for port in (5, 6):
        assert shown(instance.push(packet(f"10.0.0.1:{port}", "8.8.8.8:53"))) == "0 9.9.9.9:1000 > 8.8.8.8:53"
    assert shown(instance.push(packet("8.8.8.8:53", "9.9.9.9:1000"), 1)) == "1 8.8.8.8:53 > 10.0.0.1:6"
    assert len(instance.state.tables["IPRewriter", "flows"].rows) == 2


def test_a_mapping_counts_more_than_the_input() -> None:
    instance = Instance(rewriter("pattern 9.9.9.9 - - - 0 1", "pass 2", "drop"), inputs=3, outputs=3)
    instance.push(packet("10.0.0.1:5", "8.8.8.8:53"))
    for port in (0, 1, 2):
        assert shown(instance.push(packet("8.8.8.8:53", "9.9.9.9:5"), port)) == "1 8.8.8.8:53 > 10.0.0.1:5"
        assert shown(instance.push(packet("10.0.0.1:5", "8.8.8.8:53"), port)) == "0 9.9.9.9:5 > 8.8.8.8:53"


def test_tcp_and_udp_do_not_meet() -> None:
    instance = Instance(rewriter("pattern 9.9.9.9 1000-1001# - - 0 0"))
    out = [shown(instance.push(packet("10.0.0.1:5", "8.8.8.8:53", proto))) for proto in (TCP, UDP, TCP, UDP)]
    assert out == [f"0 9.9.9.9:{port} > 8.8.8.8:53" for port in (1000, 1001, 1000, 1001)]


@pytest.mark.parametrize("proto", [ICMP, 47])
def test_other_packets_pass_only_by_pass_inputs(proto: int) -> None:
    instance = Instance(rewriter("keep 0 0", "pass 1"), inputs=2, outputs=2)
    assert instance.push(packet("1.1.1.1:1", "2.2.2.2:2", proto)) == []
    assert instance.reason == "not the first fragment of a TCP or UDP packet"
    assert shown(instance.push(packet("1.1.1.1:1", "2.2.2.2:2", proto), 1)) == "1 1.1.1.1:1 > 2.2.2.2:2"


def test_without_an_ip_header_mark_nothing_passes() -> None:
    instance = Instance(rewriter("keep 0 0", "pass 1"), inputs=2, outputs=2)
    for port, reason in (
        (0, "not the first fragment of a TCP or UDP packet"),
        (1, "no IP header annotation"),
    ):
        assert instance.push(PacketBuffer(packet("1.1.1.1:1", "2.2.2.2:2").data), port) == []
        assert instance.reason == reason


def test_a_rewriter_that_makes_no_mappings_has_no_table() -> None:
    instance = Instance(rewriter("pass 1", "drop"), inputs=2, outputs=2)
    assert shown(instance.push(packet("1.1.1.1:1", "2.2.2.2:2"))) == "1 1.1.1.1:1 > 2.2.2.2:2"
    assert instance.push(packet("1.1.1.1:1", "2.2.2.2:2"), 1) == []
    assert instance.state.tables == {}


def test_segments_without_a_checksum_keep_their_ports() -> None:
    instance = Instance(rewriter("pattern 9.9.9.9 7 - - 0 0"))
    short = marked(packet("10.0.0.1:5", "8.8.8.8:53", TCP).data[:37])
    [(_, out)] = instance.push(short)
    assert tuple_of(out)[1:4] == (address("9.9.9.9"), 5, address("8.8.8.8"))


def test_an_address_range_gives_out_addresses_and_keeps_ports() -> None:
    instance = Instance(rewriter("pattern 192.0.2.8/30# - 0 1", "drop"), inputs=2, outputs=2)
    out = [
        shown(instance.push(packet("10.0.0.1:5", "8.8.8.8:53"))),
        shown(instance.push(packet("10.0.0.2:5", "8.8.8.8:53"))),
    ]
    assert out == ["0 192.0.2.9:5 > 8.8.8.8:53", "0 192.0.2.10:5 > 8.8.8.8:53"]
    assert instance.push(packet("10.0.0.3:5", "8.8.8.8:53")) == []
    assert shown(instance.push(packet("8.8.8.8:53", "192.0.2.10:5"), 1)) == "1 8.8.8.8:53 > 10.0.0.2:5"


def test_replies_get_the_annotation_of_the_packet_that_made_the_mapping() -> None:
    instance = Instance(rewriter("keep 0 1", "drop", "REPLY_ANNO PAINT"), inputs=2, outputs=2)
    first = packet("10.0.0.1:5", "8.8.8.8:53")
    first.annotations[16] = 7
    instance.push(first)
    for source, destination, port, after in (
        ("8.8.8.8:53", "10.0.0.1:5", 1, 7),
        ("10.0.0.1:5", "8.8.8.8:53", 0, 3),
    ):
        later = packet(source, destination)
        later.annotations[16] = 3
        [(_, out)] = instance.push(later, port)
        assert out.annotations[16] == after


def idle(instance: Instance) -> set[int]:
    """How long the entries of the flow table may be idle, in seconds."""
    return {entry.idle_ns // NS for entry in instance.state.tables["IPRewriter", "flows"].rows.values()}


OUT, BACK = ("10.0.0.1:5", "8.8.8.8:53", 0), ("8.8.8.8:53", "10.0.0.1:5", 1)


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ([(OUT, SYN, b"")], 300),
        ([(OUT, SYN, b""), (OUT, ACK, b"x")], 300),
        ([(OUT, ACK, b"x"), (BACK, ACK, b"y")], 86400),
        ([(OUT, ACK, b"x"), (BACK, ACK, b"y"), (OUT, FIN, b"")], 86400),
        ([(OUT, ACK, b"x"), (BACK, ACK, b"y"), (OUT, FIN, b""), (BACK, FIN, b"")], 240),
        ([(OUT, FIN, b""), (BACK, FIN, b"")], 240),
        ([(OUT, FIN, b""), (BACK, FIN, b""), (OUT, SYN, b"")], 300),
        ([(OUT, FIN, b""), (BACK, FIN, b""), (BACK, ACK, b"late")], 300),
        ([(OUT, SYN, b""), (BACK, RST, b"")], 240),
        ([(OUT, ACK, b"x"), (BACK, ACK, b"y"), (BACK, RST | SYN, b"")], 240),
    ],
)
def test_tcp_state_sets_the_idle_time(
    steps: list[tuple[tuple[str, str, int], int, bytes]], seconds: int
) -> None:
    instance = Instance(rewriter("keep 0 1", "drop"), inputs=2, outputs=2)
    for (source, destination, port), flags, payload in steps:
        assert instance.push(packet(source, destination, TCP, flags, payload), port)
    assert idle(instance) == {seconds}


@pytest.mark.parametrize(
    ("ways", "seconds"),
    [([OUT, OUT, OUT], 30), ([OUT, BACK], 30), ([OUT, OUT, BACK], 90), ([OUT, BACK, OUT], 90)],
)
def test_udp_streams_once_answered_and_three_packets_long(
    ways: list[tuple[str, str, int]], seconds: int
) -> None:
    instance = Instance(
        rewriter("keep 0 1", "drop", "UDP_TIMEOUT 30", "UDP_STREAMING_TIMEOUT 1.5min"), inputs=2, outputs=2
    )
    for source, destination, port in ways:
        assert instance.push(packet(source, destination), port)
    assert idle(instance) == {seconds}


def test_a_full_table_makes_room_only_after_the_guarantee() -> None:
    now = [0]
    state = State(clock=lambda: now[0])
    instance = Instance(rewriter("keep 0 0", "MAPPING_CAPACITY 2"), state=state)
    for port in (1, 2):
        assert instance.push(packet(f"10.0.0.1:{port}", "8.8.8.8:53"))
    assert instance.push(packet("10.0.0.1:3", "8.8.8.8:53")) == []
    assert instance.reason == "flow table full"
    now[0] = 4 * NS
    assert instance.push(packet("10.0.0.1:2", "8.8.8.8:53"))
    now[0] = 5 * NS
    assert instance.push(packet("10.0.0.1:3", "8.8.8.8:53"))
    known = {key[2] for key in state.tables["IPRewriter", "flows"].rows} - {53}
    assert known == {2, 3}


@pytest.mark.parametrize("sum_", [0, 1, 0x1234, 0xFFFE, 0xFFFF])
def test_keep_changes_no_checksum(sum_: int) -> None:
    instance = Instance(rewriter("keep 0 1", "drop"), inputs=2, outputs=2)
    for source, destination, port in (OUT, BACK):
        for proto in (TCP, UDP):
            before = packet(source, destination, proto, sum_=sum_)
            [(_, out)] = instance.push(before.copy(), port if proto == UDP else 0)
            assert out.data == before.data


quads = st.integers(1, 0xFFFF_FFFE).map(names.dotted)
ends = st.builds("{}:{}".format, quads, st.integers(1, 65535))


@given(source=ends, destination=ends, public=quads, port=st.integers(1, 65535), payload=st.binary(max_size=9))
def test_checksums_stay_right_and_answers_find_back(
    source: str, destination: str, public: str, port: int, payload: bytes
) -> None:
    instance = Instance(rewriter(f"pattern {public} {port} - - 0 1", "drop"), inputs=2, outputs=2)
    plain = packet(source, destination, payload=payload)
    sent = packet(source, destination, payload=payload, sum_=full_sum(plain.data) or 0xFFFF)
    out = shown(instance.push(sent))
    assert out == f"0 {public}:{port} > {destination}"
    assert full_sum(sent.data) == 0
    if f"{public}:{port}" == destination:
        return  # the flow is its own answer
    assert shown(instance.push(packet(destination, f"{public}:{port}"), 1)) == f"1 {destination} > {source}"


def test_kept_parts_are_the_loaded_values() -> None:
    """A proof sees at once that `-` keeps a field: what is stored and written back is the variable first loaded."""
    program = rewriter("pattern - - 172.16.15.133 - 0 0").trace()
    [lookup] = [stmt for stmt in program.body if isinstance(stmt, ir.Lookup)]
    [miss] = [s for s in program.body if isinstance(s, ir.Branch) and s.condition == ir.Not(lookup.found)]
    bound = {stmt.var: stmt.value for stmt in miss.then if isinstance(stmt, ir.Let)}
    kept = [bound[column] == key for column, key in zip(lookup.values[:4], lookup.key[1:], strict=True)]
    assert kept == [True, True, False, True]


def test_problems_name_what_is_missing() -> None:
    assert rewriter("pattern - - 10.0.0.1 - 0 1").problems(1, 1) == (
        "input specification 0 names output 1, but the element has 1",
    )
    assert rewriter("keep 0 0", "pass 3").problems(1, 1) == (
        "2 input specifications for 1 inputs: one is needed for each",
        "input specification 1 names output 3, but the element has 1",
    )


def test_examples_bind_and_are_written_back() -> None:
    for example in IPRewriter.EXAMPLES:
        element = build_one(IPRewriter, example)
        assert element.problems(1, 1) == ()
        element.trace()
        assert build_one(IPRewriter, unparse(element)) == element


def test_a_named_pattern_counts_for_all_who_use_it() -> None:
    both = ["pattern hide 0 0", "pattern hide 0 0"]
    instance = Instance(rewriter(*both, patterns="hide 9.9.9.9 7-9# - -"), inputs=2)
    out = [shown(instance.push(packet(f"10.0.0.1:{n}", "8.8.8.8:53"), n % 2)) for n in (1, 2, 3)]
    assert out == [f"0 9.9.9.9:{n} > 8.8.8.8:53" for n in (7, 8, 9)]


def test_equal_patterns_written_twice_count_for_themselves() -> None:
    instance = Instance(rewriter("pattern 9.9.9.9 7-9# - - 0 0", "pattern 9.9.9.9 7-9# - - 0 0"), inputs=2)
    out = [shown(instance.push(packet("10.0.0.1:1", f"8.8.8.{n}:53"), n)) for n in (0, 1)]
    assert out == ["0 9.9.9.9:7 > 8.8.8.0:53", "0 9.9.9.9:7 > 8.8.8.1:53"]


def test_keywords_are_known_and_suggested() -> None:
    assert {argument.keyword for argument in arguments_of(IPRewriter)} <= {"SPEC", *KEYWORDS}
    with pytest.raises(ConfigurationError, match="did you mean 'UDP_TIMEOUT'"):
        bind(IPRewriter, Text("keep 0 0, UDP_TIMEOT 3"))


def test_the_papers_pattern_is_refused_with_its_mending() -> None:
    with pytest.raises(ConfigurationError, match=r"write `pattern - - 172.16.15.133 - 0 0`"):
        bind(IPRewriter, Text("pattern -- 172.16.15.133 - 0 0"))
