"""What an element remembers, as its handlers and its holder see it."""

from collections.abc import Mapping
from dataclasses import dataclass

from innet import ir
from innet.ir.interpret import NS, PacketBuffer, State, run


@dataclass(frozen=True, slots=True)
class Memory:
    """`Remembered` for the element called `element`, in a router's state; `router_drops` by (element, reason)."""

    state: State
    router_drops: Mapping[tuple[str, str], int]
    element: str

    @property
    def now_ns(self) -> int:
        return self.state.clock()

    def rows(self, table: ir.Table) -> Mapping[tuple[int, ...], tuple[int, ...]]:
        return {key: entry.values for key, entry in self.state.table(self.element, table).entries().items()}

    def run(self, program: ir.Program, packet: PacketBuffer) -> ir.Verdict:
        return run(program, packet, self.state).verdict

    def left_ns(self, table: ir.Table, key: tuple[int, ...]) -> int:
        entry = self.state.table(self.element, table).entry(key)
        return 0 if entry is None else entry.touched_ns + entry.idle_ns - self.now_ns

    def put(self, table: ir.Table, key: tuple[int, ...], values: tuple[int, ...], idle_s: int) -> bool:
        held = self.state.table(self.element, table)
        return held.insert(key, values, None, self.now_ns, idle_s * NS)

    def delete(self, table: ir.Table, key: tuple[int, ...]) -> None:
        self.state.table(self.element, table).delete(key)

    def clear(self, table: ir.Table) -> None:
        self.state.table(self.element, table).clear()

    def statistic(self, name: str) -> int:
        return self.state.statistics.get((self.element, name), 0)

    def drops(self, reason: str | None = None) -> int:
        return sum(
            count
            for (element, why), count in self.router_drops.items()
            if element == self.element and reason in (None, why)
        )
