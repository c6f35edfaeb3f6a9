"""Programs as text, one statement a line: `ip.ttl = (%2 - 1u8)`. `read` makes the same program of it again.

The language is docs/reference/program-text.md.
"""

import re
from collections.abc import Iterable
from typing import assert_never

from innet.ir import nodes as ir
from innet.ir.nodes import Op
from innet.ir.trace import MARK_OF
from innet.ir.uses import statements
from innet.ir.words import quote
from innet.packet import headers

NAMES = {(MARK_OF[f.header], f.bit, f.width): f.name for f in reversed(headers.ALL)}
"""The shortest-lived name wins no place: of two names for one place the first declared stands."""

OPERATORS = {op: op.value for op in Op} | {Op.DIV: "/"}
"""How operators are written: `//` begins a comment."""

CHAINED = frozenset({Op.ADD, Op.MUL, Op.AND, Op.OR, Op.XOR, Op.ONES})
"""`a + b + c` is `((a + b) + c)`, printed without the inner parentheses."""

LANGUAGE = frozenset(
    {
        *("if", "else", "emit", "copy", "drop", "hold", "count", "insert", "update", "delete", "havoc"),
        *(
            "program",
            "elementprogram",
            "input",
            "outputs",
            "optional",
            "processing",
            "flow",
            "table",
            "counter",
        ),
        *(
            "now",
            "random",
            "next",
            "option",
            "allocate",
            "has",
            "sum",
            "and",
            "or",
            "not",
            "in",
            "true",
            "false",
            "none",
        ),
        *(
            "data",
            "end",
            "mac",
            "net",
            "transport",
            "aux",
            "anno",
            "ether",
            "ip",
            "ip6",
            "tcp",
            "udp",
            "icmp",
        ),
    }
)
"""Words that name nothing else."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(r"u[0-9]+")


def dump(program: ir.Program) -> str:
    """The program, headed by what it belongs to and by the tables and counters it uses."""
    return _Printer(program).text()


def is_name(word: str) -> bool:
    """Whether `word` can name a variable, a table or a counter."""
    return bool(_PLAIN.fullmatch(word)) and word not in LANGUAGE and not _TYPE.fullmatch(word)


def scope_of(element: str, port: int) -> str:
    """What the variables of a program are called after, as `Element.trace` has it."""
    return f"{element}[{'out' if port < 0 else port}]"


def field(f: ir.Field) -> str:
    """A field by its RFC name, or as `mark[bit:width]`."""
    return NAMES.get((f.mark, f.bit, f.width)) or f"{f.mark.value}[{f.bit}:{f.width}]"


def statement(stmt: ir.Stmt) -> str:
    """One statement (of a branch its head), variables by their full names."""
    return _Printer(ir.Program("", 0, 0, (stmt,)), alone=True).statement(stmt)


def expr(e: ir.Expr) -> str:
    """An expression, variables by their full names."""
    return _Printer(ir.Program("", 0, 0, ()), alone=True).expr(e)


class _Printer:
    def __init__(self, program: ir.Program, alone: bool = False) -> None:
        self.program, self.alone = program, alone
        self.prefix = scope_of(program.element, program.port) + "%"
        self.tables: dict[ir.Table, str] = {}
        self.counters: dict[ir.Counter, str] = {}
        for stmt in statements(program.body):
            match stmt:
                case ir.Lookup(table) | ir.Insert(table) | ir.Update(table) | ir.Delete(table):
                    self.called(table, self.tables)
                case ir.Allocate():
                    self.called(stmt.table, self.tables)
                    self.called(stmt.cursor, self.counters)
                case ir.Next(counter):
                    self.called(counter, self.counters)

    def called(
        self, what: "ir.Table | ir.Counter", names: "dict[ir.Table, str] | dict[ir.Counter, str]"
    ) -> None:
        """Give `what` a name of its own in the text."""
        if what in names:
            return
        taken = {*self.tables.values(), *self.counters.values()}
        base = what.name if is_name(what.name) else "t" if isinstance(what, ir.Table) else "c"
        number, name = 1, base
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        names[what] = name  # type: ignore[index]  # each kind goes with its own names

    # ---- the whole

    def text(self) -> str:
        program = self.program
        port = "out" if program.port < 0 else str(program.port)
        lines = [f"program {_word(program.element)}[{port}] -> {program.outputs} outputs {{"]
        for table, name in self.tables.items():
            lines += [f"  {line}" for line in _table(table, name)]
        lines += [f"  {_counter(counter, name)}" for counter, name in self.counters.items()]
        self.block(program.body, 1, lines)
        return "\n".join([*lines, "}"])

    def block(self, block: ir.Block, depth: int, lines: list[str]) -> None:
        pad = "  " * depth
        for stmt in block:
            lines.append(pad + self.statement(stmt))
            if isinstance(stmt, ir.Branch):
                lines[-1] += " {"
                self.block(stmt.then, depth + 1, lines)
                if stmt.otherwise:
                    lines.append(f"{pad}}} else {{")
                    self.block(stmt.otherwise, depth + 1, lines)
                lines.append(f"{pad}}}")

    # ---- statements

    def statement(self, stmt: ir.Stmt) -> str:
        expr, row, name = self.expr, self.row, self.variable
        match stmt:
            case ir.Let(var, value, followed):
                return f"{name(var)} = {expr(value)}" + ("" if followed else " unfollowed")
            case ir.Assign(f, value):
                return f"{field(f)} = {expr(value)}"
            case ir.Adjust(f, old, new, keep_zero, pseudo):
                part = "" if pseudo is None else f" addresses {expr(pseudo)}"
                return f"{field(f)} follows {expr(old)} -> {expr(new)}{part}" + (
                    " unless zero" if keep_zero else ""
                )
            case ir.SetMark(mark, base, offset, plus):
                shift = f" {'-' if offset < 0 else '+'} {abs(offset)}" if offset else ""
                return f"@{mark.value} = @{base.value}{shift}" + (
                    f" + {expr(plus)}" if plus is not None else ""
                )
            case ir.ClearMark(mark):
                return f"@{mark.value} = none"
            case ir.Havoc(mark, offset, length):
                return f"havoc {mark.value}[{offset}+{'' if length is None else expr(length)}]"
            case ir.Branch(condition, _, _):
                return f"if {expr(condition)}"
            case ir.Copy(port):
                return f"copy {port}"
            case ir.Lookup(table, key, values, found):
                return f"{', '.join(map(name, (found, *values)))} = {self.table(table)}{row(key)}"
            case ir.Insert(table, key, values, ok, idle_s, reply):
                pair = "" if reply is None else f" with {row(reply[0])} = {row(reply[1])}"
                into = f"{self.table(table)}{row(key)} = {row(values)}{pair}"
                return f"{name(ok)} = insert {into} idle {self.seconds(idle_s)}"
            case ir.Update(table, key, values, idle_s):
                return f"update {self.table(table)}{row(key)} = {row(values)} idle {self.seconds(idle_s)}"
            case ir.Delete(table, key):
                return f"delete {self.table(table)}{row(key)}"
            case ir.Allocate(table, key, candidate, low, high, prefer, order, cursor, ok):
                first = "" if prefer is None else f" prefer {expr(prefer)}"
                span = f"u{candidate.width} {low} to {high} {order.value} {self.counter(cursor)}{first}"
                where = f"{self.table(table)}{row(key)}"
                return f"{name(ok)}, {name(candidate)} = allocate {span} so that {where} is free"
            case ir.Next(counter, var):
                return f"{name(var)} = next {self.counter(counter)}"
            case ir.Now(var):
                return f"{name(var)} = now"
            case ir.Random(var):
                return f"{name(var)} = random u{var.width}"
            case ir.FindOption(kinds, offset, length, found):
                return f"{', '.join(map(name, (found, offset, length)))} = option {' '.join(map(str, kinds))}"
            case ir.Count(statistic, amount):
                return f"count {_word(statistic)} {expr(amount)}"
            case ir.Emit(port):
                return f"emit {port}"
            case ir.Drop(reason):
                return f"drop {quote(reason)}"
            case ir.Hold():
                return "hold"
        assert_never(stmt)

    def variable(self, var: ir.Var) -> str:
        """`%3` or `name` for those of the program's own scope, `%"..."` for others."""
        if self.alone:
            return var.name
        if not var.name.startswith(self.prefix):
            return f"%{quote(var.name)}"
        short = var.name[len(self.prefix) :]
        if is_name(short):
            return short
        return f"%{short}" if re.fullmatch(r"[0-9]+", short) else f"%{quote(var.name)}"

    def table(self, table: ir.Table) -> str:
        return self.tables[table]

    def counter(self, counter: ir.Counter) -> str:
        return self.counters[counter]

    def seconds(self, value: ir.Expr) -> str:
        return f"{value.value}s" if isinstance(value, ir.Const) else f"({self.expr(value)})"

    def row(self, values: Iterable[ir.Expr]) -> str:
        return "[" + ", ".join(self.expr(v) for v in values) + "]"

    # ---- expressions

    def expr(self, e: ir.Expr) -> str:
        match e:
            case ir.Const(value, width):
                return f"{value:#x}u{width}" if value > 9 else f"{value}u{width}"
            case ir.Var():
                return self.variable(e)
            case ir.Field():
                return field(e)
            case ir.Present(mark, offset, length):
                return f"has {mark.value}[{offset}+{length}]"
            case ir.Marked(mark):
                return f"has @{mark.value}"
            case ir.Distance(start, end):
                return f"(@{end.value} - @{start.value})"
            case ir.Binary(op, left, right):
                first = self.expr(left)
                if op in CHAINED and isinstance(left, ir.Binary) and left.op is op:
                    first = first[1:-1]
                return f"({first} {OPERATORS[op]} {self.expr(right)})"
            case ir.Not(value):
                return f"~{self.expr(value)}"
            case ir.Cast(value, width):
                return f"u{width}({self.expr(value)})"
            case ir.Sum(mark, offset, length):
                return f"sum {mark.value}[{offset}+{self.expr(length)}]"
        assert_never(e)


def _word(name: str) -> str:
    return name if is_name(name) else quote(name)


def _widths(widths: tuple[int, ...]) -> str:
    return "[" + ", ".join(f"u{width}" for width in widths) + "]"


def _table(table: ir.Table, name: str) -> list[str]:
    """The declaration of a table, and what a prefix table holds."""
    text = f"table {name}"
    if table.name != name:
        text += f" {quote(table.name)}"
    if table.owner:
        text += f" of {quote(table.owner)}"
    if table.kind is not ir.TableKind.EXACT:
        text += f" {table.kind.value}"
    text += f" {_widths(table.key)} -> {_widths(table.values)} capacity {table.capacity}"
    if table.guarantee_s is not None:
        text += f" guarantee {table.guarantee_s}s"
    if not table.entries:
        return [text]
    rows = [
        f"  {prefix:#x}/{length} [{', '.join(map(str, values))}]" for prefix, length, values in table.entries
    ]
    return [f"{text} {{", *rows, "}"]


def _counter(counter: ir.Counter, name: str) -> str:
    text = f"counter {name}"
    if counter.name != name:
        text += f" {quote(counter.name)}"
    text += f" u{counter.width}"
    if counter.shared:
        text += " shared"
    if counter.first:
        text += f" from {counter.first}"
    return text if counter.wrap is None else f"{text} wrap {counter.wrap}"
