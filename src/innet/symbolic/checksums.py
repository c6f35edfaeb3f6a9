"""Checksum arithmetic: one's complement sums of what a program knows, each as one opaque value.

The store does not look into such sums, so that nothing is lost where all of an expression becomes one atom instead of
one for each operation, and much time is won: programs that rewrite headers are full of them (RFC 1624).
"""

from collections.abc import Mapping, Sequence

from innet import ir
from innet.ir.interpret import PacketBuffer, evaluate
from innet.ir.nodes import Op
from innet.symbolic.terms import Fn, K, Term

NO_PACKET = PacketBuffer()
MAX_KEPT = 4096
_known: dict[int, tuple[ir.Binary, "Shape | None"]] = {}


class Shape:
    """An expression without its leaves, `text`; those are variables and constants, in order of occurrence."""

    __slots__ = ("expr", "leaves", "text")

    def __init__(self, expr: ir.Binary, text: bytes, leaves: tuple[ir.Var | ir.Const, ...]) -> None:
        self.expr, self.text, self.leaves = expr, text, leaves

    def term(self, env: Mapping[str, Term]) -> Term:
        """The sum of what the variables are."""
        terms = [K(e.value, e.width) if isinstance(e, ir.Const) else env[e.name] for e in self.leaves]
        for term in terms:
            if term.__class__ is not K:
                return Fn(
                    "ones", (self.text, *terms), self.expr.width, lambda _, *values: self.number(values)
                )
        return K(self.number([term.value for term in terms if isinstance(term, K)]), self.expr.width)

    def number(self, values: Sequence[int]) -> int:
        """The sum, where the leaves have these values."""
        names = (e.name if isinstance(e, ir.Var) else "" for e in self.leaves)
        return evaluate(self.expr, NO_PACKET, dict(zip(names, values, strict=True)))


def shape_of(e: ir.Binary) -> Shape | None:
    """The shape of checksum arithmetic in which no more than variables and constants are read; None: it is no such."""
    found = _known.get(id(e))
    if found is None:
        if len(_known) >= MAX_KEPT:
            _known.clear()
        leaves: list[ir.Var | ir.Const] = []
        text: list[str] = []
        whole = _is_checksum(e) and _gather(e, leaves, text)
        shape = Shape(e, " ".join(text).encode(), tuple(leaves)) if whole else None
        found = _known[id(e)] = e, shape
    return found[1]


def _is_checksum(e: ir.Binary) -> bool:
    """Whether it is a one's complement sum, or one that counts only under a condition."""
    return e.op is Op.ONES or (
        e.op is Op.MUL and isinstance(e.right, ir.Cast) and e.right.value.width == 1 and e.width == 16
    )


def _gather(e: ir.Expr, leaves: list[ir.Var | ir.Const], text: list[str]) -> bool:
    """Add the leaves of an expression and its text without them; False: it reads more than variables and constants."""
    match e:
        case ir.Var() | ir.Const():
            leaves.append(e)
            text.append(str(e.width))
            return True
        case ir.Binary(op, left, right):
            text.append(op.value)
            return _gather(left, leaves, text) and _gather(right, leaves, text)
        case ir.Not(value):
            text.append("~")
            return _gather(value, leaves, text)
        case ir.Cast(value, width):
            text.append(f"u{width}")
            return _gather(value, leaves, text)
    return False


__all__ = ["shape_of"]
