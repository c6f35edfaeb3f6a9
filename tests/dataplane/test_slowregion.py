"""Which elements the agent runs."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from innet import ir
from innet.dataplane.slowregion import closed, must_be_slow, on_both_sides
from innet.elements.base import Element
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.device.tonetfront import ToNetfront
from innet.elements.switching.null import Null
from innet.ir.trace import Packet
from innet.runtime.graph import chain
from tests.dataplane.slowworlds import graph

DEVICES = "f::FromNetfront; d::ToNetfront; "


@pytest.mark.parametrize(
    ("text", "slow"),
    [
        ("f -> Counter -> IPMirror -> d;", ""),
        ("f -> t::Tee; t[0] -> d; t[1] -> d;", ""),
        ("f -> q::Queue -> u::Unqueue -> d;", "q u"),
        ("f -> q::Queue -> d;", "q d"),
        ("f -> q::Queue -> n::Null -> s::RoundRobinSched -> u::Unqueue -> Counter -> d;", "q n s u"),
        ("s::InfiniteSource -> Null -> d; f -> Discard;", "s"),
        ("f -> e::ToNetfront(1) -> d;", "e"),
        ("f -> t::ToDump(x.pcap); s::FromDump(y.pcap) -> d;", "t s"),
        ("f -> d; m::DriverManager(pause);", "m"),
        ("f -> d; AddressInfo(me 192.0.2.1);", ""),
        ("f -> c::Counter(COUNT_CALL 5 stop) -> d;", "c"),
    ],
)
def test_what_only_the_agent_can_run(text: str, slow: str) -> None:
    assert must_be_slow(graph(DEVICES + text)) == frozenset(slow.split())


@pytest.mark.parametrize(
    ("text", "first", "slow"),
    [
        ("f -> Counter -> d;", "", ""),
        ("f -> n::Null -> Counter -> d;", "n", "n"),
        ("f -> c::Counter -> q::Queue -> u::Unqueue -> d; s::Script(write c.reset);", "", "c q u s"),
        ("f -> c::Counter -> d; s::Script(wait 1s, print $(c.count), loop);", "", "f c d s"),
        ("f -> a::Counter(COUNT_CALL 5 b.reset) -> b::Counter -> d;", "", "a b"),
        ("f -> a::Counter(COUNT_CALL 5 b.reset) -> b::Counter -> d;", "b", "a b"),
        ("s::InfiniteSource(END_CALL b.reset) -> b::Counter -> d; f -> Discard;", "", "s b"),
        (
            "f -> n::Null -> e::ICMPError(192.0.2.1, redirect) -> d; x::Idle -> g::ICMPError(192.0.2.1, 3) -> d;",
            "e",
            "e g",
        ),
        ("f -> a::IPRewriter(pass 0) -> b::IPRewriter(pass 0) -> d;", "a", "a"),
        ("f -> { input -> c::Counter(COUNT_CALL 5 c.reset) -> output } -> c::Counter -> d;", "", "*/c"),
    ],
)
def test_what_goes_with_it(text: str, first: str, slow: str) -> None:
    found = closed(graph(DEVICES + text), first.split())
    if slow == "*/c":
        (name,) = found
        assert name.endswith("/c")
    else:
        assert found == frozenset(slow.split())
        assert closed(graph(DEVICES + text), found) == found


QUERIER = "f -> [0] q; Idle -> [1] q; q[0] -> Strip(14) -> d; q[1] -> Discard; "


@pytest.mark.parametrize(
    ("text", "agents", "both"),
    [
        ("q::ARPQuerier(192.0.2.1, 2:0:0:0:0:1);", "", "q"),
        ("t::ARPTable; q::ARPQuerier(192.0.2.1, 2:0:0:0:0:1, TABLE t);", "t q", "q"),
        ("q::ARPQuerier(192.0.2.1, 2:0:0:0:0:1); s::Script(write q.clear);", "q s", ""),
        ("q::ARPQuerier(192.0.2.1, 2:0:0:0:0:1); s::Script(wait 1s, print hello, loop);", "s", "q"),
        (
            "t::ARPTable; q::ARPQuerier(192.0.2.1, 2:0:0:0:0:1, TABLE t); s::Script(write t.clear);",
            "q s t",
            "",
        ),
        ("q::IP6NDSolicitor(2001:db8::1, 2:0:0:0:0:1);", "", "q"),
    ],
)
def test_what_runs_in_both_places(text: str, agents: str, both: str) -> None:
    module = graph(DEVICES + text + QUERIER)
    assert closed(module, ()) == frozenset(agents.split())
    assert on_both_sides(module) == frozenset(both.split())


TABLE = ir.Table("flows", (8,), (8,))


@dataclass(frozen=True)
class Reader(Element):
    """Looks up in the table of `of`, or only refers to it."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ()

    of: str
    looks: bool = True

    def push(self, p: Packet, port: int) -> None:
        if self.looks:
            table = ir.Table(TABLE.name, TABLE.key, TABLE.values, owner=self.of)
            with p.when(p.anno.paint == 1):
                p.lookup(table, (p.anno.paint,))
        p.emit(0)

    def references(self) -> dict[str, type[Element]]:
        return {} if self.looks else {self.of: Element}


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("first", ["owner", "reader"])
def test_elements_with_a_table_in_common_go_together(first: str, looks: bool) -> None:
    module = chain(
        {
            "f": FromNetfront(),
            "owner": Null(),
            "x": Null(),
            "reader": Reader("owner", looks),
            "d": ToNetfront(),
        }
    )
    assert closed(module, [first]) == {"owner", "reader"}
