"""Programs as text, one statement a line: `ip.ttl = (d[0]%2 - 1u8)`."""

from typing import assert_never

from innet.ir import nodes as ir
from innet.ir.trace import MARK_OF
from innet.packet import headers

NAMES = {(MARK_OF[f.header], f.bit, f.width): f.name for f in reversed(headers.ALL)}
"""The shortest-lived name wins no place: of two names for one place the first declared stands."""


def dump(program: ir.Program) -> str:
    """The program, headed by the port it is for."""
    head = f"{program.element}[{program.port}] -> {program.outputs} outputs:"
    return "\n".join([head, *_block(program.body, 1)])


def _block(block: ir.Block, depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for stmt in block:
        if isinstance(stmt, ir.Branch):
            lines.append(f"{pad}if {expr(stmt.condition)}:")
            lines += _block(stmt.then, depth + 1)
            if stmt.otherwise:
                lines.append(f"{pad}else:")
                lines += _block(stmt.otherwise, depth + 1)
        else:
            lines.append(pad + statement(stmt))
    return lines


def field(f: ir.Field) -> str:
    """A field by its RFC name, or as `mark[bit:width]`."""
    return NAMES.get((f.mark, f.bit, f.width)) or f"{f.mark.value}[{f.bit}:{f.width}]"


def statement(stmt: ir.Stmt) -> str:
    """One statement other than a branch."""
    match stmt:
        case ir.Let(var, value):
            return f"{var.name} = {expr(value)}"
        case ir.Assign(f, value):
            return f"{field(f)} = {expr(value)}"
        case ir.Adjust(f, old, new, keep_zero, pseudo):
            part = "" if pseudo is None else f", addresses {expr(pseudo)}"
            return f"{field(f)} follows {expr(old)} -> {expr(new)}{part}" + (
                " unless zero" if keep_zero else ""
            )
        case ir.SetMark(mark, base, offset, plus):
            shift = f" {'-' if offset < 0 else '+'} {abs(offset)}" if offset else ""
            return f"@{mark.value} = @{base.value}{shift}" + (f" + {expr(plus)}" if plus is not None else "")
        case ir.ClearMark(mark):
            return f"@{mark.value} = none"
        case ir.Havoc(mark, offset, length):
            return f"havoc {mark.value}[{offset}+{'' if length is None else expr(length)}]"
        case ir.Branch(condition, _, _):
            return f"if {expr(condition)}"
        case ir.Copy(port):
            return f"copy {port}"
        case ir.Lookup(table, key, values, found):
            return f"{found.name}, {_names(values)} = {_table(table)}{_row(key)}"
        case ir.Insert(table, key, values, ok, idle_s, reply):
            pair = "" if reply is None else f" with {_row(reply[0])} = {_row(reply[1])}"
            return (
                f"{ok.name} = insert {_table(table)}{_row(key)} = {_row(values)}{pair} idle {expr(idle_s)}s"
            )
        case ir.Update(table, key, values, idle_s):
            return f"update {_table(table)}{_row(key)} = {_row(values)} idle {expr(idle_s)}s"
        case ir.Delete(table, key):
            return f"delete {_table(table)}{_row(key)}"
        case ir.Allocate(table, key, candidate, low, high, prefer, order, _, ok):
            first = "" if prefer is None else f" prefer {expr(prefer)}"
            span = f"{low}-{high} {order.value}{first}"
            return f"{ok.name}, {candidate.name} = allocate {span} so that {_table(table)}{_row(key)} is free"
        case ir.Next(counter, var):
            return f"{var.name} = next {'shared ' if counter.shared else ''}{counter.name}"
        case ir.Now(var):
            return f"{var.name} = now"
        case ir.Random(var):
            return f"{var.name} = random"
        case ir.FindOption(kinds, offset, length, found):
            return f"{found.name}, {offset.name}, {length.name} = option {'|'.join(map(str, kinds))}"
        case ir.Count(name, amount):
            return f"count {name} {expr(amount)}"
        case ir.Emit(port):
            return f"emit {port}"
        case ir.Drop(reason):
            return f'drop "{reason}"'
        case ir.Hold():
            return "hold"
    assert_never(stmt)


def expr(e: ir.Expr) -> str:
    """An expression."""
    match e:
        case ir.Const(value, width):
            return f"{value:#x}u{width}" if value > 9 else f"{value}u{width}"
        case ir.Var(name, _):
            return name
        case ir.Field():
            return field(e)
        case ir.Present(mark, offset, length):
            return f"has {mark.value}[{offset}+{length}]"
        case ir.Marked(mark):
            return f"has @{mark.value}"
        case ir.Distance(start, end):
            return f"(@{end.value} - @{start.value})"
        case ir.Binary(op, left, right):
            return f"({expr(left)} {op.value} {expr(right)})"
        case ir.Not(value):
            return f"~{expr(value)}"
        case ir.Cast(value, width):
            return f"u{width}({expr(value)})"
        case ir.Sum(mark, offset, length):
            return f"sum {mark.value}[{offset}+{expr(length)}]"
    assert_never(e)


def _table(table: ir.Table) -> str:
    return f"{table.owner}/{table.name}" if table.owner else table.name


def _row(values: tuple[ir.Expr, ...]) -> str:
    return "[" + ", ".join(expr(v) for v in values) + "]"


def _names(values: tuple[ir.Var, ...]) -> str:
    return ", ".join(v.name for v in values)
