"""Whether the packets of a path stand for what network cards make of them, since nothing on the way has looked at what
tells them apart. In doubt they do not.

A packet that was joined is the first of those it was made of, with more bytes behind it; total length, length,
checksums and the TCP flags FIN, PSH and CWR are other ones. Where a first packet passes, one that is joined passes as
well if none of these was looked at, but for tests that all longer packets pass. Pieces of a packet have its addresses,
protocol and ports; their identifiers, and all that is behind the ports, may be other ones.
"""

from collections.abc import Iterable, Iterator

from innet.ir.nodes import Mark
from innet.packet.headers import LONGEST_PAYLOAD, PROTO_IPIP, PROTO_TCP, PROTO_UDP
from innet.symbolic import ranges as rs
from innet.symbolic.memory import Memory
from innet.symbolic.state import State, formula_atoms, possible
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    All,
    AnyOf,
    Atom,
    Concat,
    Fn,
    Formula,
    Lin,
    Linear,
    Slice,
    Sym,
    Term,
    Truth,
    minus,
    plus,
)

TOTAL, IDENTIFIER, PROTO, SUM = (16, 16), (32, 16), (72, 8), (80, 16)
"""Bits and widths of fields of the IPv4 header."""
JOINED = ((32, 64), (104, 112), (128, 144))
"""Bits of transport headers that are other ones in a joined packet: a datagram's length and checksum, flags, and a
segment's checksum."""
DATAGRAM = 32, 16
"""Bits and width of a datagram's length."""
BETWEEN: rs.Ranges = ((1, 0xFFFE),)
"""Sums that are not zero, of either sign."""
PIECES, ALL = ((32, 1 << 40),), ((0, 1 << 40),)
"""All bits behind the ports; all bits."""
PORTED, TUNNELS = (PROTO_TCP, PROTO_UDP), (PROTO_IPIP, 41, 47)
"""Protocols of packets that are joined: with ports; and IPv4, IPv6 and GRE (IANA protocol numbers)."""
SHORTEST = 8
"""Bytes of the shortest transport header."""


def stands_for_joined(state: State, size: Linear) -> bool:
    """Whether packets that were joined out of such are among them. `size`: bytes behind the IPv4 header."""
    memory, store = state.memory, state.store
    first, total = _counted(size), _header(memory, TOTAL)
    if first is None or not isinstance(total, Sym):
        return False
    growing = {first, total}
    datagram = _behind(memory, DATAGRAM)
    if isinstance(datagram, Sym) and _protocols(state) == rs.single(PROTO_UDP):
        growing.add(datagram)
    told = _told(store, growing)
    for sym, high in ((first, LONGEST_PAYLOAD), (total, 20 + LONGEST_PAYLOAD)):
        if sym in told or not _reaches(store, sym, high):
            return False
    if store.bounds(size)[1] < LONGEST_PAYLOAD:
        return False
    # these grow by the same number of bytes; all else that is compared stays as it is
    if any(sum(c for atom, c in atoms if atom in growing) > 0 for _, atoms in store.inequalities):
        return False
    parts = ALL if _may_be_tunnel(state) else JOINED
    return _free(_header(memory, SUM), store, told) and _unread(memory, store, told, parts)


def stands_for_pieces(state: State, size: Linear) -> bool:
    """Whether the pieces of such packets are among them. `size`: bytes behind the IPv4 header."""
    memory, store = state.memory, state.store
    first, total = _counted(size), _header(memory, TOTAL)
    if first is None or not isinstance(total, Sym):
        return False
    shrinking = {first, total}
    told = _told(store, shrinking)
    if not _free(_header(memory, IDENTIFIER), store, told):
        return False
    if not shrinking.isdisjoint(told) or store.bounds(size)[0] > SHORTEST:
        return False
    if any(len(store.domain(sym)) > 1 for sym in shrinking):
        return False
    header = minus(memory.to_end(*memory.marks[Mark.NET]), memory.to_end(*memory.marks[Mark.TRANSPORT]))
    if store.bounds(minus((0, ((total, 1),)), header))[0] > SHORTEST:
        return False
    for linear in store.inequalities:
        atoms = dict(linear[1])
        if shrinking.isdisjoint(atoms) or sum(atoms.get(sym, 0) for sym in shrinking) >= 0:
            continue
        told_truly = minus(plus(size, header), (0, ((total, 1),)))  # zero in pieces
        least = plus(plus(linear, told_truly, atoms.get(total, 0)), size)
        if store.bounds(least)[1] > SHORTEST:
            return False
    parts = ALL if _may_be_tunnel(state) else PIECES
    return _free(_header(memory, SUM), store, told) and _unread(memory, store, told, parts)


def _may_be_tunnel(state: State) -> bool:
    """Whether some of the packets may have others in them, of which next to all may be other ones then."""
    return bool(rs.intersect(_protocols(state), rs.normal((p, p) for p in TUNNELS)))


def _protocols(state: State) -> rs.Ranges:
    protocol = _header(state.memory, PROTO)
    return rs.full(8) if protocol is None else possible(protocol, state.store)


def _told(store: Store, lengths: set[Sym]) -> set[Sym]:
    """The symbols of which something is known beside a set of values, but for checksums being right or wrong, which
    may be either in what cards make, and for bounds of `lengths` by others."""
    atoms: list[object] = [
        a for a, some in store.domains.items() if not isinstance(a, Sym) and not _only_right(a, some)
    ]
    atoms += [x for key, (other, _) in store.substitution.items() for x in (key, other)]
    atoms += [x for left, right, _ in store.unequal for x in (left, right)]
    atoms += [x for clause in store.clauses for x in _open(clause, store)]
    atoms += [x for _, linear in store.inequalities for x, _ in linear if x not in lengths]
    found: set[Sym] = set()
    seen: set[int] = set()
    while atoms:
        one = atoms.pop()
        if isinstance(one, Sym):
            found.add(one)
        elif id(one) not in seen:
            seen.add(id(one))
            atoms += _parts(one)
    return found


def _open(f: Formula, store: Store) -> Iterator[Atom]:
    """The atoms of what is not decided yet of a formula."""
    if store.status(f) is None:
        if isinstance(f, All | AnyOf):
            for part in f.parts:
                yield from _open(part, store)
        else:
            yield from formula_atoms(f)


def _parts(term: object) -> Iterable[object]:
    match term:
        case Slice(base=base):
            return (base,)
        case Fn(args=args):
            return args
        case Lin(linear=(_, sums)):
            return (atom for atom, _ in sums)
        case Concat(parts=parts):
            return parts
        case Truth(formula=formula):
            return formula_atoms(formula)
        case tuple():
            return term
    return ()


def _is_sum(atom: Atom) -> bool:
    return isinstance(atom, Fn) and atom.op == "sum"


def _only_right(atom: Atom, some: rs.Ranges) -> bool:
    """Whether no more is known of a checksum than that it is right or wrong: all numbers between the two zeros are
    alike."""
    return _is_sum(atom) and rs.intersect(some, BETWEEN) in (rs.EMPTY, BETWEEN)


def _counted(size: Linear) -> Sym | None:
    """The symbol that a number of bytes grows with."""
    more = [(atom, c) for atom, c in size[1] if c > 0]
    return more[0][0] if len(more) == 1 and more[0][1] == 1 and isinstance(more[0][0], Sym) else None


def _reaches(store: Store, sym: Sym, high: int) -> bool:
    """Whether it may be any number from the least one up to `high`, as far as its own set says."""
    domain = store.domain(sym)
    return len(domain) == 1 and domain[0][1] >= high


def _header(memory: Memory, field: tuple[int, int]) -> Term | None:
    """A field of the IPv4 header, if it is in a cell of its own."""
    rid, offset = memory.marks[Mark.NET]
    cell = memory.cells[rid].get(offset * 8 + field[0])
    return cell[1] if cell is not None and cell[0] == field[1] else None


def _behind(memory: Memory, field: tuple[int, int]) -> Term | None:
    """A field behind the IPv4 header, if somebody has looked at it."""
    rid, offset = memory.marks[Mark.TRANSPORT]
    at = 8 * offset + field[0]
    cell, blob = memory.cells[rid].get(at), memory.blobs[rid]
    if cell is not None:
        return cell[1] if cell[0] == field[1] else None
    return None if blob is None else blob.carved.get((at, field[1]))


def _free(term: Term | None, store: Store, told: set[Sym]) -> bool:
    """Whether nothing is known of a field: it came in so, or is a checksum that was computed, or kept right."""
    while isinstance(term, Fn) and term.op == "adjust":
        term = term.args[0]  # type: ignore[assignment]  # the checksum before
    if term is None or isinstance(term, Sym):
        return term is not None and term not in told and store.domain(term) == rs.full(term.width)
    return _is_sum(term) if isinstance(term, Fn) else False


def _unread(memory: Memory, store: Store, told: set[Sym], parts: tuple[tuple[int, int], ...]) -> bool:
    """Whether nothing is known of these bits behind the IPv4 header, nor is written over them."""
    rid, offset = memory.marks[Mark.TRANSPORT]
    blob = memory.blobs[rid]
    if blob is None or blob.parent is not None or rid != memory.order[-1]:
        return False

    def among(bit: int, width: int) -> bool:
        at = bit - 8 * offset
        return any(at < end and at + width > begin for begin, end in parts)

    cells = ((b, w, term) for b, (w, term, _) in memory.cells[rid].items())
    carved = ((b, w, sym) for (b, w), sym in blob.carved.items())
    if any(among(b, w) and not _free(term, store, told) for b, w, term in cells):
        return False
    return not any(among(b, w) and (sym in told or store.domain(sym) != rs.full(w)) for b, w, sym in carved)


__all__ = [
    "IDENTIFIER",
    "PORTED",
    "PROTO",
    "SHORTEST",
    "SUM",
    "TOTAL",
    "TUNNELS",
    "stands_for_joined",
    "stands_for_pieces",
]
