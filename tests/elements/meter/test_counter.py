"""Counter."""

from innet.diagnostics import Source
from innet.elements.holder import Call
from innet.elements.meter.counter import Counter
from innet.ir.interpret import State
from innet.runtime.build import build
from tests.elements.packets import buffer, send
from tests.runtime.fakes import MemoryIo


def test_packets_and_bytes_are_counted():
    state = State()
    for data in (b"", b"abc", b"de"):
        assert send(Counter(), buffer(data, None), state=state).data == data
    assert state.statistics == {("e", "count"): 3, ("e", "byte_count"): 5}


def test_calls():
    counter = Counter(count_call=(41, "sw.switch", "1"), byte_count_call=(6000, "stop", ""))
    assert counter.calls() == (
        Call("count", 41, "sw.switch", "1"),
        Call("byte_count", 6000, "stop", "", exact=False),
    )
    assert Counter().calls() == ()


def test_rates_are_moving_averages():
    """A packet of 100 bytes each millisecond; then nothing."""
    text = "s :: RatedSource(LENGTH 100, RATE 1000) -> c :: Counter -> Discard;"
    router, _ = build(Source("c", text), MemoryIo())
    router.run(2_000_000_000)
    rate, byte_rate, bit_rate = (float(router.handlers.read(f"c.{n}rate")) for n in ("", "byte_", "bit_"))
    assert (abs(rate - 1000) < 50, abs(byte_rate - 100_000) < 5000, bit_rate) == (True, True, 8 * byte_rate)
    router.handlers.write("s.active", "false")
    router.run(2_020_000_000)
    assert 200 < float(router.handlers.read("c.rate")) < 400
    router.run(2_200_000_000)
    assert [router.handlers.read(f"c.{n}rate") for n in ("", "byte_", "bit_")] == ["0", "0", "0"]
    assert "rate\tr" in router.handlers.read("c.handlers")
