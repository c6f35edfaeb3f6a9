"""Packets of one connection that a network card joins, and such that it cuts into several that links carry.

What a platform gets may be several packets in one, and longer than what a box on the way lets pass; of a long
packet that a module sends, others see the pieces. Both have the addresses, protocol and ports of what they were made
of. All else behind the IPv4 header is taken for unknown, which serves statements about all flows; no packet is shown
for it.

Nothing of that is needed where any packet stands for what is made of it: nothing has looked at what tells them apart.
"""

from collections.abc import Iterator

from innet.explore.stands import (
    IDENTIFIER,
    PORTED,
    PROTO,
    SHORTEST,
    SUM,
    TOTAL,
    TUNNELS,
    stands_for_joined,
    stands_for_pieces,
)
from innet.ir.nodes import Mark
from innet.packet.headers import LONGEST_PAYLOAD
from innet.symbolic import ranges as rs
from innet.symbolic.execute import UNFORESEEN
from innet.symbolic.formulas import all_of, at_most_zero, equal, member
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.state import LENGTH_BITS, MAX_PAYLOAD, State
from innet.symbolic.store import Store
from innet.symbolic.terms import Blob, K, Linear, Sym, minus

CARD = f"{UNFORESEEN}network cards that join packets or cut them"
JOINABLE = {PORTED: 32, TUNNELS: 0}
"""What is joined and cut, by protocol: TCP and UDP, which keep their ports (bits), and what is in IP or GRE."""
FRAGMENT = 50, 14
"""Bits and width in the IPv4 header: the flag that more fragments follow, and the offset."""


def joined(state: State) -> Iterator[State]:
    """The packets, which a platform hands to a module, and what comes of them where cards join them."""
    size = _size(state)
    if size is not None and not stands_for_joined(state, size):
        yield from _resized(state, LONGEST_PAYLOAD)
    yield state  # the last one is followed first


def pieces(state: State) -> Iterator[State]:
    """The packets, which leave a module, and the pieces of those that are longer than links carry."""
    size = _size(state)
    if size is not None and state.store.bounds(size)[1] > MAX_PAYLOAD and not stands_for_pieces(state, size):
        yield from _resized(state, MAX_PAYLOAD, MAX_PAYLOAD + 1)
    yield state


def _size(state: State) -> Linear | None:
    """Bytes behind the IPv4 header, if it is known where that is."""
    marks = state.memory.marks
    if state.lost or Mark.NET not in marks or Mark.TRANSPORT not in marks:
        return None
    return state.store.canonical(state.memory.to_end(*marks[Mark.TRANSPORT]))


def _resized(state: State, longest: int, least: int = SHORTEST) -> Iterator[State]:
    """What cards make of those packets that have `least` bytes behind the header: other such ones with up to
    `longest` bytes. Nothing if they can neither be joined nor cut."""
    for protocols, kept in JOINABLE.items():
        yield from _of_protocols(state, protocols, kept, longest, least)


def _of_protocols(
    state: State, protocols: tuple[int, ...], kept: int, longest: int, least: int
) -> Iterator[State]:
    one, size = state.fork(), _size(state)
    memory, store = one.memory, one.store
    assert size is not None
    rid, offset = memory.marks[Mark.NET]
    try:
        proto = memory.read(rid, offset * 8 + PROTO[0], PROTO[1], store)
        fragment = memory.read(rid, offset * 8 + FRAGMENT[0], FRAGMENT[1], store)
        flows = member(proto, rs.normal((p, p) for p in protocols))
        long_enough = at_most_zero(minus((least, ()), size))
        if not (store.assume(all_of(flows, equal(fragment, K(0, 14)), long_enough)) and store.feasible()):
            return
        _replace(memory, store, one.hop, kept, longest)
    except Split as split:
        for alternative in split.alternatives:
            case = state.fork()
            if case.store.assume(alternative) and case.store.feasible():
                yield from _of_protocols(case, protocols, kept, longest, least)
        return
    except Imprecise as why:
        one = state.fork()
        one.lost = f"what a network card makes of it: {why}"
    if CARD not in one.over:
        one.over = (*one.over, CARD)
    yield one


def _replace(memory: Memory, store: Store, hop: object, kept: int, longest: int) -> None:
    """Other bytes behind the IPv4 header: as many as one likes, the first `kept` bits as before."""
    at = memory.marks[Mark.TRANSPORT]
    ports = memory.read(at[0], at[1] * 8, kept, store) if kept else None
    memory.cut_end(at, (0, ()), store)
    length = Sym("length on a card", LENGTH_BITS)
    store.domains[length] = ((SHORTEST, longest),)
    total: Linear = (0, ((length, 1),))
    region = memory.add_region(total, Blob("payload on a card", total))
    memory.marks[Mark.TRANSPORT] = (region, 0)
    if ports is not None:
        memory.write(region, 0, kept, ports, hop, store)
    rid, offset = memory.marks[Mark.NET]
    for bit, width in (TOTAL, IDENTIFIER, SUM):
        memory.write(rid, offset * 8 + bit, width, Sym("header on a card", width), hop, store)


__all__ = ["joined", "pieces"]
