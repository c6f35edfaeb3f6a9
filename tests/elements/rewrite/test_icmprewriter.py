"""ICMPRewriter: errors about packets that rewriters changed."""

from collections.abc import Callable

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.arguments import NameBook, bind, unparse
from innet.elements.base import Element
from innet.elements.build import Companion, build_one
from innet.elements.registry import REGISTRY
from innet.elements.rewrite.icmprewriter import ICMPRewriter
from innet.flowspec import names
from innet.ir.interpret import PacketBuffer, State, ones_sum
from innet.lexical import Text
from tests.elements.packets import ipv4
from tests.elements.rewrite.test_icmppingrewriter import ping
from tests.elements.rewriting import TCP, UDP, Instance, address, full_sum, marked, packet

REWRITERS = {
    "rw": ("IPRewriter", "pattern 192.0.2.1 2000-2999# - - 0 1, drop, REPLY_ANNO PAINT"),
    "tcp": ("TCPRewriter", "pattern 192.0.2.1 2000-2999# - - 0 1, drop"),
    "udp": ("UDPRewriter", "pattern 192.0.2.1 2000-2999# - - 0 1, drop"),
    "ping": ("ICMPPingRewriter", "pattern 192.0.2.1 500-599# - - 0 1, drop"),
    "addr": ("IPAddrRewriter", "pattern 192.0.2.1 - 0 1, drop"),
    "pair": ("IPAddrPairRewriter", "pattern 192.0.2.1 10.0.0.99 0 1, drop"),
}
BOOK = NameBook.of([Companion(name, kind, Text(text)) for name, (kind, text) in REWRITERS.items()])


def build(text: str) -> ICMPRewriter:
    return bind(ICMPRewriter, Text(text), BOOK.at("ir"))


class Pair:
    """A rewriter and an ICMPRewriter that looks into its table."""

    def __init__(self, maps: str, outputs: int = 1) -> None:
        name = maps.split()[0].partition(":")[0]
        kind, text = REWRITERS[name]
        state = State()
        element: Element = build_one(REGISTRY[kind], text)
        self.rewriter = Instance(element, name, inputs=2, outputs=2, state=state)
        self.errors = Instance(build(maps), "ir", outputs=outputs, state=state)

    def sent(self, given: PacketBuffer) -> bytes:
        """What becomes of a packet on its way out."""
        [(_, out)] = self.rewriter.push(given)
        return out.data

    def told(self, error: PacketBuffer) -> list[tuple[int, PacketBuffer]]:
        return self.errors.push(error)


def error(
    quoted: bytes, kind: int = 3, source: str = "9.9.9.9", destination: str = "192.0.2.1"
) -> PacketBuffer:
    message = bytes([kind, 1, 0, 0, 0, 0, 0, 0]) + quoted
    sum_ = (ones_sum(message) ^ 0xFFFF).to_bytes(2, "big")
    return marked(ipv4(message[:2] + sum_ + message[4:], source, destination, 1))


def right(data: bytes) -> bool:
    """Whether the IPv4 and ICMP checksums of an error, and the IPv4 checksum it quotes, are right."""
    hl = 4 * (data[28] & 15)
    return {ones_sum(data[:20]), ones_sum(data[20:]), ones_sum(data[28 : 28 + hl])} == {0xFFFF}


def datagram(payload: bytes = b"hello", sum_: bool = True, options: bytes = b"") -> PacketBuffer:
    plain = packet("10.0.0.1:5", "8.8.8.8:53", payload=payload)
    made = packet("10.0.0.1:5", "8.8.8.8:53", payload=payload, sum_=full_sum(plain.data) if sum_ else 0)
    return marked(ipv4(made.data[20:], "10.0.0.1", "8.8.8.8", UDP, options=options))


@pytest.mark.parametrize("maps", ["rw", "udp"])
@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
@pytest.mark.parametrize("options", [b"", bytes([1, 1, 1, 0]), bytes(40)])
@pytest.mark.parametrize("sum_", [True, False])
def test_the_quoted_packet_is_as_it_was_sent(maps: str, kind: int, options: bytes, sum_: bool) -> None:
    pair = Pair(maps)
    original = datagram(sum_=sum_, options=options)
    before = original.data
    quoted = pair.sent(original)
    assert quoted != before
    [(port, out)] = pair.told(error(quoted, kind))
    assert (port, out.data[28:]) == (0, before)
    assert out.data[16:20] == out.annotations[:4] == address("10.0.0.1").to_bytes(4, "big")
    assert out.data[12:16] == address("9.9.9.9").to_bytes(4, "big"), "the error's source stays"
    assert right(out.data)


@pytest.mark.parametrize("length", [8, 17, 18, 20, 24])
def test_a_quoted_tcp_checksum_follows_if_it_is_quoted(length: int) -> None:
    pair = Pair("tcp")
    original = marked(
        ipv4(
            packet("10.0.0.1:5", "8.8.8.8:80", TCP, payload=b"data", sum_=0x1234).data[20:],
            dst="8.8.8.8",
            proto=TCP,
        )
    )
    before = original.data
    [(_, out)] = pair.told(error(pair.sent(original)[: 20 + length]))
    whole = length if length >= 18 else min(length, 16)
    assert out.data[28 : 48 + whole] == before[: 20 + whole]
    assert right(out.data)


def test_pings() -> None:
    pair = Pair("ping")
    original = ping("10.0.0.1", "8.8.8.8", 7)
    before = original.data
    [(_, out)] = pair.told(error(pair.sent(original)))
    assert out.data[28:] == before
    assert right(out.data)


def test_pairs() -> None:
    pair = Pair("pair")
    original = datagram()
    before = original.data
    [(_, out)] = pair.told(error(pair.sent(original)[:40]))
    assert out.data[28:44] == before[:16]
    assert out.data[44:48] == address("8.8.8.8").to_bytes(4, "big")
    assert right(out.data)


def test_of_an_address_rewriter_one_address_is_known() -> None:
    """The other comes out as zero, as in Click."""
    pair = Pair("addr")
    [(_, out)] = pair.told(error(pair.sent(datagram())))
    assert out.data[40:48] == address("10.0.0.1").to_bytes(4, "big") + bytes(4)
    assert right(out.data)


def cut(data: bytes, length: int) -> bytes:
    return data[:length]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda quoted: error(quoted, 0), "not an ICMP error that quotes a packet"),
        (lambda quoted: error(quoted, 8), "not an ICMP error that quotes a packet"),
        (lambda quoted: error(quoted[:19]), "not an ICMP error that quotes a packet"),
        (lambda quoted: error(b"\x65" + quoted[1:]), "not an ICMP error that quotes a packet"),
        (lambda quoted: error(b"\x44" + quoted[1:]), "not an ICMP error that quotes a packet"),
        (
            lambda quoted: marked(ipv4(error(quoted).data[20:], proto=UDP)),
            "not an ICMP error that quotes a packet",
        ),
        (lambda quoted: error(quoted[:27]), "no mapping for the quoted packet"),
        (lambda quoted: error(quoted[:6] + b"\0\7" + quoted[8:]), "no mapping for the quoted packet"),
        (lambda quoted: error(quoted[:9] + b"\6" + quoted[10:]), "no mapping for the quoted packet"),
        (lambda quoted: error(quoted[:9] + b"\1" + quoted[10:]), "no mapping for the quoted packet"),
        (lambda quoted: error(quoted[:15] + b"\2" + quoted[16:]), "no mapping for the quoted packet"),
        (lambda quoted: error(quoted[:21] + b"\1" + quoted[22:]), "no mapping for the quoted packet"),
    ],
)
@pytest.mark.parametrize("maps", ["rw ping", "udp"])
def test_others_are_dropped(maps: str, change: Callable[[bytes], PacketBuffer], reason: str) -> None:
    pair = Pair(maps, outputs=2)
    quoted = pair.sent(datagram())
    assert pair.told(change(quoted)) == []
    assert pair.errors.reason == reason


def test_an_error_for_someone_else_keeps_its_destination() -> None:
    pair = Pair("rw")
    original = datagram()
    before = original.data
    given = error(pair.sent(original), destination="10.7.7.7")
    given.annotations[:4] = b"\1\1\1\1"
    [(_, out)] = pair.told(given)
    assert out.data[16:20] == address("10.7.7.7").to_bytes(4, "big")
    assert out.annotations[:4] == b"\1\1\1\1"
    assert out.data[28:] == before
    assert right(out.data)


def test_an_error_from_inside_about_an_answer() -> None:
    pair = Pair("rw")
    pair.sent(datagram())
    answer = packet("8.8.8.8:53", "10.0.0.1:5", payload=b"yes")
    [(_, out)] = pair.told(error(answer.data, source="10.0.0.1", destination="8.8.8.8"))
    assert names.dotted(int.from_bytes(out.data[44:48], "big")) == "192.0.2.1"
    assert out.data[48:52] == (53).to_bytes(2, "big") + (2000).to_bytes(2, "big")


@pytest.mark.parametrize(("text", "port"), [("rw", 0), ("rw:0", 1), ("rw:1", 2)])
def test_outputs_behind_an_offset(text: str, port: int) -> None:
    pair = Pair(text, outputs=4)
    [(found, _)] = pair.told(error(pair.sent(datagram())))
    assert found == port


def test_annotations() -> None:
    for text, note, destination in (
        ("rw", 3, bytes([10, 0, 0, 1])),
        ("rw, DST_ANNO false", 3, b"\1\1\1\1"),
        ("rw, REPLY_ANNO PAINT", 7, bytes([10, 0, 0, 1])),
        ("udp, REPLY_ANNO PAINT", 0, bytes([10, 0, 0, 1])),
    ):
        pair = Pair(text.replace(",", " ,").split()[0])
        pair.errors = Instance(build(text), "ir", state=pair.rewriter.state)
        original = datagram()
        original.annotations[16] = 7
        given = error(pair.sent(original))
        given.annotations[:4], given.annotations[16] = b"\1\1\1\1", 3
        [(_, out)] = pair.told(given)
        assert (out.annotations[:4], out.annotations[16]) == (destination, note), text


def test_a_mapping_is_not_counted_as_used() -> None:
    pair = Pair("rw")
    quoted = pair.sent(datagram())
    pair.rewriter.state.clock = lambda: 10**12
    pair.told(error(quoted))
    assert {entry.touched_ns for entry in pair.rewriter.state.tables["rw", "flows"].rows.values()} == {0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "MAPS"),
        ("nobody", "there is no element 'nobody'"),
        ("pimg", "did you mean 'ping'?"),
        ("rw:x", "'x' is no output"),
        ("rw, DST_ANO true", "DST_ANNO"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(text)
    assert message in " ".join(f"{d.message} {d.help} {d.expected}" for d in caught.value.diagnostics)


def test_an_offset_needs_the_outputs_behind_it() -> None:
    assert build("rw:1").problems(1, 3) == ()
    assert build("rw:1").problems(1, 2) == (
        "the outputs of 'rw' need outputs up to 2, but the element has 2",
    )


def test_is_written_as_it_is_read() -> None:
    assert unparse(build("rw ping:3, DST_ANNO false")) == "rw ping:3, DST_ANNO false"
