"""Faults put into the symbolic executor on purpose, each of which a campaign must find, and elements where it shows."""

from collections.abc import Callable
from typing import Any, Protocol

from innet.ir.nodes import Op
from innet.symbolic import checksums, formulas, memory, prefixes, state, terms, values
from innet.symbolic import execute as executor
from innet.symbolic import ranges as rs
from innet.symbolic import rows as row_steps
from innet.symbolic.execute import _Step
from innet.symbolic.memory import ANNOTATIONS, Memory, Split
from innet.symbolic.state import State, Tables
from innet.symbolic.store import Store
from innet.symbolic.terms import All, AnyOf, In, K, Lin, Slice, Sym, concat, pieces, slice_of


class Patcher(Protocol):
    """Puts something else in the place of an attribute, for a while."""

    def setattr(self, target: Any, name: str, value: Any) -> None: ...


Patch = Callable[[Patcher], None]


def everywhere(patch: Patcher, name: str, fault: object) -> None:
    """Put `fault` wherever a module of the engine knows a function by `name`."""
    for module in (executor, row_steps, values, formulas, memory, prefixes, state, terms):
        if hasattr(module, name):
            patch.setattr(module, name, fault)


# ---- the store


def status_believes_in_sets(patch: Patcher) -> None:
    status = Store.status
    patch.setattr(Store, "status", lambda s, f: True if isinstance(f, In) else status(s, f))


def status_forgets_disequalities(patch: Patcher) -> None:
    status = Store.status
    patch.setattr(
        Store, "status", lambda s, f: False if isinstance(f, AnyOf) and status(s, f) is None else status(s, f)
    )


def assume_ignores_slices(patch: Patcher) -> None:
    add = Store._add
    patch.setattr(
        Store, "_add", lambda s, f: True if isinstance(f, In) and isinstance(f.atom, Slice) else add(s, f)
    )


def everything_is_feasible_but_disjunctions(patch: Patcher) -> None:
    feasible = Store.feasible
    patch.setattr(Store, "feasible", lambda s: not s.clauses and feasible(s))


# ---- formulas and terms


def negation_forgets_a_case(patch: Patcher) -> None:
    negate = formulas.negate

    def fault(f: formulas.Formula) -> formulas.Formula:
        return negate(f.parts[0]) if isinstance(f, All) else negate(f)

    everywhere(patch, "negate", fault)


def complement_loses_the_top(patch: Patcher) -> None:
    complement = rs.complement
    patch.setattr(
        rs, "complement", lambda a, width: complement(rs.union(a, rs.single((1 << width) - 1)), width)
    )


def less_is_less_or_equal(patch: Patcher) -> None:
    less = formulas.less
    everywhere(patch, "less", lambda a, b, or_equal: less(a, b, True))


def sums_are_too_narrow(patch: Patcher) -> None:
    add = terms.add

    def fault(a: terms.Term, b: terms.Term, factor: int = 1) -> terms.Term:
        found = add(a, b, factor)
        return concat([K(0, 1), *pieces(slice_of(found, 0, found.width - 1))]) if found.width > 1 else found

    everywhere(patch, "add", fault)


def shifts_go_one_too_far(patch: Patcher) -> None:
    shift, part = terms.shift_right, terms.slice_of

    def fault(term: terms.Term, low: int, width: int) -> terms.Term:
        return part(term, min(low + 1, term.width - width), width)

    everywhere(patch, "shift_right", lambda term, by: shift(term, by + 1))
    patch.setattr(values, "slice_of", fault)  # a shift of which only some bits are kept


def checksums_forget_what_they_add_to(patch: Patcher) -> None:
    number = checksums.Shape.number
    patch.setattr(checksums.Shape, "number", lambda self, values: number(self, [0, *values[1:]]))


def or_is_exclusive(patch: Patcher) -> None:
    bitwise = terms.bitwise
    everywhere(patch, "bitwise", lambda op, a, b: bitwise(Op.XOR if op is Op.OR else op, a, b))


def negative_lengths_wrap(patch: Patcher) -> None:
    """What `length_term` once did: a length less a constant became a large number."""

    def fault(length: terms.Linear) -> terms.Term:
        term = terms.from_linear(length, 16)
        if isinstance(term, Lin):
            term.exact = True
        return term

    everywhere(patch, "length_term", fault)


# ---- the packet


def writes_forget_what_they_overlap(patch: Patcher) -> None:
    def fault(
        self: Memory, rid: int, bit: int, width: int, term: terms.Term, hop: object, store: Store
    ) -> None:
        rid, first = self.locate(rid, bit // 8, store)
        self._own(rid)[first * 8 + bit % 8] = (width, term, hop)

    patch.setattr(Memory, "write", fault)


def presence_is_one_off(patch: Patcher) -> None:
    available = Memory.available
    patch.setattr(
        Memory,
        "available",
        lambda s, mark, offset, length, store: available(s, mark, offset, length - 1, store),
    )


def ends_do_not_cut(patch: Patcher) -> None:
    patch.setattr(Memory, "cut_end", lambda self, at, by, store: None)


def ends_do_not_grow(patch: Patcher) -> None:
    patch.setattr(Memory, "grow", lambda self, by, store: None)


def stripped_bytes_are_gone(patch: Patcher) -> None:
    set_data = Memory.set_data

    def fault(self: Memory, at: tuple[int, int], store: Store) -> None:
        set_data(self, at, store)
        self.clip()

    patch.setattr(Memory, "set_data", fault)


def annotations_are_not_written(patch: Patcher) -> None:
    write = Memory.write
    patch.setattr(
        Memory, "write", lambda self, rid, *rest: None if rid == ANNOTATIONS else write(self, rid, *rest)
    )


def copies_share_the_packet(patch: Patcher) -> None:
    fork = State.fork

    def fault(self: State) -> State:
        other = fork(self)
        other.memory = self.memory
        return other

    patch.setattr(State, "fork", fault)


def absent_fields_are_something(patch: Patcher) -> None:
    load = _Step.load

    def fault(self: _Step, f: Any) -> terms.Term:
        found = load(self, f)
        return K(1, f.width) if found == K(0, f.width) and not self.present(f) else found

    patch.setattr(_Step, "load", fault)


def splits_lose_their_last_alternative(patch: Patcher) -> None:
    init = Split.__init__
    patch.setattr(Split, "__init__", lambda self, *alternatives: init(self, *alternatives[:-1]))


def marks_forget_what_is_added(patch: Patcher) -> None:
    patch.setattr(_Step, "integer", lambda self, term: (0, ()))


# ---- statements


def adjustments_are_left_out(patch: Patcher) -> None:
    everywhere(patch, "adjust", lambda total, old, new, width, keep_zero: total)


def checksums_start_at_the_header(patch: Patcher) -> None:
    sum_bytes = values._sum_bytes
    patch.setattr(values, "_sum_bytes", lambda regions, start, length: sum_bytes(regions, 0, length))


def options_are_never_found(patch: Patcher) -> None:
    patch.setattr(executor, "_option_found", lambda regions, start, kinds: 0)


def shorter_prefixes_win(patch: Patcher) -> None:
    flatten = prefixes.flatten
    patch.setattr(
        prefixes,
        "flatten",
        lambda rows, width=32: flatten(
            [r for r in rows if r[1] == min(length for _, length, _ in rows)], width
        ),
    )


# ---- tables


def look_ups_miss(patch: Patcher) -> None:
    lookup = _Step.lookup

    def fault(self: _Step, stmt: Any) -> object:
        self.state.entries = ()
        return lookup(self, stmt)

    patch.setattr(_Step, "lookup", fault)


def updates_are_left_out(patch: Patcher) -> None:
    patch.setattr(_Step, "update", lambda self, table, key, values: None)


def the_oldest_entry_is_found(patch: Patcher) -> None:
    held = _Step.held
    patch.setattr(
        _Step, "held", lambda self, element, table, key, sure=False: held(self, element, table, key, True)[:0]
    )


def only_the_lowest_port_is_given(patch: Patcher) -> None:
    member = formulas.member

    def fault(term: terms.Term, ranges: rs.Ranges) -> formulas.Formula:
        if isinstance(term, Sym) and term.origin.startswith("allocated"):
            ranges = rs.single(ranges[0][0])
        return member(term, ranges)

    patch.setattr(executor, "member", fault)


def other_flows_make_no_entries(patch: Patcher) -> None:
    patch.setattr(Tables, "note", lambda *arguments: None)


def tables_are_never_full(patch: Patcher) -> None:
    insert = _Step.insert

    def fault(self: _Step, *arguments: Any) -> object:
        found = insert(self, *arguments)
        return found and found[:1]

    patch.setattr(_Step, "insert", fault)


MUTANTS: list[tuple[Patch, tuple[str, ...]]] = [
    (status_believes_in_sets, ("DecIPTTL",)),
    (status_forgets_disequalities, ("CheckIPHeader",)),
    (assume_ignores_slices, ("MarkIPCE", "EtherMirror", "Classifier")),
    (everything_is_feasible_but_disjunctions, ("CheckIPHeader",)),
    (negation_forgets_a_case, ("IPFilter",)),
    (complement_loses_the_top, ("DecIPTTL", "IPClassifier")),
    (less_is_less_or_equal, ("CheckLength", "DecIPTTL")),
    (sums_are_too_narrow, ("DecIPTTL", "FromDevice", "IPEncap")),
    (shifts_go_one_too_far, ("FromDevice", "SetIPDSCP", "FromNetfront")),
    (checksums_forget_what_they_add_to, ("IPRewriter",)),
    (or_is_exclusive, ("MarkIPCE", "SetIPDSCP", "SetVLANAnno", "EtherVLANEncap")),
    (negative_lengths_wrap, ("CheckLength",)),
    (writes_forget_what_they_overlap, ("StoreData",)),
    (presence_is_one_off, ("StoreData", "CheckIPHeader")),
    (ends_do_not_cut, ("Truncate",)),
    (ends_do_not_grow, ("Pad",)),
    (stripped_bytes_are_gone, ("Strip",)),
    (annotations_are_not_written, ("Paint",)),
    (copies_share_the_packet, ("DecIPTTL", "PaintTee")),
    (absent_fields_are_something, ("GetIPAddress", "Classifier")),
    (splits_lose_their_last_alternative, ("StoreData",)),
    (marks_forget_what_is_added, ("MarkIPHeader",)),
    (adjustments_are_left_out, ("DecIPTTL",)),
    (checksums_start_at_the_header, ("CheckIPHeader",)),
    (options_are_never_found, ("SetUDPChecksum",)),
    (shorter_prefixes_win, ("RadixIPLookup",)),
    (look_ups_miss, ("IPRewriter",)),
    (updates_are_left_out, ("ChangeEnforcer", "IPRewriter")),
    (the_oldest_entry_is_found, ("ChangeEnforcer", "IPRewriter")),
    (only_the_lowest_port_is_given, ("IPRewriter",)),
    (other_flows_make_no_entries, ("IPRewriter",)),
    (tables_are_never_full, ("IPRewriter",)),
]
