"""Values that are always one number, and assignments that change nothing: what an exploration saw of the statements."""

from dataclasses import dataclass, field

from innet import ir
from innet.simplify.equality import number, same
from innet.symbolic.execute import read, value_of
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import State, Tables


@dataclass
class Values:
    """What each `Let` bound so far, and which assignments put in place what was there."""

    tables: Tables
    numbers: dict[int, int | None] = field(default_factory=dict)
    """By identity of the `Let`; None: several."""
    idle: dict[int, bool] = field(default_factory=dict)
    """By identity of the `Assign`: whether the field held the value on all paths."""
    kept: list[ir.Stmt] = field(default_factory=list)
    """The statements seen, so that no other gets their identity."""

    def bound(self, let: ir.Let, state: State) -> None:
        """The paths of `state` have just bound the variable of `let`."""
        if isinstance(let.value, ir.Const) or self.numbers.get(id(let), 0) is None:
            return
        term = state.env.get(let.var.name)
        found = number(term, state.store) if term is not None and let.followed else None
        if id(let) not in self.numbers:
            self.kept.append(let)
            self.numbers[id(let)] = found
        elif self.numbers[id(let)] != found:
            self.numbers[id(let)] = None

    def assigned(self, assign: ir.Assign, state: State) -> None:
        """The paths of `state` come to `assign`."""
        if not self.idle.get(id(assign), True):
            return
        if id(assign) not in self.idle:
            self.kept.append(assign)
        self.idle[id(assign)] = self._changes_nothing(assign, state)

    def _changes_nothing(self, assign: ir.Assign, state: State) -> bool:
        try:
            return all(
                same(term, value_of(assign.value, case, self.tables), case.store)
                for case, term in read(assign.field, state.fork(), self.tables)
            )
        except (Imprecise, Split):
            return False

    def number(self, let: ir.Let) -> int | None:
        """What `let` always binds; None if that is not always the same, or was not seen."""
        return self.numbers.get(id(let))

    def needless(self, assign: ir.Assign) -> bool:
        """Whether `assign` changes nothing."""
        return self.idle.get(id(assign), False)
