"""A module's life in the kernel: made ready, started, suspended, resumed, replaced, removed, found by the next agent.

What a packet meets is changed in one step, the module's entry of the dispatch map, and only when all that it leads to
is in place. Each step's name is told when it is done.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random

from innet.dataplane import flows
from innet.dataplane.base import Base
from innet.dataplane.compose import FAN_OUT, SEND, Wire, compose
from innet.dataplane.events import Events
from innet.dataplane.hotswap import kept_tables, may_less
from innet.dataplane.instance import Instance
from innet.dataplane.library import Library, Prepared
from innet.dataplane.options import Options
from innet.dataplane.packets import Packets
from innet.dataplane.places import Places
from innet.dataplane.records import Left, Records
from innet.dataplane.registry import Registry
from innet.dataplane.sharedtables import SharedTable, kernel_clock
from innet.dataplane.slowpath import SlowPath
from innet.diagnostics import Diagnostic, PlatformError
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.uses import tables_of
from innet.messages import to_json
from innet.network import Platform, parse_address
from innet.platform.agent import refusal
from innet.platform.module import ModuleIo, Outlet
from innet.platform.protocol import PLATFORM, Deployment, ModuleState
from innet.xdp.graph import Input
from innet.xdp.maps import Map

RETRY_NS = 1_000_000_000
"""How long a module that could not be started is left alone."""


class Life:
    """What is done to the modules of the platform `node`. `drops` are packets and states that belong to no module."""

    def __init__(
        self,
        node: Platform,
        base: Base,
        wire: Wire,
        library: Library,
        records: Records,
        places: Places,
        registry: Registry,
        packets: Packets,
        events: Events,
        options: Options,
        clock: Callable[[], int],
        random: Random,
        per_second: int,
        drops: Counter[str],
        checkpoint: Callable[[str], None],
    ) -> None:
        self.node, self.base, self.wire, self.library, self.records = node, base, wire, library, records
        self.places, self.registry, self.packets, self.events = places, registry, packets, events
        self.options, self.per_second, self.drops, self.checkpoint = options, per_second, drops, checkpoint
        self._clock, self._random = clock, random
        self._failed_ns: dict[int, int] = {}

    def apply(self, deployment: Deployment) -> None:
        """Compile a module and have it ready; its first packet starts it, or it replaces the running one at once."""
        running = self.registry.by_id.get(deployment.id)
        if running is not None and running.deployment == deployment:
            return
        problem = refusal(self.node, deployment, self.registry.holders)
        if problem:
            raise PlatformError(
                Diagnostic("P312", f"platform '{self.node.name}' cannot run {deployment.id}: {problem}")
            )
        prepared, address = self._prepare(deployment)
        self.checkpoint("prepared")
        digest = self._digest(deployment, prepared)
        if running is not None:
            self._swap(running, deployment, prepared, digest)
            return
        if self._adopt(deployment, address, prepared, digest):
            return
        one = self._new(deployment, address, prepared, digest)
        try:
            self._keep(one)
        except PlatformError:
            self._retire(one)
            raise
        self.registry.add(one)
        one.direct(self.base, None)
        self.checkpoint("registered")
        if one.slow is not None and not one.slow.idle:
            self._start(one)  # it has something to do without packets

    def _prepare(self, deployment: Deployment) -> tuple[Prepared, int]:
        address = parse_address(deployment.address)
        name = f"{deployment.module} ({deployment.identifier})"
        composed = compose(
            deployment.text, name, deployment.address, self.wire, deployment.sandbox, deployment.whitelist
        )
        left = self.places.left.get(deployment.id)
        return self.library.prepare(composed, address, left.groups if left else None), address

    @staticmethod
    def _digest(deployment: Deployment, prepared: Prepared) -> str:
        text = json.dumps([to_json(deployment), prepared.shape.digest, prepared.values])
        return hashlib.sha256(text.encode()).hexdigest()

    def _new(self, deployment: Deployment, address: int, prepared: Prepared, digest: str) -> Instance:
        if not self.places.free and self.registry.draining:
            self.end_version(self.registry.draining[0])
        index = self.places.take()
        if index is None:
            raise PlatformError(
                Diagnostic("P312", f"platform '{self.node.name}' has no room for {deployment.id}")
            )
        try:
            one = Instance(deployment, address, index, prepared, digest, self.places.slot(index, prepared))
            accounts = self.base.maps["accounts"]
            accounts.update(index.to_bytes(4, "little"), bytes(accounts.value_bytes))
            self._write_block(one)
            self._make_slow(one)
        except BaseException:
            self.places.free.append(index)
            raise
        self.places.use(one.slot)
        return one

    def _make_slow(self, one: Instance) -> None:
        """The part of a module that this process runs, if there is one."""
        composed, names = one.prepared.composed, one.prepared.shape.slow
        slow = frozenset(composed.names[name] for name in names if name in composed.names)
        if not slow and FAN_OUT not in names:
            return
        number = {own: name for name, own in composed.names.items()}

        def leave(element: str, port: int, packet: PacketBuffer) -> None:
            self.packets.give_back(one, Input(number[element], port), packet)

        def send(data: bytes, ethernet: bool) -> bool:
            packet = PacketBuffer(data)
            packet.marks[Mark.MAC if ethernet else Mark.NET] = 0
            return self.packets.give_back(one, SEND, packet)

        tables = self._tables_in_common(one)
        clock = kernel_clock(self.base.jiffies, self.per_second) if tables else self._clock
        io = ModuleIo(Outlet(send))
        one.slow = SlowPath(composed.vertices, slow, io, leave, clock, self._random, tables=tables)

    def _tables_in_common(self, one: Instance) -> dict[tuple[str, str], SharedTable]:
        """The tables that both a module's programs in the kernel and its slow part use, by element and name."""
        shape, names = one.shape, one.prepared.composed.names
        wanted = {
            (table.owner or at.element, table.name)
            for at, program in shape.graph.programs.items()
            if at.element in shape.slow
            for table in tables_of(program.body)
        }
        found = {}
        for emitted in shape.emissions:
            for (element, table), symbol in emitted.tables.items():
                layout = emitted.layouts[symbol]
                if layout.timed and (element, table) in wanted and element in names:
                    place = partial(one.table, f"{element}/{table}")
                    found[names[element], table] = SharedTable(
                        layout, place, self.base.jiffies, self.per_second
                    )
        return found

    def _write_block(self, one: Instance) -> None:
        one.write_block(self.events.blocks, self.options.quota, self.per_second)

    def _keep(self, one: Instance, suspended: bool = False) -> None:
        """Write down what the next agent has to know."""
        groups = one.shape.template.groups
        kept = Left(one.index, one.address, one.slot, one.digest, groups, suspended)
        self.records.keep(one.deployment.id, kept)

    def remove(self, id: str) -> None:
        """As `PlatformAgent.remove`."""
        one = self.registry.remove(id)
        if one is None:
            self.places.forget_left(id, self.registry.by_address)
            return
        self.base.dispatch.clear(one.address)
        self.checkpoint("unlinked")
        versions = one.versions
        self._disown(versions)
        for version in versions:
            if version in self.registry.draining:
                self.registry.draining.remove(version)
            self._retire(version)
        self.checkpoint("retired")
        self.records.forget(id)
        self.checkpoint("removed")

    def _retire(self, one: Instance) -> None:
        """Give back what an instance has that no packet can reach any more."""
        self.events.read()  # its drops: the next one at its place is another module
        one.unload(self.base)
        self.registry.forget_index(one)
        self.places.give_back(one.index, one.slot)

    # ---- what an agent before this one left running

    def _adopt(self, deployment: Deployment, address: int, prepared: Prepared, digest: str) -> bool:
        """Take over a module that runs, or was put away; False if there is none that is the same."""
        kept = self.places.left.get(deployment.id)
        if kept is None:
            return False
        found = self.base.dispatch.get(address)
        index, slot = kept.index, kept.slot
        same = kept.digest == digest and kept.address == address and found is not None
        if not same or slot != (
            self.places.slots.get(prepared.shape.digest) if prepared.shape.shared else 2 * index
        ):
            self.places.forget_left(deployment.id, self.registry.by_address)
            return False
        assert found is not None
        one = Instance(deployment, address, index, prepared, digest, slot)
        self._make_slow(one)
        one.watch(self.events.blocks, False)
        runs = found[1] is not None
        away = self.records.state(deployment.id)
        whole = self.places.loaded(slot) and self._open_tables(one)
        if whole and (runs or (not away.exists() and not prepared.shape.shared)):
            one.state, one.starts = ModuleState.RUNNING, 1
            if not prepared.shape.shared:
                one.load(
                    self.base
                )  # the same code again: then both slots are whole, whatever stopped the last agent
            away.unlink(missing_ok=True)
            if not runs:
                one.direct(self.base, slot)
        else:
            one.direct(self.base, None)
            one.unload(self.base)
            if away.exists() or kept.suspended:
                one.state, one.starts = ModuleState.SUSPENDED, 1
        del self.places.left[deployment.id]
        self.registry.add(one)
        return True

    def _open_tables(self, one: Instance) -> bool:
        """Open the tables that are pinned; whether all are there."""
        if one.shape.shared:
            return True
        try:
            for name, spec in flows.specs(one.shape.emissions, self.options.table_bytes).items():
                one.tables[name] = Map.open(one.pins(self.base) / name.replace("/", "|"), spec)
        except PlatformError:
            return False
        return True

    # ---- start, suspend, resume

    def _start(
        self, one: Instance, keep: Mapping[str, Map] | None = None, saved: flows.Saved | None = None
    ) -> None:
        """Have a module run: all is in place before its packets are sent there. Raises PlatformError if it cannot."""
        try:
            if one.state is ModuleState.COLD or one.starts == 0:
                self._write_block(one)  # its program may count more by now
            if not one.shape.shared:
                one.make_tables(self.base, self.options.table_bytes, keep or {})
                self.checkpoint("tables made")
                if saved is not None:
                    flows.restore(one.tables, saved)
                    self.checkpoint("tables filled")
                one.load(self.base)
            elif not self.places.loaded(one.slot):
                one.load(self.base)
            self.checkpoint("loaded")
        except (PlatformError, OSError) as problem:
            for name, table in (keep or {}).items():
                if one.tables.get(name) is table:
                    del one.tables[name]  # it is still another's
            one.unload(self.base)
            one.state, one.problem = ModuleState.FAILED, str(problem)
            if isinstance(problem, OSError):
                raise PlatformError(
                    Diagnostic("P324", f"{one.deployment.id} cannot be started: {problem.strerror}")
                ) from problem
            raise
        one.direct(self.base, one.slot)
        one.state, one.problem = ModuleState.RUNNING, ""
        one.starts += 1
        one.busy_ns = self._clock()
        self.checkpoint("running")

    def suspend(self, id: str) -> None:
        """Put a module's tables on disk and take its programs out. Raises PlatformError if it does not run, has work
        of its own to do, or the disk does not take it; then it goes on as it was."""
        one = self._find(id)
        if one.state is not ModuleState.RUNNING:
            return
        if one.slow is not None and not one.slow.idle:
            raise PlatformError(
                Diagnostic("P314", f"{id} cannot be suspended now: it has packets or timers waiting")
            )
        if one.shape.shared:
            self._keep(one, suspended=True)
        one.direct(self.base, None)
        self.checkpoint("diverted")
        try:
            if not one.shape.shared:
                before = one.account(self.base)[0]
                saved = flows.dump(one.tables)
                if one.account(self.base)[0] != before:  # a packet was on its way
                    saved = flows.dump(one.tables)
                flows.write(self.records.state(id), one.digest, saved)
        except BaseException:
            one.direct(self.base, one.slot)
            raise
        self.checkpoint("saved")
        one.state = ModuleState.SUSPENDED
        one.suspends += 1
        one.unload(self.base)
        self.checkpoint("suspended")

    def resume(self, id: str) -> None:
        """Have a module run now, with the flows it had."""
        one = self._find(id)
        if one.state is ModuleState.RUNNING:
            return
        path = self.records.state(id)
        saved = None
        if not one.shape.shared and (one.state is ModuleState.SUSPENDED or path.exists()):
            try:
                saved = flows.read(path, one.digest)
            except PlatformError as problem:
                one.problem = str(problem)
                self.drops["state of a module lost"] += 1
        self._start(one, saved=saved)
        path.unlink(missing_ok=True)

    def go_on(self, one: Instance) -> bool:
        """Start or resume a module that a packet wants; false (and the packet is counted) if it cannot be."""
        now = self._clock()
        if one.state is not ModuleState.FAILED or now >= self._failed_ns.get(one.index, 0):
            try:
                self.resume(one.deployment.id)
                return True
            except PlatformError:
                self._failed_ns[one.index] = now + RETRY_NS
        one.drops[PLATFORM, "the module cannot be started"] += 1
        return False

    # ---- versions

    def _swap(self, old: Instance, deployment: Deployment, prepared: Prepared, digest: str) -> None:
        """Replace a module by another version. Tables that mean the same stay, and not a packet is lost, unless the
        old version was allowed more."""
        address = parse_address(deployment.address)
        new = self._new(deployment, address, prepared, digest)
        new.starts, new.suspends, new.watched = old.starts, old.suspends, old.watched
        try:
            self._keep(new)
            self.checkpoint("written")
            if old.state is ModuleState.RUNNING:
                same = kept_tables(old.prepared.composed, prepared.composed)
                keep = {name: old.tables[its] for name, its in same.items() if its in old.tables}
                self._start(new, keep=keep if old.deployment.account == deployment.account else {})
                kept = set(map(id, new.tables.values()))
                old.lent = {name: one for name, one in old.tables.items() if id(one) in kept}
                old.tables = {name: one for name, one in old.tables.items() if id(one) not in kept}
            else:
                new.direct(self.base, None)
        except (PlatformError, OSError):
            with suppress(PlatformError):
                self._keep(old, old.state is ModuleState.SUSPENDED)
            self._retire(new)
            raise
        if address != old.address:
            self.base.dispatch.clear(old.address)
            self.registry.forget_address(old.address)
        new.older.append(old)
        self.events.watch(new, old.watched)
        self.registry.add(new)
        self.checkpoint("swapped")
        self.records.state(deployment.id).unlink(missing_ok=True)
        if may_less(old.deployment, deployment):
            for version in new.versions[1:]:
                self.end_version(version)
        elif old.slow is None:
            self.retire_version(old)
        else:  # packets of it may wait for the agent
            old.replaced, old.replaced_ns = self.packets.emptied, self._clock()
            self.registry.draining.append(old)

    def _disown(self, versions: Sequence[Instance]) -> None:
        """Have nothing that the kernel handed over come to these any more, or to the next ones at their places."""
        self.events.read()
        slow = [one for one in versions if one.slow is not None]
        for one in slow:
            del self.registry.by_index[one.index]
        if slow:
            self.packets.empty()

    def end_version(self, old: Instance) -> None:
        """Retire a version that another one followed, whatever it still has to send."""
        self._disown([old])
        if old in self.registry.draining:
            self.registry.draining.remove(old)
        waiting = 0 if old.slow is None else old.slow.holding()
        if waiting:
            old.drops[PLATFORM, "kept by a version that another one replaced"] += waiting
        self.retire_version(old)

    def retire_version(self, old: Instance) -> None:
        """Retire a version that another one followed; what it counted goes to that one."""
        for new in self.registry.all():
            if old in new.older:
                new.before = [a + b for a, b in zip(new.before, self._total(old), strict=True)]
                new.drops = old.all_drops(self.events.blocks) + new.drops
                new.older.remove(old)
                new.older += old.older
                self.events.watch(new, new.watched)
        self._retire(old)

    def _total(self, one: Instance) -> list[int]:
        """The account of a version, and what it took over."""
        return [a + b for a, b in zip(one.before, one.account(self.base), strict=True)]

    def _find(self, id: str) -> Instance:
        one = self.registry.by_id.get(id)
        if one is None:
            raise PlatformError(Diagnostic("P315", f"platform '{self.node.name}' does not run {id}"))
        return one
