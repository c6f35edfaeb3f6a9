"""Packets that come to a place again: whether they are among those that came there before, so that nothing new becomes
of them."""

from collections.abc import Iterable
from typing import NamedTuple

from innet.ir.nodes import Mark
from innet.network import End
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import State, collect_atoms, possible
from innet.symbolic.terms import Atom, Fn, Slice, Sym, Term


class Came(NamedTuple):
    """How packets came to a place: by which interface, to which station, with what in their headers, and how far the
    statement was with them."""

    end: End
    to: Term
    fields: tuple[Term | None, ...]
    times: Ranges
    """The times to live that they may have had."""
    progress: object
    state: State

    def alike(self, other: "Came") -> bool:
        """Whether the others came as these did, as far as is told of packets."""
        return self[:3] == other[:3] and rs.intersect(self.times, other.times) == other.times

    def includes(self, other: "Came", held: Iterable[Term] | None) -> bool:
        """Whether of the others, which are alike and came later, nothing becomes that does not of these."""
        return self.progress == other.progress and included(other.state, self.state, held)


def _is_sum(term: Term) -> bool:
    """Whether it is a checksum that was brought up to date."""
    return isinstance(term, Fn) and term.op == "adjust"


def included(later: State, state: State, held: Iterable[Term] | None) -> bool:
    """Whether packets that came to a place again, their time to live and checksums aside, are among those that came
    there before, of which they were made: they are what those were, but for what might have been anything there and has
    nothing to do with what is `held` to compare with. With None they are each just what it was."""
    memory, before = later.memory, state.memory
    if len(memory.order) != len(before.order):
        return False
    free: dict[Sym, Term] = {}
    kept: list[Term] = []
    for new, old in zip(memory.order, before.order, strict=True):
        if memory.blobs[new] != before.blobs[old] or memory.lengths[new] != before.lengths[old]:
            return False
        varies = [
            offset * 8 + bit
            for mark, (rid, offset) in memory.marks.items()
            if mark is Mark.NET and rid == new
            for bit in (64, 80)
        ]
        cells, were = memory.cells[new], before.cells[old]
        if cells.keys() != were.keys():
            return False
        for bit, (width, term, _) in cells.items():
            size, was, _ = were[bit]
            if bit in varies or (_is_sum(term) and _is_sum(was)):
                continue
            if term == was:
                kept.append(term)
            elif not isinstance(was, Sym) or size != width or was in free:
                return False
            else:
                free[was] = term
    if not free or held is None:
        return not free
    known = state.store
    related = [atom for a, b, _ in known.unequal for atom in (a, b)]
    related += [atom for _, parts in known.inequalities for atom, _ in parts]
    related += [atom for clause in known.clauses for atom in clause.atoms()]
    related += known.sliced
    for one in (*kept, *held):
        related += _atoms(one)
    related += [atom.base for atom in related if isinstance(atom, Slice)]
    bound = {known.find(atom)[0] for atom in related}
    wholes = [known.find(was)[0] for was in free]
    return (
        len({*wholes}) == len(wholes)
        and bound.isdisjoint(wholes)
        and all(isinstance(whole, Sym) for whole in wholes)
        and all(rs.within(possible(one, later.store), known.domain(was)) is True for was, one in free.items())
    )


def _atoms(term: Term) -> list[Atom]:
    """All that a term is made of, also by what the store does not look into."""
    found: dict[Atom, None] = {}
    collect_atoms(term, found)
    inner = [
        part
        for atom in found
        if isinstance(atom, Fn)
        for part in atom.args
        if not isinstance(part, bytes | int)
    ]
    return [*found, *(atom for part in inner for atom in _atoms(part))]


__all__ = ["Came"]
