"""The flow tables of rewriters as their handlers show them: one line an entry, one entry a direction."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from innet.elements.holder import Remembered
from innet.elements.rewrite.flows import FlowTable
from innet.ir.interpret import NS

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as numbers: what packets it is for, and what they become."""

    key: Numbers
    new: Numbers
    output: int
    reply_output: int
    is_reply: bool
    input: int

    @property
    def outputs(self) -> str:
        """Where packets and answers of the flow leave; a star is at this direction's."""
        if self.is_reply:
            return f"[{self.reply_output} *{self.output}]"
        return f"[*{self.output} {self.reply_output}]"


def rows(flows: FlowTable, memory: Remembered) -> Iterator[Row]:
    """All entries of the table."""
    size = len(flows.NEW)
    for key, values in memory.rows(flows.table).items():
        output, reply_output, is_reply, number = values[size : size + 4]
        yield Row(key, values[:size], output, reply_output, bool(is_reply), number)


def flows_by_input(flows: FlowTable, memory: Remembered) -> Mapping[int, int]:
    """How many flows each input made."""
    found: dict[int, int] = {}
    for row in rows(flows, memory):
        if not row.is_reply or flows.alone(row.key, row.new):
            found[row.input] = found.get(row.input, 0) + 1
    return found


def lines(flows: FlowTable, memory: Remembered, protocol: int | None = None) -> str:
    """`F => R [*FOUT ROUT] iINPUT expSECONDS`; of one `protocol`, where keys begin with one."""
    out = []
    for row in rows(flows, memory):
        if protocol is None or row.key[0] == protocol:
            left = (memory.left_ns(flows.table, row.key) + NS // 2) // NS
            shown = f"{flows.show_key(row.key)} => {flows.show_new(row.new)}"
            out.append(f"{shown} {row.outputs} i{row.input} exp{left}\n")
    return "".join(out)


def make_room(flows: FlowTable, memory: Remembered, most: int) -> None:
    """Remove the flows that expire first until there are at most `most`."""
    table = flows.table
    first = sorted(memory.rows(table), key=lambda key: memory.left_ns(table, key))
    while sum(flows_by_input(flows, memory).values()) > most:
        memory.delete(table, first.pop(0))


def remove(flows: FlowTable, memory: Remembered, number: int) -> None:
    """Remove the flows that input `number` made."""
    for row in list(rows(flows, memory)):
        if row.input == number:
            memory.delete(flows.table, row.key)
