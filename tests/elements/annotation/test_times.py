"""Elements that set, change and store timestamps."""

import pytest

from innet.diagnostics import Source
from innet.elements.annotation.adjusttimestamp import AdjustTimestamp
from innet.elements.annotation.settimestamp import SetTimestamp
from innet.elements.annotation.settimestampdelta import SetTimestampDelta
from innet.elements.annotation.storetimestamp import StoreTimestamp
from innet.elements.annotation.times import FIRST_TIMESTAMP, TIMESTAMP, time_at
from innet.elements.base import Element
from innet.elements.framing.randombiterrors import RandomBitErrors
from innet.elements.holder import timestamp
from innet.ir.interpret import NS, PacketBuffer, State
from innet.runtime.build import build
from tests.elements.packets import send
from tests.runtime.fakes import MemoryIo

NOW = 1_700_000_000 * NS + 123_456_789


def packet(time_ns: int = 0, first_ns: int = 0, data: bytes = b"abcdef") -> PacketBuffer:
    made = PacketBuffer(data)
    timestamp(made, time_ns)
    made.annotations[32:40] = (first_ns // NS).to_bytes(4, "big") + (first_ns % NS).to_bytes(4, "big")
    return made


def times(element: Element, time_ns: int = 0, first_ns: int = 0) -> tuple[int, int]:
    done = send(element, packet(time_ns, first_ns), state=State(clock=lambda: NOW))
    return time_at(done.packet, TIMESTAMP), time_at(done.packet, FIRST_TIMESTAMP)


@pytest.mark.parametrize(
    ("element", "before", "after"),
    [
        (SetTimestamp(), (5, 6), (NOW, 6)),
        (SetTimestamp(7 * NS + 1), (5, 6), (7 * NS + 1, 6)),
        (SetTimestamp(first=True), (5, 6), (5, NOW)),
        (SetTimestamp(8, first=True), (5, 6), (5, 8)),
        (AdjustTimestamp(NS + 1), (NOW, 6), (NOW + NS + 1, 6)),
        (AdjustTimestamp(-NS // 4), (5 * NS, 6), (4 * NS + NS * 3 // 4, 6)),
        (AdjustTimestamp(NS), (0, 6), (0, 6)),
        (AdjustTimestamp(NS, all=True), (0, 6), (NS, 6)),
        (AdjustTimestamp(NS, first=True), (5, 6), (5, NS + 6)),
        (AdjustTimestamp(-NS, all=True), (0, 6), (((1 << 32) - 1) * NS, 6)),  # -1 s
        (AdjustTimestamp(), (5, 6), (5, 6)),
        (SetTimestampDelta(type="NOW"), (NOW - 3 * NS, 6), (3 * NS, 6)),
        (SetTimestampDelta(type="NOW"), (0, 6), (0, 6)),
        (SetTimestampDelta(type="FIRST"), (NOW, NOW - 1), (1, NOW - 1)),
    ],
)
def test_timestamps(element: Element, before: tuple[int, int], after: tuple[int, int]) -> None:
    assert times(element, *before) == after


def test_SetTimestampDelta_counts_from_the_first_packet() -> None:
    router, _ = build(Source("c", "Idle -> s :: SetTimestampDelta -> Discard;"), MemoryIo())
    found = []
    for at in (0, 5 * NS, 7 * NS + 5, 4 * NS):
        one = packet(at)
        router.push(router.by_name["s"], 0, one)
        found.append(time_at(one, TIMESTAMP))
    assert found == [0, 0, 2 * NS + 5, ((1 << 32) - 1) * NS]
    assert router.handlers.read("s.first") == "5.000000"
    router.handlers.write("s.reset", "")
    assert router.handlers.read("s.first") == "0.000000"


@pytest.mark.parametrize(
    ("element", "data"),
    [
        (StoreTimestamp(0), bytes([0, 0, 0, 9, 0, 0, 0, 1])),
        (StoreTimestamp(2), b"ab" + bytes([0, 0, 0, 9, 0, 0, 0, 1])),
        (StoreTimestamp(7), b"abcdef\0" + bytes([0, 0, 0, 9, 0, 0, 0, 1])),
        (StoreTimestamp(tail=True), b"abcdef" + bytes([0, 0, 0, 9, 0, 0, 0, 1])),
    ],
)
def test_StoreTimestamp(element: StoreTimestamp, data: bytes) -> None:
    assert send(element, packet(9 * NS + 1)).data == data


def test_StoreTimestamp_needs_one_place() -> None:
    assert StoreTimestamp().problems(1, 1)
    assert StoreTimestamp(1, tail=True).problems(1, 1)


@pytest.mark.parametrize(
    ("arguments", "low", "high"),
    [("0", 0, 0), ("1", 4000, 4000), ("0.25", 900, 1100), ("1, set", 4000, 4000), ("1, clear", 0, 0),
     ("1, flip, false", 0, 0)],
)  # fmt: skip
def test_RandomBitErrors(arguments: str, low: int, high: int) -> None:
    router, _ = build(Source("c", f"Idle -> r :: RandomBitErrors({arguments}) -> Discard;"), MemoryIo())
    one = PacketBuffer(bytes(500))
    router.push(router.by_name["r"], 0, one)
    assert low <= int.from_bytes(one.data, "big").bit_count() <= high
    router.handlers.write("r.p_bit_error", "0.5")
    assert router.handlers.read("r.p_bit_error") == "0.5"
    assert RandomBitErrors(5).kind == "flip"
