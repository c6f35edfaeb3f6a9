"""Every condition of decision 0011 matters: without it some module does what it did not do before."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import pytest

from innet import ir
from innet.elements.base import Element
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.device.tonetfront import ToNetfront
from innet.explore.machine import Machine
from innet.ir.trace import Packet
from innet.simplify import decisions, flowtables
from innet.simplify.decisions import Decisions
from innet.simplify.values import Values
from tests.simplify.sequences import Difference, compare, smaller
from tests.simplify.test_modules import built

PACKETS = 200
NOTHING = ""
TWO_WAYS = """rw :: IPRewriter(pattern $ADDR - 172.16.15.133 - 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133, -); sides [1] -> [0] rw; sides [0] -> [1] rw;
rw [0] -> out :: ToNetfront(); rw [1] -> out;"""
ONE_WAY_BACK = "FromNetfront() -> IPRewriter(pattern $ADDR - 172.16.15.133 - 0 0) -> ToNetfront();"
FEW = "FromNetfront() -> IPRewriter(pattern - - 172.16.15.133 - 0 0, CAPACITY 2) -> ToNetfront();"
WITH_ERRORS = """FromNetfront() -> kinds :: IPClassifier(icmp, udp);
kinds [0] -> ICMPRewriter(rw) -> out :: ToNetfront();
kinds [1] -> rw :: IPRewriter(pattern - - 172.16.15.133 - 0 0) -> out;"""
TWICE = """FromNetfront() -> kinds :: IPClassifier(udp, tcp, -); kinds [2] -> Discard;
kinds [0] -> one :: IPFilter(allow udp) -> ToNetfront(); kinds [1] -> one;"""
EACH_ITS_OWN = """FromNetfront() -> kinds :: IPClassifier(udp, tcp, -); kinds [2] -> Discard;
kinds [0] -> StoreIPAddress(172.16.15.134, dst) -> one :: StoreIPAddress(172.16.15.134, dst) -> IPMirror
-> ToNetfront(); kinds [1] -> StoreIPAddress(172.16.15.133, dst) -> one;"""
TWICE_STORED = "FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();"
EITHER = "FromNetfront() -> IPFilter(allow udp or (udp or tcp)) -> ToNetfront();"


@dataclass(frozen=True)
class Seen(Element):
    """Counts packets of sources that it has seen; changes nothing."""

    PORTS: ClassVar[str] = "1/1"

    def push(self, p: Packet, port: int) -> None:
        table = ir.Table("seen", (32,), (8,))
        found, _ = p.lookup(table, (p.ip.src,))
        with p.when(found):
            p.count("again")
            p.emit(0)
        p.insert(table, (p.ip.src,), (0,), 60)
        p.emit(0)


@dataclass(frozen=True)
class Annotated(Element):
    """Paints packets of sources that it has seen."""

    PORTS: ClassVar[str] = "1/1"

    def push(self, p: Packet, port: int) -> None:
        table = ir.Table("seen", (32,), (8,))
        found, _ = p.lookup(table, (p.ip.src,))
        with p.when(found):
            p.anno.paint = 9
            p.emit(0)
        p.insert(table, (p.ip.src,), (0,), 60)
        p.emit(0)


@dataclass(frozen=True)
class Numbered(Element):
    """Numbers the sources of UDP packets that it has not seen; other packets are told how many there were."""

    PORTS: ClassVar[str] = "1/1"

    def push(self, p: Packet, port: int) -> None:
        table, counter = ir.Table("seen", (32,), (8,)), ir.Counter("sources", 8)
        with p.when(p.ip.proto != 17):
            p.anno.paint = p.next(counter)
            p.emit(0)
        found, _ = p.lookup(table, (p.ip.src,))
        with p.when(~found):
            p.next(counter)
            p.insert(table, (p.ip.src,), (0,), 60)
        p.emit(0)


def around(element: Element) -> Machine:
    """A module with one element."""
    return Machine(
        {"in": FromNetfront(), "e": element, "out": ToNetfront()}, [("in", 0, "e", 0), ("e", 0, "out", 0)]
    )


def last_wins(self: Decisions, place: decisions.Place, expr: ir.Expr, state: object) -> None:
    """What a condition was on the last path counts."""
    self.found.pop(place, None)
    WHOLE(self, place, expr, state)  # type: ignore[arg-type]


def other_side(
    self: Decisions, place: decisions.Place, right: ir.Expr, left: ir.Expr, holds: bool, state: object
) -> None:
    """The right side is looked at where it does not matter."""
    RIGHT(self, place, right, left, not holds, state)  # type: ignore[arg-type]


def last_number(self: Values, let: ir.Let, state: object) -> None:
    """What was bound on the last path counts."""
    self.numbers.pop(id(let), None)
    BOUND(self, let, state)  # type: ignore[arg-type]


def last_write(self: Values, assign: ir.Assign, state: object) -> None:
    """What was there on the last path counts."""
    self.idle.pop(id(assign), None)
    ASSIGNED(self, assign, state)  # type: ignore[arg-type]


WHOLE, RIGHT, BOUND, ASSIGNED = Decisions._part, Decisions._right, Values.bound, Values.assigned

FAULTS: dict[str, tuple[object, str, Callable[..., object], Machine | str]] = {
    "entries are not compared": (flowtables, "same_without", lambda *_: None, TWO_WAYS),
    "only ways are compared": (flowtables, "_packets_differ", lambda *_: NOTHING, ONE_WAY_BACK),
    "annotations are not compared": (flowtables, "_packets_differ", lambda *_: NOTHING, around(Annotated())),
    "counts are not compared": (flowtables, "_same_notes", lambda *_: True, around(Seen())),
    "results are always the same": (flowtables, "fickle", lambda *_: NOTHING, around(Numbered())),
    "limits are no limits": (flowtables, "limited", lambda *_: NOTHING, FEW),
    "nobody else looks": (flowtables, "looked_into", lambda *_: NOTHING, WITH_ERRORS),
    "the last path decides": (Decisions, "_part", last_wins, TWICE),
    "the last path's number counts": (Values, "bound", last_number, EACH_ITS_OWN),
    "the last path's write counts": (Values, "assigned", last_write, EACH_ITS_OWN),
    "assignments change nothing": (Values, "_changes_nothing", lambda *_: True, TWICE_STORED),
    "right sides are asked where they do not matter": (Decisions, "_right", other_side, EITHER),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_condition_matters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, instead, text = FAULTS[name]
    one = built(text) if isinstance(text, str) else text
    assert compare(one, smaller(one), Random(name), PACKETS) > 0
    monkeypatch.setattr(where, what, instead)
    with pytest.raises(Difference):
        compare(one, smaller(one), Random(name), PACKETS)
