"""What was left out of a module's programs, and why that makes no difference, in words."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from innet import ir
from innet.flowspec.names import dotted
from innet.ir.dump import expr as text_of
from innet.ir.dump import field as field_text
from innet.ir.substitute import with_values
from innet.ir.uses import statements

TYPED = re.compile(r"\b(0x[0-9a-f]+|\d+)u\d+\b")
"""A number with its width, which nobody needs to see."""


class StepKind(Enum):
    """What a step left out."""

    TABLE = "table"
    CHECK = "check"
    CONSTANT = "constant"
    WRITE = "write"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing left out of `element`: `what` it is, `why` nobody can tell the difference."""

    element: str
    kind: StepKind
    what: str
    why: str


def table_step(element: str, tables: tuple[str, ...]) -> Step:
    """That tables are not kept."""
    names = " and ".join(f"'{name}'" for name in tables)
    why = "a packet that finds an entry comes to the same end as one that finds none"
    return Step(element, StepKind.TABLE, f"table {names} is not kept", why)


def told_step(program: ir.Program, stmt: ir.Stmt, rest: ir.Expr | None) -> Step | None:
    """What was done to a statement of which `rest` is left; None if that goes without saying."""
    match stmt, rest:
        case (
            ir.Branch(),
            ir.Binary() | ir.Not() | ir.Const() | ir.Var() | ir.Present() | ir.Marked() | ir.Field(),
        ):
            return check_step(program, stmt, rest)
        case ir.Let(value=ir.Field() as field), ir.Const(number):
            value = dotted(number) if field.width == 32 else str(number)
            why = f"it is always {value} for packets that come here"
            return Step(program.element, StepKind.CONSTANT, f"a read of {field_text(field)}", why)
        case ir.Assign(target), None:
            what = f"an assignment to {field_text(target)}"
            return Step(program.element, StepKind.WRITE, what, "it holds that value already")
    return None


def check_step(program: ir.Program, branch: ir.Branch, rest: ir.Expr) -> Step:
    """That of the condition of `branch` only `rest` is tested; a constant if it is not tested at all."""
    condition, ends = _readable(program, branch.condition), _reason(branch)
    if isinstance(rest, ir.Const):
        what = f"the test for '{ends}'" if ends and not rest.value else "a test"
        why = f"packets that come here are {'always' if rest.value else 'never'} so: {condition}"
    else:
        what = f"a part of the test for '{ends}'" if ends else "a part of a test"
        why = f"of {condition} only {_readable(program, rest)} is open for packets that come here"
    return Step(program.element, StepKind.CHECK, what, why)


def _reason(branch: ir.Branch) -> str:
    """Why packets that meet the condition are dropped, if they are."""
    last = branch.then[-1] if branch.then else None
    return last.reason if isinstance(last, ir.Drop) else ""


def _readable(program: ir.Program, condition: ir.Expr) -> str:
    """A condition with what was read into variables in their place."""
    bound: dict[str, list[ir.Expr]] = {}
    for stmt in statements(program.body):
        if isinstance(stmt, ir.Let):
            bound.setdefault(stmt.var.name, []).append(stmt.value)

    def value(var: ir.Var) -> ir.Expr:
        values = bound.get(var.name, [])
        return _replaced(values[0], value) if len(values) == 1 else var

    text = TYPED.sub(lambda found: str(int(found[1], 0)), text_of(_replaced(condition, value)))
    return text.removeprefix("(").removesuffix(")") if _enclosed(text) else text


def _replaced(expr: ir.Expr, value: Callable[[ir.Var], ir.Expr]) -> ir.Expr:
    let = with_values(ir.Let(ir.Var("", expr.width), expr), value)
    assert isinstance(let, ir.Let)
    return let.value


def _enclosed(text: str) -> bool:
    """Whether one pair of parentheses is around all of it."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and at + 1 < len(text):
            return False
    return text.startswith("(")
