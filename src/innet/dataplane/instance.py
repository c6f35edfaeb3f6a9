"""One module in the kernel: its place among the platform's maps, its own tables, its programs, its slow part."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import Struct

from innet.dataplane import flows
from innet.dataplane.base import Base, remove_pins
from innet.dataplane.compose import SANDBOX
from innet.dataplane.flows import TableName
from innet.dataplane.layout import DISPATCH_BYTES
from innet.dataplane.library import Prepared, Shape
from innet.dataplane.options import Quota
from innet.dataplane.slowpath import SlowPath
from innet.platform.protocol import PLATFORM, Deployment, ModuleState
from innet.platform.protocol import SANDBOX as SANDBOX_SHOWN
from innet.xdp.host import (
    ACCOUNT_BYTES,
    BLOCK_BYTES,
    BODY,
    BURST,
    FLAGS,
    LAST,
    LOST,
    QUOTA_UNIT,
    RATE,
    TOKENS,
    WATCHED,
)
from innet.xdp.layout import NUMBERS, Use
from innet.xdp.maps import Map, possible_cpus

U64, U32 = Struct("<Q"), Struct("<I")
ACCOUNT = Struct("<8Q")
UNLIMITED = 1 << 24
"""Packets per jiffy of a module without a quota: more than come, and small enough for the kernel's arithmetic (times
QUOTA_UNIT and MAX_IDLE_JIFFIES it has 60 bits)."""
PROGRAM_BYTES = 8192
"""What a loaded program takes beside what the kernel accounts: its image and its pages, as measured."""


@dataclass(eq=False)
class Instance:
    """A module at `index`. Its programs are at `slot` and `slot + 1` of the platform's, if it runs."""

    deployment: Deployment
    address: int
    index: int
    prepared: Prepared
    digest: str
    slot: int
    state: ModuleState = ModuleState.COLD
    tables: dict[TableName, Map] = field(default_factory=dict)
    lent: dict[TableName, Map] = field(default_factory=dict)
    """Tables that another version has now, for packets that are still this one's."""
    slow: SlowPath | None = None
    starts: int = 0
    suspends: int = 0
    problem: str = ""
    watched: bool = False
    memory: int = 0
    received: int = 0
    """Packets when it was last looked at, for telling whether it is idle."""
    busy_ns: int = 0
    """When it was last seen to receive something."""
    slow_ns: int = 0
    """Time that its slow part took."""
    replaced: int = 0
    """When another version took its place: how often the agent's queue had been empty by then."""
    replaced_ns: int = 0
    """The same by the agent's clock."""
    before: list[int] = field(default_factory=lambda: [0] * 8)
    """What the account of the versions before this one said."""
    older: "list[Instance]" = field(default_factory=list)
    """Versions before this one that still have packets."""
    drops: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Drops counted outside the block: by the agent, or by versions before this one."""

    @property
    def shape(self) -> Shape:
        return self.prepared.shape

    @property
    def versions(self) -> "list[Instance]":
        """This version, and those before it that are still there."""
        found: list[Instance] = [self]
        for version in found:  # it grows
            found += version.older
        return found

    # ---- account and block

    def account(self, base: Base) -> tuple[int, ...]:
        """What its packets came to, added up over all CPUs."""
        return added_up(base.maps["accounts"].lookup_percpu(self.index.to_bytes(4, "little")))

    def write_block(self, blocks: memoryview, quota: Quota | None, per_second: int) -> None:
        """Quota, parameters and numbers as they are at first."""
        block = bytearray(BLOCK_BYTES)
        rate, burst = UNLIMITED * QUOTA_UNIT, UNLIMITED * QUOTA_UNIT
        if quota is not None:
            rate = max(1, quota.packets_per_second * QUOTA_UNIT // per_second)
            burst = max(1, quota.burst) * QUOTA_UNIT
        for at, value in ((LAST, 0), (TOKENS, burst), (RATE, rate), (BURST, burst)):
            U64.pack_into(block, at, value)
        U32.pack_into(block, FLAGS, WATCHED if self.watched else 0)
        for n, value in enumerate(self.prepared.values):
            U64.pack_into(block, BODY + 8 * n, value)
        latest = self.shape.latest
        if not latest.own_numbers:
            for n, value in enumerate(latest.first):
                U64.pack_into(block, BODY + 8 * (len(self.prepared.values) + n), value)
        at = self.index * BLOCK_BYTES
        blocks[at : at + BLOCK_BYTES] = bytes(block)

    def watch(self, blocks: memoryview, on: bool) -> None:
        """Whether the kernel tells of each drop."""
        self.watched = on
        U32.pack_into(blocks, self.index * BLOCK_BYTES + FLAGS, WATCHED if on else 0)

    def lost_events(self, blocks: memoryview) -> int:
        """Drops that could not be told since the last call."""
        at = self.index * BLOCK_BYTES + LOST
        (count,) = U32.unpack_from(blocks, at)
        if count:
            U32.pack_into(blocks, at, 0)
        return int(count)

    def numbers(self, blocks: memoryview) -> Mapping[tuple[Use, str, str], int]:
        """Counters, statistics and drops of the kernel's elements, by canonical name."""
        latest = self.shape.latest
        if latest.own_numbers:
            held = self.tables.get(NUMBERS)
            data = memoryview(b"" if held is None else held.lookup(bytes(4)) or b"")
            start = 0
        else:
            data, start = blocks, self.index * BLOCK_BYTES + BODY + 8 * len(self.prepared.values)
        if not data:
            return {}
        return {key: int(U64.unpack_from(data, start + offset)[0]) for key, offset in latest.numbers.items()}

    def shown(self, element: str) -> str:
        """An element's own name; the platform's have theirs."""
        if element == SANDBOX:
            return SANDBOX_SHOWN
        return self.prepared.composed.names.get(element, PLATFORM)

    def all_drops(self, blocks: memoryview) -> Counter[tuple[str, str]]:
        """Packets that ended, by element and reason."""
        found = Counter(self.drops)
        if self.state is not ModuleState.COLD or self.starts:
            for (use, element, reason), count in self.numbers(blocks).items():
                if use is Use.DROP and count:
                    found[self.shown(element), reason] += count
        if self.slow is not None:
            found.update(self.slow.drops)
        return found

    def reason_at(self, offset: int) -> tuple[str, str]:
        """Element and reason of the drop whose number is at `offset`."""
        latest = self.shape.latest
        base = 0 if latest.own_numbers else BODY + 8 * len(self.prepared.values)
        for (use, element, reason), at in latest.numbers.items():
            if use is Use.DROP and at + base == offset:
                return self.shown(element), reason
        return PLATFORM, "unknown"

    # ---- tables and programs

    def table(self, name: TableName) -> Map | None:
        """The map of a table as it is now; None if it does not run."""
        found = self.tables.get(name, self.lent.get(name))
        return None if found is None or found.fd < 0 else found

    def pins(self, base: Base) -> Path:
        return base.pins / f"module-{self.index}"

    def make_tables(self, base: Base, limit_bytes: int, keep: Mapping[TableName, Map]) -> None:
        """Make what it needs; what `keep` has of the same form and size it takes over."""
        for name, spec in flows.specs(self.shape.emissions, limit_bytes).items():
            taken = keep.get(name)
            same = taken is not None and replace(taken.spec, symbol=spec.symbol) == spec
            self._add_table(base, name, taken if taken is not None and same else Map(spec))

    def add_tables(self, base: Base, limit_bytes: int) -> None:
        """Make those that its programs need since they learnt where else packets come back."""
        for name, spec in flows.specs(self.shape.emissions, limit_bytes).items():
            if name not in self.tables:
                self._add_table(base, name, Map(spec))

    def _add_table(self, base: Base, name: TableName, table: Map) -> None:
        self.tables[name] = table
        folder = self.pins(base)
        folder.mkdir(exist_ok=True)
        path = folder / name.replace("/", "|")
        if path.exists():
            path.unlink()
        table.pin(path)

    def load(self, base: Base) -> None:
        """Put its programs into their slots."""
        shape = self.shape
        programs = ((self.slot, shape.emitted, shape.code), (self.slot + 1, shape.resumed, shape.resume_code))
        with ExitStack() as constant:
            tables = dict(self.tables)
            if shape.shared:  # tables that nothing changes: the programs keep them
                for name, spec in flows.specs(shape.emissions, 0).items():
                    tables[name] = constant.enter_context(Map(spec))
            for slot, emitted, code in programs:
                if emitted is None or code is None:
                    continue
                with base.load(code, emitted.section, flows.symbols(emitted, tables)) as program:
                    base.maps["programs"].set_program(slot, program.fd)
                    self.memory = program.memory() + PROGRAM_BYTES

    def unload(self, base: Base) -> None:
        """Take its programs out and give its tables' memory back."""
        if not self.shape.shared:
            for slot in (self.slot, self.slot + 1):
                base.maps["programs"].clear_program(slot)
        for one in self.tables.values():
            one.close()
        self.tables.clear()
        self.memory = 0
        remove_pins(self.pins(base))

    def direct(self, base: Base, slot: int | None) -> None:
        """Send its packets to the program at `slot`, or to the agent."""
        base.dispatch.set(self.address, self.index, slot)

    def memory_bytes(self, users: int) -> int:
        """Kernel memory: block, account, dispatch entry, its share of the program, its tables."""
        own = BLOCK_BYTES + possible_cpus() * ACCOUNT_BYTES + DISPATCH_BYTES
        own += sum(one.memory() for one in self.tables.values())
        return own + self.memory // max(1, users)


def added_up(by_cpu: Sequence[bytes]) -> tuple[int, ...]:
    """An account, from what each CPU counted."""
    return tuple(sum(column) for column in zip(*(ACCOUNT.unpack(one) for one in by_cpu), strict=True))
