"""What entries do with packets that come in: known without being followed, and as it would be found out."""

import random

import pytest

from innet import ir
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import build_one
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.registry import REGISTRY
from innet.explore import entering
from innet.explore.entering import entered
from innet.explore.flow import hop_to
from innet.ir.nodes import Mark, Program
from innet.ir.trace import Packet
from innet.symbolic.execute import Emitted, execute
from innet.symbolic.formulas import in_atom
from innet.symbolic.memory import ANNOTATIONS
from innet.symbolic.state import Injected, State, Tables, arriving, inject_ip, stamp
from innet.symbolic.terms import K

ENTRIES = sorted(name for name in REGISTRY if REGISTRY[name].ROLE is Role.ENTRY)
FRONT = FromNetfront().trace(OUTSIDE, 1, "in")


def came_in(injected: Injected) -> State:
    """The packet where it is about to enter a module."""
    state = injected.state.fork()
    stamp(state.memory)
    hop_to(state, "m:in", OUTSIDE)
    return state


def narrowed(seed: int) -> State:
    """Any packet, more known of its fields than that it came in."""
    choose, injected = random.Random(seed), arriving()
    state = came_in(injected)
    for name in ("ip.src", "ip.dst", "ether.dst", "ip.proto", "ip.fragment"):
        sym = injected.symbols[name]
        low = choose.randrange(1 << sym.width)
        if choose.random() < 0.5:
            state.store.domains[sym] = ((low, choose.choice([low, (1 << sym.width) - 1])),)
    return state


def programs() -> list[Program]:
    """Of all entries, by the first of their examples that can be made."""
    found = []
    for name in ENTRIES:
        for example in REGISTRY[name].EXAMPLES[:1]:
            found.append(build_one(REGISTRY[name], example).trace(OUTSIDE, 1, name))
    return found


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.element)
@pytest.mark.parametrize("seed", range(10))
def test_as_it_would_be_found_out(program: Program, seed: int) -> None:
    """Where it is known, following the packet finds one path, and the same packet on it."""
    state, tables = narrowed(seed), Tables(any_state=True)
    followed, other = list(execute(program, state.fork(), Tables(any_state=True))), state.fork()
    known = entered(program, other, tables)
    if known is None:
        return
    (result,) = followed
    assert isinstance(result, Emitted)
    assert known.port == result.port
    one, two = known.state, result.state
    assert one.memory.marks == two.memory.marks
    assert (one.memory.order, one.memory.lengths, one.memory.blobs) == (
        two.memory.order, two.memory.lengths, two.memory.blobs
    )  # fmt: skip
    assert one.memory.cells == two.memory.cells
    assert one.store.domains == two.store.domains
    assert (one.hop, one.over, one.lost, one.hits, one.entries) == (two.hop, two.over, two.lost, (), ())
    assert tables.work.left < tables.work.limit


def test_the_usual_ones_are_known() -> None:
    """Those of modules are, so that the test above has looked at some."""
    for element in (FromNetfront(), FromDevice("eth0", snaplen=0xFFFF)):
        assert entered(element.trace(OUTSIDE, 1, "in"), narrowed(1), Tables(any_state=True)) is not None


def test_cells_are_their_own() -> None:
    """What one packet's way writes is not seen by another."""
    first, second = (entered(FRONT, narrowed(1), Tables(any_state=True)) for _ in range(2))
    assert first is not None
    assert second is not None
    one, other = first.state.memory, second.state.memory
    one.write(ANNOTATIONS, 0, 32, K(1, 32), None, first.state.store)
    one.write(one.order[1], 64, 8, K(1, 8), None, first.state.store)
    one.marks.pop(Mark.NET)
    assert other.cells[ANNOTATIONS] != one.cells[ANNOTATIONS]
    assert other.cells[other.order[1]] != one.cells[one.order[1]]
    assert Mark.NET in other.marks


def test_symbols_behind_the_header_are_their_own() -> None:
    """What a module reads of the payload is not what another one has read."""
    one, other = arriving(), arriving()
    one.payload.carve(0, 16)
    assert one.symbols is other.symbols
    assert not other.payload.carved
    assert other.state.memory.blobs[other.state.memory.order[-1]] is other.payload


def written(state: State) -> None:
    state.memory.write(state.memory.order[1], 64, 8, K(1, 8), None, state.store)


def marked(state: State) -> None:
    state.memory.marks[Mark.NET] = (state.memory.order[1], 0)


def moved(state: State) -> None:
    state.memory.marks[Mark.DATA] = (state.memory.order[1], 0)


def longer(state: State) -> None:
    state.memory.add_region((4, ()), None)


def annotated(state: State) -> None:
    state.memory.write(ANNOTATIONS, 0, 32, K(1, 32), None, state.store)


def of_one_length(state: State) -> None:
    state.store.assume(in_atom(arriving().symbols["ip.hl"], ((5, 5),)))


def long(state: State) -> None:
    state.store.assume(in_atom(arriving().symbols["length"], ((100, 200),)))


@pytest.mark.parametrize("change", [written, marked, moved, longer, annotated, of_one_length, long])
def test_changed_packets_are_followed(change: object) -> None:
    """What was done to a packet before, or is known of where its parts are, may decide what becomes of it."""
    state = narrowed(1)
    change(state)  # type: ignore[operator]
    assert entered(FRONT, state, Tables(any_state=True)) is None


def test_others_are_followed() -> None:
    """A packet that was injected otherwise has symbols of its own."""
    assert entered(FRONT, came_in(inject_ip()), Tables(any_state=True)) is None


def test_whoever_observes_sees_it_followed() -> None:
    tables = Tables(any_state=True)
    tables.observe = lambda stmt, state: None
    assert entered(FRONT, narrowed(1), tables) is None


def two_ways(p: Packet) -> None:
    with p.when(p.ip.proto == 17):
        p.drop("why")
    p.emit(0)


def one_way_learnt(p: Packet) -> None:
    with p.when(p.ip.proto != 17):
        p.emit(0)
    p.emit(0)


def rewritten(p: Packet) -> None:
    p.set_mark(Mark.NET, Mark.DATA, 14)
    p.ip.ttl = 1
    p.emit(0)


def timed(p: Packet) -> None:
    p.anno.dst_ip = p.random(32)
    p.emit(0)


def stamped(p: Packet) -> None:
    p.anno.dst_ip = p.anno.time_s
    p.emit(0)


def carved(p: Packet) -> None:
    p.anno.dst_ip = p.raw(Mark.DATA, 60, 4)
    p.emit(0)


def dropped(p: Packet) -> None:
    p.drop("why")


@pytest.mark.parametrize("push", [two_ways, one_way_learnt, rewritten, timed, stamped, carved, dropped])
def test_what_may_be_otherwise_is_followed(push: object) -> None:
    """A program that takes packets several ways, learns of them, changes them or asks anything but them."""
    p = Packet("e", 1, 1, Element.CHECKSUM)
    p.set_mark(Mark.NET, Mark.DATA, 14)
    push(p)  # type: ignore[operator]
    program = ir.Program("e", OUTSIDE, 1, p.finish())
    assert entered(program, narrowed(1), Tables(any_state=True)) is None


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends many programs does not fill the memory."""
    monkeypatch.setattr(entering, "MAX_KEPT", 5)
    for n in range(20):
        entered(FromNetfront().trace(OUTSIDE, 1, f"e{n}"), narrowed(1), Tables(any_state=True))
        assert len(entering._known) <= 5
