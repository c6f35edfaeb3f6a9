"""Elements that make packets by time, at random, or to measure."""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.device.source import FILLER
from innet.runtime.build import build
from innet.runtime.router import Router
from tests.elements.packets import buffer, icmp_checksum_right, ip_checksum_right, transport_sum
from tests.runtime.fakes import MemoryIo

MS = 1_000_000


def run(text: str, until_ms: float = 3000) -> tuple[list[bytes], Router, list[int]]:
    """The packets in the capture `out`, the router, and their timestamps in milliseconds."""
    io = MemoryIo()
    router, _ = build(Source("c", text), io)
    router.run(int(until_ms * MS))
    packets = io.sinks["out"].packets
    return [data for data, _, _ in packets], router, [time // MS for _, time, _ in packets]


@pytest.mark.parametrize(
    ("source", "times"),
    [
        ("TimedSource(LIMIT 3)", [500, 1000, 1500]),
        ("TimedSource(0.2, abc, LIMIT 2)", [200, 400]),
        ("TimedSource(1, ACTIVE false)", []),
        ("ICMPPingSource(1.0.0.1, 2.0.0.2, LIMIT 2)", [1000, 2000]),
        ("ICMPPingSource(1.0.0.1, 2.0.0.2, INTERVAL 0.5, LIMIT 3)", [500, 1000, 1500]),
        ("RatedSource(abc, 10, 4)", [0, 0, 101, 201]),  # the bucket is full at first
        ("RandomSource(5, 2)", [0, 0]),
    ],
)
def test_when_packets_are_made(source: str, times: list[int]) -> None:
    found = run(f"s :: {source} -> ToDump(out);")[2]
    assert len(found) == len(times)
    assert all(abs(a - b) <= 1 for a, b in zip(found, times, strict=True))


def test_RatedSource_keeps_its_rate() -> None:
    for source, rate in (
        ("RatedSource(abc, 100)", 100),
        ("RatedSource(LENGTH 100, BANDWIDTH 40kBps)", 400),
        ("RatedSource(abc, 0)", 0),
    ):
        times = run(f"s :: {source} -> ToDump(out);")[2]
        assert sum(1000 <= t < 2000 for t in times) == pytest.approx(rate, abs=1)


def test_RatedSource_can_be_pulled() -> None:
    packets, router, _ = run("s :: RatedSource(abc, 10, 5) -> Unqueue -> ToDump(out);", 5)
    assert packets == [b"abc"] * 2
    assert router.handlers.read("s.count") == "2"


@pytest.mark.parametrize("source", ["TimedSource(1ms, LIMIT 2, STOP true)", "RatedSource(LIMIT 2, STOP true)",
                                    "RandomSource(9, 2, STOP true)", "InfiniteSource(LIMIT 2, STOP true)",
                                    "ICMPPingSource(1.0.0.1, 2.0.0.2, INTERVAL 1ms, LIMIT 2, STOP true)"])  # fmt: skip
def test_STOP_ends_the_run(source: str) -> None:
    packets, router, _ = run(f"{source} -> ToDump(out);")
    assert (len(packets), router.ended) == (2, True)


def test_what_is_in_the_packets() -> None:
    assert run("TimedSource(LIMIT 1) -> ToDump(out);")[0] == [FILLER]
    assert run("RatedSource(abc, LIMIT 1, LENGTH 7) -> ToDump(out);")[0] == [b"abcabca"]
    packets = run("RandomSource(50, 20) -> ToDump(out);")[0]
    assert {len(p) for p in packets} == {50}
    assert len(set(packets)) == 20
    assert run("RandomSource(0, 1) -> ToDump(out);")[0] == [b""]


def test_handlers() -> None:
    _, router, _ = run(
        "s :: TimedSource(1s) -> ToDump(out); r :: RatedSource(abc, 10, 3) -> ToDump(out2);", 1
    )
    read, write = router.handlers.read, router.handlers.write
    assert [read(f"s.{h}") for h in ("interval", "data", "active", "limit", "headroom", "count")] == [
        "1.000000s", FILLER.decode(), "true", "-1", "28", "0",
    ]  # fmt: skip
    write("s.data", "xyz")
    write("s.interval", "10ms")
    write("s.reset", "")
    router.run(1015 * MS)  # the timer that runs is not touched
    assert (read("s.count"), read("s.interval"), read("s.data")) == ("2", "10ms", "xyz")
    write("r.rate", "1000")
    write("r.length", "2")
    assert (read("r.rate"), read("r.length"), read("r.limit")) == ("1000", "2", "3")


def test_InfiniteSource_data_and_length_can_be_written() -> None:
    io = MemoryIo()
    router, _ = build(Source("c", "s :: InfiniteSource(abc, 2, ACTIVE false) -> ToDump(out);"), io)
    for handler, value in (("data", "vwxyz"), ("length", "7"), ("active", "true")):
        router.handlers.write(f"s.{handler}", value)
    router.run()
    assert [data for data, _, _ in io.sinks["out"].packets] == [b"vwxyzvw"] * 2


# ---- pings


def test_ICMPPingSource() -> None:
    packets, router, _ = run(
        'p :: ICMPPingSource(1.0.0.1, 2.0.0.2, INTERVAL 1ms, IDENTIFIER 258, DATA "abc", LIMIT 3) -> ToDump(out);'
    )
    for n, packet in enumerate(packets, 1):
        assert packet[:12].hex() == f"4500001f{n:04x}0000c801" + packet[10:12].hex()
        assert packet[12:20] == bytes([1, 0, 0, 1, 2, 0, 0, 2])
        assert packet[20:22] + packet[24:] == bytes([8, 0, 1, 2, 0, n]) + b"abc"
        assert ip_checksum_right(packet)
        assert icmp_checksum_right(packet)
    assert len(packets) == 3
    read, write = router.handlers.read, router.handlers.write
    assert [read(f"p.{h}") for h in ("src", "dst", "active", "count")] == ["1.0.0.1", "2.0.0.2", "true", "3"]
    write("p.dst", "3.0.0.3")
    write("p.limit", "4")
    router.run(3100 * MS)
    assert router.handlers.read("p.count") == "4"


ANSWERS = """p :: ICMPPingSource(1.0.0.1, 2.0.0.2, INTERVAL 100ms, IDENTIFIER 7, LIMIT 2, VERBOSE false{}) -> t :: Tee
    -> ToDump(out); t [1] -> ICMPPingResponder -> DelayedAnswer :: Queue -> DelayUnqueue(20ms) -> [0] p;"""


def test_answers_are_watched() -> None:
    _, router, _ = run(ANSWERS.format(""), 1000)
    read = router.handlers.read
    assert read("p.summary") == (
        "2 packets transmitted, 2 received, 0% packet loss\n"
        "rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000\n"
    )
    assert [read(f"p.{h}") for h in ("rtt_min", "rtt_avg", "rtt_max")] == ["0.020000"] * 3
    assert router.drops["p", "answer"] == 2
    router.push(router.by_name["p"], 0, buffer(b"\x45" + bytes(39)))
    assert router.drops["p", "not an answer"] == 1
    router.handlers.write("p.reset_counts", "")
    assert read("p.summary") == "0 packets transmitted, 0 received"


def test_MIRROR_turns_answers_into_requests() -> None:
    packets, _, _ = run(ANSWERS.format(", MIRROR true"), 500)
    assert len(packets) > 10
    assert [p[6 + 20 : 8 + 20] for p in packets[:3]] == [b"\0\1", b"\0\2", b"\0\3"]
    assert all(ip_checksum_right(p) and icmp_checksum_right(p) and p[20] == 8 for p in packets)


# ---- fast sources

ETHERS = "2:0:0:0:0:1, 10.0.0.1{}, 2:0:0:0:0:2, 10.0.0.2{}"


def fast(element: str, until_ms: float = 1) -> tuple[list[bytes], Router]:
    packets, router, _ = run(f"s :: {element} -> Unqueue -> ToDump(out);", until_ms)
    return packets, router


def test_FastUDPSource() -> None:
    packets, router = fast(f"FastUDPSource(0, 7, 100, {ETHERS.format(', 1000', ', 2000')}, true, 3)")
    assert [(p[34:36], p[36:38]) for p in packets] == [
        ((1000 + n // 3).to_bytes(2, "big"), (2000 + n // 3).to_bytes(2, "big")) for n in range(7)
    ]
    for packet in packets:
        assert len(packet) == 100
        assert packet[:14].hex() == "0200000000020200000000010800"
        assert ip_checksum_right(packet[14:])
        assert transport_sum(packet[14:]) == 0xFFFF
    assert [router.handlers.read(f"s.{h}") for h in ("count", "active", "rate")] == ["7", "true", "0"]


def test_FastUDPSource_rate_length_and_no_checksum() -> None:
    packets, router = fast(f"FastUDPSource(100, -1, 10, {ETHERS.format(', 1', ', 2')}, false)", 2000)
    assert len(packets) == pytest.approx(200, abs=1)
    assert {len(p) for p in packets} == {60}
    assert packets[0][40:42] == bytes(2)
    router.handlers.write("s.rate", "1000")
    router.handlers.write("s.reset", "")
    router.run(2100 * MS)
    assert int(router.handlers.read("s.count")) == pytest.approx(100, abs=2)


def test_FastUDPFlows() -> None:
    packets, _ = fast(f"FastUDPFlows(0, 60, 64, {ETHERS.format('', '')}, 3, 5)")
    assert len(packets) == 60
    assert all(transport_sum(p[14:]) == 0xFFFF and ip_checksum_right(p[14:]) for p in packets)
    sizes = [sum(p[34:38] == ports for p in packets) for ports in {p[34:38] for p in packets}]
    assert max(sizes) == 5
    assert sizes.count(5) >= 9


def test_FastTCPFlows() -> None:
    packets, _ = fast(f"FastTCPFlows(0, 40, 64, {ETHERS.format('', '')}, 2, 4)")
    flows: dict[bytes, list[int]] = {}
    for packet in packets:
        assert transport_sum(packet[14:]) == 0xFFFF
        flows.setdefault(packet[34:38], []).append(packet[47])
    assert len(packets) in (40, 41, 42)
    for flags in flows.values():
        assert flags[-1] == 0x01
        assert flags[0] == 0x02 or len(flags) == 1
        assert len(flags) <= 4
    assert [0x02, 0x18, 0x18, 0x01] in flows.values()


@pytest.mark.parametrize("text", ["TimedSource(0)", "RandomSource(9, BURST 0)", "RatedSource(LENGTH 70000)",
                                  f"FastTCPFlows(0, 1, 60, {ETHERS.format('', '')}, 0, 4)"])  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        build(Source("c", f"{text} -> Discard;"), MemoryIo())
