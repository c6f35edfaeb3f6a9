"""Programs by hand, and places to pin them: what tests of the kernel's objects share."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from innet.emulation.namespaces import batch, remove
from innet.xdp.kernel import LoadedProgram, mount_bpffs

XDP_DROP, XDP_PASS = 1, 2
VETH = ("innetA", "innetB")


def insn(code: int, registers: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    """One BPF instruction; `registers` has the source above and the destination below."""
    return struct.pack("<BBhi", code, registers, offset, immediate)


def returning(verdict: int) -> bytes:
    """r0 = verdict; exit."""
    return insn(0xB7, 0, 0, verdict) + insn(0x95)


def program(verdict: int = XDP_DROP, section: str = "xdp") -> LoadedProgram:
    return LoadedProgram(returning(verdict), section, name=f"verdict{verdict}")


@contextmanager
def bpffs(folder: Path) -> Iterator[Path]:
    """A bpffs of its own at `folder`/bpf."""
    path = folder / "bpf"
    path.mkdir()
    assert mount_bpffs(path)
    try:
        assert not mount_bpffs(path)
        yield path
    finally:
        assert ctypes.CDLL(None).umount2(os.fsencode(path), 0) == 0


@contextmanager
def namespace() -> Iterator[str]:
    """A network namespace with a pair of virtual interfaces that are up."""
    name = f"innet-kernel-{os.getpid()}"
    batch([f"netns add {name}"])
    try:
        batch([f"link add {VETH[0]} type veth peer name {VETH[1]}"], name)
        batch([f"link set {device} up" for device in VETH], name)
        yield name
    finally:
        remove(name)
