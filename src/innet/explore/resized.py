"""Packets of one connection that a network card joins, and such that it cuts into several that links carry.

What a platform hands to a module may be several packets in one, and longer than what a box on the way lets pass; of a
long packet that a module sends, boxes see the pieces. Both have the addresses, protocol and ports of what they were
made of. All else about them is taken for unknown, which serves statements about all flows; no packet is shown for it.
"""

from innet.ir.nodes import Mark
from innet.packet.headers import LONGEST_PAYLOAD, PROTO_TCP, PROTO_UDP
from innet.symbolic import ranges as rs
from innet.symbolic.execute import UNFORESEEN
from innet.symbolic.formulas import all_of, at_most_zero, equal, member
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.state import LENGTH_BITS, MAX_PAYLOAD, State, possible
from innet.symbolic.store import Store
from innet.symbolic.terms import Blob, K, Linear, Sym, minus

CARD = f"{UNFORESEEN}network cards that join packets or cut them"
PORT_BYTES = 4
SHORTEST = 8
"""Bytes of the shortest transport header."""
TOTAL, FRAGMENT, PROTO, SUM = (16, 16), (50, 14), (72, 8), (80, 16)
"""Bits and widths of fields of the IPv4 header; of the fragment, the flag that more follow and the offset."""


def joined(state: State) -> State | None:
    """What comes of a packet that is joined with others, where boxes on the way kept long packets back; None where they
    did not, so that the packet itself stands for it, or where it cannot be joined."""
    size = _size(state)
    if size is None:
        return None
    longest = min(state.store.bounds(size)[1], _field(state, *TOTAL)[-1][1])
    return None if longest >= LONGEST_PAYLOAD else _resized(state, size, (SHORTEST, LONGEST_PAYLOAD))


def pieces(state: State) -> State | None:
    """What comes of a packet that is longer than links carry; None if it is not, or cannot be cut."""
    size = _size(state)
    if size is None or state.store.bounds(size)[0] <= MAX_PAYLOAD >= _field(state, *TOTAL)[0][0]:
        return None
    return _resized(state, size, (SHORTEST, MAX_PAYLOAD))


def _size(state: State) -> Linear | None:
    """Bytes behind the IPv4 header, if it is known where that is."""
    marks = state.memory.marks
    if Mark.NET not in marks or Mark.TRANSPORT not in marks:
        return None
    return state.store.canonical(state.memory.to_end(*marks[Mark.TRANSPORT]))


def _field(state: State, bit: int, width: int) -> rs.Ranges:
    rid, offset = state.memory.marks[Mark.NET]
    return possible(state.memory.read(rid, offset * 8 + bit, width, state.store), state.store)


def _resized(state: State, size: Linear, between: tuple[int, int]) -> State | None:
    one = state.fork()
    memory, store = one.memory, one.store
    rid, offset = memory.marks[Mark.NET]

    proto = memory.read(rid, offset * 8 + PROTO[0], PROTO[1], store)
    fragment = memory.read(rid, offset * 8 + FRAGMENT[0], FRAGMENT[1], store)
    flows = member(proto, rs.normal([(PROTO_TCP, PROTO_TCP), (PROTO_UDP, PROTO_UDP)]))
    long_enough = at_most_zero(minus((SHORTEST, ()), size))
    if not (store.assume(all_of(flows, equal(fragment, K(0, 14)), long_enough)) and store.feasible()):
        return None
    try:
        _replace(memory, store, one.hop, between)
    except (Imprecise, Split) as why:
        one.lost = f"what a network card makes of it: {why}"
    one.over = (*one.over, CARD)
    return one


def _replace(memory: Memory, store: Store, hop: object, between: tuple[int, int]) -> None:
    """Other bytes behind the IPv4 header: as many as one likes, with the same ports."""
    at = memory.marks[Mark.TRANSPORT]
    ports = memory.read(at[0], at[1] * 8, 8 * PORT_BYTES, store)
    memory.cut_end(at, (0, ()), store)
    length = Sym("length on a card", LENGTH_BITS)
    store.domains[length] = (between,)
    total: Linear = (0, ((length, 1),))
    region = memory.add_region(total, Blob("payload on a card", total))
    memory.marks[Mark.TRANSPORT] = (region, 0)
    memory.write(region, 0, 8 * PORT_BYTES, ports, hop, store)
    rid, offset = memory.marks[Mark.NET]
    for bit, width in (TOTAL, SUM):
        memory.write(rid, offset * 8 + bit, width, Sym("header on a card", width), hop, store)


__all__ = ["joined", "pieces"]
