"""The agent's data plane on XDP: modules as programs of the kernel, started by their first packet.

All that packets depend on is in the kernel and pinned: an agent that dies takes nothing with it, and the next one goes
on from the pins and from one small file for each module. What a packet meets is changed in one step, the module's entry
of the dispatch map, and only when all that it leads to is in place.
"""

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from innet.dataplane import flows
from innet.dataplane.base import SHAPES, TAP_QUEUE, Base, Nic, remove_pins
from innet.dataplane.compose import FAN_OUT, SEND, Wire, compose
from innet.dataplane.dispatcher import XDP
from innet.dataplane.hotswap import kept_tables, may_less
from innet.dataplane.instance import ACCOUNT, Instance, Quota
from innet.dataplane.layout import TALLY_BYTES
from innet.dataplane.library import Library, Prepared
from innet.dataplane.limits import IDLE_S, TABLE_MIB
from innet.dataplane.records import Left, Records
from innet.dataplane.sharedtables import SharedTable, kernel_clock
from innet.dataplane.slowpath import SlowPath
from innet.diagnostics import Diagnostic, PlatformError
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.uses import tables_of
from innet.messages import to_json
from innet.network import Platform, format_address, parse_address
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP
from innet.platform.accounting import by_element
from innet.platform.agent import refusal
from innet.platform.module import ModuleIo, Outlet, watched
from innet.platform.protocol import (
    PLATFORM,
    Deployment,
    DropEvent,
    DropEvents,
    ModuleReport,
    ModuleState,
    Observation,
    Traffic,
)
from innet.xdp import handover
from innet.xdp.compile import Code, Compiler
from innet.xdp.emit import Emitted, Input, Places, Resume
from innet.xdp.host import EVENT, EVENT_PACKET, EVENTS
from innet.xdp.layout import MapKind
from innet.xdp.maps import Map
from innet.xdp.programs import jiffies_per_second
from innet.xdp.ring import Ring
from innet.xdp.target import Redirect, Xdp
from innet.xdp.tcx import SchedCls

MODULES = 1024
"""Room for modules if the platform's capacity does not say."""
SPARE = 16
"""Room for old versions of modules, beside those that are to run."""
BATCH = 256
"""Frames taken from the TAP before anything else gets its turn."""
ROUNDS = 32
"""Rounds of one module's tasks before others get theirs."""
MAX_EVENTS = 4096
RETRY_NS = 1_000_000_000
"""How long a module that could not be started is left alone."""
SWEEP_NS = 5_000_000_000
"""How often expired entries of tables are removed, and idle modules looked for."""
SWEEP_BUDGET_NS = 3_000_000
"""How long one round of that may take before packets get their turn."""
DRAIN_NS = 300_000_000_000
"""How long a version that another one replaced may go on with what it keeps."""
SYN, ACK, ECHO_REQUEST = 0x02, 0x10, 8


@dataclass(frozen=True)
class Options:
    """How a platform treats its modules: kernel memory for one's tables, when an idle one is suspended (seconds; None:
    never), quota (None: no limit), and where programs run: XDP, or tcx on an interface that carries TCP with offloads.
    """

    table_bytes: int = TABLE_MIB << 20
    idle_s: float | None = IDLE_S
    quota: Quota | None = None
    target: Xdp = XDP


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
        self.node, self.nic, self.checkpoint = node, nic, checkpoint
        self._records = Records(state)
        self.options = options or Options()
        self._clock, self._random = clock, random
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
        self.wire = Wire(nic.index, nic.peer_mac, nic.mac, None if whole else nic.mtu)
        self.library = Library(
            self.compiler,
            self.options.target,
            Redirect(self.base.tap.index),
            self._check,
            self._records.code,
            self.per_second,
        )
        self.blocks = self.base.block()
        self.ring = Ring(self.base.maps[EVENTS])
        self.drops: Counter[str] = Counter()
        self._by_id: dict[str, Instance] = {}
        self._by_address: dict[int, Instance] = {}
        self._by_index: dict[int, Instance] = {}
        self._draining: list[Instance] = []
        self._timed: dict[str, Instance] = {}  # those of `_by_id` that have a slow part
        self._holders: dict[int, str] = {}  # what has each address of `_by_address`
        self._emptied = 0
        """How often nothing waited for the agent any more."""
        self._failed_ns: dict[int, int] = {}
        self._slots = self._read_slots()
        self._events: deque[DropEvent] = deque()
        self._at_hand = b""
        """The frame that is looked at now; empty if what happens comes from no frame."""
        self._lost: Counter[str] = Counter()
        self._sweeping: deque[Instance] = deque()
        self._swept_ns = clock()
        self._left = self._records.modules(self.modules) if self.base.adopted else {}
        if not self.base.adopted:
            self._records.forget_modules()
        self._tidy()
        used = {one.index for one in self._left.values()}
        self._free = deque(n for n in range(self.modules) if n not in used)
        self._users = Counter(one.slot for one in self._left.values())
        """How many modules have a program's slot."""

    # ---- files

    def _read_slots(self) -> dict[str, int]:
        """Slots of shared programs, by digest; one whose program is gone is none."""
        places = range(2 * self.modules, 2 * (self.modules + SHAPES), 2)
        kept = self._records.slots().items()
        return {digest: slot for digest, slot in kept if slot in places and self._loaded(slot)}

    def _loaded(self, slot: int) -> bool:
        return self.base.maps["programs"].lookup(slot.to_bytes(4, "little")) is not None

    def _tidy(self) -> None:
        """Take out of the kernel what no file tells of: an agent died in the middle of something."""
        programs = self.base.maps["programs"]
        by_address = {one.address: one for one in self._left.values()}
        shared = set(self._slots.values())
        for address, index, slot in tuple(self.base.dispatch.items()):
            one = by_address.get(address)
            own = one is not None and (one.index, one.slot) == (index, one.slot if slot is None else slot)
            if not own or slot not in (2 * index, None, *shared):
                self.base.dispatch.clear(address)
        for slot in range(2 * self.modules, 2 * (self.modules + SHAPES)):
            if slot & ~1 not in shared:
                programs.clear_program(slot)
        indices = {one.index for one in self._left.values()}
        for folder in self.base.pins.glob("module-*"):
            index = int(folder.name.removeprefix("module-"))
            if index not in indices:
                self._clear(index)

    # ---- PlatformAgent

    def apply(self, deployment: Deployment) -> None:
        """Compile a module and have it ready; its first packet starts it, or it replaces the running one at once."""
        running = self._by_id.get(deployment.id)
        if running is not None and running.deployment == deployment:
            return
        problem = refusal(self.node, deployment, self._holders)
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
        self._register(one)
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
        left = self._left.get(deployment.id)
        return self.library.prepare(composed, address, left.groups if left else None), address

    @staticmethod
    def _digest(deployment: Deployment, prepared: Prepared) -> str:
        text = json.dumps([to_json(deployment), prepared.shape.digest, prepared.values])
        return hashlib.sha256(text.encode()).hexdigest()

    def _new(self, deployment: Deployment, address: int, prepared: Prepared, digest: str) -> Instance:
        if not self._free and self._draining:
            self._end_version(self._draining[0])
        if not self._free:
            raise PlatformError(
                Diagnostic("P312", f"platform '{self.node.name}' has no room for {deployment.id}")
            )
        index = self._free.popleft()
        try:
            one = Instance(deployment, address, index, prepared, digest, self._slot(index, prepared))
            accounts = self.base.maps["accounts"]
            accounts.update(index.to_bytes(4, "little"), bytes(accounts.value_bytes))
            self._make_slow(one)
        except BaseException:
            self._free.append(index)
            raise
        self._users[one.slot] += 1
        return one

    def _slot(self, index: int, prepared: Prepared) -> int:
        if not prepared.shape.shared:
            return 2 * index
        digest = prepared.shape.digest
        if digest not in self._slots:
            used = set(self._slots.values())
            free = next(
                (s for s in range(2 * self.modules, 2 * (self.modules + SHAPES), 2) if s not in used), None
            )
            if free is None:
                raise PlatformError(
                    Diagnostic("P323", f"platform '{self.node.name}' has no room for another program")
                )
            self._records.keep_slots(self._slots | {digest: free})
            self._slots[digest] = free
        return self._slots[digest]

    def _make_slow(self, one: Instance) -> None:
        """The part of a module that this process runs, if there is one."""
        composed, names = one.prepared.composed, one.prepared.shape.slow
        slow = frozenset(composed.names[name] for name in names if name in composed.names)
        if not slow and FAN_OUT not in names:
            return
        number = {own: name for name, own in composed.names.items()}

        def leave(element: str, port: int, packet: PacketBuffer) -> None:
            self._resume_packet(one, Input(number[element], port), packet)

        def send(data: bytes, ethernet: bool) -> bool:
            packet = PacketBuffer(data)
            packet.marks[Mark.MAC if ethernet else Mark.NET] = 0
            return self._resume_packet(one, SEND, packet)

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

    def _register(self, one: Instance) -> None:
        self._by_id[one.deployment.id] = one
        self._timed.pop(one.deployment.id, None)
        if one.slow is not None:
            self._timed[one.deployment.id] = one
        self._holders[one.address] = one.deployment.id
        self._by_address[one.address] = one
        self._by_index[one.index] = one

    def _keep(self, one: Instance, suspended: bool = False) -> None:
        """Write down what the next agent has to know."""
        groups = one.shape.template.groups
        kept = Left(one.index, one.address, one.slot, one.digest, groups, suspended)
        self._records.keep(one.deployment.id, kept)

    def remove(self, id: str) -> None:
        one = self._by_id.pop(id, None)
        self._timed.pop(id, None)
        if one is None:
            self._remove_left(id)
            return
        del self._by_address[one.address], self._holders[one.address]
        self.base.dispatch.clear(one.address)
        self.checkpoint("unlinked")
        versions = self._versions(one)
        self._disown(versions)
        for version in versions:
            if version in self._draining:
                self._draining.remove(version)
            self._retire(version)
        self.checkpoint("retired")
        self._records.forget(id)
        self.checkpoint("removed")

    def _retire(self, one: Instance) -> None:
        """Give back what an instance has that no packet can reach any more."""
        one.unload(self.base)
        if self._by_index.get(one.index) is one:
            del self._by_index[one.index]
        self._free.append(one.index)
        self._release(one.slot)

    def _release(self, slot: int) -> None:
        """A module less has its program there; if it was a shared one's last, the program goes."""
        self._users[slot] -= 1
        if self._users[slot] > 0:
            return
        del self._users[slot]
        digest = next((digest for digest, at in self._slots.items() if at == slot), None)
        if digest is not None:
            for one in (slot, slot + 1):
                self.base.maps["programs"].clear_program(one)
            del self._slots[digest]
            with suppress(PlatformError):  # a slot that is written down and empty counts as none
                self._records.keep_slots(self._slots)

    def _remove_left(self, id: str) -> None:
        """Remove a module of an agent before this one."""
        kept = self._left.pop(id, None)
        if kept is None:
            return
        if kept.address not in self._by_address:
            self.base.dispatch.clear(kept.address)
        self._clear(kept.index)
        self._free.append(kept.index)
        self._release(kept.slot)
        self._records.forget(id)

    def _clear(self, index: int) -> None:
        """Take away programs and tables at an index that no packet can reach."""
        for slot in (2 * index, 2 * index + 1):
            self.base.maps["programs"].clear_program(slot)
        remove_pins(self.base.pins / f"module-{index}")

    # ---- what an agent before this one left running

    def _adopt(self, deployment: Deployment, address: int, prepared: Prepared, digest: str) -> bool:
        """Take over a module that runs, or was put away; False if there is none that is the same."""
        kept = self._left.get(deployment.id)
        if kept is None:
            return False
        found = self.base.dispatch.get(address)
        index, slot = kept.index, kept.slot
        same = kept.digest == digest and kept.address == address and found is not None
        if not same or slot != (
            self._slots.get(prepared.shape.digest) if prepared.shape.shared else 2 * index
        ):
            self._remove_left(deployment.id)
            return False
        assert found is not None
        one = Instance(deployment, address, index, prepared, digest, slot)
        self._make_slow(one)
        one.watch(self.blocks, False)
        runs = found[1] is not None
        away = self._records.state(deployment.id)
        whole = self._loaded(slot) and self._open_tables(one)
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
        del self._left[deployment.id]
        self._register(one)
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

    # ---- start, suspend, resume, swap

    def _check(self, emitted: Emitted, code: Code) -> None:
        """Load code once, with tables of the least size."""
        maps: dict[str, Map] = {}
        try:
            for spec in emitted.maps:
                maps[spec.symbol] = Map(spec)
            with self.base.load(code, emitted.section, {symbol: one.fd for symbol, one in maps.items()}):
                pass
        finally:
            for one in maps.values():
                one.close()

    def _start(
        self, one: Instance, keep: Mapping[str, Map] | None = None, saved: flows.Saved | None = None
    ) -> None:
        """Have a module run: all is in place before its packets are sent there. Raises PlatformError if it cannot."""
        try:
            if saved is None or one.starts == 0:
                one.write_block(self.blocks, self.options.quota, self.per_second)
            if not one.shape.shared:
                one.make_tables(self.base, self.options.table_bytes, keep or {})
                self.checkpoint("tables made")
                if saved is not None:
                    flows.restore(one.tables, saved)
                    self.checkpoint("tables filled")
                one.load(self.base)
            elif not self._loaded(one.slot):
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
                before = self._received(one.index)
                saved = flows.dump(one.tables)
                if self._received(one.index) != before:  # a packet was on its way
                    saved = flows.dump(one.tables)
                flows.write(self._records.state(id), one.digest, saved)
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
        path = self._records.state(id)
        saved = None
        if one.state is ModuleState.SUSPENDED and not one.shape.shared:
            try:
                saved = flows.read(path, one.digest)
            except PlatformError as problem:
                one.problem = str(problem)
                self.drops["state of a module lost"] += 1
        self._start(one, saved=saved)
        path.unlink(missing_ok=True)

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
            del self._by_address[old.address], self._holders[old.address]
        new.older.append(old)
        self._watch(new, old.watched)
        self._register(new)
        self.checkpoint("swapped")
        self._records.state(deployment.id).unlink(missing_ok=True)
        if may_less(old.deployment, deployment):
            for version in self._versions(new)[1:]:
                self._end_version(version)
        elif old.slow is None:
            self._retire_version(old)
        else:  # packets of it may wait for the agent
            old.replaced, old.replaced_ns = self._emptied, self._clock()
            self._draining.append(old)

    @staticmethod
    def _versions(one: Instance) -> list[Instance]:
        """A module's version, and those before it that are still there."""
        found = [one]
        for version in found:  # it grows
            found += version.older
        return found

    def _disown(self, versions: Sequence[Instance]) -> None:
        """Have nothing that the kernel handed over come to these any more, or to the next ones at their places."""
        slow = [one for one in versions if one.slow is not None]
        for one in slow:
            del self._by_index[one.index]
        if slow:
            self._empty_tap()

    def _end_version(self, old: Instance) -> None:
        """Retire a version that another one followed, whatever it still has to send."""
        self._disown([old])
        if old in self._draining:
            self._draining.remove(old)
        waiting = 0 if old.slow is None else old.slow.holding()
        if waiting:
            old.drops[PLATFORM, "kept by a version that another one replaced"] += waiting
        self._retire_version(old)

    def _retire_version(self, old: Instance) -> None:
        """Retire a version that another one followed; what it counted goes to that one."""
        for new in (*self._by_id.values(), *self._draining):
            if old in new.older:
                new.before = [a + b for a, b in zip(new.before, self._total(old), strict=True)]
                new.drops = old.all_drops(self.blocks) + new.drops
                new.older.remove(old)
                new.older += old.older
                self._watch(new, new.watched)
        self._retire(old)

    def _total(self, one: Instance) -> list[int]:
        """The account of a version, and what it took over."""
        return [a + b for a, b in zip(one.before, self._account(one.index), strict=True)]

    def _find(self, id: str) -> Instance:
        one = self._by_id.get(id)
        if one is None:
            raise PlatformError(Diagnostic("P315", f"platform '{self.node.name}' does not run {id}"))
        return one

    # ---- packets that come to the agent

    def descriptors(self) -> Mapping[int, Callable[[], None]]:
        return {self.base.tap.fileno(): self._read_tap, self.ring.fileno(): self._read_ring}

    def _read_tap(self) -> None:
        """Packets for modules that do not run, and those that the kernel hands over."""
        frames = self.base.tap.read_many(BATCH)
        for frame in frames:
            self._at_hand = frame
            given = handover.read(frame)
            if given is not None:
                self._take(given)
            else:
                self._missed(frame)
        self._at_hand = b""
        self._emptied += len(frames) < BATCH

    def _empty_tap(self) -> None:
        """Deal with all that waits for the agent now."""
        before = self._emptied
        for _ in range(TAP_QUEUE // BATCH + 1):
            self._read_tap()
            if self._emptied > before:
                return

    def _take(self, given: handover.Handover) -> None:
        one = self._by_index.get(given.module)
        if one is None or one.slow is None or given.region >= len(one.shape.latest.regions):
            self.drops["handed over to no module"] += 1
            return
        if one.state is ModuleState.SUSPENDED and not self._go_on(one):
            return
        began = self._clock()
        region = one.shape.latest.regions[given.region]
        if region.element == FAN_OUT:
            for (element, _), to in one.prepared.composed.graph.connections.items():
                if element == FAN_OUT and isinstance(to, Input):
                    self._resume_packet(one, to, given.packet.copy())
        else:
            one.slow.take(one.prepared.composed.names[region.element], region.port, given.packet)
        one.slow_ns += self._clock() - began

    def _resume_packet(self, one: Instance, region: Input, packet: PacketBuffer) -> bool:
        """Give a packet back to the kernel, to go on at `region`."""
        if one.slow is not None and region.element in one.shape.slow:
            one.slow.take(one.prepared.composed.names[region.element], region.port, packet)
            return True
        at = packet.marks.get
        key = (
            region.element,
            region.port,
            at(Mark.DATA),
            at(Mark.MAC),
            at(Mark.NET),
            at(Mark.TRANSPORT),
            at(Mark.AUX),
        )
        number = one.shape.numbers.get(key)
        if number is None:
            number = self._place(one, region, packet)
        if number is None:
            one.drops[PLATFORM, "headers where no program expects them"] += 1
            return False
        if not self.base.tap.write(handover.write(one.index, number, packet, one.slot + 1)):
            one.drops[PLATFORM, "the kernel did not take a packet back"] += 1
            return False
        return True

    def _place(self, one: Instance, region: Input, packet: PacketBuffer) -> int | None:
        """The number of the place for a packet with these marks, kept for the next one."""
        marks = packet.marks
        places: Places = tuple((mark, marks[mark]) for mark in Mark if mark in marks and mark is not Mark.END)
        number = self._point(one, Resume(region, places))
        if number is not None:
            known = (Mark.DATA, Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX)
            one.shape.numbers[region.element, region.port, *map(marks.get, known)] = number
        return number

    def _point(self, one: Instance, point: Resume) -> int | None:
        """The number of a place to go on from; learnt if it is new."""
        if point in one.shape.points:
            return one.shape.points.index(point)
        number = self.library.learn(one.shape, point)
        if number is None:
            return None
        for other in (*self._by_id.values(), *self._draining):
            if other.shape is one.shape and other.state is ModuleState.RUNNING:
                if not other.shape.shared:
                    other.add_tables(self.base, self.options.table_bytes)
                other.load(self.base)
        return number

    def _missed(self, frame: bytes) -> None:
        """A packet for a module that does not run, or did not a moment ago."""
        one = self._by_address.get(int.from_bytes(frame[30:34], "big"))
        if one is None:
            self.drops["no module has this address"] += 1
            return
        if one.state is not ModuleState.RUNNING:
            if one.state is ModuleState.COLD and not begins_flow(frame):
                one.drops[PLATFORM, "no flow begins with this packet, and the module does not run"] += 1
                return
            if not self._go_on(one):
                return
        if not self.base.tap.write(frame):
            one.drops[PLATFORM, "the kernel did not take a packet back"] += 1

    def _go_on(self, one: Instance) -> bool:
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

    # ---- time

    def work(self) -> bool:
        busy = False
        for one in self._with_timers():
            began = self._clock()
            if one.slow is not None and one.slow.work(ROUNDS):
                busy = True
            one.slow_ns += self._clock() - began
        if self._draining:
            self._read_tap()
        for one in tuple(self._draining):
            if self._emptied > one.replaced and not (one.slow and one.slow.holding()):
                self._draining.remove(one)
                self._retire_version(one)
            elif self._clock() - one.replaced_ns >= DRAIN_NS:
                self._end_version(one)
        now = self._clock()
        if not self._sweeping and now - self._swept_ns >= SWEEP_NS:
            self._swept_ns = now
            self._sweeping.extend(one for one in self._by_id.values() if one.tables)
        while self._sweeping and self._clock() - now < SWEEP_BUDGET_NS:
            self._look_after(self._sweeping.popleft())
        return busy or bool(self._sweeping)

    def _with_timers(self) -> list[Instance]:
        return [*self._timed.values(), *(one for one in self._draining if one.slow is not None)]

    def _look_after(self, one: Instance) -> None:
        """Remove expired entries; suspend a module that keeps tables and is idle."""
        if self._by_id.get(one.deployment.id) is not one or one.state is not ModuleState.RUNNING:
            return
        now = self._clock()
        received = self._received(one.index)
        if received != one.received:
            one.received, one.busy_ns = received, now
        jiffies = self.base.jiffies()
        for table in one.tables.values():
            if table.spec.kind is MapKind.HASH:
                flows.sweep(table, jiffies)
        idle_s = self.options.idle_s
        if idle_s is not None and one.tables and now - one.busy_ns >= idle_s * 1e9:
            with suppress(PlatformError):
                self.suspend(one.deployment.id)

    def next_wake(self) -> int | None:
        wakes = [
            wake + self._ahead(one.slow)
            for one in self._with_timers()
            if one.slow is not None and (wake := one.slow.next_wake()) is not None
        ]
        return min((*wakes, self._swept_ns + SWEEP_NS))

    def _ahead(self, slow: SlowPath) -> int:
        """How far the agent's clock is ahead of that of a slow path."""
        clock = slow.router.clock
        return 0 if clock is self._clock else self._clock() - clock()

    # ---- what can be seen

    def _account(self, index: int) -> tuple[int, ...]:
        return added_up(self.base.maps["accounts"].lookup_percpu(index.to_bytes(4, "little")))

    def _received(self, index: int) -> int:
        return self._account(index)[0]

    def observe(self) -> Observation:
        """What runs, also of an agent before this one that nobody asked for since."""
        users = Counter(one.slot for one in self._by_id.values() if one.state is ModuleState.RUNNING)
        accounts = [added_up(by_cpu) for by_cpu in self.base.maps["accounts"].dump_percpu()]
        reports = [self._report(one, users[one.slot], accounts) for _, one in sorted(self._by_id.items())]
        reports += [
            ModuleReport(
                id, format_address(one.address), state=ModuleState.RUNNING, driver=self.options.target.name
            )
            for id, one in sorted(self._left.items())
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
        versions = [one]
        for version in versions:
            values = [sum(of) for of in zip(values, version.before, accounts[version.index], strict=True)]
            drops += version.all_drops(self.blocks)
            versions += version.older
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
        one = self._by_id.get(id)
        if one is not None:
            self._watch(one, on)

    def _watch(self, one: Instance, on: bool) -> None:
        """Have each drop told: those in the kernel, those of the slow part and the agent's own."""

        def tell(key: tuple[str, str]) -> None:
            frame = self._at_hand
            packet = frame if handover.read(frame) is None else frame[handover.RECORD_BYTES :]
            self._tell(one, *key, packet[:EVENT_PACKET], len(packet))

        one.watch(self.blocks, on)
        one.drops = watched(one.drops, tell if on else None)
        if one.slow is not None:
            one.slow.router.drops = watched(one.slow.router.drops, tell if on else None)

    def _tell(self, one: Instance, element: str, reason: str, packet: bytes, length: int) -> None:
        id = one.deployment.id
        if len(self._events) >= MAX_EVENTS:
            self._lost[id] += 1
        else:
            self._events.append(DropEvent(self._clock(), id, element, reason, packet.hex(), length))

    def _read_ring(self) -> None:
        for record in self.ring.read():
            index, offset, length, packet, have = EVENT.unpack(record)
            one = self._by_index.get(index)
            if one is not None and one.watched:
                self._tell(one, *one.reason_at(offset), packet[:have], length)

    def events(self) -> DropEvents:
        self._read_ring()
        for one in self._by_id.values():
            if one.watched:
                self._lost[one.deployment.id] += one.lost_events(self.blocks)
        found = DropEvents(tuple(self._events), tuple((id, n) for id, n in sorted(self._lost.items()) if n))
        self._events.clear()
        self._lost.clear()
        return found

    # ---- end

    def close(self) -> None:
        """Give descriptors back; modules in the kernel run on. What the slow path keeps is lost."""
        self.ring.close()
        self.blocks.release()
        for one in (*self._by_id.values(), *self._draining):
            for table in one.tables.values():
                table.close()
        self.base.close()
        self._close_compiler()

    def down(self) -> None:
        """Remove all that it made: programs, maps, links, the TAP device, files."""
        self._records.delete()
        self.ring.close()
        self.blocks.release()
        for one in (*self._by_id.values(), *self._draining):
            for table in one.tables.values():
                table.close()
        self.base.down()
        self._close_compiler()

    def _close_compiler(self) -> None:
        if self._own_compiler:
            self.compiler.close()


def added_up(by_cpu: Sequence[bytes]) -> tuple[int, ...]:
    """An account, from what each CPU counted."""
    return tuple(sum(column) for column in zip(*(ACCOUNT.unpack(one) for one in by_cpu), strict=True))


def begins_flow(frame: bytes) -> bool:
    """Whether a packet begins a flow: TCP SYN, UDP, ICMP echo request; the frame has a complete IPv4 header."""
    header = 14 + (frame[14] & 15) * 4
    protocol, later = frame[23], int.from_bytes(frame[20:22], "big") & 0x1FFF
    if later:
        return False
    if protocol == PROTO_UDP:
        return True
    if protocol == PROTO_TCP:
        return len(frame) > header + 13 and frame[header + 13] & (SYN | ACK) == SYN
    return protocol == PROTO_ICMP and len(frame) > header and frame[header] == ECHO_REQUEST
