"""FTPPortMapper and the shifts of TCPRewriter: lines change their length, sequence numbers follow."""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.build import load
from innet.elements.rewrite.shiftedflows import KEPT, Shifts
from innet.ir.interpret import ones_sum
from innet.runtime.build import build
from innet.runtime.router import Router
from tests.elements.packets import ipv4, transport_sum
from tests.elements.rewriting import address
from tests.runtime.fakes import MemoryIo

CONFIGURATION = """
control :: TCPRewriter(pattern 192.0.2.1 2000-2999# - - 0 1, drop);
data :: IPRewriter(pattern 192.0.2.1 %s - - 0 1, drop);
c :: IPClassifier(src net 10.0.0.0/8, -);
FromDump(in0) -> CheckIPHeader -> c;
c[0] -> FTPPortMapper(control, data, 0) -> [0]control;
c[1] -> k :: IPClassifier(dst port 3000-3999 or dst port 7, -);
k[0] -> [1]data; k[1] -> [1]control;
control[0] -> ToDump(out0); control[1] -> ToDump(out1);
Idle -> [0]data; data[0] -> Discard; data[1] -> ToDump(out2);
""".replace("dst port 3000-3999 or dst port 7", "dst port & 0xff00 0x0b00")
CLIENT, SERVER, PUBLIC = "10.0.0.1", "8.8.8.8", "192.0.2.1"


def segment(
    source: str,
    sport: int,
    destination: str,
    dport: int,
    payload: bytes = b"",
    seq: int = 1000,
    ack: int = 5000,
    options: bytes = b"",
) -> bytes:
    """A TCP segment with a right checksum."""
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    numbers = seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
    head = ports + numbers + bytes([(5 + len(options) // 4) << 4, 16]) + bytes(6) + options + payload
    whole = ipv4(head, source, destination, 6)
    sum_ = (transport_sum(whole) ^ 0xFFFF).to_bytes(2, "big")
    return whole[:36] + sum_ + whole[38:]


def to_server(payload: bytes = b"", seq: int = 1000, ack: int = 5000) -> bytes:
    return segment(CLIENT, 1500, SERVER, 21, payload, seq, ack)


def to_client(payload: bytes = b"", seq: int = 5000, ack: int = 1000, options: bytes = b"") -> bytes:
    return segment(SERVER, 21, PUBLIC, 2000, payload, seq, ack, options)


def run(packets: list[bytes], ports: str = "3000-3999#") -> tuple[list[list[bytes]], Router]:
    """What each ToDump wrote; every checksum in it is right."""
    io = MemoryIo(in0=packets)
    router, _ = build(Source("t", CONFIGURATION % ports), io)
    router.run()
    out = [[data for data, _, _ in io.sinks[f"out{n}"].packets] for n in range(3)]
    for data in (data for one in out for data in one):
        assert ones_sum(data[:20]) == 0xFFFF
        assert int.from_bytes(data[2:4], "big") == len(data)
        assert transport_sum(data) == 0xFFFF
    return out, router


def number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def payload(data: bytes) -> bytes:
    return data[20 + 4 * (data[32] >> 4) :]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (b"PORT 10,0,0,1,4,210\r\n", b"PORT 192,0,2,1,11,184\r\n"),
        (b"port   10,0,0,1,4,210\nNOOP\r\n", b"port   192,0,2,1,11,184\nNOOP\r\n"),
        (b"PoRt 010,000,000,001,004,210\r\n", b"PoRt 192,0,2,1,11,184\r\n"),
        (b"PORT 10,0,0,,4,210\r", b"PORT 192,0,2,1,11,184\r"),
        (b"PORT 10,0,0,1,4,210", None),
        (b"PORT 10,0,0,1,4,256\r\n", None),
        (b"PORT 10,0,0,1,4\r\n", None),
        (b"PORT 10,0,0,1,4,2,1\r\n", None),
        (b"PORT\t10,0,0,1,4,210\r\n", None),
        (b"PORT 10,0,0,1,4,210 \r\n", None),
        (b"XPORT 10,0,0,1,4,210\r\n", None),
        (b"PASV\r\n", None),
        (b"POR", None),
        (b"", None),
    ],
)
def test_lines(line: bytes, after: bytes | None) -> None:
    (sent, _, _), _ = run([to_server(), to_server(line)])
    assert payload(sent[1]) == (line if after is None else after)


def test_a_line_of_an_unknown_connection_stays() -> None:
    line = b"PORT 10,0,0,1,4,210\r\n"
    (sent, _, _), _ = run([to_server(line)])
    assert payload(sent[0]) == line


def test_the_data_connection_comes_back_to_the_client() -> None:
    line = b"PORT 10,0,0,1,4,210\r\n"
    _, _, data = run([to_server(), to_server(line), segment(SERVER, 20, PUBLIC, 3000)])[0]
    [opening] = data
    assert opening[16:20] == address(CLIENT).to_bytes(4, "big")
    assert opening[20:24] == (20).to_bytes(2, "big") + (4 * 256 + 210).to_bytes(2, "big")


def test_without_a_free_port_the_line_stays() -> None:
    lines = [b"PORT 10,0,0,1,4,%d\r\n" % n for n in (1, 2, 3)]
    packets = [to_server(), *(to_server(line, 1000 + 100 * n) for n, line in enumerate(lines))]
    (sent, _, _), router = run(packets, "3000-3001#")
    assert [payload(data) for data in sent[1:]] == [
        b"PORT 192,0,2,1,11,184\r\n",
        b"PORT 192,0,2,1,11,185\r\n",
        lines[2],
    ]
    assert router.handlers.read("data.mapping_failures") == "1"
    assert router.handlers.read("data.table_size") == "2"


def test_the_same_line_again_changes_no_more() -> None:
    line = b"PORT 10,0,0,1,4,210\r\n"
    (sent, _, _), router = run([to_server(), to_server(line), to_server(line), to_server(b"x", 1021)])
    assert payload(sent[1]) == payload(sent[2])
    assert [number(data, 24) for data in sent] == [1000, 1000, 1000, 1023]
    assert router.handlers.read("data.table_size") == "1"


@pytest.mark.parametrize(
    ("seq", "after"), [(900, 900), (1000, 1000), (1020, 1020), (1021, 1023), (1022, 1024), (2**31, 2**31 + 2)]
)
def test_sequence_numbers_shift_behind_the_line_only(seq: int, after: int) -> None:
    """The line has 21 bytes and grows by 2."""
    line = b"PORT 10,0,0,1,4,210\r\n"
    (sent, _, _), _ = run([to_server(), to_server(line), to_server(b"x", seq)])
    assert number(sent[2], 24) == after


@pytest.mark.parametrize(
    ("ack", "after"), [(1000, 1000), (1021, 1021), (1022, 1022), (1023, 1021), (1030, 1028)]
)
@pytest.mark.parametrize(
    "options",
    [b"", b"\1\1\5\x0a%s%s", b"\1\5\x0a%s%s\1", b"\5\x0a%s%s\1\1", b"\1\1\x08\x0atimetime\1\1\5\x12%s%s%s%s"],
)
def test_acknowledgements_and_selective_ones_shift_back(ack: int, after: int, options: bytes) -> None:
    line = b"PORT 10,0,0,1,4,210\r\n"

    def filled(base: int) -> bytes:
        count = options.count(b"%s")
        return options % tuple(base.to_bytes(4, "big") for _ in range(count)) if count else options

    _, back, _ = run([to_server(), to_server(line), to_client(b"ok", ack=ack, options=filled(ack))])[0]
    [told] = back
    assert number(told, 28) == after
    assert told[40 : 40 + len(filled(0))] == filled(after)
    assert payload(told) == b"ok"


@pytest.mark.parametrize(
    "options",
    [
        b"\1\1\5\x0b\0\0\4\0\0\0\4\0",  # a length that does not fit
        b"\1\1\5\x12\0\0\4\0\0\0\4\0",  # longer than the header
        b"\1\1\x08\x0a\0\0\4\0\0\0\4\0",  # the time stamps that most segments have
        b"\0\0\5\x0a\0\0\4\0\0\0\4\0",  # behind the end
        b"\7\0\5\x0a\0\0\4\0\0\0\4\0",  # behind one without a length
    ],
)
def test_other_options_stay(options: bytes) -> None:
    line = b"PORT 10,0,0,1,4,210\r\n"
    _, back, _ = run([to_server(), to_server(line), to_client(ack=1030, options=options)])[0]
    assert number(back[0], 28) == 1028
    assert back[0][40:] == options


def test_shifts_add_up_and_the_oldest_are_forgotten() -> None:
    shifts = Shifts()
    for n in range(1, KEPT + 3):
        shifts = shifts.grown(100 * n, 3)
    assert (shifts.first, len(shifts.points)) == (6, KEPT)
    assert shifts.points[-1] == (100 * (KEPT + 2), 3 * (KEPT + 2))
    assert shifts.grown(100, 50) == shifts
    assert Shifts.of(shifts.columns()) == shifts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FTPPortMapper(data, data, 0)", "'data' is of class IPRewriter"),
        ("FTPPortMapper(control, ping, 0)", "'ping' is of class ICMPPingRewriter"),
        ("FTPPortMapper(control, nobody, 0)", "there is no element 'nobody'"),
        ("FTPPortMapper(control, data, 2)", "'data' has 2 inputs, so none is 2"),
        ("FTPPortMapper(control, data)", "required argument missing"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    whole = f"""
    control :: TCPRewriter(keep 0 0); data :: IPRewriter(keep 0 0, drop); ping :: ICMPPingRewriter(keep 0 0);
    Idle -> {text} -> control -> Discard; Idle -> data -> Discard; Idle -> [1]data; Idle -> ping -> Discard;
    """
    with pytest.raises(ConfigurationError) as caught:
        load(Source("t", whole))
    assert any(message in d.message for d in caught.value.diagnostics)
