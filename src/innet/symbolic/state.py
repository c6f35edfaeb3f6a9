"""What the symbolic executor carries along a path: the packet, what is known, and the flow's own table entries."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from innet import ir
from innet.ir.nodes import Mark
from innet.packet.headers import BY_NAME, LONGEST_PAYLOAD
from innet.records import quick
from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import Known, blob_bytes, evaluate, evaluate_linear
from innet.symbolic.formulas import all_of, equal
from innet.symbolic.memory import ANNOTATIONS, Memory
from innet.symbolic.prefixes import outcomes
from innet.symbolic.ranges import Ranges
from innet.symbolic.store import Store
from innet.symbolic.terms import (
    All,
    Always,
    AnyOf,
    AtMostZero,
    Atom,
    Blob,
    Concat,
    Fn,
    Formula,
    In,
    K,
    Lin,
    Linear,
    Same,
    Slice,
    Sym,
    Term,
    Truth,
    by_order,
    from_linear,
    linear_of,
)
from innet.symbolic.work import TEMPLATE, Work

LENGTH_BITS = LONGEST_PAYLOAD.bit_length()
"""Lengths below 32 KiB leave 16-bit sums of lengths and headers room."""

MAX_PAYLOAD = 1480
"""Bytes after the IPv4 header of the longest packet that every link carries: those of 1,500 bytes."""


@quick
@dataclass(frozen=True, slots=True)
class Entry:
    """A table entry that this very flow made: flow state travels with the flow."""

    element: str
    table: str
    key: tuple[Term, ...]
    values: tuple[Term, ...]
    pair: tuple[tuple[Term, ...], tuple[Term, ...]] | None = None
    """The keys of both entries of a PAIRED table that live and die together."""


@quick
@dataclass(frozen=True, slots=True)
class Template:
    """Every entry that other flows can make at one place: key and values, and what is known of their symbols."""

    key: tuple[Term, ...]
    values: tuple[Term, ...]
    domains: tuple[tuple[Atom, Ranges], ...]
    facts: tuple[Formula, ...]


@dataclass(slots=True)
class State:
    """One path. Statements change it in place; branches fork it."""

    memory: Memory
    store: Store
    env: dict[str, Term] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    hop: object = None
    over: tuple[str, ...] = ()
    lost: str = ""
    """Why the engine cannot follow these packets further, if it cannot."""
    progress: object = None
    """What the question asked keeps of this path; the executor carries it along."""
    hits: tuple[tuple[str, str, tuple[Term, ...], tuple[Term, ...]], ...] = ()
    """Entries that the running program found: element, table, the packet's key, and the entry's own."""
    copies: tuple[tuple[int, Memory], ...] | None = None
    """The copies that the running program sent, by output, where they are to stay with their packet; None: they are
    results of their own."""

    def own_key(self, element: str, table: str, key: tuple[Term, ...]) -> tuple[Term, ...]:
        """`key` in the words of the entry that was found by it, which say where its parts come from."""
        for place, name, asked, own in reversed(self.hits):
            if (place, name, asked) == (element, table, key):
                return own
        return key

    def fork(self) -> "State":
        return State(
            self.memory.fork(),
            self.store.fork(),
            dict(self.env),
            self.entries,
            self.hop,
            self.over,
            self.lost,
            self.progress,
            self.hits,
            self.copies,
        )

    def field(self, mark: Mark, bit: int, width: int) -> Term | None:
        """What a field holds, if that needs no case split; for looking, not for executing."""
        at = self.memory.position(mark)
        if at is None:
            return None
        cell = self.memory.cells.get(at[0], {}).get(at[1] * 8 + bit)
        if cell is not None and cell[0] == width:
            return cell[1]
        try:
            there = self.memory.available(mark, bit // 8, (bit + width + 7) // 8 - bit // 8, self.store)
            if there is None or not self.store.entails(there):
                return None
            return self.memory.read(at[0], at[1] * 8 + bit, width, self.store)
        except Exception as caught:
            from innet.symbolic.memory import Imprecise, Split

            if isinstance(caught, Imprecise | Split):
                return None
            raise


def resolve(term: Term, store: Store) -> Term:
    """`term` by the representatives of its atoms; a constant where only one value is left."""
    match term:
        case Sym() | Slice() | Fn():
            domain = store.domain(term)
            if len(domain) == 1 and domain[0][0] == domain[0][1]:
                return K(domain[0][0], term.width)
            rep, by = store.find(term)
            return rep if by == 0 else from_linear((by, ((rep, 1),)), term.width)
        case Lin(linear=(const, ((atom, 1),))) if atom.width == term.width:
            inner = resolve(atom, store)
            if isinstance(inner, K):
                return K((inner.value + const) % (1 << term.width), term.width)
            linear = linear_of(inner) or (inner.linear if isinstance(inner, Lin) else None)
            if linear is not None:
                return from_linear((linear[0] + const, linear[1]), term.width)
    return term


def possible(term: Term, store: Store) -> Ranges:
    """The values a term may have, as far as single sets say; every value that it can have is in there."""
    match term:
        case K(value=value):
            return rs.single(value)
        case Sym() | Slice() | Fn():
            return store.domain(term)
        case Lin(linear=(const, ((atom, 1),))) if atom.width == term.width:
            return rs.shift(store.domain(atom), const, term.width)
        case Lin():
            linear = linear_of(term)
            if linear is not None:
                low, high = store.bounds(store.canonical(linear))
                return rs.normal([(max(0, low), min(high, (1 << term.width) - 1))])
        case Concat(parts=(K(value=0) as pad, part)):
            return possible(part, store) if pad.width + part.width == term.width else rs.full(term.width)
    return rs.full(term.width)


# ---- injected packets


@quick
@dataclass(frozen=True, slots=True)
class Injected:
    """A packet as injected, and the symbols of its fields by their names ("ip.src", …)."""

    state: State
    symbols: Mapping[str, Sym]
    payload: Blob
    options: Blob


IP_CELLS = (
    ("ip.vers", 0, 4), ("ip.hl", 4, 4), ("ip.tos", 8, 8), ("ip.len", 16, 16), ("ip.id", 32, 16),
    ("ip.flags", 48, 3), ("ip.fragment", 51, 13), ("ip.ttl", 64, 8), ("ip.proto", 72, 8), ("ip.sum", 80, 16),
    ("ip.src", 96, 32), ("ip.dst", 128, 32),
)  # fmt: skip


NO_CELL = (0, K(0, 1), None)
IPV4_TYPE, IPV4_VERSION = (16, K(0x0800, 16)), (4, K(4, 4))


def inject_ip(label: str = "", link: bool = True, max_payload: int = LONGEST_PAYLOAD) -> Injected:
    """Any IPv4 packet with a complete header, in an Ethernet frame if `link`: what a network delivers.

    At most `max_payload` bytes follow the header.

    Fragments, options, wrong lengths and wrong checksums are all in there. Marks are not set except DATA.
    """
    memory, store = Memory(), Store()
    symbols: dict[str, Sym] = {}
    if link:
        ether = memory.add_region((14, ()), None)
        for name, bit, width in (("ether.dst", 0, 48), ("ether.src", 48, 48)):
            symbols[name] = sym = Sym(label + name, width)
            memory.cells[ether][bit] = (width, sym, None)
        memory.cells[ether][96] = (*IPV4_TYPE, None)
    header = memory.add_region((20, ()), None)
    for name, bit, width in IP_CELLS:
        if name == "ip.vers":
            memory.cells[header][bit] = (*IPV4_VERSION, None)
            continue
        symbols[name] = sym = Sym(label + name, width, "source" if name == "ip.src" else "injected")
        memory.cells[header][bit] = (width, sym, None)
    hl = symbols["ip.hl"]
    store.domains[hl] = ((5, 15),)
    size = symbols["length"] = Sym(label + "length", LENGTH_BITS)
    store.domains[size] = ((0, max_payload),)
    options = Blob(label + "options", (-20, ((hl, 4),)))
    payload = Blob(label + "payload", (0, ((size, 1),)))
    memory.add_region((-20, ((hl, 4),)), options)
    memory.add_region((0, ((size, 1),)), payload)
    memory.marks[Mark.DATA] = (memory.order[0], 0)
    return Injected(State(memory, store), symbols, payload, options)


ARRIVING = inject_ip()
"""Any packet, once: what `arriving` gives others of."""


def arriving() -> Injected:
    """As `inject_ip`, with the same symbols and regions each time, so that what is found out about the packet serves
    others; what is behind its header is its own, for that has symbols as it is looked into."""
    first, state = ARRIVING, ARRIVING.state.fork()
    blobs = {blob: Blob(blob.name, blob.length) for blob in (first.options, first.payload)}
    state.memory.blobs = {
        rid: None if blob is None else blobs[blob] for rid, blob in first.state.memory.blobs.items()
    }
    return Injected(state, first.symbols, blobs[first.payload], blobs[first.options])


def whole_frame(memory: Memory, store: Store) -> dict[Mark, tuple[int, int]] | None:
    """Where the headers of a frame begin that is built as `inject_ip` builds them, whatever is in its other fields;
    None: it is not, or the length of its header is one number.

    By that it carries a complete IPv4 header (RFC 791 section 3.1) on every path, and reading it tells nothing more.
    """
    order, lengths, cells = memory.order, memory.lengths, memory.cells
    if len(order) != 4 or memory.marks[Mark.DATA] != (order[0], 0):
        return None
    link, header, options, payload = order
    length = cells[header].get(4)
    if length is None or length[0] != 4 or length[1].__class__ is not Sym:
        return None
    hl = length[1]
    if lengths[link] != (14, ()) or lengths[header] != (20, ()) or lengths[options] != (-20, ((hl, 4),)):
        return None
    const, parts = lengths[payload]
    if const != 0 or len(parts) != 1 or parts[0][1] != 1:
        return None
    if cells[link].get(96, NO_CELL)[:2] != IPV4_TYPE or cells[header].get(0, NO_CELL)[:2] != IPV4_VERSION:
        return None
    least, most = store.domain(hl)[0][0], store.domain(hl)[-1][1]
    if not 5 <= least < most:
        return None
    net = header, 0
    return {Mark.DATA: (link, 0), Mark.MAC: (link, 0), Mark.NET: net, Mark.TRANSPORT: (payload, 0)}


def inject_raw(label: str = "") -> Injected:
    """Any bytes at all."""
    memory, store = Memory(), Store()
    size = Sym(label + "length", LENGTH_BITS)
    payload = Blob(label + "packet", (0, ((size, 1),)))
    memory.add_region((0, ((size, 1),)), payload)
    memory.marks[Mark.DATA] = (memory.order[0], 0)
    return Injected(State(memory, store), {"length": size}, payload, payload)


ARRIVAL = "arrival"
"""The origin of symbols that stand for when a packet came in or was made."""


def stamp(memory: Memory) -> None:
    """Annotations of a packet that has just come in, or that a source is about to fill: only its timestamp is set."""
    memory.cells[ANNOTATIONS] = {
        field.bit: (field.width, Sym(name, field.width, ARRIVAL), None)
        for name in ("anno.time_s", "anno.time_ns")
        for field in (BY_NAME[name],)
    }
    memory._owned.add(ANNOTATIONS)


def empty() -> State:
    """The blank packet that a source fills."""
    memory = Memory()
    memory.add_region((0, ()), None)
    memory.marks[Mark.DATA] = (memory.order[0], 0)
    stamp(memory)
    return State(memory, Store())


# ---- back to concrete packets


def overlay(content: bytes, length: int, cells: tuple[tuple[int, int, int], ...]) -> bytearray:
    """`length` bytes: `content`, then zeros, with (bit, width, number) cells over them."""
    data = bytearray(content[:length])
    data.extend(bytes(max(0, length - len(data))))
    for bit, width, number in cells:
        behind = bit + width - 8 * len(data)
        if behind > 0:  # cut off: what is left of it stands at the end
            if behind >= width:
                continue
            width, number = width - behind, number >> behind
        first, last = bit // 8, (bit + width + 7) // 8
        if not (bit | width) & 7:  # whole bytes, as nearly always
            data[first:last] = number.to_bytes(last - first, "big")
            continue
        shift = last * 8 - bit - width
        mask = (1 << width) - 1 << shift
        old = int.from_bytes(data[first:last], "big")
        data[first:last] = (old & ~mask | number << shift).to_bytes(last - first, "big")
    return data


def concrete(memory: Memory, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes]) -> bytes:
    """The packet from DATA to END, once its symbols have values."""
    rid, offset = memory.marks[Mark.DATA]
    out, known = bytearray(), Known()
    for region in memory.order[memory.order.index(rid) :]:
        out += _region(memory, region, values, blobs, known)
    return bytes(out[offset:])


def _region(
    memory: Memory, region: int, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes], known: Known
) -> bytearray:
    length = evaluate_linear(memory.lengths[region], values, blobs, known)
    cells = tuple(
        (bit, width, evaluate(term, values, blobs, known))
        for bit, (width, term, _) in memory.cells[region].items()
    )
    blob = memory.blobs[region]
    return overlay(b"" if blob is None else blob_bytes(blob, values, blobs), length, cells)


def annotation_bytes(memory: Memory, values: Mapping[Sym, int], blobs: Mapping[Blob, bytes]) -> bytes:
    """The annotation area, once its symbols have values."""
    return bytes(_region(memory, ANNOTATIONS, values, blobs, Known()))


# ---- tables


MAX_KINDS = 16
"""Kinds of entries of one table that are told apart before new ones are widened, so that their number settles: first
what is known of their symbols together goes, then all that is known of their values, at last of their keys."""


class Oracle(Protocol):
    """Answers for elements of two configurations that are compared, so that equal ones are asked about once.

    `place` is an element's name, with that of its configuration in front.
    """

    whole: bool
    """Whether each element has an equal one in the other configuration."""

    def draw(self, state: State, place: str, kind: str, width: int, counter: ir.Counter | None) -> Term:
        """What a clock, a die or a counter shows."""
        ...

    def lookup(
        self, state: State, place: str, table: ir.Table, key: tuple[Term, ...]
    ) -> "list[tuple[State, tuple[Term, ...] | None]] | None":
        """Paths with the values found, None for nothing found; None: ask the tables."""
        ...

    def write(self, state: State, place: str, table: ir.Table, written: tuple[object, ...]) -> Term | None:
        """Note what is done to a table; whether there was room. None: do it to the tables."""
        ...


def _read_all(place: str) -> bool:
    return False


def _none(key: tuple[str, str]) -> Sequence[Template]:
    return ()


class Tables:
    """What an exploration knows of tables: constant ones by outcome, and the entries that other flows can make."""

    def __init__(self, any_state: bool) -> None:
        self.any_state = any_state
        self.work = Work()
        """What an exploration with these tables is charged to."""
        self.templates: dict[tuple[str, str], list[Template]] = {}
        self.beneath: Callable[[tuple[str, str]], Sequence[Template]] = _none
        """The entries of tables that are not among `templates`, which go before them."""
        self.kinds: dict[tuple[str, str], list[Template]] = {}
        """Every kind of entry in the order in which they turned up, those too that gave way to wider ones."""
        self.asked: list[object] | None = None
        """Look-ups that are to be resumed when new kinds of entries turn up (`innet.symbolic.execute.Asked`), where
        somebody wants to know."""
        self.noted = 0
        """How often a kind of entry was new. Kinds may give way to wider ones, so their number says nothing."""
        self.widening = False
        """Whether new kinds are widened at once: what one packet makes of an entry may go on for ever."""
        self.oracle: Oracle | None = None
        self.observe: Callable[[ir.Stmt, State], None] | None = None
        """Is told of each `Branch` before it forks the path, of each `Assign` before it is done, of each `Count`,
        `Adjust` and followed `Let` after that, and of the path."""
        self.unread: Callable[[str], bool] = _read_all
        """Whether nobody looks at the transport mark again that the element of that name sets, or at what depends on
        it: then cases of a packet need not be told apart by where it is."""
        self._outcomes: dict[int, tuple[ir.Table, dict[tuple[int, ...], Ranges]]] = {}

    def prefixes(self, table: ir.Table) -> dict[tuple[int, ...], Ranges]:
        """For each row of values of a PREFIX table, the keys that find it."""
        found = self._outcomes.get(id(table))
        if found is None:
            found = self._outcomes[id(table)] = (table, outcomes(table.entries, sum(table.key)))
        return found[1]

    def rows(self, key: tuple[str, str]) -> Sequence[Template]:
        """The kinds of entries that other flows can make in a table of an element."""
        found = self.templates.get(key)
        return self.beneath(key) if found is None else found

    def note(
        self, element: str, table: str, key: tuple[Term, ...], values: tuple[Term, ...], store: Store
    ) -> None:
        """A packet on a path with `store` can make this entry."""
        rows = self.templates.get((element, table))
        if rows is None:
            rows = self.templates[element, table] = [*self.beneath((element, table))]
        self.work.spend(TEMPLATE * (1 + len(rows)))
        template = make_template(key, values, store)
        if any(covers(old, template) for old in rows):
            return
        if self.widening or len(rows) >= 2 * MAX_KINDS:
            template = widened(template, keep_key=len(rows) < 3 * MAX_KINDS)
        elif len(rows) >= MAX_KINDS:
            template = Template(template.key, template.values, template.domains, ())
        if self.widening or len(rows) >= MAX_KINDS:
            rows[:] = [old for old in rows if not covers(template, old)]
        rows.append(template)
        self.kinds.setdefault((element, table), []).append(template)
        self.noted += 1


SOURCES = ("source", "earlier source")
"""Origins of symbols that stand for the source address of this packet, or of one that came before."""

ANY = "any value"
"""The origin of a symbol that stands for whatever an entry may hold there."""


def make_template(key: tuple[Term, ...], values: tuple[Term, ...], store: Store) -> Template:
    """Key and values with what `store` knows of their symbols (sets, and disjunctions over them)."""
    key, values = tuple([_simple(t, store) for t in key]), tuple([_simple(t, store) for t in values])
    atoms: dict[Atom, None] = {}
    for term in (*key, *values):
        if term.__class__ is not K:
            collect_atoms(term, atoms)
    domains = tuple([(a, d) for a in atoms if (d := store.domain(a)) != rs.full(a.width)])
    facts = tuple([c for c in store.clauses if speaks_of_none_but(c, atoms)])
    return Template(key, values, domains, facts)


def _simple(term: Term, store: Store) -> Term:
    """`resolve`, as a constant, a symbol or a symbol plus a constant; anything else becomes any value at all, so that
    the kinds of entries stay few. The source of a packet stays that, though its value may be known: authorization hangs
    on it."""
    if term.__class__ is K or (term.__class__ is Sym and term.origin in SOURCES):
        return term
    term = resolve(term, store)
    match term:
        case Sym() | K() | Lin(linear=(_, ((Sym(), 1),))):
            return term
    return Sym("any", term.width, ANY)


def widened(template: Template, keep_key: bool) -> Template:
    """Entries of this kind and more: nothing is known of symbols but where they come from, and other values may be
    anything; without `keep_key`, constants in the key may too."""
    key = tuple(t if keep_key or not isinstance(t, K) else Sym("any", t.width, ANY) for t in template.key)
    values = tuple(t if isinstance(t, Sym) else Sym("any", t.width, ANY) for t in template.values)
    return Template(key, values, (), ())


def covers(old: Template, new: Template) -> bool:
    """Whether every entry of `new` is one of `old`, seen by renaming symbols one to one.

    Whoever finds an entry sees symbols of earlier packets, so that those of this packet and earlier ones are alike.
    """
    if len(old.key) != len(new.key):
        return False
    names: dict[Atom, Atom] = {}
    wild: dict[Sym, Term] = {}
    for a, b in zip((*old.key, *old.values), (*new.key, *new.values), strict=True):
        if isinstance(a, Sym) and a.origin.endswith(ANY):
            if wild.setdefault(a, b) != b:  # any value, but the same one in both places
                return False
            continue
        if isinstance(a, Sym) and isinstance(b, Sym) and earlier(a.origin) == earlier(b.origin):
            if names.setdefault(a, b) is not b:
                return False
        elif a != b:
            return False
    if len(set(map(id, names.values()))) != len(names):
        return False
    renaming = Renaming({a: b for a, b in names.items() if isinstance(a, Sym) and isinstance(b, Sym)})
    if any(renaming.formula(fact) not in new.facts for fact in old.facts):
        return False
    new_domains = dict(new.domains)
    for atom, domain in old.domains:
        other = names.get(atom, atom)
        mine = new_domains.get(other, rs.full(atom.width))
        if rs.intersect(mine, domain) != mine:
            return False
    return True


def collect_atoms(term: Term, into: dict[Atom, None]) -> None:
    """The atoms a term is made of."""
    match term:
        case Sym() | Fn():
            into[term] = None
        case Slice(base=base):
            into[term] = None
            collect_atoms(base, into)
        case Lin(linear=(_, parts)):
            for atom, _ in parts:
                collect_atoms(atom, into)
        case Concat(parts=inner):
            for part in inner:
                collect_atoms(part, into)


def formula_atoms(f: Formula) -> set[Atom]:
    """The atoms a formula speaks of."""
    match f:
        case Always():
            return set()
        case In(atom=atom):
            return {atom}
        case Same(left=left, right=right):
            return {left, right}
        case AtMostZero(linear=linear):
            return {a for a, _ in linear[1]}
        case All(parts=parts) | AnyOf(parts=parts):
            return set().union(*(formula_atoms(p) for p in parts))
    raise AssertionError(f)


def speaks_of_none_but(f: Formula, atoms: Container[Atom]) -> bool:
    """Whether a formula speaks of those atoms only."""
    match f:
        case In(atom=atom):
            return atom in atoms
        case Same(left=left, right=right):
            return left in atoms and right in atoms
        case AtMostZero(linear=linear):
            return all(atom in atoms for atom, _ in linear[1])
        case All(parts=parts) | AnyOf(parts=parts):
            return all(speaks_of_none_but(part, atoms) for part in parts)
    return True


def earlier(origin: str) -> str:
    """The origin that a symbol has for whoever finds it in an entry of another flow."""
    return origin if origin.startswith("earlier ") else f"earlier {origin}"


class Renaming:
    """Fresh copies of a template's symbols. What was a source becomes an *earlier* source."""

    def __init__(self, names: Mapping[Sym, Sym] | None = None) -> None:
        self.names: dict[Sym, Sym] = dict(names or {})
        self.functions: dict[Fn, Sym] = {}

    def sym(self, s: Sym) -> Sym:
        new = self.names.get(s)
        if new is None:
            new = self.names[s] = Sym(s.name + "'", s.width, earlier(s.origin))
        return new

    def term(self, term: Term) -> Term:
        match term:
            case K():
                return term
            case Sym():
                return self.sym(term)
            case Slice(base=base, low=low):
                inner = self.term(base)
                assert isinstance(inner, Sym | Fn)
                return Slice(inner, low, term.width)
            case Fn(op=op):  # an opaque value of another flow is just unknown
                return self.functions.setdefault(term, Sym(f"{op}'", term.width, f"earlier {op}"))
            case Lin(linear=linear):
                return from_linear(self.linear(linear), term.width)
            case Truth():
                return Sym("fact'", 1, "earlier fact")
            case Concat(parts=parts):
                return Concat(tuple(self.term(p) for p in parts), term.width)  # type: ignore[misc]  # parts stay parts
        raise AssertionError(term)

    def linear(self, linear: Linear) -> Linear:
        parts = [(self.term(a), c) for a, c in linear[1]]
        return linear[0], tuple(sorted(parts, key=by_order))  # type: ignore[arg-type]  # atoms stay atoms

    def formula(self, f: Formula) -> Formula:
        match f:
            case Always():
                return f
            case In(atom=atom, ranges=ranges):
                return In(self.term(atom), ranges)  # type: ignore[arg-type]  # atoms stay atoms
            case Same(left=left, right=right, offset=offset, equal=same):
                return Same(self.term(left), self.term(right), offset, same)  # type: ignore[arg-type]  # atoms
            case AtMostZero(linear=linear):
                return AtMostZero(self.linear(linear))
            case All(parts=parts):
                return All(tuple(self.formula(p) for p in parts))
            case AnyOf(parts=parts):
                return AnyOf(tuple(self.formula(p) for p in parts))
        raise AssertionError(f)


def keys_equal(a: tuple[Term, ...], b: tuple[Term, ...]) -> Formula:
    """Whether two keys are the same, column by column."""
    return all_of(*(equal(x, y) for x, y in zip(a, b, strict=True)))
