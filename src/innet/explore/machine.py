"""A configuration made ready for exploring: programs by element and input port, and where each output leads."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import Enum
from functools import lru_cache
from typing import Any

from innet import ir
from innet.click import Resolved
from innet.elements.base import OUTSIDE, Element, Role
from innet.ir.check import TooLargeError
from innet.symbolic.work import BudgetExceeded, Work

TRACED = 3
"""Units of work that tracing and checking a statement takes."""

MAX_TRACED = 4096
_traced: dict[tuple[object, int, int, str, int], tuple[ir.Program, int]] = {}
"""Programs of elements whose arguments are plain, by all that they are made from: most configurations share some. Each
with the number of its statements."""

PLAIN = (int, str, bytes, bool, float, type(None))

MAX_PLAIN = 64
"""Of how many numbers and words an element may be made."""


def plain(element: Element) -> object:
    """The class and arguments of an element that is made of few numbers and words; None for others. Equal ones have the
    same programs."""
    kind: Any = type(element)
    found: list[object] = [kind]
    for name in _parts(kind) or ():
        if not _plain(getattr(element, name), found):
            return None
    return tuple(found)


def _plain(value: object, found: list[object]) -> bool:
    """Put what `value` is made of to `found`; False if it is not made of numbers and words, or of too many."""
    kind: Any = value.__class__
    found.append(kind)
    if len(found) > 2 * MAX_PLAIN:
        return False
    if kind in PLAIN or isinstance(value, Enum):
        found.append(value)
        return True
    if isinstance(value, tuple):
        found.append(len(value))
        parts: Iterable[object] = value
    else:
        names = None if isinstance(value, Element) else _parts(kind)
        if names is None:
            return False
        parts = [getattr(value, name) for name in names]
    for part in parts:  # noqa: SIM110 - a generator for each takes longer than the rest
        if not _plain(part, found):
            return False
    return True


@lru_cache(maxsize=1024)  # texts define classes of their own
def _parts(kind: Any) -> tuple[str, ...] | None:
    """The fields by which instances of a frozen dataclass are told apart; None for other classes."""
    parameters = getattr(kind, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        return None
    return tuple(f.name for f in fields(kind) if f.compare)


class Machine:
    """Element instances and their connections. Programs are traced when they are first asked for, and kept."""

    def __init__(
        self,
        elements: Mapping[str, Element],
        wires: Iterable[tuple[str, int, str, int]],
        resolved: Resolved | None = None,
    ) -> None:
        self.elements = dict(elements)
        self.resolved = resolved
        """The configuration that it was made of, for whoever wants to run it."""
        self.next: dict[tuple[str, int], list[tuple[str, int]]] = {}
        self._inputs: dict[str, int] = {}
        self._outputs: dict[str, int] = {}
        for source, output, target, port in wires:
            self.next.setdefault((source, output), []).append((target, port))
            self._outputs[source] = max(self._outputs.get(source, 0), output + 1)
            self._inputs[target] = max(self._inputs.get(target, 0), port + 1)
        self._heads: frozenset[str] | None = None
        self._programs: dict[tuple[str, int], ir.Program] = {}
        self._released: dict[tuple[str, int], ir.Program | None] = {}

    def program(self, element: str, port: int, work: Work | None = None) -> ir.Program:
        """What `element` does with packets on input `port` (`OUTSIDE`: those it receives or makes). Raises
        BudgetExceeded if that is more than proofs take. Tracing it is charged to `work`, the first time."""
        program = self._programs.get((element, port))
        if program is None:
            instance = self.elements[element]
            place = port, self._outputs.get(element, 0), element, self._inputs.get(element, 0)
            key = (plain(instance), *place)
            known = _traced.get(key) if key[0] is not None else None
            if known is None:
                try:
                    program = instance.trace(*place)
                except TooLargeError:
                    raise BudgetExceeded from None
                known = program, statements(program.body)
                if key[0] is not None:
                    if len(_traced) >= MAX_TRACED:
                        _traced.clear()
                    _traced[key] = known
            program, size = known
            if work is not None:  # though another machine has traced it: questions end where they always do
                work.spend(TRACED * size)
            self._programs[element, port] = program
        return program

    def released(self, element: str, port: int) -> ir.Program | None:
        """What becomes of packets that `element` held on input `port`; None: they leave by any output, unchanged."""
        key = element, port
        if key not in self._released:
            self._released[key] = self.elements[element].release(
                port, self._outputs.get(element, 0), element, self._inputs.get(element, 0)
            )
        return self._released[key]

    def heads(self) -> frozenset[str]:
        """Elements such that whoever goes round in the configuration comes to one of them again and again."""
        if self._heads is None:
            after: dict[str, list[str]] = {}
            for (source, _), targets in self.next.items():
                after.setdefault(source, []).extend(target for target, _ in targets)
            found: set[str] = set()
            seen: set[str] = set()
            for first in self.elements:
                if first in seen:
                    continue
                seen.add(first)
                way = {first}
                work = [(first, iter(after.get(first, ())))]
                while work:
                    name, left = work[-1]
                    target = next(left, None)
                    if target is None:
                        work.pop()
                        way.discard(name)
                    elif target in way:
                        found.add(target)
                    elif target not in seen:
                        seen.add(target)
                        way.add(target)
                        work.append((target, iter(after.get(target, ()))))
            self._heads = frozenset(found)
        return self._heads

    def inputs(self, element: str) -> int:
        """How many input ports of `element` are in use."""
        return self._inputs.get(element, 0)

    def outputs(self, element: str) -> int:
        """How many output ports of `element` are in use."""
        return self._outputs.get(element, 0)

    def with_role(self, role: Role) -> list[str]:
        """The elements of that role."""
        return [name for name, element in self.elements.items() if element.ROLE is role]


def statements(block: ir.Block) -> int:
    """How many there are."""
    found, work = 0, [block]
    while work:
        one = work.pop()
        found += len(one)
        for stmt in one:
            if isinstance(stmt, ir.Branch):
                work += [stmt.then, stmt.otherwise]
    return found


def device_of(machine: Machine, element: str) -> str:
    """The interface an entry or exit element names; of those that have files in place of interfaces, what they are."""
    instance = machine.elements[element]
    return str(getattr(instance, "devname", getattr(instance, "ifname", instance)))


__all__ = ["OUTSIDE", "Machine", "device_of"]
