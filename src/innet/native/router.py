"""A router whose packet programs run as machine code, as far as they can."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from innet.elements.base import OUTSIDE
from innet.elements.device.fromdump import FromDumpHolder
from innet.elements.device.todump import ToDumpHolder
from innet.elements.holder import HandlerError, Holder, Io
from innet.ir.interpret import PacketBuffer
from innet.native.chunks import ChunkCapture
from innet.native.machine import ForPython, Machine
from innet.native.partition import plan
from innet.runtime.graph import Graph
from innet.runtime.handlers import RESETS, Handlers
from innet.runtime.node import Node
from innet.runtime.router import Router


class NativeRouter(Router):
    """`Router`, faster. It is one until `compile` is called; captures are read fast if they come from a `ChunkIo`.

    What machine code remembers is put into `state` and `drops` when a handler is read or written, and by `synchronize`;
    numbers also at the end of a run.
    """

    def __init__(
        self,
        graph: Graph,
        io: Io,
        clock: Callable[[], int] | None = None,
        random: Random | None = None,
    ) -> None:
        self.machine: Machine | None = None
        self._apart = False
        """Whether all is in the interpreter's hands for now."""
        self._dirty = False
        self._tables_dirty = False
        """Whether machine code ran since `synchronize`, and since it was asked for tables."""
        self._changed: set[str] = set()
        super().__init__(graph, io, clock, random)
        self.handlers = SettledHandlers(self)

    def compile(self) -> bool:
        """Make machine code of what can be; whether there is any."""
        made = plan(self, self._changed)
        if made is not None:
            sinks = [(self.by_name[name].holder, self.by_name[name].context) for name in made.files]
            holders = [(holder, context) for holder, context in sinks if isinstance(holder, ToDumpHolder)]
            self.machine = Machine(made, holders, self.state.random)
            self.machine.load(self.state, tables=True)
        return made is not None

    def close(self) -> None:
        """Go on as an ordinary router."""
        if self.machine is not None:
            self.synchronize()
            self.machine.close()
            self.machine = None

    # ---- state

    def synchronize(self, tables: bool = True) -> None:
        """Let `state` (its tables, if asked: that may take long) and `drops` be what they are in an ordinary router."""
        if self.machine is not None and not self._apart and (self._dirty or (tables and self._tables_dirty)):
            self._dirty = False
            self._tables_dirty = self._tables_dirty and not tables
            self.drops.update(self.machine.save(self.state, tables))

    def _runs(self) -> None:
        """Machine code is about to run."""
        self._dirty = self._tables_dirty = True

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Do something in the interpreter alone: what machine code cannot take."""
        self.synchronize()
        self._apart = True
        try:
            yield
        finally:
            self._apart = False
            if self.machine is not None:
                self.machine.load(self.state, tables=True)

    def changed(self, node: Node) -> None:
        """A handler made another element of `node`: it is Python from now on."""
        machine = self.machine
        if machine is not None and not self._apart and node.name in machine.plan.elements:
            self._changed.add(node.name)
            machine.close()
            self.machine = None
            self.compile()

    def run(self, until_ns: int | None = None) -> None:
        try:
            super().run(until_ns)
        finally:
            self.synchronize(tables=False)

    # ---- packets

    def push(self, node: Node, port: int, packet: PacketBuffer, hops: int = 0) -> None:
        if self.machine is None or self._apart:
            super().push(node, port, packet, hops)
            return
        work = [(node, port, packet, hops)]
        left = self.max_hops + self.max_copies
        while work:
            node, port, packet, hops = work.pop()
            left -= 1
            if hops > self.max_hops or left < 0:
                self.drops[node.name, "loop"] += 1
                continue
            machine = self.machine
            point = None if machine is None else machine.points.get((node.name, port))
            if machine is not None and point is not None:
                if machine.takes(packet) and hops + len(self.nodes) <= self.max_hops:
                    self._runs()
                    onward = machine.one(point, packet, self.clock(), self.state.random, hops)
                    if onward is not None:
                        after = max(hops + 1, onward.hops)
                        left -= after - hops - 1
                        work.append((self.by_name[onward.element], onward.port, onward.packet, after))
                    continue
                with self.apart():
                    super().push(node, port, packet, hops)
                continue
            if machine is None:
                super().push(node, port, packet, hops)
                continue
            outs = self.outcome(node, port, packet)
            for out, leaving in reversed(outs):
                target = node.targets[out] if out < len(node.targets) else None
                if target is None:
                    self.drops[node.name, f"output {out} is not connected"] += 1
                else:
                    work.append((*target, leaving, hops + 1))

    def run_task(self, node: Node, holder: Holder) -> bool:
        machine = self.machine
        if machine is None or not isinstance(holder, FromDumpHolder):
            return super().run_task(node, holder)
        point = machine.points.get((node.name, OUTSIDE))
        record = None if point is None else holder.look(node.context)
        if point is None or record is None:
            return super().run_task(node, holder)
        packet = holder.taken(record)
        if not machine.takes(packet):
            with self.apart():
                node.context.outside(packet)
            return True
        self._runs()
        onward = machine.one(point, packet, self.clock(), self.state.random)
        capture = holder.capture
        if (
            onward is None
            and isinstance(capture, ChunkCapture)
            and not holder.chooses
            and self._others_wait(node)
        ):
            taken, onward = machine.many(point, capture, self.clock(), self.state.random)
            holder.count += taken
        if onward is not None:
            self._go_on_with(onward)
        return True

    def _go_on_with(self, onward: ForPython) -> None:
        self.push(self.by_name[onward.element], onward.port, onward.packet, onward.hops)

    def _others_wait(self, node: Node) -> bool:
        """Whether no task but that of `node` has anything to do before a packet comes its way."""
        now = self.clock()
        for other in self.tasks:
            if other is node:
                continue
            if other.holder is None or not other.holder.RUNS:
                return False
            wake = other.holder.wake_ns(other.context)
            if wake is not None and wake <= now:
                return False
        return True

    @property
    def apart_now(self) -> bool:
        """Whether the interpreter does all by itself for now."""
        return self._apart

    # ---- for people

    def account(self) -> Iterator[str]:
        """Which elements are machine code, and why others are not."""
        machine = self.machine
        if machine is None:
            yield from super().account()
            return
        made = machine.plan
        yield f"machine code: {len(made.elements) + len(made.feeders) + len(made.files)} elements"
        for name, why in made.python.items():
            node = self.by_name[name]
            if node.inputs or node.outputs:
                yield f"Python: '{name}' ({type(node.element).__name__}): {why}"


class SettledHandlers(Handlers):
    """The handlers of a native router."""

    router: NativeRouter

    def read(self, handler: str, scope: str = "") -> str:
        called = handler.strip().partition(" ")[0]
        node, name = self._meant(called, scope)
        self.router.synchronize(tables=node is not None and name in node.element.reads())
        return super().read(handler, scope)

    def write(self, handler: str, value: str, scope: str = "") -> None:
        router = self.router
        node, name = self._meant(handler.strip(), scope)
        machine = router.machine
        if node is None or machine is None or router.apart_now or not machine.knows(node.name):
            super().write(handler, value, scope)
            return
        element = node.element
        tables = name in element.writes() or name in element.WRITABLE
        router.synchronize(tables)
        super().write(handler, value, scope)
        if node.element is not element:
            router.changed(node)
        elif tables or name in RESETS:
            machine.load(router.state, tables)

    def _meant(self, handler: str, scope: str) -> tuple[Node | None, str]:
        """Element and name of a handler; no element for a global one, or if there is none."""
        element, _, name = handler.rpartition(".")
        try:
            return (self.find(element, scope) if element else None), name
        except HandlerError:
            return None, name
