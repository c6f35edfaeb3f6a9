"""What of ours is on this machine: taken before and after, two equal inventories mean that nothing was left behind."""

import os
import socket
from dataclasses import dataclass, fields
from pathlib import Path

from innet.dataplane.base import PINS
from innet.emulation.journal import STATE
from innet.emulation.namespaces import RUN
from innet.xdp.syscall import BPFFS


@dataclass(frozen=True)
class Inventory:
    """Names of named namespaces, devices of this namespace, pinned BPF objects, processes (in namespaces of ours, or
    children of this one; `pid command`), and files."""

    namespaces: frozenset[str]
    devices: frozenset[str]
    pins: frozenset[str]
    processes: frozenset[str]
    files: frozenset[str]

    def more_than(self, before: "Inventory") -> dict[str, list[str]]:
        """What is here and was not before, by kind; empty if nothing."""
        more = {f.name: sorted(getattr(self, f.name) - getattr(before, f.name)) for f in fields(self)}
        return {name: things for name, things in more.items() if things}


def inventory(prefix: str = "innet", folders: tuple[Path, ...] = ()) -> Inventory:
    """Take stock: namespaces and pins whose name starts with `prefix`, all devices here, processes, our state files
    and those in `folders`."""
    spaces = frozenset(name for name in _names(Path(RUN)) if name.startswith(prefix))
    return Inventory(
        spaces,
        frozenset(name for _, name in socket.if_nameindex()),
        frozenset(
            str(path)
            for path in _under(BPFFS)
            if path.relative_to(BPFFS).parts[0].startswith(prefix)
            and path != PINS  # which all platforms share
        ),
        _processes(spaces),
        frozenset(str(path) for folder in (STATE, *folders) for path in _under(folder)),
    )


def processes_in(namespace: str) -> tuple[int, ...]:
    """The processes that run in a named namespace."""
    return tuple(int(entry.split()[0]) for entry in _in_namespaces({_inode(Path(RUN, namespace))} - {0}))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _under(folder: Path) -> list[Path]:
    return [Path(top, name) for top, dirs, files in os.walk(folder) for name in (*dirs, *files)]


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _processes(spaces: frozenset[str]) -> frozenset[str]:
    found = set(_in_namespaces({_inode(Path(RUN, name)) for name in spaces} - {0}))
    here = os.getpid()
    for pid in filter(str.isdigit, _names(Path("/proc"))):
        command, parent = _stat(pid)
        if parent == here:
            found.add(f"{pid} {command}")
    return frozenset(found)


def _in_namespaces(inodes: set[int]) -> list[str]:
    if not inodes:
        return []
    pids = filter(str.isdigit, _names(Path("/proc")))
    return [f"{pid} {_stat(pid)[0]}" for pid in pids if _inode(Path("/proc", pid, "ns/net")) in inodes]


def _stat(pid: str) -> tuple[str, int]:
    """Command and parent of a process; zero if it is gone."""
    try:
        text = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", 0
    name, _, rest = text.rpartition(")")
    return name.partition("(")[2], int(rest.split()[1])
