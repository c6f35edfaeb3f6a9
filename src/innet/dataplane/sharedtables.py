"""Tables that the kernel and the agent have in common: a map of the kernel, in the interpreter's terms.

It does what the program in the kernel does (`xdp/tables.py`), so that it makes no difference who takes a packet: what
has expired is not found, a full map refuses, the halves of a pair are two entries. Each entry is written whole, in one
step; of two who write at once, the later one wins, as between two CPUs.
"""

import errno
from collections.abc import Callable, Mapping
from struct import Struct

from innet.ir.interpret import NS, Entry, TableState
from innet.ir.nodes import TableKind
from innet.xdp.layout import EXPIRES, PARTNER, TableLayout
from innet.xdp.maps import Map

Key = tuple[int, ...]
HEAD = Struct("<QII")
"""When an entry expires, its idle time, and whether it has a partner (`xdp/layout.py`)."""
NO_ROOM = (errno.E2BIG, errno.ENOMEM, errno.EBUSY)


class SharedTable(TableState):
    """The table with this layout, in the map that `find` finds now. While there is none (the module does not run) it is
    empty and has no room. `jiffies` is the kernel's clock, `per_second` how fast it goes.

    Times in entries are the kernel's: see `kernel_clock`.
    """

    def __init__(
        self,
        layout: TableLayout,
        find: Callable[[], Map | None],
        jiffies: Callable[[], int],
        per_second: int,
    ) -> None:
        super().__init__(layout.table)
        self.layout, self.find, self.jiffies, self.per_second = layout, find, jiffies, per_second

    # ---- what is there

    def get(self, key: Key) -> tuple[int, ...] | None:
        entry = self.entry(key)
        return None if entry is None else entry.values

    def entry(self, key: Key) -> Entry | None:
        held = self.find()
        value = None if held is None else held.lookup(self.layout.key.pack(key))
        if value is None or not self._alive(value, self.jiffies()):
            return None
        return self._entry(value)

    def entries(self) -> Mapping[Key, Entry]:
        held = self.find()
        if held is None:
            return {}
        now = self.jiffies()
        unpack = self.layout.key.unpack
        return {unpack(key): self._entry(value) for key, value in held.dump() if self._alive(value, now)}

    @staticmethod
    def _alive(value: bytes, now: int) -> bool:
        expires, _, _ = HEAD.unpack_from(value, EXPIRES)
        return bool(now < expires)

    def _entry(self, value: bytes) -> Entry:
        expires, idle_s, _ = HEAD.unpack_from(value, EXPIRES)
        partner = self._partner(value)
        touched = expires - idle_s * self.per_second
        key = None if partner is None else self.layout.key.unpack(partner)
        return Entry(self.layout.value.unpack(value), key, touched * (NS // self.per_second), idle_s * NS)

    def _partner(self, value: bytes) -> bytes | None:
        """The key of its partner."""
        if self.table.kind is not TableKind.PAIRED or not HEAD.unpack_from(value, EXPIRES)[2]:
            return None
        return value[PARTNER : PARTNER + self.layout.key.size]

    # ---- changes

    def clear(self) -> None:
        held = self.find()
        if held is not None:
            held.delete_all([key for key, _ in held.dump()])

    def delete(self, key: Key) -> None:
        held = self.find()
        if held is not None:
            self._remove(held, self.layout.key.pack(key))

    def _remove(self, held: Map, key: bytes) -> None:
        """Take an entry and its partner out, whether they have expired or not."""
        value = held.lookup(key)
        if value is None:
            return
        partner = self._partner(value)
        if partner is not None:
            held.delete(partner)
        held.delete(key)

    def update(self, key: Key, values: tuple[int, ...], now_ns: int, idle_ns: int) -> None:
        """As the interpreter does, except that the partner is left alone (`xdp.graph.shareable`)."""
        held = self.find()
        packed = self.layout.key.pack(key)
        before = None if held is None else held.lookup(packed)
        if held is None or before is None:
            return
        held.replace(packed, self._value(values, idle_ns, self._partner(before)))

    def insert(
        self,
        key: Key,
        values: tuple[int, ...],
        reply: tuple[Key, tuple[int, ...]] | None,
        now_ns: int,
        idle_ns: int,
    ) -> bool:
        held = self.find()
        if held is None:
            return False
        first = self.layout.key.pack(key)
        if reply is None:
            return self._set(held, first, self._value(values, idle_ns, None))
        second = self.layout.key.pack(reply[0])
        self._remove(held, first)
        self._remove(held, second)
        if first == second:
            return self._set(held, second, self._value(reply[1], idle_ns, None))
        if not self._set(held, first, self._value(values, idle_ns, second)):
            return False
        if self._set(held, second, self._value(reply[1], idle_ns, first)):
            return True
        held.delete(first)
        return False

    def _value(self, values: tuple[int, ...], idle_ns: int, partner: bytes | None) -> bytes:
        """A whole value, used now."""
        idle_s = idle_ns // NS
        value = bytearray(self.layout.value.pack(values))
        expires = (self.jiffies() + idle_s * self.per_second) % (1 << 64)
        HEAD.pack_into(value, EXPIRES, expires, idle_s, int(partner is not None))
        if partner is not None:
            value[PARTNER : PARTNER + len(partner)] = partner
        return bytes(value)

    @staticmethod
    def _set(held: Map, key: bytes, value: bytes) -> bool:
        """Set one entry; whether there was room."""
        try:
            held.update(key, value)
        except OSError as problem:
            if problem.errno in NO_ROOM:
                return False
            raise
        return True


def kernel_clock(jiffies: Callable[[], int], per_second: int) -> Callable[[], int]:
    """The time in nanoseconds as programs in the kernel see it (`Now`): what one side wrote down, the other reads."""
    return lambda: jiffies() * (NS // per_second)
