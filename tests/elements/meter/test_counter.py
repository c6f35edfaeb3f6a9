"""Counter."""

from innet.elements.holder import Call
from innet.elements.meter.counter import Counter
from innet.ir.interpret import State
from tests.elements.packets import buffer, send


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
