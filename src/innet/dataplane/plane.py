"""The agent's data plane on XDP: modules as programs of the kernel, started by their first packet.

All that packets depend on is in the kernel and pinned: an agent that dies takes nothing with it, and the next one goes
on from the pins and from one small file for each module.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from innet.dataplane import flows
from innet.dataplane.base import Base, Nic
from innet.dataplane.compose import Wire
from innet.dataplane.events import Events
from innet.dataplane.instance import Instance, added_up
from innet.dataplane.layout import TALLY_BYTES
from innet.dataplane.library import Library
from innet.dataplane.life import Life
from innet.dataplane.options import Options
from innet.dataplane.packets import Packets
from innet.dataplane.places import Places
from innet.dataplane.records import Records
from innet.dataplane.registry import Registry
from innet.dataplane.slowpath import SlowPath
from innet.diagnostics import PlatformError
from innet.network import Platform, format_address
from innet.platform.accounting import by_element
from innet.platform.protocol import (
    PLATFORM,
    Deployment,
    DropEvents,
    ModuleReport,
    ModuleState,
    Observation,
    Traffic,
)
from innet.xdp.compile import Compiler
from innet.xdp.host import EVENTS
from innet.xdp.layout import MapKind
from innet.xdp.programs import jiffies_per_second
from innet.xdp.ring import Ring
from innet.xdp.target import Redirect
from innet.xdp.tcx import SchedCls

MODULES = 1024
"""Room for modules if the platform's capacity does not say."""
SPARE = 16
"""Room for old versions of modules, beside those that are to run."""
ROUNDS = 32
"""Rounds of one module's tasks before others get theirs."""
SWEEP_NS = 5_000_000_000
"""How often expired entries of tables are removed, and idle modules looked for."""
SWEEP_BUDGET_NS = 3_000_000
"""How long one round of that may take before packets get their turn."""
DRAIN_NS = 300_000_000_000
"""How long a version that another one replaced may go on with what it keeps."""


class KernelAgent:
    """`DataPlane` of the platform `node` on `nic`. Make it in the network namespace of `nic`; afterwards the thread may
    be in any.

    `state` is a folder of its own, which outlives it. A `compiler` that is given stays its giver's. `checkpoint` is
    called with each step's name when it is done. Raises PlatformError if the kernel refuses something; then nothing of
    it is left.
    """

    def __init__(
        self,
        node: Platform,
        nic: Nic,
        state: Path,
        clock: Callable[[], int],
        random: Random,
        options: Options | None = None,
        checkpoint: Callable[[str], None] = lambda step: None,
        pins: Path | None = None,
        compiler: Compiler | None = None,
    ) -> None:
        self.node, self.nic = node, nic
        self._records = Records(state)
        self.options = options or Options()
        self._clock = clock
        self.modules = (node.capacity.modules or MODULES) + SPARE
        self.compiler = compiler or Compiler()
        self._own_compiler = compiler is None
        place = {} if pins is None else {"pins": pins}
        try:
            self.base = Base(
                node.name, nic, node.pools, self.modules, self.compiler, **place, target=self.options.target
            )
            self.per_second = jiffies_per_second()
        except BaseException:
            self._close_compiler()
            raise
        whole = isinstance(self.options.target, SchedCls)
        wire = Wire(nic.index, nic.peer_mac, nic.mac, None if whole else nic.mtu)
        self.library = Library(
            self.compiler,
            self.options.target,
            Redirect(self.base.tap.index),
            self.base.check,
            self._records.code,
            self.per_second,
        )
        self.blocks = self.base.block()
        self.ring = Ring(self.base.maps[EVENTS])
        self.drops: Counter[str] = Counter()
        self.registry = Registry()
        self.places = Places(self.base, self._records, self.modules)
        self.packets = Packets(
            self.base,
            self.library,
            self.registry,
            clock,
            self.options.table_bytes,
            self.drops,
            lambda one: self.life.go_on(one),
        )
        self._events = Events(self.registry, self.blocks, self.ring, clock, lambda: self.packets.at_hand)
        self.life = Life(
            node,
            self.base,
            wire,
            self.library,
            self._records,
            self.places,
            self.registry,
            self.packets,
            self._events,
            self.options,
            clock,
            random,
            self.per_second,
            self.drops,
            checkpoint,
        )
        self._sweeping: deque[Instance] = deque()
        self._swept_ns = clock()

    # ---- modules

    def apply(self, deployment: Deployment) -> None:
        """As `Life.apply`."""
        self.life.apply(deployment)

    def remove(self, id: str) -> None:
        self.life.remove(id)

    def suspend(self, id: str) -> None:
        """As `Life.suspend`."""
        self.life.suspend(id)

    def resume(self, id: str) -> None:
        """As `Life.resume`."""
        self.life.resume(id)

    def descriptors(self) -> Mapping[int, Callable[[], None]]:
        return {self.base.tap.fileno(): self.packets.read, self.ring.fileno(): self._events.read}

    # ---- time

    def work(self) -> bool:
        busy = False
        for one in self.registry.with_timers():
            began = self._clock()
            if one.slow is not None and one.slow.work(ROUNDS):
                busy = True
            one.slow_ns += self._clock() - began
        if self.registry.draining:
            self.packets.read()
        for one in tuple(self.registry.draining):
            if self.packets.emptied > one.replaced and not (one.slow and one.slow.holding()):
                self.registry.draining.remove(one)
                self.life.retire_version(one)
            elif self._clock() - one.replaced_ns >= DRAIN_NS:
                self.life.end_version(one)
        now = self._clock()
        if not self._sweeping and now - self._swept_ns >= SWEEP_NS:
            self._swept_ns = now
            self._sweeping.extend(one for one in self.registry.by_id.values() if one.tables)
        while self._sweeping and self._clock() - now < SWEEP_BUDGET_NS:
            self._look_after(self._sweeping.popleft())
        return busy or bool(self._sweeping)

    def _look_after(self, one: Instance) -> None:
        """Remove expired entries; suspend a module that keeps tables and is idle."""
        if self.registry.by_id.get(one.deployment.id) is not one or one.state is not ModuleState.RUNNING:
            return
        now = self._clock()
        received = one.account(self.base)[0]
        if received != one.received:
            one.received, one.busy_ns = received, now
        jiffies = self.base.jiffies()
        for table in one.tables.values():
            if table.spec.kind is MapKind.HASH:
                flows.sweep(table, jiffies)
        idle_s = self.options.idle_s
        if idle_s is not None and one.tables and now - one.busy_ns >= idle_s * 1e9:
            with suppress(PlatformError):
                self.life.suspend(one.deployment.id)

    def next_wake(self) -> int | None:
        wakes = [
            wake + self._ahead(one.slow)
            for one in self.registry.with_timers()
            if one.slow is not None and (wake := one.slow.next_wake()) is not None
        ]
        return min((*wakes, self._swept_ns + SWEEP_NS))

    def _ahead(self, slow: SlowPath) -> int:
        """How far the agent's clock is ahead of that of a slow path."""
        clock = slow.router.clock
        return 0 if clock is self._clock else self._clock() - clock()

    # ---- what can be seen

    def observe(self) -> Observation:
        """What runs, also of an agent before this one that nobody asked for since."""
        users = Counter(one.slot for one in self.registry.by_id.values() if one.state is ModuleState.RUNNING)
        accounts = [added_up(by_cpu) for by_cpu in self.base.maps["accounts"].dump_percpu()]
        reports = [
            self._report(one, users[one.slot], accounts) for _, one in sorted(self.registry.by_id.items())
        ]
        reports += [
            ModuleReport(
                id, format_address(one.address), state=ModuleState.RUNNING, driver=self.options.target.name
            )
            for id, one in sorted(self.places.left.items())
        ]
        tally = self.base.maps["tally"].lookup_percpu(bytes(4))
        parts = [sum(int.from_bytes(c[n : n + 8], "little") for c in tally) for n in range(0, TALLY_BYTES, 8)]
        drops = Counter(self.drops)
        drops["no module has this address"] += parts[0]
        drops["not an IPv4 packet with a complete header"] += parts[1]
        drops["no program where one should be"] += parts[4]
        drops["file of a module damaged"] += self._records.damaged
        refused = self.base.tap.counters().refused  # the kernel counts batches of packets here
        drops["more packets for the agent than its queue holds (counted in batches)"] += refused
        shown = tuple(sorted((reason, count) for reason, count in drops.items() if count))
        return Observation(self.node.name, tuple(reports), shown)

    def _report(self, one: Instance, users: int, accounts: Sequence[tuple[int, ...]]) -> ModuleReport:
        values, drops = [0] * 8, Counter[tuple[str, str]]()
        for version in one.versions:
            values = [sum(of) for of in zip(values, version.before, accounts[version.index], strict=True)]
            drops += version.all_drops(self.blocks)
        if values[6]:
            drops[PLATFORM, "over its packet quota"] += values[6]
        slow = one.shape.slow
        names = one.prepared.composed.names
        lines = one.prepared.composed.lines
        why = sorted(
            {
                (names.get(w.element, PLATFORM), w.reason + lines.get(w.element, ""))
                for w in (*one.shape.emitted.slow, *one.shape.emitted.divided)
            }
        )
        return ModuleReport(
            one.deployment.id,
            one.deployment.address,
            Traffic(values[0], values[1]),
            Traffic(values[2], values[3]),
            by_element(drops, Counter()),
            one.state,
            self.options.target.name + ("+slow" if slow else ""),
            tuple(why),
            values[4] + one.slow_ns,
            one.memory_bytes(users),
            one.starts,
            one.suspends,
            one.problem,
        )

    def tail(self, id: str, on: bool) -> None:
        one = self.registry.by_id.get(id)
        if one is not None:
            self._events.watch(one, on)

    def events(self) -> DropEvents:
        return self._events.taken()

    # ---- end

    def close(self) -> None:
        """Give descriptors back; modules in the kernel run on. What the slow path keeps is lost."""
        self.ring.close()
        self.blocks.release()
        for one in self.registry.all():
            for table in one.tables.values():
                table.close()
        self.base.close()
        self._close_compiler()

    def down(self) -> None:
        """Remove all that it made: programs, maps, links, the TAP device, files."""
        self._records.delete()
        self.ring.close()
        self.blocks.release()
        for one in self.registry.all():
            for table in one.tables.values():
                table.close()
        self.base.down()
        self._close_compiler()

    def _close_compiler(self) -> None:
        if self._own_compiler:
            self.compiler.close()
