"""IPAddrRewriter and IPAddrPairRewriter: addresses change, whatever the protocol; ports do not."""

import pytest

from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.rewrite.ipaddrpairrewriter import IPAddrPairRewriter
from innet.elements.rewrite.ipaddrrewriter import IPAddrRewriter
from innet.ir.interpret import PacketBuffer
from tests.elements.rewriting import TCP, UDP, Instance, address, packet, shown


def rewriter(text: str, cls: type[Element] = IPAddrRewriter) -> Instance:
    return Instance(build_one(cls, text), "rw", inputs=2, outputs=3)


def go(instance: Instance, text: str, port: int = 0) -> str:
    source, _, destination = text.partition(" > ")
    return shown(instance.push(packet(source, destination), port))


@pytest.mark.parametrize(
    ("packets", "port", "after"),
    [
        (["10.0.0.1:5 > 8.8.8.8:53"], 0, "0 192.0.2.10:5 > 8.8.8.8:53"),
        (["10.0.0.1:5 > 8.8.8.8:53", "10.0.0.2:5 > 8.8.8.8:53"], 0, "0 192.0.2.11:5 > 8.8.8.8:53"),
        (["10.0.0.1:5 > 8.8.8.8:53", "10.0.0.1:6 > 9.9.9.9:1"], 0, "0 192.0.2.10:6 > 9.9.9.9:1"),
        (["10.0.0.1:5 > 8.8.8.8:53", "9.9.9.9:1 > 192.0.2.10:5"], 1, "1 9.9.9.9:1 > 10.0.0.1:5"),
        (["10.0.0.1:5 > 8.8.8.8:53", "9.9.9.9:1 > 192.0.2.10:5"], 0, "1 9.9.9.9:1 > 10.0.0.1:5"),
        (["9.9.9.9:1 > 192.0.2.10:5"], 1, "2 9.9.9.9:1 > 192.0.2.10:5"),
        # the source is known as one inside, though the destination is mapped too
        (["10.0.0.1:5 > 8.8.8.8:53", "10.0.0.1:5 > 192.0.2.10:5"], 1, "0 192.0.2.10:5 > 192.0.2.10:5"),
    ],
)
def test_the_source_is_looked_up_first_then_the_destination(
    packets: list[str], port: int, after: str
) -> None:
    instance = rewriter("pattern 192.0.2.10-192.0.2.12# - 0 1, pass 2")
    for text in packets[:-1]:
        go(instance, text)
    assert go(instance, packets[-1], port) == after


def test_no_address_left() -> None:
    instance = rewriter("pattern 192.0.2.0/30# - 0 1, drop")
    assert [go(instance, f"10.0.0.{n}:1 > 8.8.8.8:1") for n in (1, 2, 3)] == [
        "0 192.0.2.1:1 > 8.8.8.8:1",
        "0 192.0.2.2:1 > 8.8.8.8:1",
        "",
    ]
    assert instance.reason == "no free port or address"
    assert instance.state.statistics["rw", "mapping_failures"] == 1


def test_one_address_for_all_goes_to_the_last_who_asked() -> None:
    instance = rewriter("pattern 192.0.2.1 - 0 1, drop")
    go(instance, "10.0.0.1:1 > 8.8.8.8:1")
    go(instance, "10.0.0.2:1 > 8.8.8.8:1")
    assert go(instance, "8.8.8.8:1 > 192.0.2.1:9") == "1 8.8.8.8:1 > 10.0.0.2:9"
    assert len(instance.state.tables["rw", "flows"].rows) == 2


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (IPAddrRewriter, "pattern 192.0.2.1 10.0.0.99 0 1, drop"),
        (IPAddrRewriter, "pattern 192.0.2.1 - - 80 0 1, drop"),
        (IPAddrRewriter, "pattern 192.0.2.1 1-9# - - 0 1, drop"),
        (IPAddrPairRewriter, "pattern 192.0.2.1 80 - - 0 1, drop"),
    ],
)
def test_patterns_that_set_more_than_addresses_make_no_mapping(cls: type[Element], text: str) -> None:
    instance = rewriter(text, cls)
    assert go(instance, "10.0.0.1:1 > 8.8.8.8:1") == ""
    assert instance.reason == "a pattern that sets more than this rewriter can"


def test_any_protocol_and_fragments_too() -> None:
    instance = rewriter("pattern 192.0.2.1 - 0 1, drop")
    late = packet("10.0.0.1:5", "8.8.8.8:53", TCP, sum_=0x1234)
    late.bytes[6:8] = b"\0\7"
    before = late.data
    [(_, out)] = instance.push(late)
    assert out.data[12:16] == address("192.0.2.1").to_bytes(4, "big")
    assert out.data[16:] == before[16:]


@pytest.mark.parametrize(
    ("proto", "length", "sum_", "after"),
    [
        (UDP, 8, 0x1111, 0x1111 - 0xB800 & 0xFFFF),
        (UDP, 8, 0, 0),
        (UDP, 7, 0x1111, None),
        (TCP, 18, 0x1111, 0x1111 - 0xB800 & 0xFFFF),
        (TCP, 17, 0x1111, None),
    ],
)
@pytest.mark.parametrize("cls", [IPAddrRewriter, IPAddrPairRewriter])
def test_transport_checksums_follow_where_they_are(
    proto: int, length: int, sum_: int, after: int | None, cls: type[Element]
) -> None:
    """10.0.0.1 becomes 192.0.2.1: the sum grows by 0xb800."""
    instance = rewriter("pattern 192.0.2.1 - 0 1, drop", cls)
    given = packet("10.0.0.1:5", "8.8.8.8:53", proto, sum_=sum_)
    given.marks[next(m for m in given.marks if m.value == "end")] = 20 + length
    before = given.data
    instance.push(given)
    at = 36 if proto == TCP else 26
    if after is None:
        assert given.data[20:] == before[20:]
    else:
        wanted = after - (1 if after > sum_ else 0)  # the borrow comes round
        assert int.from_bytes(given.data[at : at + 2], "big") == wanted


def annotated(instance: Instance, source: str, destination: str, port: int) -> PacketBuffer:
    given = packet(source, destination)
    given.annotations[:4] = b"\1\1\1\1"
    given.annotations[16] = 7 if port == 0 else 3
    instance.push(given, port)
    return given


def test_annotations_change_in_answers_only() -> None:
    instance = rewriter("pattern 192.0.2.1 - 0 1, drop, REPLY_ANNO PAINT")
    out = annotated(instance, "10.0.0.1:5", "8.8.8.8:53", 0)
    assert (out.annotations[:4], out.annotations[16]) == (b"\1\1\1\1", 7)
    back = annotated(instance, "8.8.8.8:53", "192.0.2.1:5", 1)
    assert (back.annotations[:4], back.annotations[16]) == (bytes([10, 0, 0, 1]), 7)


@pytest.mark.parametrize(
    ("packets", "after"),
    [
        (["10.0.0.1:5 > 8.8.8.8:53"], "0 192.0.2.1:5 > 10.0.0.99:53"),
        (["10.0.0.1:5 > 8.8.8.8:53", "10.0.0.99:53 > 192.0.2.1:5"], "1 8.8.8.8:53 > 10.0.0.1:5"),
        # the pair after rewriting is the same: the older flow goes
        (
            ["10.0.0.1:5 > 8.8.8.8:53", "10.0.0.2:5 > 8.8.8.8:53", "10.0.0.99:53 > 192.0.2.1:5"],
            "1 8.8.8.8:53 > 10.0.0.2:5",
        ),
    ],
)
def test_pairs(packets: list[str], after: str) -> None:
    instance = rewriter("pattern 192.0.2.1 10.0.0.99 0 1, drop", IPAddrPairRewriter)
    for text in packets[:-1]:
        go(instance, text)
    assert go(instance, packets[-1], 0) == after


def test_pairs_set_the_destination_annotation() -> None:
    for keywords, wanted in (("", bytes([8, 8, 8, 8])), (", DST_ANNO false", b"\1\1\1\1")):
        instance = rewriter(f"pattern 192.0.2.1 - 0 1, drop{keywords}", IPAddrPairRewriter)
        assert annotated(instance, "10.0.0.1:5", "8.8.8.8:53", 0).annotations[:4] == wanted


def test_without_an_ip_header() -> None:
    for text in ("pass, pass", "keep 0 1, drop"):
        instance = rewriter(text)
        assert instance.push(PacketBuffer(bytes(60))) == []
        assert instance.reason == "no IP header annotation"
