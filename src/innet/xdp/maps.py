"""Maps: made or opened by name, read and written one entry or many at a time, mapped into this process."""

import ctypes
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Self

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.layout import MMAPABLE, MapKind, MapSpec
from innet.xdp.syscall import (
    ATTRIBUTE_BYTES,
    ENOENT,
    MAP_CREATE,
    MAP_DELETE_BATCH,
    MAP_DELETE_ELEM,
    MAP_GET_NEXT_KEY,
    MAP_LOOKUP_BATCH,
    MAP_LOOKUP_ELEM,
    MAP_UPDATE_BATCH,
    MAP_UPDATE_ELEM,
    SYS_BPF,
    Resource,
    bpf,
    last_error,
    object_info,
    object_name,
    open_pinned,
    syscall,
)

ENOSPC = 28
CHUNK_BYTES = 1 << 20
"""About how much one batch reads."""
PER_CPU = frozenset({MapKind.PERCPU_ARRAY})
FLAGS_AT, EXISTS = 24, 2
"""Where the attribute of MAP_UPDATE_ELEM has flags; BPF_EXIST."""
NAME_AT = 28
"""Where the attribute of MAP_CREATE has the name."""


@cache
def possible_cpus() -> int:
    """How many values an entry of a per-CPU map has."""
    text = Path("/sys/devices/system/cpu/possible").read_text(encoding="ascii").strip()
    return int(text.replace(",", "-").rsplit("-", 1)[-1]) + 1


class Map(Resource):
    """A map in the kernel; `spec` says how it was made.

    Calls on one map share buffers: use it from one thread at a time. A key or value of the wrong length is a
    `ValueError`. A value of a per-CPU map is the values of all CPUs, one after the other, each padded to `stride`.
    """

    def __init__(self, spec: MapSpec) -> None:
        attribute = bytearray(ATTRIBUTE_BYTES)
        struct.pack_into(
            "<IIIII", attribute, 0, spec.kind.value, spec.key_size, spec.value_size, spec.entries, spec.flags
        )
        name = object_name(spec.symbol)
        attribute[NAME_AT : NAME_AT + len(name)] = name
        try:
            fd, _ = bpf(MAP_CREATE, bytes(attribute))
        except OSError as problem:
            raise PlatformError(
                Diagnostic("P302", f"the kernel made no map for {spec.symbol}: {problem.strerror}")
            ) from problem
        self._hold(fd, spec)
        try:
            if len(spec.initial) > 1:
                self.update_all(dict(spec.initial))
            else:
                for key, value in spec.initial:
                    self.update(key, value)
        except BaseException:
            self.close()
            raise

    def _hold(self, fd: int, spec: MapSpec) -> None:
        """Set the buffers up: a call then copies key and value, and nothing else."""
        super().__init__(fd)
        self.spec = spec
        self.stride = -(-spec.value_size // 8) * 8
        """Bytes from one value to the next in a per-CPU value and in `mapped`."""
        self.value_bytes = self.stride * possible_cpus() if spec.kind in PER_CPU else spec.value_size
        self._key = ctypes.create_string_buffer(max(1, spec.key_size))
        self._value = ctypes.create_string_buffer(max(1, self.value_bytes, spec.key_size))
        key_at, value_at = ctypes.addressof(self._key), ctypes.addressof(self._value)
        self._attribute = ctypes.create_string_buffer(struct.pack("<IIQQQ", fd, 0, key_at, value_at, 0), 32)
        self._first = ctypes.create_string_buffer(struct.pack("<IIQQQ", fd, 0, 0, value_at, 0), 32)

    @classmethod
    def open(cls, path: str | Path, spec: MapSpec) -> Self:
        """The map pinned at `path`; `PlatformError` unless its kind, sizes and flags are those of `spec`."""
        held = cls.__new__(cls)
        held._hold(open_pinned(path, "map"), spec)
        try:
            kind, _, *found = struct.unpack("<6I", object_info(held.fd, 24))
        except BaseException:
            held.close()
            raise
        names = ("kind", "bytes of a key", "bytes of a value", "entries", "flags")
        wanted = (spec.kind.value, spec.key_size, spec.value_size, spec.entries, spec.flags)
        facts = tuple(
            (name, f"{is_}, not {should}")
            for name, is_, should in zip(names, (kind, *found), wanted, strict=True)
            if is_ != should
        )
        if facts:
            held.close()
            raise PlatformError(
                Diagnostic(
                    "P322",
                    f"the map pinned at {path} is not the one for {spec.symbol}",
                    facts=facts,
                    help="it was made by another version: take the platform down, then start it again",
                )
            )
        return held

    def close(self) -> None:
        """Give it back; the kernel keeps it while a pin, a program or a mapping holds it."""
        super().close()
        for attribute in (self._attribute, self._first):
            struct.pack_into("<i", attribute, 0, -1)  # the number may soon be another file's

    @property
    def id(self) -> int:
        """The kernel's number of this map."""
        return int(struct.unpack_from("<I", object_info(self.fd, 8), 4)[0])

    # One entry

    def _set_key(self, key: bytes) -> None:
        if len(key) != self.spec.key_size:
            raise ValueError(f"a key of {self.spec.symbol} has {self.spec.key_size} bytes, not {len(key)}")
        self._key.raw = key

    def lookup(self, key: bytes) -> bytes | None:
        """The value of `key`."""
        self._set_key(key)
        if syscall(SYS_BPF, MAP_LOOKUP_ELEM, self._attribute, 32) < 0:
            problem = last_error()
            if problem.errno == ENOENT:
                return None
            raise problem
        return self._value.raw[: self.value_bytes]

    def lookup_percpu(self, key: bytes) -> list[bytes]:
        """The value of `key` on each CPU; none if it is not there."""
        value = self.lookup(key)
        return [] if value is None else self._by_cpu(value)

    def _by_cpu(self, value: bytes) -> list[bytes]:
        return [value[n : n + self.spec.value_size] for n in range(0, self.value_bytes, self.stride)]

    def update(self, key: bytes, value: bytes) -> None:
        """Set the value of `key`; `OSError` (E2BIG) if the map is full."""
        self._set_key(key)
        if len(value) != self.value_bytes:
            raise ValueError(f"a value of {self.spec.symbol} has {self.value_bytes} bytes, not {len(value)}")
        self._value.raw = value
        if syscall(SYS_BPF, MAP_UPDATE_ELEM, self._attribute, 32) < 0:
            raise last_error()

    def replace(self, key: bytes, value: bytes) -> bool:
        """Set the value of `key` if it is there; whether it was. `OSError` if the kernel has no memory."""
        self._set_key(key)
        if len(value) != self.value_bytes:
            raise ValueError(f"a value of {self.spec.symbol} has {self.value_bytes} bytes, not {len(value)}")
        self._value.raw = value
        attribute = self._attribute.raw[:FLAGS_AT] + EXISTS.to_bytes(8, "little")
        if syscall(SYS_BPF, MAP_UPDATE_ELEM, ctypes.create_string_buffer(attribute, 32), 32) < 0:
            problem = last_error()
            if problem.errno == ENOENT:
                return False
            raise problem
        return True

    def delete(self, key: bytes) -> bool:
        """Remove `key`; whether it was there."""
        self._set_key(key)
        if syscall(SYS_BPF, MAP_DELETE_ELEM, self._attribute, 16) < 0:  # 16: without the value
            problem = last_error()
            if problem.errno == ENOENT:
                return False
            raise problem
        return True

    def keys(self) -> Iterator[bytes]:
        """All keys, one system call each; for many use `dump`."""
        attribute = self._first
        while syscall(SYS_BPF, MAP_GET_NEXT_KEY, attribute, 32) >= 0:
            key = self._value.raw[: self.spec.key_size]
            yield key
            self._key.raw = key
            attribute = self._attribute
        problem = last_error()
        if problem.errno != ENOENT:
            raise problem

    def set_program(self, slot: int, fd: int) -> None:
        """Put a program into a PROG_ARRAY, which keeps it: `fd` may be closed. What was there is replaced."""
        self.update(struct.pack("<I", slot), struct.pack("<I", fd))

    def clear_program(self, slot: int) -> bool:
        """Empty a slot of a PROG_ARRAY; whether a program was there. A tail call to an empty slot falls through."""
        return self.delete(struct.pack("<I", slot))

    # Many entries

    def dump(self, chunk: int = 4096) -> list[tuple[bytes, bytes]]:
        """All entries, by batches of at most `chunk`, more where a hash bucket holds more.

        Entries that come and go meanwhile may be in it or not.
        """
        return self._rows(self._read_all(chunk))

    def dump_rows(self, chunk: int = 4096) -> tuple[int, bytes, bytes]:
        """As `dump`: how many entries, their keys one behind the other, and their values."""
        parts = self._read_all(chunk)
        keys, values = b"".join(keys for _, keys, _ in parts), b"".join(values for _, _, values in parts)
        return sum(count for count, _, _ in parts), keys, values

    def dump_percpu(self) -> list[list[bytes]]:
        """The values of a PERCPU_ARRAY by index, then by CPU."""
        return [self._by_cpu(value) for _, value in self.dump()]

    def _rows(self, parts: list[tuple[int, bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        k, v = self.spec.key_size, self.value_bytes
        return [
            (keys[n * k : n * k + k], values[n * v : n * v + v])
            for count, keys, values in parts
            for n in range(count)
        ]

    def _read_all(self, chunk: int) -> list[tuple[int, bytes, bytes]]:
        k, v = self.spec.key_size, self.value_bytes
        chunk = max(1, min(chunk, self.spec.entries, max(64, CHUNK_BYTES // (k + v))))
        found: list[tuple[int, bytes, bytes]] = []
        mark = ctypes.create_string_buffer(max(8, k))
        keys, values = ctypes.create_string_buffer(k * chunk), ctypes.create_string_buffer(v * chunk)
        start = 0
        while True:
            attribute = ctypes.create_string_buffer(
                struct.pack(
                    "<QQQQIIQQ", start, ctypes.addressof(mark), ctypes.addressof(keys),
                    ctypes.addressof(values), chunk, self.fd, 0, 0,
                )
            )  # fmt: skip
            result = syscall(SYS_BPF, MAP_LOOKUP_BATCH, attribute, 56)
            number = ctypes.get_errno() if result < 0 else 0
            if number == ENOSPC and chunk < self.spec.entries:
                chunk = min(chunk * 2, self.spec.entries)
                keys, values = ctypes.create_string_buffer(k * chunk), ctypes.create_string_buffer(v * chunk)
                continue
            if number not in (0, ENOENT):
                raise OSError(number, os.strerror(number))
            (count,) = struct.unpack_from("<I", attribute.raw, 32)
            found.append((count, keys.raw[: count * k], values.raw[: count * v]))
            if number == ENOENT:
                return found
            start = ctypes.addressof(mark)

    def update_all(self, rows: Mapping[bytes, bytes]) -> None:
        """Set many entries by one system call; `OSError` (E2BIG) if the map is full, with some of them set."""
        if rows:
            self._batch(MAP_UPDATE_BATCH, list(rows), list(rows.values()))

    def update_rows(self, count: int, keys: bytes, values: bytes) -> None:
        """As `update_all`, with keys and values as `dump_rows` gives them."""
        if (len(keys), len(values)) != (count * self.spec.key_size, count * self.value_bytes):
            raise ValueError(f"not {count} entries of {self.spec.symbol}")
        if count:
            _, number = self._try_raw(MAP_UPDATE_BATCH, count, keys, values)
            if number:
                raise OSError(number, os.strerror(number))

    def delete_all(self, keys: Iterable[bytes]) -> int:
        """Remove many entries, by one system call for each run of keys that are there; how many there were."""
        left, removed = list(keys), 0
        while left:
            done, number = self._try_batch(MAP_DELETE_BATCH, left, [])
            if number not in (0, ENOENT):
                raise OSError(number, os.strerror(number))
            removed += done
            left = left[done + 1 :] if number else []
        return removed

    def _batch(self, command: int, keys: list[bytes], values: list[bytes]) -> None:
        _, number = self._try_batch(command, keys, values)
        if number:
            raise OSError(number, os.strerror(number))

    def _try_batch(self, command: int, keys: list[bytes], values: list[bytes]) -> tuple[int, int]:
        """How many entries were done, and the error that ended it."""
        if any(len(key) != self.spec.key_size for key in keys):
            raise ValueError(f"a key of {self.spec.symbol} has {self.spec.key_size} bytes")
        if any(len(value) != self.value_bytes for value in values):
            raise ValueError(f"a value of {self.spec.symbol} has {self.value_bytes} bytes")
        return self._try_raw(command, len(keys), b"".join(keys), b"".join(values))

    def _try_raw(self, command: int, count: int, key_data: bytes, value_data: bytes) -> tuple[int, int]:
        key_buffer = ctypes.create_string_buffer(key_data, len(key_data))
        value_buffer = ctypes.create_string_buffer(value_data, max(1, len(value_data)))
        attribute = ctypes.create_string_buffer(
            struct.pack(
                "<QQQQIIQQ", 0, 0, ctypes.addressof(key_buffer), ctypes.addressof(value_buffer),
                count, self.fd, 0, 0,
            )
        )  # fmt: skip
        result = syscall(SYS_BPF, command, attribute, 56)
        number = ctypes.get_errno() if result < 0 else 0
        return int(struct.unpack_from("<I", attribute.raw, 32)[0]), number

    # Memory

    def mapped(self) -> mmap.mmap:
        """The values of an ARRAY made with `MMAPABLE`, as memory shared with the kernel: value n is at n * `stride`.

        What programs write is seen at once, and the other way round. It is to be closed by the caller, and holds the
        map until then.
        """
        if self.spec.kind is not MapKind.ARRAY or not self.spec.flags & MMAPABLE:
            raise ValueError(f"{self.spec.symbol} is not an array that can be mapped")
        size = -(-self.spec.entries * self.stride // mmap.PAGESIZE) * mmap.PAGESIZE
        return mmap.mmap(self.fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
