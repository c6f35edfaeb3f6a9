"""Elements that choose whose packet goes next, and those that drop early."""

from itertools import islice

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import Element
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.device.todump import ToDump
from innet.elements.queueing.drrsched import DRRSched
from innet.elements.queueing.stridesched import StrideSched
from innet.elements.queueing.timesortedsched import TimeSortedSched
from innet.ir.interpret import PacketBuffer
from innet.runtime.build import build
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.elements.switching.test_switching import stride
from tests.runtime.fakes import MemoryIo

MS = 1_000_000


def served(scheduler: Element, *inputs: tuple[bytes, int], writes: dict[str, str] | None = None) -> str:
    """The first letters of what comes out, if input k gives so many packets with these bytes."""
    io = MemoryIo()
    names = "abcdefgh"[: len(inputs)]
    elements: dict[str, Element] = {n: InfiniteSource(*i) for n, i in zip(names, inputs, strict=True)}
    elements |= {"s": scheduler, "t": ToDump("out")}
    context = dict.fromkeys(names, ("", "l")) | {"s": ("l" * len(inputs), "l"), "t": ("l", "")}
    links = [(n, 0, "s", k) for k, n in enumerate(names)] + [("s", 0, "t", 0)]
    router = Router(graph(elements, links, context), io)
    for handler, value in (writes or {}).items():
        router.handlers.write(handler, value)
    router.run()
    return b"".join(data[:1] for data, _, _ in io.sinks["out"].packets).decode()


@pytest.mark.parametrize(
    ("quantum", "inputs", "out"),
    [
        (500, [(b"a" * 500, 4), (b"b" * 250, 8)], "bb a bb a bb a bb a"),
        (500, [(b"a" * 600, 3), (b"b" * 100, 9)], "bbbbb bbbb a a a"),
        (1000, [(b"a" * 100, 3), (b"b" * 100, 2)], "bb aaa"),
    ],
)
def test_DRRSched(quantum: int, inputs: list[tuple[bytes, int]], out: str) -> None:
    assert served(DRRSched(quantum), *inputs) == out.replace(" ", "")


def test_DRRSched_shares_bytes() -> None:
    out = served(DRRSched(), (b"a" * 1000, 200), (b"b" * 100, 2000))
    assert 0.8 < out[:1100].count("a") * 10 / out[:1100].count("b") < 1.2
    assert DRRSched(0).problems(2, 1)


@pytest.mark.parametrize("tickets", [(1, 1), (3, 1), (5, 2, 9), (1, 0, 2)])
def test_StrideSched_is_clicks(tickets: tuple[int, ...]) -> None:
    out = served(StrideSched(tickets), *[(bytes([97 + n]), 400) for n in range(len(tickets))])
    assert out[:300] == "".join(chr(97 + n) for n in islice(stride(tickets), 300))


def test_StrideSched_passes_over_inputs_without_packets() -> None:
    assert served(StrideSched((9, 1)), (b"a", 2), (b"b", 3)) == "aabbb"


@pytest.mark.parametrize(
    ("writes", "counts"),
    [
        ({}, (60, 30)),
        ({"s.tickets1": "0"}, (90, 0)),
        ({"s.tickets0": "1", "s.tickets1": "5"}, (15, 75)),
        ({"s.tickets0": "0", "s.tickets1": "4"}, (0, 90)),
        ({"s.tickets0": "0"}, (0, 90)),
    ],
)
def test_StrideSched_tickets(writes: dict[str, str], counts: tuple[int, int]) -> None:
    out = served(StrideSched((2, 1)), (b"a", 200), (b"b", 200), writes=writes)[:90]
    assert all(abs(out.count(c) - n) <= 3 for c, n in zip("ab", counts, strict=True))


def test_StrideSched_handlers_and_problems() -> None:
    router, _ = build(
        Source("c", "Idle -> Queue -> s :: StrideSched(3) -> Discard; sw :: StrideSwitch(2, 1);"
               "Idle -> sw -> Discard; sw [1] -> Discard;"), MemoryIo()
    )  # fmt: skip
    read, write = router.handlers.read, router.handlers.write
    write("s.tickets0", "0")
    write("sw.tickets1", "40000")
    assert [read(h) for h in ("s.tickets0", "sw.tickets0", "sw.tickets1")] == ["0", "2", "32768"]
    assert len(StrideSched((1, 40000)).problems(3, 1)) == 2


def stamped(data: bytes, ms: int) -> PacketBuffer:
    packet = PacketBuffer(data)
    packet.annotations[52:60] = (ms // 1000).to_bytes(4, "big") + (ms % 1000 * MS).to_bytes(4, "big")
    return packet


@pytest.mark.parametrize(
    ("arguments", "out", "ordered"), [("", "badce", "false"), (", BUFFER 3", "bacde", "true")]
)
def test_TimeSortedSched(arguments: str, out: str, ordered: str) -> None:
    text = f"""p :: QuickNoteQueue -> s :: TimeSortedSched(STOP true{arguments}) -> ToDump(out);
        q :: QuickNoteQueue -> [1] s; Idle -> p; Idle -> q;"""
    io = MemoryIo()
    router, _ = build(Source("c", text), io)
    for queue, packets in (("p", [("a", 2), ("d", 6), ("c", 5)]), ("q", [("b", 1), ("e", 7000)])):
        for data, at in packets:
            router.push(router.by_name[queue], 0, stamped(data.encode(), at))
    router.run()
    assert b"".join(data for data, _, _ in io.sinks["out"].packets).decode() == out
    assert (router.ended, router.handlers.read("s.well_ordered")) == (True, ordered)
    assert TimeSortedSched(buffer=0).problems(1, 1)


def flood(element: str, packets: int, ms: float = 0, queue: str = "Queue(1000)") -> Router:
    """So many packets through an element into a queue that nobody empties, each `ms` after the other."""
    text = f"Idle -> e :: {element} -> q :: {queue} -> Unqueue(ACTIVE false) -> Discard;"
    router, _ = build(Source("c", text), MemoryIo())
    for n in range(packets):
        router.run(int(n * ms * MS))
        router.push(router.by_name["e"], 0, PacketBuffer(b"x"))
    return router


@pytest.mark.parametrize(
    ("element", "least", "most"),
    [
        ("RED(500, 600, 0.1)", 0, 0),  # never above MIN_THRESH
        ("RED(5, 50, 0.02)", 1, 300),
        ("RED(5, 50, 1)", 300, 395),
        ("RED(5, 20, 0.5, GENTLE false, STABILITY 0)", 370, 395),
        ("RED(10, 10, 1, STABILITY 0)", 389, 389),
        ("RED(5, 50, 0.02, QUEUES q)", 1, 300),
        ("AdaptiveRED(20, 0.1)", 50, 395),
        ("PI(0.01, 0.1, 0.09, 20)", 50, 399),
    ],
)
def test_early_drops(element: str, least: int, most: int) -> None:
    router = flood(element, 400, 1)
    drops = int(router.handlers.read("e.drops"))
    assert least <= drops <= most
    assert router.drops["e", "dropped early"] == drops
    assert int(router.handlers.read("q.length")) == 400 - drops
    assert router.handlers.read("e.stats").splitlines()[2] == f"{drops} drops"


def test_RED_sends_aside_and_works_when_pulled() -> None:
    text = """Idle -> q :: Queue -> e :: RED(1, 2, 1, STABILITY 0) -> u :: Unqueue -> a :: Counter -> Discard;
        e [1] -> b :: Counter -> Discard;"""
    router, _ = build(Source("c", text), MemoryIo())
    for _ in range(10):
        router.push(router.by_name["q"], 0, PacketBuffer(b"x"))
    router.run()
    a, b = (int(router.handlers.read(f"{n}.count")) for n in "ab")
    assert a + b == 10
    assert a >= 2
    assert b >= 6


def test_RED_handlers() -> None:
    router = flood("RED(5, 50, 0.02)", 100)
    read, write = router.handlers.read, router.handlers.write
    assert [read(f"e.{h}") for h in ("min_thresh", "max_thresh", "max_p")] == ["5", "50", "0.02"]
    write("e.max_thresh", "60")
    write("e.max_p", "0.5")
    assert [read(f"e.{h}") for h in ("max_thresh", "max_p")] == ["60", "0.5"]
    assert float(read("e.avg_queue_size")) > 50


@pytest.mark.parametrize(
    "text", ["RED(5, 3, 0.1)", "RED(5, 50, 1.5)", "PI(-1, 1, 1, 5)", "RED(1, 2, 1, QUEUES x)"]
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        flood(text, 0)


def test_there_must_be_a_queue() -> None:
    with pytest.raises(ConfigurationError, match="no queue near it"):
        build(Source("c", "Idle -> RED(5, 50, 0.1) -> Discard;"), MemoryIo())


def delayed(waits_ms: int, packets: int, aside: str = "e [1] -> b :: Counter -> Discard;") -> Router:
    """A CoDel behind a queue in which each packet waited so long; one is pulled each 10 ms."""
    text = f"""Idle -> q :: Queue -> e :: CoDel -> TimedUnqueue(0.01) -> a :: Counter -> Discard; {aside}"""
    router, _ = build(Source("c", text), MemoryIo())
    for n in range(packets):
        packet = PacketBuffer(b"x")
        since = 5000 + 10 * n - waits_ms
        packet.annotations[32:40] = (since // 1000).to_bytes(4, "big") + (since % 1000 * MS).to_bytes(
            4, "big"
        )
        router.push(router.by_name["q"], 0, packet)
    router.clock.advance(5_000_000_000)  # type: ignore[attr-defined]
    router.run(5_000_000_000 + packets * 10 * MS)
    return router


def test_CoDel_leaves_short_waits_alone() -> None:
    assert delayed(4, 100).handlers.read("e.drops") == "0"


def test_CoDel_drops_when_waits_stay_long() -> None:
    router = delayed(1500, 200)
    drops = int(router.handlers.read("e.drops"))
    assert 20 <= drops <= 100
    assert router.handlers.read("b.count") == str(drops)
    assert delayed(1500, 200, "").drops["e", "dropped early"] == drops


def test_CoDel_needs_FIRST_TIMESTAMP_and_has_handlers() -> None:
    text = "Idle -> q :: Queue -> e :: CoDel(5ms) -> Unqueue -> Discard;"
    router, _ = build(Source("c", text), MemoryIo())
    for _ in range(20):
        router.push(router.by_name["q"], 0, PacketBuffer(b"x"))
    router.run()
    read = router.handlers.read
    assert [read("e.drops"), read("e.codel_target"), read("e.codel_interval")] == ["0", "5ms", "100ms"]
    router.handlers.write("e.codel_target", "10ms")
    assert read("e.codel_target") == "10ms"


def test_TimedSink() -> None:
    router, _ = build(Source("c", "Idle -> q :: Queue -> t :: TimedSink(20ms);"), MemoryIo())
    for _ in range(5):
        router.push(router.by_name["q"], 0, PacketBuffer(b"x"))
    for until, left in ((19, "5"), (20, "4"), (65, "2")):
        router.run(until * MS)
        assert router.handlers.read("q.length") == left
    assert router.handlers.read("t.interval") == "20ms"
    router.handlers.write("t.interval", "1s")
    router.run(1070 * MS)
    assert (router.handlers.read("q.length"), router.drops["t", "discarded"]) == ("1", 4)


@pytest.mark.parametrize(("burst", "packets"), [("1", 7), ("0", 7), ("3", 7)])
def test_Unqueue2_never_overflows_the_queue_behind(burst: str, packets: int) -> None:
    text = f"""Idle -> p :: Queue -> u :: Unqueue2({burst}) -> q :: Queue(7)
        -> v :: Unqueue(ACTIVE false) -> Discard;"""
    router, _ = build(Source("c", text), MemoryIo())
    for _ in range(20):
        router.push(router.by_name["p"], 0, PacketBuffer(b"x"))
    router.run()
    read = router.handlers.read
    assert (read("q.length"), read("q.drops"), read("u.packets")) == ("7", "0", f"{packets} packets")
    router.handlers.write("v.active", "true")
    router.run()
    assert read("u.packets") == "20 packets"
