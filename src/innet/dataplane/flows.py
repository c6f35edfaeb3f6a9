"""A module's own tables in the kernel: made within a limit, swept, put away on disk, and brought back.

A state file is written whole (temporary file, rename) and carries a checksum. Times in it are the kernel's since its
boot, so a file from before a boot is not brought back: its flows would have ended long ago, or never. That is why
nobody waits until the disk has it.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from innet.dataplane.wholefile import write_whole
from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.emit import Emitted
from innet.xdp.layout import EXPIRES, NUMBERS, MapKind, MapSpec
from innet.xdp.maps import Map

TableName: TypeAlias = str
"""`ELEMENT/TABLE` by the element's canonical name, or `numbers`."""
ENTRY_OVERHEAD = 64
"""Bytes that an entry of a hash map takes beside key and value (struct htab_elem, and what allocation rounds up)."""
MAGIC = "innet-state-2"
EXPIRY = struct.Struct("<Q")


def specs(emissions: tuple[Emitted, ...], limit_bytes: int) -> dict[TableName, MapSpec]:
    """The maps of a module whose programs are these, smaller than its elements ask for where they pass the limit."""
    found: dict[TableName, MapSpec] = {}
    for emitted in emissions:
        by_symbol = {spec.symbol: spec for spec in emitted.maps}
        for (element, table), symbol in emitted.tables.items():
            found.setdefault(f"{element}/{table}", by_symbol[symbol])
        if NUMBERS in by_symbol:
            found[NUMBERS] = by_symbol[NUMBERS]
    hashes = {name: spec for name, spec in found.items() if spec.kind is MapKind.HASH}
    full = sum(spec.entries * _entry_bytes(spec) for spec in hashes.values())
    if full > limit_bytes:
        for name, spec in hashes.items():
            found[name] = replace(spec, entries=max(16, spec.entries * limit_bytes // full))
    return found


def _entry_bytes(spec: MapSpec) -> int:
    return spec.key_size + spec.value_size + ENTRY_OVERHEAD


def symbols(emitted: Emitted, maps: Mapping[TableName, Map]) -> dict[str, int]:
    """The descriptors of a program's own maps, by the program's names for them."""
    found = {symbol: maps[f"{element}/{table}"].fd for (element, table), symbol in emitted.tables.items()}
    if NUMBERS in maps:
        found[NUMBERS] = maps[NUMBERS].fd
    return found


@cache
def boot() -> str:
    """What tells this boot of the kernel from all others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


Rows: TypeAlias = tuple[int, bytes, bytes]
"""How many entries, their keys one behind the other, and their values."""


@dataclass(frozen=True)
class Saved:
    """The entries of a module's tables, by table; what has expired is still among them, and still not found."""

    rows: Mapping[TableName, Rows]

    @property
    def entries(self) -> int:
        return sum(count for count, _, _ in self.rows.values())


def dump(maps: Mapping[TableName, Map]) -> Saved:
    """What the tables hold."""
    return Saved(
        {name: one.dump_rows() for name, one in maps.items() if one.spec.kind is not MapKind.LPM_TRIE}
    )


def restore(maps: Mapping[TableName, Map], saved: Saved) -> None:
    """Put entries back into empty tables."""
    for name, rows in saved.rows.items():
        if name in maps:
            maps[name].update_rows(*rows)


def sweep(one: Map, now_jiffies: int) -> tuple[int, int]:
    """Remove what has expired from a table; how many entries it had, and how many went. A full table loses an eighth,
    those that expire first: the packet that needs room finds it."""
    rows = one.dump()
    expiries = [EXPIRY.unpack_from(value, EXPIRES)[0] for _, value in rows]
    gone = [key for (key, _), at in zip(rows, expiries, strict=True) if at <= now_jiffies]
    if len(rows) - len(gone) >= one.spec.entries:
        order = sorted(range(len(rows)), key=lambda n: expiries[n])
        gone = [rows[n][0] for n in order[: max(len(gone), one.spec.entries // 8)]]
    if gone:
        one.delete_all(gone)
    return len(rows), len(gone)


def write(path: Path, digest: str, saved: Saved) -> int:
    """Keep state on disk; its bytes. Raises PlatformError (and nothing is left) if the disk does not take it."""
    tables = [(name, count, len(keys), len(values)) for name, (count, keys, values) in saved.rows.items()]
    head = json.dumps({"format": MAGIC, "boot": boot(), "module": digest, "tables": tables}).encode()
    body = b"".join(part for _, keys, values in saved.rows.values() for part in (keys, values))
    data = struct.pack("<I", len(head)) + head + body
    try:
        write_whole(path, hashlib.blake2b(data, digest_size=32).digest() + data)
    except OSError as problem:
        raise PlatformError(
            Diagnostic(
                "P330",
                f"state cannot be kept in {path.name}: {problem.strerror}",
                help="make room on the disk of the platform's state; the module goes on as it was",
            )
        ) from problem
    return len(data) + 32


def read(path: Path, digest: str) -> Saved:
    """State from disk. Raises PlatformError if it is damaged, from another boot, or of another configuration."""

    def problem(what: str) -> PlatformError:
        return PlatformError(
            Diagnostic(
                "P331", f"the state kept in {path.name} {what}", help="the module starts with empty tables"
            )
        )

    try:
        whole = path.read_bytes()
    except OSError as error:
        raise problem(f"cannot be read: {error.strerror}") from error
    data = whole[32:]
    if len(data) < 4 or hashlib.blake2b(data, digest_size=32).digest() != whole[:32]:
        raise problem("is damaged")
    (size,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + size])
    if head["format"] != MAGIC or head["module"] != digest:
        raise problem("is of another configuration")
    if head["boot"] != boot():
        raise problem("is from before the last boot")
    at, rows = 4 + size, {}
    for name, count, keys, values in head["tables"]:
        rows[name] = (count, data[at : at + keys], data[at + keys : at + keys + values])
        at += keys + values
    return Saved(rows)
