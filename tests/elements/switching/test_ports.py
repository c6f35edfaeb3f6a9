"""Elements that choose ports, and those that choose packets: handlers, and pulling."""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.holder import HandlerError
from innet.elements.switching.bypass import Bypass
from innet.elements.switching.hub import Hub
from innet.elements.switching.inputswitch import InputSwitch
from innet.elements.switching.randomsample import RandomSample
from innet.elements.switching.suppressor import Suppressor
from innet.ir.interpret import PacketBuffer, State
from innet.runtime.build import build
from innet.runtime.router import Router
from tests.elements.packets import send
from tests.runtime.fakes import MemoryIo


def router_of(text: str) -> Router:
    return build(Source("c", text), MemoryIo())[0]


def counts(router: Router, *names: str) -> list[int]:
    return [int(router.handlers.read(f"{n}.count")) for n in names]


PULLS = """InfiniteSource(a, 3) -> p :: Queue; InfiniteSource(b, 5) -> q :: Queue; p -> s :: {}; q -> [1] s;
    s -> Unqueue -> c :: Counter -> Discard;"""


@pytest.mark.parametrize(
    ("switch", "passed"),
    [
        ("PullSwitch", 3),
        ("PullSwitch(1)", 5),
        ("PullSwitch(-1)", 0),
        ("SimplePullSwitch(1)", 5),
        ("StaticPullSwitch(1)", 5),
        ("StaticPullSwitch(2)", 0),
        ("StaticPullSwitch(-1)", 0),
    ],
)
def test_switches_that_pull(switch: str, passed: int) -> None:
    router = router_of(PULLS.format(switch))
    router.run()
    assert counts(router, "c") == [passed]


@pytest.mark.parametrize(("value", "then", "passed"), [("1", "1", 8), ("-5", "-5", 3), ("7", "-1", 3)])
def test_the_switch_handler_of_PullSwitch(value: str, then: str, passed: int) -> None:
    router = router_of(PULLS.format("PullSwitch"))
    router.run()
    router.handlers.write("s.switch", value)
    router.run()
    assert (router.handlers.read("s.switch"), counts(router, "c")) == (then, [passed])


def test_a_switch_out_of_range_drops() -> None:
    router = router_of("Idle -> s :: Switch -> Discard; s [1] -> Discard;")
    router.handlers.write("s.switch", "2")
    assert router.handlers.read("s.switch") == "-1"
    router.push(router.by_name["s"], 0, PacketBuffer(b""))
    assert router.drops["s", "switched off"] == 1


@pytest.mark.parametrize(
    ("chosen", "port", "to"), [(0, 0, 0), (1, 0, "switched off"), (1, 1, 0), (-1, 0, "switched off")]
)
def test_InputSwitch(chosen: int, port: int, to: int | str) -> None:
    assert send(InputSwitch(chosen), b"", port=port).to == to if chosen <= port else True


@pytest.mark.parametrize("text", ["InputSwitch(2)", "PullSwitch(1)"])
def test_an_input_that_is_not_in_use(text: str) -> None:
    with pytest.raises(ConfigurationError, match="only input 0 is in use"):
        router_of(f"Idle -> {text} -> Discard;")


def test_Suppressor_pushed_and_pulled() -> None:
    assert send(Suppressor(), b"", 2, port=1).to == 1
    router = router_of(
        "Idle -> s :: Suppressor -> a :: Counter -> Discard; Idle -> [1] s; s [1] -> b :: Counter -> Discard;"
    )
    write = router.handlers.write
    for port in (0, 1):
        router.push(router.by_name["s"], port, PacketBuffer(b""))
        write("s.active0", "false")
    router.push(router.by_name["s"], 0, PacketBuffer(b""))
    assert (counts(router, "a", "b"), router.drops["s", "suppressed"]) == ([1, 1], 1)
    assert [router.handlers.read(f"s.active{n}") for n in (0, 1)] == ["false", "true"]
    write("s.reset", "")
    assert router.handlers.read("s.active0") == "true"
    pulled = router_of(
        "InfiniteSource(a, 3) -> q :: Queue -> s :: Suppressor -> Unqueue -> c :: Counter -> Discard;"
    )
    pulled.handlers.write("s.active0", "false")
    pulled.run()
    assert (pulled.handlers.read("q.length"), counts(pulled, "c")) == ("3", [0])  # they stay where they are
    pulled.handlers.write("s.active0", "true")
    pulled.run()
    assert counts(pulled, "c") == [3]


@pytest.mark.parametrize(
    ("active", "outputs", "port", "to"),
    [(False, 2, 0, 0), (True, 2, 0, 1), (True, 1, 0, 0), (True, 2, 1, 0), (False, 2, 1, 0)],
)
def test_Bypass(active: bool, outputs: int, port: int, to: int) -> None:
    assert send(Bypass(active), b"", outputs, port=port).to == to


def test_Bypass_pulled_and_its_handler() -> None:
    router = router_of(PULLS.format("Bypass"))
    router.run()
    assert counts(router, "c") == [3]
    router.handlers.write("s.active", "true")
    router.run()
    assert (counts(router, "c"), router.handlers.read("s.active")) == ([8], "true")


@pytest.mark.parametrize(
    ("ports", "port", "to"), [(1, 0, ["no other port"]), (3, 0, [1, 2]), (3, 1, [0, 2]), (2, 1, [0])]
)
def test_Hub(ports: int, port: int, to: list[int | str]) -> None:
    done = send(Hub(), b"abc", ports, port=port)
    assert [*(p for p, _ in done.copies), done.to] == to


@pytest.mark.parametrize(
    ("element", "share"),
    [
        (RandomSample(), 1.0),
        (RandomSample(1 << 26), 0.25),
        (RandomSample(drop=1 << 26), 0.75),
        (RandomSample(sample=0), 0.0),
        (RandomSample(0, active=False), 1.0),
    ],
)
def test_RandomSample(element: RandomSample, share: float) -> None:
    state = State()
    kept = sum(send(element, b"", 2, state).to == 0 for _ in range(2000))
    assert kept / 2000 == pytest.approx(share, abs=0.04 * (0 < share < 1))
    assert state.statistics.get(("e", "drops"), 0) == 2000 - kept
    if not share:
        assert send(element, b"", 1).to == "not sampled"


def test_RandomSample_handlers() -> None:
    router = router_of("Idle -> r :: RandomSample(0.25) -> Discard;")
    read, write = router.handlers.read, router.handlers.write
    assert [read(f"r.{h}") for h in ("sampling_prob", "drop_prob", "active", "drops")] == [
        "0.25",
        "0.75",
        "true",
        "0",
    ]
    write("r.drop_prob", "0.1")
    assert [read(f"r.{h}") for h in ("sampling_prob", "drop_prob")] == ["0.9", "0.1"]
    write("r.sampling_prob", "0")
    router.push(router.by_name["r"], 0, PacketBuffer(b""))
    assert read("r.drops") == "1"
    with pytest.raises(HandlerError):
        write("r.drop_prob", "2")
    assert RandomSample(sample=1, drop=1).problems(1, 1)
