"""Header marks that nobody looks at again: where they are need not be found out."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass

from innet import ir
from innet.elements.base import OUTSIDE, Role
from innet.explore.machine import Machine
from innet.ir.nodes import Mark
from innet.symbolic.work import BudgetExceeded, Work


def unread(machine: Machine, scope: str, work: Work) -> Callable[[str], bool]:
    """Whether the transport mark that an element sets is looked at by nothing that packets come to from there: not by
    the element itself, nor by any that its outputs lead to, set anew in between or not. `scope` is what elements of the
    configuration are called by. Programs that have to be traced for it are charged to `work`."""
    after: dict[str, set[str]] = {}
    for (source, _), targets in machine.next.items():
        after.setdefault(source, set()).update(target for target, _ in targets)
    known: dict[str, bool] = {}

    def is_unread(place: str) -> bool:
        if not place.startswith(scope) or place.removeprefix(scope) not in machine.elements:
            return False
        seen: set[str] = set()
        ahead = [place.removeprefix(scope)]
        while ahead:
            element = ahead.pop()
            if element in seen:
                continue
            seen.add(element)
            if element not in known:
                known[element] = _looks(machine, element, work)
            if known[element]:
                return False
            ahead += after.get(element, ())
        return True

    return is_unread


def _looks(machine: Machine, element: str, work: Work) -> bool:
    """Whether an element looks at the transport mark, or at anything that is where it says."""
    ports = [*range(machine.inputs(element))]
    if machine.elements[element].ROLE in (Role.ENTRY, Role.SOURCE):
        ports.append(OUTSIDE)
    for port in ports:
        try:
            programs = [machine.program(element, port, work), machine.released(element, port)]
        except BudgetExceeded:  # too large to be traced
            return True
        if any(program is not None and looks(program.body) for program in programs):
            return True
    return False


def looks(block: ir.Block) -> bool:
    """Whether the transport mark is anywhere in `block` but where it is set or cleared."""
    work: list[object] = [*block]
    while work:
        one = work.pop()
        if one is Mark.TRANSPORT:
            return True
        if isinstance(one, ir.ClearMark):
            continue
        if isinstance(one, ir.SetMark):
            work += (one.base, one.plus)
        elif isinstance(one, tuple | list):
            work += one
        elif is_dataclass(one) and not isinstance(one, type | ir.Table):
            work += (getattr(one, field.name) for field in fields(one))
    return False


__all__ = ["looks", "unread"]
