"""Symbolic executor against reference interpreter: what both make of the same program and the same packets.

Each result of the executor is a set of packets (constraints) and what became of them (terms). A concrete packet must
meet the constraints of exactly those results that the interpreter brought about (its copies and its verdict), and
the terms, evaluated on the packet, must be what the interpreter left: bytes, annotations, marks, variables.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from innet import ir
from innet.explore.witness import solutions
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.symbolic import ranges as rs
from innet.symbolic.evaluation import Unbound, evaluate, evaluate_linear
from innet.symbolic.execute import Dropped, Emitted, Held, Lost, Result, execute
from innet.symbolic.memory import Memory
from innet.symbolic.solve import functions, satisfied
from innet.symbolic.state import State, Tables, annotation_bytes, concrete
from innet.symbolic.store import Store
from innet.symbolic.terms import Blob, Lin, Sym
from innet.symbolic.values import UNKNOWN
from innet.symbolic.work import Work
from tests.backends.corpus import Corpus
from tests.backends.forms import (
    Case,
    Form,
    Given,
    Start,
    annotations,
    branches,
    forms_of,
    numbered,
    read,
    statements,
    valuation,
    world,
)

FRESH = ("counter", "time", "random", "unknown", "allocated", "earlier", "any")
"""Where symbols come from that stand for what the world gives: the interpreter says what it was."""
MARKS = (Mark.DATA, Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX)
MAX_WORK = 20_000_000
MAX_SOLVED = 40

Values = dict[Sym, int]
Blobs = dict[Blob, bytes]


class Disagreement(AssertionError):  # noqa: N818 - what the campaign looks for
    """The two back ends differ on a packet."""


# ---- outcomes, comparable


@dataclass(frozen=True)
class End:
    """What became of a packet. `buffer` also has the bytes in front of DATA, which Unstrip brings back."""

    kind: str
    data: bytes
    buffer: bytes
    annotations: bytes
    marks: tuple[tuple[Mark, int], ...]
    """Where they are, in bytes from DATA."""

    def differs(self, other: "End") -> str:
        """The first difference, in words."""
        for name in ("data", "buffer", "annotations"):
            a, b = getattr(self, name), getattr(other, name)
            if a != b:
                return f"{name} {a.hex()}, not {b.hex()}"
        return f"marks {self.marks}, not {other.marks}"


@dataclass
class Run:
    """One run of the interpreter: what came out, its verdict last; the values that its variables had then, and which
    of them matter."""

    ends: list[End]
    env: dict[str, int]
    read: frozenset[str]


def interpreted(
    program: ir.Program,
    packet: PacketBuffer,
    state: interpret.State,
    watch: Callable[[ir.Branch, bool], None] | None = None,
) -> Run:
    """What the interpreter makes of a packet."""
    runner = interpret._Run(program.element, packet, state, watch)  # `run` keeps the variables to itself
    verdict = runner.block(program.body)
    assert verdict is not None
    copies = [concrete_end(ir.Emit(port), copy) for port, copy in runner.copies]
    return Run([*copies, concrete_end(verdict, packet)], runner.env, read(program))


def concrete_end(verdict: ir.Verdict, packet: PacketBuffer) -> End:
    match verdict:
        case ir.Emit(port):
            kind = f"emit {port}"
        case ir.Drop(reason):
            kind = f"drop {reason}"
        case ir.Hold():
            kind = "hold"
    data = packet.marks[Mark.DATA]
    marks = tuple((m, packet.marks[m] - data) for m in MARKS if m in packet.marks)
    return End(kind, packet.data, bytes(packet.bytes), bytes(packet.annotations), marks)


def symbolic_end(result: Result, end: End, values: Values, blobs: Blobs) -> End:
    """What `result` says of the packet. A mark that the engine does not follow is where `end` has it."""
    memory = result.state.memory
    there = dict(end.marks)
    whole = memory.fork()
    whole.marks[Mark.DATA] = (memory.order[0], 0)
    data = to_end(memory, Mark.DATA, values, blobs)
    return End(
        kind_of(result),
        concrete(memory, values, blobs),
        concrete(whole, values, blobs),
        annotation_bytes(memory, values, blobs),
        tuple(
            (m, there.get(m, 0) if at == UNKNOWN else data - to_end(memory, m, values, blobs))
            for m in MARKS
            if (at := memory.marks.get(m)) is not None
        ),
    )


def to_end(memory: Memory, mark: Mark, values: Values, blobs: Blobs) -> int:
    """Bytes from a mark to END."""
    return evaluate_linear(memory.to_end(*memory.marks[mark]), values, blobs)


def kind_of(result: Result) -> str:
    """What the result says happens."""
    match result:
        case Emitted(port=port):
            return f"emit {port}"
        case Dropped(reason=reason):
            return f"drop {reason}"
        case Held():
            return "hold"
        case Lost():
            return "lost"


# ---- agreement on one packet


@dataclass
class Report:
    """What a campaign saw: branches taken (number, side), reasons of Lost results that were met, how much."""

    taken: set[tuple[int, bool]] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    packets: int = 0
    results: int = 0
    met: int = 0

    def watch(self, places: dict[int, int]) -> Callable[[ir.Branch, bool], None]:
        return lambda branch, side: self.taken.add((places[id(branch)], side))

    def unreached(self, program: ir.Program) -> Iterator[tuple[ir.Branch, bool]]:
        """The sides of branches that no packet took."""
        for n, branch in enumerate(branches(program.body)):
            for side in (True, False):
                if (n, side) not in self.taken:
                    yield branch, side


def bind(state: State, env: dict[str, int], values: Values) -> Values:
    """`values`, with those of fresh symbols as the interpreter's variables have them."""
    values = dict(values)
    for name, term in state.env.items():
        if name in env:
            match term:
                case Sym() if term.origin.startswith(FRESH):
                    values.setdefault(term, env[name])
                case Lin(linear=(const, ((Sym() as sym, 1),))) if sym.origin.startswith(FRESH):
                    values.setdefault(sym, (env[name] - const) % (1 << sym.width))
    return values


def drew_more(state: State, env: dict[str, int]) -> bool:
    """Whether the path took a number from the world that the interpreter did not: then it went another way."""
    return any(
        isinstance(term, Sym) and term.origin.startswith(FRESH) and name not in env
        for name, term in state.env.items()
    )


def with_unforeseen(memory: Memory, end: End, values: Values, blobs: Blobs) -> Blobs:
    """`blobs`, with the bytes that the interpreter left where the path has some that nobody can foretell."""
    found = dict(blobs)
    at = len(end.buffer)
    for rid in reversed(memory.order):
        try:
            at -= evaluate_linear(memory.lengths[rid], values, found)
            blob, skip = memory.blobs[rid], 0
            while blob is not None and blob.parent is not None:
                assert blob.skip is not None
                skip += evaluate_linear(blob.skip, values, found)
                blob = blob.parent
        except Unbound:
            break
        if blob is not None and blob not in blobs and at >= 0:
            content = found.get(blob, b"")[:skip].ljust(skip, b"\0")
            found[blob] = content + end.buffer[at:]
    return found


def excluded(store: Store, values: Values) -> bool:
    """Whether a plain symbol tells already that the packet is not one of the path's, as it mostly does."""
    for atom, domain in store.domains.items():
        if isinstance(atom, Sym):
            value = values.get(atom)
            if value is not None and not rs.contains(domain, value):
                return True
    return False


def meets(state: State, values: Values, blobs: Blobs, exact: bool) -> bool:
    """Whether the packet is one of the path's. What is not known may be so, if the path says itself that it is more
    than what can happen, or if something else tells already that the packet is not one of them."""
    try:
        return satisfied(state.store, values, blobs)
    except Unbound as unbound:
        unknown = unbound
    for one in single_constraints(state.store):
        try:
            if not satisfied(one, values, blobs):
                return False
        except Unbound:
            continue
    if exact:
        raise unknown
    return True


def single_constraints(store: Store) -> Iterator[Store]:
    """The constraints of a store, each in one of its own."""
    for part in ("domains", "substitution"):
        for item in getattr(store, part).items():
            yield constraint(part, dict([item]))
    for part in ("unequal", "inequalities", "clauses"):
        for item in getattr(store, part):
            yield constraint(part, (item,))


def constraint(part: str, content: object) -> Store:
    store = Store()
    setattr(store, part, content)
    return store


def compare(
    results: Iterable[Result], run: Run, values: Values, blobs: Blobs, report: Report, exact: bool = True
) -> Result | None:
    """Raise `Disagreement` unless the results that hold are what the interpreter did, no more and no less.

    A result marked as over-approximated may be too much (all of them, if not `exact`); still, something must cover what
    happened. Gives the result that covers the verdict, unless that is lost.
    """
    left = list(run.ends)
    wrong = ""
    verdict: Result | None = None
    lost = False
    for result in results:
        state = result.state
        if excluded(state.store, values):
            continue
        if drew_more(state, run.env):
            continue
        precise = exact and not state.over
        bound = bind(state, run.env, values)
        known = with_unforeseen(state.memory, run.ends[-1], bound, blobs)
        if not meets(state, bound, known, precise):
            continue
        report.met += 1
        if isinstance(result, Lost):
            report.lost.add(result.reason)
            lost = True
            continue
        differences = [difference(result, end, run, bound, known, precise) for end in left]
        if "" in differences:
            end = left.pop(differences.index(""))
            verdict = result if end is run.ends[-1] else verdict
        elif precise:
            why = differences[-1] if differences else "it happens once"
            wrong = wrong or f"a path holds, but its result is not what happens: {why}"
    if left and not lost:
        wrong = wrong or f"no path covers '{left[0].kind}'"
    if wrong:
        raise Disagreement(wrong)
    return verdict


def difference(result: Result, end: End, run: Run, values: Values, blobs: Blobs, exact: bool) -> str:
    """What tells a result from an end that the interpreter came to; empty if nothing does.

    Where the bytes depend on what the engine does not follow, the kind alone is compared.
    """
    kind = kind_of(result)
    if kind != end.kind:
        return f"'{kind}', not '{end.kind}'"
    try:
        found = symbolic_end(result, end, values, blobs)
        if found != end:
            return f"'{kind}' with {found.differs(end)}"
    except Unbound:
        if exact:
            raise
    return wrong_variable(result.state, run, values, blobs, exact) if end is run.ends[-1] else ""


def wrong_variable(state: State, run: Run, values: Values, blobs: Blobs, exact: bool) -> str:
    """The first variable of the path that is not what the interpreter has; empty if there is none."""
    env = run.env
    for name, term in state.env.items():
        if name not in run.read:
            continue
        if name not in env:
            return f"{name} is bound on the path only"
        try:
            found = evaluate(term, values, blobs)
        except Unbound:
            if exact:
                raise
            continue
        if found != env[name]:
            return f"{name} = {term} = {found:#x}, not {env[name]:#x}"
    return ""


# ---- campaigns on one program


@dataclass
class Explored:
    """A program run on all packets of a form."""

    case: Case
    form: Form
    start: Start
    results: list[Result]

    def check(self, given: Given, state: interpret.State, report: Report, exact: bool = True) -> None:
        """One packet through both."""
        program = self.case.program
        run = interpreted(program, self.form.concrete(given), state, report.watch(numbered(program)))
        values, blobs = valuation(self.start, given)
        report.packets += 1
        try:
            compare(self.results, run, values, blobs, report, exact)
        except Disagreement as e:
            raise Disagreement(f"{self.case}, {self.form.name}, packet {given}: {e}") from None

    def solved(self) -> Iterator[Given]:
        """Packets made from the constraints of the results."""
        step = len(self.results) // MAX_SOLVED + 1
        for result in self.results[::step]:
            store = result.state.store
            if any(f.op.startswith("option") for f in functions(store)):
                continue  # the search makes no IPv4 options; the corpus has some
            solution = next(solutions(self.start.injected, self.start.injected, store), None)
            if solution is not None and self.form.accepts(solution.frame):
                area = b"".join(
                    solution.values.get(s, 0).to_bytes(4, "big")
                    for _, s in sorted(self.start.symbols.items())
                )
                yield Given(solution.frame, area)


def explore(case: Case, form: Form, tables: Tables | None = None) -> Explored:
    """All packets of a form through the executor."""
    tables = tables or Tables(any_state=False)
    tables.work = Work(MAX_WORK)
    start = form.symbolic()
    results = [r for state in start.states for r in execute(case.program, state.fork(), tables)]
    return Explored(case, form, start, results)


def corpus_for(case: Case, rng: Random) -> Corpus:
    """Packets that have what the program looks for."""
    looks = any(isinstance(s, ir.FindOption) for s in statements(case.program.body))
    return Corpus(rng, case.example, 0.7 if looks else 0.2)


class Campaign:
    """Packets through both back ends, for one program; any difference raises `Disagreement`."""

    def __init__(self, case: Case, report: Report | None = None, seed: int = 0) -> None:
        self.case, self.report = case, report or Report()
        self.rng = Random(f"{seed} {case}")
        self.corpus = corpus_for(case, self.rng)
        self.explored = [explore(case, form) for form in forms_of(case)]
        self.report.results += sum(len(one.results) for one in self.explored)

    def random(self, packets: int) -> None:
        """So many random packets for each form; those that it does not inject are left out."""
        for explored in self.explored:
            for _ in range(packets):
                data = explored.form.packet(self.corpus)
                if explored.form.accepts(data):
                    self.check(explored, Given(data, annotations(self.rng, self.corpus)))

    def solved(self) -> None:
        """A packet for each result, where one is found."""
        for explored in self.explored:
            for given in explored.solved():
                self.check(explored, given)

    def check(self, explored: Explored, given: Given) -> None:
        explored.check(given, world(self.case.program, self.rng), self.report)
