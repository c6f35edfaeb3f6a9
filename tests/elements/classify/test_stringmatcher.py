"""StringMatcher."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.classify.stringmatcher import StringMatcher
from innet.elements.switching.discard import Discard
from innet.elements.switching.null import Null
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.packets import ICMP, TCP, buffer, ipv4, send, tcp, udp
from tests.runtime.fakes import MemoryIo


def router(arguments: str) -> Router:
    return Router(
        chain({"in": Null(), "e": build_one(StringMatcher, arguments), "end": Discard()}), MemoryIo()
    )


def found(arguments: str, packet: bytes) -> bool:
    """Whether the packet is turned away, be it by program or by holder."""
    one = router(arguments)
    left = one.outcome(one.by_name["e"], 0, buffer(packet))
    assert [data.data for _, data in left] == ([] if one.drops else [packet])
    assert one.handlers.read("e.matches") == str(len(one.drops))
    return bool(one.drops)


def udp_packet(payload: bytes) -> bytes:
    return ipv4(udp(payload))


@pytest.mark.parametrize("within", ["", ", WITHIN 9"])
@pytest.mark.parametrize(
    ("patterns", "payload", "hit"),
    [
        ("evil", b"evil", True),
        ("evil", b"an evil", True),
        ("evil", b"evi", False),
        ("evil", b"", False),
        ("evil", b"EVIL", False),
        ('"an evil"', b"xan evil", True),
        (r"\<00 00>, \<ff>", b"a\0\0b", True),
        (r"\<00 00>, \<ff>", b"a\0", False),
        (r"\<00 00>, \<ff>", b"abcdefgh\xff", True),
        ("evil, e", b"xe", True),
        ('"123456789"', b"123456789", True),
        ('"123456789"', b"12345678x", False),
        ('"a\\x62,,\\" d"', b'ab,," d', True),
    ],
)
def test_patterns(patterns, payload, hit, within):
    assert found(patterns + within, udp_packet(payload)) is hit


@pytest.mark.parametrize("limit", ["WITHIN 6", "WITHIN 6, OFFSET 0"])
@pytest.mark.parametrize(
    ("payload", "hit"),
    [(b"..evil", True), (b"...evil", False), (b"evil", True), (b"evilevil", True), (b"......evil", False)],
)
def test_a_pattern_lies_within_as_a_whole(payload, hit, limit):
    assert found(f"evil, {limit}", udp_packet(payload)) is hit
    assert found(f"evil, evil, {'e' * 6}, abcd, {limit}", udp_packet(payload)) is hit


@pytest.mark.parametrize("within", ["", ", WITHIN 6"])
@pytest.mark.parametrize(
    ("payload", "hit"),
    [(b"evil", False), (b".evil", False), (b"..evil", True), (b"....evil", True), (b"..ev", False)],
)
def test_the_search_starts_at_an_offset(payload, hit, within):
    assert found(f"evil, OFFSET 2{within}", udp_packet(payload)) is hit


TCP_OPTIONS = tcp()[:12] + b"\x60" + tcp()[13:] + b"\1\1\1\1"


@pytest.mark.parametrize("within", ["", ", WITHIN 4"])
@pytest.mark.parametrize(
    ("packet", "hit"),
    [
        (ipv4(tcp(b"evil"), proto=TCP), True),
        (ipv4(TCP_OPTIONS + b"evil", proto=TCP), True),
        (ipv4(tcp()[:4] + b"evil" + tcp()[8:], proto=TCP), False),
        (ipv4(tcp()[:4] + b"evil", proto=TCP), False),
        (ipv4(bytes(8) + b"evil", proto=ICMP), True),
        (ipv4(b"evil", proto=47), True),
        (ipv4(bytes(4) + b"evil", proto=17), False),
        (ipv4(b"evil", proto=17, off=1), True),
        (ipv4(udp(b"evil"), off=0x2000), True),
        (ipv4(udp(b"evil"), options=bytes([1, 1, 1, 0])), True),
        (ipv4(udp(b"evil"), options=b"evil"), True),
        (ipv4(udp(b"good"), options=b"evil"), False),
    ],
)
def test_the_payload_follows_the_headers(packet, hit, within):
    assert found(f"evil{within}", packet) is hit


def test_the_second_output_takes_what_has_a_pattern():
    element = build_one(StringMatcher, "evil, WITHIN 9")
    assert send(element, udp_packet(b"evil"), 2).to == 1
    assert send(element, udp_packet(b"good"), 2).to == 0
    assert send(element, buffer(udp_packet(b"good"), None), 2).to == "no IP header annotation"


@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    st.text("ab", max_size=12),
    st.integers(4, 10),
    st.integers(0, 4),
)
def test_program_and_holder_agree(patterns, payload, within, offset):
    short = f"{', '.join(patterns)}, WITHIN {within}, OFFSET {offset}"
    long = f"{', '.join([*patterns, 'x', 'y', 'z'] * 20)}, WITHIN {within}, OFFSET {offset}"
    assert build_one(StringMatcher, short).compiled
    assert not build_one(StringMatcher, long).compiled
    inside = payload[offset : offset + within]
    packet = udp_packet(payload.encode())
    assert found(short, packet) is found(long, packet) is any(pattern in inside for pattern in patterns)


def test_what_is_refused():
    with pytest.raises(ConfigurationError, match="required argument missing"):
        build_one(StringMatcher, "")
    assert build_one(StringMatcher, '"", a').problems(1, 1) == (
        "an empty pattern is in every packet: leave it out",
    )
    assert build_one(StringMatcher, "abc, WITHIN 2").problems(1, 1) == (
        "WITHIN is 2, but a pattern is longer and can never be found",
    )
