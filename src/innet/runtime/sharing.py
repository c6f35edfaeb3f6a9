"""What elements of a configuration remember in common."""

from collections.abc import Iterator

from innet import ir
from innet.ir.uses import statements


def shared_state(program: ir.Program) -> Iterator[str | tuple[str, str]]:
    """What a program keeps in common with those of other elements: an owner's name, or a shared counter."""
    for stmt in statements(program.body):
        match stmt:
            case (
                ir.Lookup(table) | ir.Insert(table) | ir.Update(table) | ir.Delete(table) | ir.Allocate(table)
            ) if table.owner:
                yield table.owner
        match stmt:
            case ir.Next(counter) | ir.Allocate(cursor=counter) if counter.shared:
                yield "counter", counter.name
