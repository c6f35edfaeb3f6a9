"""Which branches of which elements random packets took, and what the executor says of those that none took.

Counted for every program that an element's examples give (each input, with few and with more outputs). A side of a
branch that was never taken is either proven to be impossible, by the symbolic executor on the program that ends there,
or it counts as missed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from innet import ir
from innet.elements.base import OUTSIDE
from innet.elements.registry import REGISTRY
from innet.ir import dump
from innet.symbolic.execute import Dropped, execute
from innet.symbolic.state import Tables
from innet.symbolic.work import BudgetExceeded, Work
from tests.agreement.configurations import focuses
from tests.agreement.machine import Prepared
from tests.backends.campaign import MAX_WORK
from tests.backends.flows import MAX_ROUNDS
from tests.backends.forms import Case, branches, cases, forms_of, stateful

TAKEN = "this side is taken"
Program = tuple[str, str, int, int]
"""Class, arguments, input port, outputs."""
Side = tuple[Program, int, bool]
"""Program, number of the branch, side."""


@cache
def programs() -> dict[Program, Case]:
    """Every program of every element that stands in configurations."""
    found: dict[Program, Case] = {}
    for cls in dict.fromkeys(name for name, _ in focuses()):
        for case in cases(REGISTRY[cls]):
            if case.program.port != OUTSIDE:
                found.setdefault((cls, case.example, case.program.port, case.program.outputs), case)
    return found


@cache
def sides_of(program: Program) -> int:
    """How many sides its branches have."""
    return 2 * sum(1 for _ in branches(programs()[program].program.body))


@dataclass
class Coverage:
    """The sides that were taken."""

    taken: set[Side] = field(default_factory=set)

    def add(self, prepared: Prepared, taken: Iterable[tuple[str, int, int, bool]]) -> None:
        """What packets took in a configuration: element, input, number of the branch, side."""
        of: dict[str, tuple[str, str, int]] = {}
        for vertex in prepared.vertices.vertices:
            name = type(vertex.element).__name__
            of[vertex.name] = name, vertex.config.strip(), len(vertex.outputs)
        for element, port, number, side in taken:
            name, arguments, outputs = of[element]
            self.take((name, arguments, port, outputs), number, side)

    def take(self, program: Program, number: int, side: bool) -> None:
        """Note a side, if it is one of those that are asked for."""
        if program in programs() and number < sides_of(program) // 2:
            self.taken.add((program, number, side))

    def missing(self) -> Iterator[Side]:
        """The sides that were not taken."""
        for program in programs():
            for number in range(sides_of(program) // 2):
                for side in (True, False):
                    if (program, number, side) not in self.taken:
                        yield program, number, side

    @property
    def all(self) -> int:
        """How many sides there are."""
        return sum(map(sides_of, programs()))


def condition(side: Side) -> str:
    """What is asked at a branch, and for which answer."""
    program, number, taken = side
    branch = list(branches(programs()[program].program.body))[number]
    return f"{dump.expr(branch.condition)} is {'true' if taken else 'false'}"


def impossible(side: Side) -> bool:
    """Whether the symbolic executor proves that no packet takes that side, in whatever form it comes."""
    name, number, taken = side
    case = programs()[name]
    family = [
        other.program for other in cases(type(case.element))
        if other.example == case.example and other.program.outputs == case.program.outputs
    ]  # fmt: skip
    ended = replace(case.program, body=marked(case.program.body, number, taken))
    tables = Tables(any_state=True)
    try:
        if any(map(stateful, family)):
            known = -1
            for _ in range(MAX_ROUNDS):
                for program in family:
                    tuple(results(replace(case, program=program), tables))
                size = sum(map(len, tables.templates.values()))
                if size == known:
                    break
                known = size
            else:
                return False
        return all(
            not isinstance(one, Dropped) or one.reason != TAKEN
            for one in results(replace(case, program=ended), tables)
        )
    except BudgetExceeded:
        return False


def results(case: Case, tables: Tables) -> Iterator[object]:
    """What becomes of packets of every form."""
    for form in forms_of(case):
        tables.work = Work(MAX_WORK)
        for state in form.symbolic().states:
            yield from execute(case.program, state.fork(), tables)


def marked(body: ir.Block, number: int, taken: bool) -> ir.Block:
    """The program in which the packet ends as soon as it takes that side of that branch."""
    left = [number]

    def block(one: ir.Block) -> ir.Block:
        return tuple(map(stmt, one))

    def stmt(one: ir.Stmt) -> ir.Stmt:
        if not isinstance(one, ir.Branch):
            return one
        here = left[0] == 0
        left[0] -= 1
        then, otherwise = block(one.then), block(one.otherwise)
        if here:
            end = (ir.Drop(TAKEN),)
            then, otherwise = (end, otherwise) if taken else (then, end)
        return replace(one, then=then, otherwise=otherwise)

    return block(body)
