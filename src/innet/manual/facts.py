"""What there is to know of an element class: its docstring, its programs, what each back end does with them."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache

from innet import ir
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import build_one
from innet.elements.ports import shapes
from innet.elements.registry import REGISTRY
from innet.ir.uses import statements
from innet.xdp.emit import emit
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.native_target import Native
from innet.xdp.target import Leave, Target, Xdp
from innet.xdp.unsupported import Unsupported

_SECTION = re.compile(r"^([A-Z][a-z]+):\s*", re.MULTILINE)
DIVERT, EXIT = Leave(1), Leave(2)
KERNEL: Target = Xdp()
MACHINE: Target = Native()


class Does(Enum):
    """What a back end does with an element: all of it, some of it (some inputs or some arguments), none, or nothing is
    to be done."""

    ALL = "yes"
    SOME = "some"
    NONE = "no"
    NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a back end does, and what it does not do and why (one reason a line, none twice)."""

    does: Does
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """Everything known of the class `element`. `family` is the folder it stands in, `summary` the first sentence of its
    docstring, `sections` the named ones. `programs` are those of the first example."""

    element: type[Element]
    family: str
    summary: str
    sections: Mapping[str, str]
    kernel: Answer
    native: Answer
    proof: str
    handlers: Mapping[str, str]
    """Its own handlers by name: `read`, `write` or `read and write`; of those that hang on arguments, the examples'."""
    programs: tuple[ir.Program, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        return self.element.__name__


def study(element: type[Element]) -> Study:
    """Look at a class: build and trace its examples, and ask the compilers what they do with them."""
    summary, sections = parts(element)
    built = [build_one(element, example) for example in element.EXAMPLES]
    traced = [list(programs_of(one)) for one in built]
    kernel = compiled(built, traced, KERNEL)
    # what XDP takes, the native target takes: it is the same compiler with fewer limits
    native = kernel if kernel.does in (Does.ALL, Does.NOTHING) else compiled(built, traced, MACHINE)
    return Study(
        element,
        family_of(element),
        summary,
        sections,
        kernel,
        native,
        proven(built, traced),
        handlers(element, built),
        tuple(traced[0]) if traced else (),
    )


def family_of(element: type[Element]) -> str:
    """The folder that a class stands in."""
    return element.__module__.split(".")[-2]


def everything() -> list[Study]:
    """A study of each class, by name."""
    return [study(element) for element in REGISTRY.classes()]


def parts(element: type[Element]) -> tuple[str, dict[str, str]]:
    """The first paragraph of the docstring, and its sections by name, without their indentation."""
    text = inspect.getdoc(element) or ""
    head, *rest = _SECTION.split(text)
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    return " ".join(head.split()), {
        name: "\n".join(line.strip() for line in body.splitlines()).strip() for name, body in sections.items()
    }


def handlers(element: type[Element], built: Iterable[Element]) -> dict[str, str]:
    """The handlers of an element beside those that every one has."""
    reads, writes = set(element.READS), set(element.WRITES)
    for one in built:
        reads.update(one.reads())
        writes.update(one.writes())
    both = (reads & writes) | set(element.WRITABLE)
    return {
        name: "read and write" if name in both else "read" if name in reads else "write"
        for name in sorted(reads | writes | both)
    }


def ports_of(one: Element) -> tuple[int, int]:
    """The most inputs and outputs that suit an instance."""
    fitting = [(i, o) for i, o in shapes(type(one)) if not one.problems(i, o)]
    return fitting[-1] if fitting else (0, 0)


def programs_of(one: Element) -> Iterator[ir.Program]:
    """Its programs, with as many ports as suit it."""
    inputs, outputs = ports_of(one)
    name = type(one).__name__
    if one.ROLE in (Role.ENTRY, Role.SOURCE):
        yield one.trace(OUTSIDE, outputs, name, inputs)
    for port in range(inputs):
        yield one.trace(port, outputs, name, inputs)


def proven(built: Iterable[Element], traced: Iterable[list[ir.Program]]) -> str:
    """How proofs see packets go through."""
    found: set[str] = set()
    for one, programs in zip(built, traced, strict=True):
        inputs, outputs = ports_of(one)
        for program in programs:
            held = any(isinstance(stmt, ir.Hold) for stmt in statements(program.body))
            if not held or one.ROLE is Role.EXIT:
                found.add("exact")
            elif one.release(program.port, outputs, program.element, inputs) is None:
                found.add("as they are")
            else:
                found.add("covered")
    return ", ".join(sorted(found)) or "-"


def compiled(built: Iterable[Element], traced: Iterable[list[ir.Program]], target: Target) -> Answer:
    """What a target of the compiler takes of the element; what keeps packets is the agent's anyway."""
    reasons: dict[str, None] = {}
    taken = refused = 0
    for one, programs in zip(built, traced, strict=True):
        for program in programs:
            slow, divided = refusals(one, program, target)
            taken += not slow
            refused += bool(slow or divided)
            reasons |= dict.fromkeys(why.reason for why in (*slow, *divided))
    if not taken and not refused:
        return Answer(Does.NOTHING)
    does = Does.ALL if not refused else Does.SOME if taken else Does.NONE
    return Answer(does, tuple(reasons))


def refusals(
    one: Element, program: ir.Program, target: Target
) -> tuple[tuple[Unsupported, ...], tuple[Unsupported, ...]]:
    """Why a target does not take a program, or not for all packets; nothing if it does."""
    if one.ROLE is Role.SOURCE and program.port == OUTSIDE:
        makes = Unsupported(program.element, program.port, "originate", f"{target.name} makes no packets")
        return (makes,), ()
    # many inputs have the same program: it is compiled once
    return _refusals(replace(program, element="it", port=0), one.ROLE, target is KERNEL)


@cache
def received() -> ir.Program:
    """What a packet meets before the element: its headers are marked."""
    return REGISTRY["FromNetfront"]().trace(OUTSIDE, 1, "FromNetfront")


@cache
def _refusals(
    program: ir.Program, role: Role, by_kernel: bool
) -> tuple[tuple[Unsupported, ...], tuple[Unsupported, ...]]:
    at = Input(program.element, program.port)
    ends: dict[tuple[str, int], Destination] = {(program.element, n): EXIT for n in range(program.outputs)}
    held: dict[str, Destination] = {program.element: EXIT} if role is Role.EXIT else {}
    front = Input("FromNetfront", OUTSIDE)
    if role is Role.ENTRY:
        graph = Graph({at: program}, at, ends, held)
    else:
        graph = Graph({front: received(), at: program}, front, {(front.element, 0): at, **ends}, held)
    emitted = emit(graph, KERNEL if by_kernel else MACHINE, DIVERT, shared=True)
    slow, divided = (
        tuple(why for why in found if why.element == at.element) for found in (emitted.slow, emitted.divided)
    )
    return slow, divided
