"""What modules have in common: a graph with its constants taken out.

Two graphs have one *structure* if they differ in constants alone, at places where a number known only at run time does
as well. A `Template` fixes some of these constants and makes parameters of the others: of those that differed between
the modules it was made for. All that match it share one program.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TypeVar

from innet import ir
from innet.ir.nodes import Op
from innet.xdp.expressions import PARAMETER
from innet.xdp.graph import Graph

T = TypeVar("T")
MIN_WIDTH = 8
"""Narrower constants are flags and lengths, which shape a program."""
FREE = frozenset(Op) - {Op.SHL, Op.SHR, Op.MUL, Op.DIV, Op.MOD}
"""Operations that take a parameter as well as a constant on both sides."""
LEFT = frozenset({Op.SHL, Op.SHR, Op.DIV, Op.MOD})
"""Operations that take a parameter on the left side only: a distance or a divisor is a constant."""

Constants = tuple[tuple[int, int], ...]
"""Value and width of each constant that may be a parameter, in the order of the text."""


@dataclass(frozen=True)
class Structure:
    """A graph without its constants: `digest` is the same for all graphs that differ in `constants` alone."""

    digest: str
    constants: Constants


def structure(graph: Graph) -> Structure:
    """Take the constants out of `graph`."""
    constants: list[tuple[int, int]] = []

    def take(constant: ir.Const) -> ir.Expr:
        constants.append((constant.value, constant.width))
        return ir.Const(0, constant.width)

    empty = _mapped(graph, take)
    text = repr(
        (sorted_items(empty.programs), empty.entry, sorted_items(empty.connections), sorted_items(empty.held))
    )
    return Structure(hashlib.sha256(text.encode()).hexdigest(), tuple(constants))


def sorted_items(table: Mapping[T, object]) -> list[tuple[T, object]]:
    return sorted(table.items(), key=repr)


@dataclass(frozen=True)
class Template:
    """Which constants are parameters: `groups` are the indices of those that are always equal to one another, a
    parameter each; `model` has the values of all others."""

    digest: str
    model: Constants
    groups: tuple[tuple[int, ...], ...]

    def values(self, one: Structure) -> tuple[int, ...] | None:
        """The parameters of a module with this structure; None if it does not match."""
        if one.digest != self.digest or len(one.constants) != len(self.model):
            return None
        free = {n for group in self.groups for n in group}
        for n, (mine, its) in enumerate(zip(self.model, one.constants, strict=True)):
            if n not in free and mine != its:
                return None
        values = []
        for group in self.groups:
            found = {one.constants[n][0] for n in group}
            if len(found) > 1:
                return None
            values.append(found.pop())
        return tuple(values)

    def graph(self, graph: Graph) -> Graph:
        """`graph`, which matches, with its parameters as variables."""
        number = {n: index for index, group in enumerate(self.groups) for n in group}
        count = -1

        def take(constant: ir.Const) -> ir.Expr:
            nonlocal count
            count += 1
            index = number.get(count)
            return constant if index is None else ir.Var(f"{PARAMETER}{index}", constant.width)

        return _mapped(graph, take)


def template(one: Structure, others: Sequence[Structure] = (), marked: Sequence[int] = ()) -> Template:
    """The template for structures with one digest: parameters are what differs between them, and constants whose
    value in `one` is among `marked`."""
    free = [
        n
        for n, (value, width) in enumerate(one.constants)
        if value in marked or any(other.constants[n] != (value, width) for other in others)
    ]
    groups: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for n in free:
        column = tuple(s.constants[n] for s in (one, *others))
        groups.setdefault(column, []).append(n)
    return Template(one.digest, one.constants, tuple(tuple(group) for group in groups.values()))


def with_groups(one: Structure, groups: tuple[tuple[int, ...], ...]) -> Template | None:
    """The template with these parameters; None if `one` has no such constants."""
    count = len(one.constants)
    if not all(group and min(group) >= 0 and max(group) < count for group in groups):
        return None
    found = Template(one.digest, one.constants, groups)
    return found if found.values(one) is not None else None


def _mapped(graph: Graph, take: Callable[[ir.Const], ir.Expr]) -> Graph:
    """`graph` with every constant that may be a parameter replaced, in a fixed order."""
    order = sorted(graph.programs, key=lambda one: (one.element, one.port))
    programs = {
        one: replace(graph.programs[one], body=_block(graph.programs[one].body, take)) for one in order
    }
    return replace(graph, programs=programs)


def _block(block: ir.Block, take: Callable[[ir.Const], ir.Expr]) -> ir.Block:
    return tuple(_stmt(stmt, take) for stmt in block)


def _stmt(stmt: ir.Stmt, take: Callable[[ir.Const], ir.Expr]) -> ir.Stmt:
    """Expressions of the statement, one after the other."""
    match stmt:
        case ir.Branch(condition, then, otherwise):
            return ir.Branch(_expr(condition, take, False), _block(then, take), _block(otherwise, take))
        case ir.SetMark(_, _, _, plus):
            return stmt if plus is None else replace(stmt, plus=_expr(plus, take, False))
        case ir.Count():
            return stmt
    changed = {}
    for field in fields(stmt):
        value = getattr(stmt, field.name)
        if field.name not in (
            "table",
            "cursor",
            "counter",
            "target",
            "sum",
            "candidate",
            "ok",
            "found",
            "var",
        ):
            changed[field.name] = _any(value, take)
    return replace(stmt, **changed)


def _any(value: T, take: Callable[[ir.Const], ir.Expr]) -> T:
    """Expressions in tuples, at any depth; what is no expression stays."""
    if isinstance(value, tuple):
        return tuple(_any(one, take) for one in value)  # type: ignore[return-value]
    if is_dataclass(value) and hasattr(value, "width") and not isinstance(value, ir.Table):
        return _expr(value, take, True)  # type: ignore[arg-type, return-value]
    return value


def _expr(expr: ir.Expr, take: Callable[[ir.Const], ir.Expr], free: bool) -> ir.Expr:
    """`free` says whether a constant in this place may be a parameter."""
    match expr:
        case ir.Const(_, width):
            return take(expr) if free and width >= MIN_WIDTH else expr
        case ir.Binary(op, left, right):
            inner = op in FREE
            return ir.Binary(op, _expr(left, take, inner or op in LEFT), _expr(right, take, inner))
        case ir.Not(value):
            return ir.Not(_expr(value, take, free))
        case ir.Cast(value, width):
            return ir.Cast(_expr(value, take, free), width)
    return expr
