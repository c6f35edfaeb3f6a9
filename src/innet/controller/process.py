"""Which process works on a deployment, so that another can tell whether it is still there."""

import os
from pathlib import Path


def this_process() -> str:
    """A name for this process that no other ever has: boot, number, start time."""
    pid = os.getpid()
    return f"{_boot()} {pid} {_start(pid)}"


def is_alive(name: str) -> bool:
    """Whether the process of that name still runs."""
    boot, _, rest = name.partition(" ")
    pid, _, start = rest.partition(" ")
    return boot == _boot() and pid.isdigit() and bool(start) and _start(int(pid)) == start


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _start(pid: int) -> str:
    """When the process started, in the kernel's ticks; empty if it is gone, or a zombie."""
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
