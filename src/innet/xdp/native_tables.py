"""What the hash tables of native programs hold, seen from Python: the same memory, as the interpreter's tables."""

import ctypes
import os
import struct
from collections.abc import Mapping

from innet import ir
from innet.ir.interpret import NS, Entry, TableState
from innet.xdp.layout import EXPIRES, PARTNER, TableLayout
from innet.xdp.native_hash import COUNT, HEADER_WORDS, KEY, LINK, SPARE, TAKEN, USED, HashShape, hash_table
from innet.xdp.native_memory import Memory
from innet.xdp.native_prefix import prefix_table


class HashTable:
    """What a hash table holds; its header is at `header`, its function `update` at `update`."""

    def __init__(self, header: int, update: int, layout: TableLayout) -> None:
        self.layout, self.shape = layout, HashShape(layout)
        self.words = (ctypes.c_uint64 * HEADER_WORDS).from_address(header)
        self._update = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_bool)(
            update
        )
        self.clear()

    def clear(self) -> None:
        """Forget all entries."""
        self.index, self.slab = Memory(self.shape.buckets * 4), Memory(self.shape.slab_bytes)
        self.words[:] = [
            0,
            0,
            0,
            0,
            int.from_bytes(os.urandom(8), "little"),
            self.index.address,
            self.slab.address,
        ]

    def __len__(self) -> int:
        return int(self.words[COUNT // 8])

    def rows(self) -> dict[tuple[int, ...], Entry]:
        """All entries, as the interpreter would hold them."""
        shape, layout, found = self.shape, self.layout, {}
        for n in range(self.words[USED // 8]):
            start = n * shape.stride
            one = self.slab.read(start, shape.stride)
            if struct.unpack_from("<I", one, LINK)[0] != TAKEN:
                continue
            value = one[shape.value_at :]
            expires, idle_s, paired = struct.unpack_from("<QII", value, EXPIRES)
            partner = (
                layout.key.unpack(value[PARTNER : PARTNER + layout.key.size])
                if self._is_paired(paired)
                else None
            )
            key = layout.key.unpack(one[KEY : shape.value_at])
            found[key] = Entry(layout.value.unpack(value), partner, expires - idle_s * NS, idle_s * NS)
        return found

    def _is_paired(self, flag: int) -> bool:
        return flag != 0 and self.layout.table.kind is ir.TableKind.PAIRED

    def fill(self, rows: Mapping[tuple[int, ...], Entry]) -> None:
        """Set these entries too; the same ones `rows` gives.

        Raises ValueError if there are more than the table takes, or for an idle time that is no number of seconds.
        """
        if len(rows.keys() - self.rows().keys()) + len(self) > self.shape.limit + SPARE:
            raise ValueError(f"table {self.layout.table.name} takes {self.shape.limit} entries")
        for key, entry in rows.items():
            if entry.idle_ns % NS:
                raise ValueError(f"an idle time of {entry.idle_ns} ns")
            value = bytearray(self.layout.value.pack(entry.values))
            expires = (entry.touched_ns + entry.idle_ns) % (1 << 64)
            struct.pack_into(
                "<QII", value, EXPIRES, expires, entry.idle_ns // NS, int(entry.partner is not None)
            )
            if entry.partner is not None:
                value[PARTNER : PARTNER + self.layout.key.size] = self.layout.key.pack(entry.partner)
            self._set(self.layout.key.pack(key), bytes(value))

    def _set(self, key: bytes, value: bytes) -> None:
        places = [ctypes.create_string_buffer(one, len(one)) for one in (key, value)]
        self._update(*(ctypes.addressof(place) for place in places), True)

    def state(self) -> TableState:
        """The same table for the interpreter."""
        held = TableState(self.layout.table)
        held.rows = self.rows()
        return held


def tables_text(layouts: Mapping[str, TableLayout]) -> str:
    """The functions of all tables."""
    return "".join(
        (hash_table if layout.timed else prefix_table)(symbol, layout) for symbol, layout in layouts.items()
    )
