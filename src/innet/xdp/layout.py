"""How an element's state lies in BPF maps: one description for the program that is emitted and for whoever reads it.

Every column is stored most significant byte first, as packets are, so that a header field goes into a key unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate

from innet import ir


class MapKind(Enum):
    """Map types, with the kernel's numbers (enum bpf_map_type)."""

    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERCPU_ARRAY = 6
    LPM_TRIE = 11
    RINGBUF = 27


NO_PREALLOC = 1
"""BPF_F_NO_PREALLOC: memory is taken when an entry is made."""
MMAPABLE = 1 << 10
"""BPF_F_MMAPABLE: the values of an array can be mapped into a process."""


@dataclass(frozen=True, slots=True)
class Column:
    """A number of `width` bits in `size` bytes from `offset` on."""

    offset: int
    size: int
    width: int


@dataclass(frozen=True, slots=True)
class Record:
    """Columns at naturally aligned places; `size` is a multiple of eight."""

    columns: tuple[Column, ...]
    size: int

    def pack(self, values: Sequence[int]) -> bytes:
        """The bytes of a record from `first` on."""
        out = bytearray(self.size)
        for column, value in zip(self.columns, values, strict=True):
            out[column.offset : column.offset + column.size] = value.to_bytes(column.size, "big")
        return bytes(out)

    def unpack(self, data: bytes) -> tuple[int, ...]:
        return tuple(int.from_bytes(data[c.offset : c.offset + c.size], "big") for c in self.columns)


def record(widths: Sequence[int], start: int = 0) -> Record:
    """The record of numbers with these widths, after `start` bytes of something else; wide ones first, so no gaps."""
    sizes = []
    for width in widths:
        size = next((s for s in (1, 2, 4, 8) if s * 8 >= width), 0)
        if not size:
            raise ValueError(f"a column has {width} bits, the most is 64")
        sizes.append(size)
    columns: dict[int, Column] = {}
    at = start
    for n in sorted(range(len(widths)), key=lambda n: -sizes[n]):
        at = -(-at // sizes[n]) * sizes[n]
        columns[n] = Column(at, sizes[n], widths[n])
        at += sizes[n]
    return Record(tuple(columns[n] for n in range(len(widths))), max(8, -(-at // 8) * 8))


EXPIRES, IDLE, PAIRED, PARTNER = 0, 8, 12, 16
"""Offsets in a value: when the entry is forgotten (jiffies, u64), its idle time (seconds, u32), whether it has a
partner (u32), and the partner's key (in a paired table); the first three in the machine's byte order. The values'
columns follow."""
PREFIX_BYTES = 4
PREFIX_KEYS = ((8,), (16,), (32,), (64,), (64, 64))
"""The widths that keys of prefix tables may have."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Key and value of one table. The key of a prefix table has its length in bits (u32) in front."""

    table: ir.Table
    key: Record
    value: Record

    @property
    def timed(self) -> bool:
        return self.table.kind is not ir.TableKind.PREFIX


def table_layout(table: ir.Table) -> TableLayout:
    match table.kind:
        case ir.TableKind.PREFIX:
            places = accumulate((width // 8 for width in table.key), initial=PREFIX_BYTES)
            columns = tuple(Column(at, w // 8, w) for at, w in zip(places, table.key, strict=False))
            key = Record(columns, PREFIX_BYTES + sum(column.size for column in columns))
            return TableLayout(table, key, record(table.values))
        case ir.TableKind.PAIRED:
            key = record(table.key)
            return TableLayout(table, key, record(table.values, PARTNER + key.size))
        case ir.TableKind.EXACT:
            return TableLayout(table, record(table.key), record(table.values, PARTNER))


@dataclass(frozen=True)
class MapSpec:
    """A map to be made before the program is loaded, and what it holds at first."""

    symbol: str
    kind: MapKind
    key_size: int
    value_size: int
    entries: int
    flags: int = 0
    initial: tuple[tuple[bytes, bytes], ...] = ()


class Use(Enum):
    """What a number in the numbers map is."""

    COUNTER = "counter"
    STATISTIC = "statistic"
    DROP = "drop"


NUMBERS = "numbers"


@dataclass
class Numbers:
    """The 64-bit numbers of a program: counters of elements, statistics, packets dropped for a reason.

    All are in the only value of one array, whose address is a constant for the program: counting is one atomic add.
    """

    slots: dict[tuple[Use, str, str], int]
    first: list[int]

    def slot(self, use: Use, owner: str, name: str, first: int = 0) -> int:
        """The offset in bytes of a number."""
        key = (use, owner, name)
        if key not in self.slots:
            self.slots[key] = len(self.first) * 8
            self.first.append(first)
        return self.slots[key]

    def spec(self) -> MapSpec:
        data = b"".join(n.to_bytes(8, "little") for n in self.first)
        return MapSpec(NUMBERS, MapKind.ARRAY, 4, len(data), 1, 0, ((bytes(4), data),))


def map_spec(symbol: str, layout: TableLayout) -> MapSpec:
    """The map of a table."""
    table = layout.table
    if table.kind is ir.TableKind.PREFIX:
        rows = []
        for prefix, length, values in table.entries:
            key = length.to_bytes(PREFIX_BYTES, "little") + prefix.to_bytes(sum(table.key) // 8, "big")
            rows.append((key, layout.value.pack(values)))
        entries = max(1, len(rows))
        return MapSpec(
            symbol, MapKind.LPM_TRIE, layout.key.size, layout.value.size, entries, NO_PREALLOC, tuple(rows)
        )
    flows = 2 if table.kind is ir.TableKind.PAIRED else 1
    return MapSpec(
        symbol, MapKind.HASH, layout.key.size, layout.value.size, table.capacity * flows, NO_PREALLOC
    )
