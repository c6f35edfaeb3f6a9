"""Where the time of a run goes: a table by element. A router that nobody profiles pays nothing for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from innet.elements.holder import Context, Holder, Out, Pulling

if TYPE_CHECKING:
    from innet.ir.interpret import PacketBuffer
    from innet.runtime.node import Node
    from innet.runtime.router import Router


@dataclass
class Cost:
    """Packets that an element's programs ran on, and the time it took, that of other elements not counted."""

    packets: int = 0
    ns: int = 0


class Profile:
    """Measures `router` from now on, in place: each program run, and each call of a holder's task and pull."""

    def __init__(self, router: "Router", clock: Callable[[], int]) -> None:
        self.router, self.clock = router, clock
        self.costs = {node.name: Cost() for node in router.nodes}
        self.started = clock()
        self._inner = [0]
        """Time of measured calls inside the one that is going on, for each one that is."""
        self._outcome = router.outcome
        router.outcome = self._run  # type: ignore[method-assign]  # the instance's own, for as long as it lives
        for node in router.nodes:
            if node.holder is not None:
                self._watch(node.holder, self.costs[node.name])

    def _enter(self) -> int:
        self._inner.append(0)
        return self.clock()

    def _leave(self, cost: Cost, since: int) -> None:
        spent = self.clock() - since
        cost.ns += spent - self._inner.pop()
        self._inner[-1] += spent

    def _run(self, node: "Node", port: int, packet: "PacketBuffer") -> Sequence[Out]:
        cost = self.costs[node.name]
        cost.packets += 1
        since = self._enter()
        try:
            return self._outcome(node, port, packet)
        finally:
            self._leave(cost, since)

    def _watch(self, holder: Holder, cost: Cost) -> None:
        """Measure a holder's task, and its pulls (between the questions they ask)."""
        run, pull, take = holder.run, holder.pull, holder.take

        def timed_run(context: Context) -> bool:
            since = self._enter()
            try:
                return run(context)
            finally:
                self._leave(cost, since)

        def timed_take(context: Context) -> "PacketBuffer | None":
            since = self._enter()
            try:
                return take(context)
            finally:
                self._leave(cost, since)

        def timed_pull(port: int, context: Context) -> Pulling:
            pulling = pull(port, context)
            answer: PacketBuffer | None = None
            while True:
                since = self._enter()
                try:
                    wanted = next(pulling) if answer is None else pulling.send(answer)
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]  # a generator's end is untyped
                finally:
                    self._leave(cost, since)
                answer = yield wanted

        holder.run = timed_run  # type: ignore[method-assign]  # as above
        if type(holder).pull is Holder.pull:
            holder.take = timed_take  # type: ignore[method-assign]  # as above
        else:
            holder.pull = timed_pull  # type: ignore[method-assign]  # as above

    def rows(self) -> list[tuple[str, str, int, int]]:
        """Element, class, packets, nanoseconds; the dearest first; without those that did nothing."""
        classes = {node.name: type(node.element).__name__ for node in self.router.nodes}
        used = ((name, cost) for name, cost in self.costs.items() if cost.ns or cost.packets)
        by_time = sorted(used, key=lambda row: -row[1].ns)
        return [(name, classes[name], cost.packets, cost.ns) for name, cost in by_time]

    def table(self) -> str:
        """The rows as text, and the time that was spent between elements."""
        rows = self.rows()
        total = self.clock() - self.started
        lines = [("element", "class", "packets", "ms", "ns/packet", "share")]
        rest = total - sum(ns for *_, ns in rows)
        for name, kind, packets, ns in (*rows, ("(between)", "", 0, rest)):
            each = f"{ns / packets:.0f}" if packets else ""
            lines.append((name, kind, str(packets), f"{ns / 1e6:.3f}", each, f"{ns / max(total, 1):.1%}"))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                text.ljust(width) if n < 2 else text.rjust(width)
                for n, (text, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        )
