"""Which variables of a program a proof has to know: those that a decision, a packet or a table entry depends on.

How long an entry lives and what is counted are not modelled, so that what only these read need not be computed.
"""

from collections.abc import Iterator

from innet import ir
from innet.ir.nodes import Mark

MAX_KEPT = 4096
_known: dict[tuple[int, bool, bool], tuple[ir.Program, frozenset[str]]] = {}


def needed(program: ir.Program, lives: bool = False, transport: bool = True) -> frozenset[str]:
    """The names of those variables; with `lives` also those that say how long an entry lives; without `transport` not
    those that nothing but the place of the transport mark depends on."""
    key = id(program), lives, transport
    found = _known.get(key)
    if found is None:
        if len(_known) >= MAX_KEPT:
            _known.clear()
        names: set[str] = set()
        lets: list[tuple[str, ir.Expr]] = []
        for read in _reads(program.body, lets, lives, transport):
            names |= read
        fresh = True
        while fresh and lets:
            fresh, left = False, []
            for name, value in reversed(lets):  # what is read was bound before
                if name in names:
                    names |= _in(value)
                    fresh = True
                else:
                    left.append((name, value))
            lets = left[::-1]
        found = _known[key] = (program, frozenset(names))
    return found[1]


def _reads(
    block: ir.Block, lets: list[tuple[str, ir.Expr]], lives: bool, transport: bool
) -> Iterator[set[str]]:
    """What statements other than `Let` read, block by block; `lets` collects those."""
    for stmt in block:
        match stmt:
            case ir.Let(var, value, followed):
                if followed:
                    lets.append((var.name, value))
            case ir.Branch(condition, then, otherwise):
                yield _in(condition)
                yield from _reads(then, lets, lives, transport)
                yield from _reads(otherwise, lets, lives, transport)
            case ir.Assign(_, value):
                yield _in(value)
            case ir.Adjust(_, old, new, _):
                yield _in(old, new)
            case ir.SetMark(mark, _, _, plus) if plus is not None:
                if transport or mark is not Mark.TRANSPORT:
                    yield _in(plus)
            case ir.Havoc(_, _, length) if length is not None:
                yield _in(length)
            case ir.Lookup(_, key, _, _) | ir.Delete(_, key):
                yield _in(*key)
            case ir.Insert(_, key, values, _, idle_s, reply):
                yield _in(*key, *values, *((idle_s,) if lives else ()))
                if reply is not None:
                    yield _in(*reply[0], *reply[1])
            case ir.Update(_, key, values, idle_s):
                yield _in(*key, *values, *((idle_s,) if lives else ()))
            case ir.Allocate(_, key, _, _, _, prefer, _, _, _):
                yield _in(*key, *(() if prefer is None else (prefer,)))


def _in(*exprs: ir.Expr) -> set[str]:
    names: set[str] = set()
    work = list(exprs)
    while work:
        e = work.pop()
        kind = e.__class__  # the most frequent ones first: patterns look at one class after the other
        if kind is ir.Binary:
            work += (e.left, e.right)  # type: ignore[union-attr]
        elif kind is ir.Var:
            names.add(e.name)  # type: ignore[union-attr]
        elif kind is ir.Not or kind is ir.Cast:
            work.append(e.value)  # type: ignore[union-attr,arg-type]
        elif kind is ir.Sum:
            work.append(e.length)  # type: ignore[union-attr,arg-type]
    return names


__all__ = ["needed"]
