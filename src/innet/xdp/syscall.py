"""bpf(2) itself: the call, file descriptors that are closed, pins in bpffs, what the kernel tells about an object.

Linux on x86-64. Numbers and structures are those of the kernel's include/uapi/linux/bpf.h.
"""

import ctypes
import errno
import os
import re
import struct
from pathlib import Path

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.closing import Closing

SYS_BPF = 321
ATTRIBUTE_BYTES = 160
MAP_CREATE, MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, MAP_GET_NEXT_KEY, PROG_LOAD = range(6)
OBJ_PIN, OBJ_GET = 6, 7
PROG_TEST_RUN = 10
OBJ_GET_INFO_BY_FD = 15
MAP_LOOKUP_BATCH, MAP_LOOKUP_AND_DELETE_BATCH, MAP_UPDATE_BATCH, MAP_DELETE_BATCH = 24, 25, 26, 27
LINK_CREATE, LINK_UPDATE = 28, 29
ENABLE_STATS = 32
LINK_DETACH = 34
"""Commands."""

ENOENT = 2
BPFFS = Path("/sys/fs/bpf")
_libc = ctypes.CDLL(None, use_errno=True)
syscall = _libc.syscall
"""syscall(2): -1 if it failed, then `last_error` says why."""


def last_error() -> OSError:
    """The error of the last system call of this thread."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def bpf(command: int, attribute: bytes) -> tuple[int, bytes]:
    """The system call: its result and the attribute afterwards; `OSError` if it failed."""
    buffer = ctypes.create_string_buffer(attribute.ljust(ATTRIBUTE_BYTES, b"\0"), ATTRIBUTE_BYTES)
    result = syscall(SYS_BPF, command, buffer, ATTRIBUTE_BYTES)
    if result < 0:
        raise last_error()
    return result, buffer.raw


class Resource(Closing):
    """A file descriptor that is closed at the end."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Give it back; the kernel keeps what is pinned, attached, or in a program array."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def fileno(self) -> int:
        """For `select.poll` and its like."""
        return self.fd

    def pin(self, path: str | Path) -> None:
        """Give it a name in bpffs, which keeps it alive without any process; `PlatformError` if that fails.

        Pins are removed by `unpin`.
        """
        name = ctypes.create_string_buffer(os.fsencode(path))
        try:
            bpf(OBJ_PIN, struct.pack("<QI", ctypes.addressof(name), self.fd))
        except OSError as problem:
            raise PlatformError(_pin_problem(Path(path), problem)) from problem

    def memory(self) -> int:
        """Bytes of kernel memory, as the kernel accounts it to this map or program."""
        return int(described(self.fd).get("memlock", "0"))


def _pin_problem(path: Path, problem: OSError) -> Diagnostic:
    helps = {
        1: "names in bpffs have no dots, and the folder must be in a bpffs (see `mount_bpffs`)",
        17: "another instance runs, or one was killed: remove the pin if nothing uses it",
        ENOENT: "make its folder first",
    }
    return Diagnostic(
        "P320",
        f"{path} cannot be pinned: {problem.strerror}",
        expected="a new name in a folder of a bpffs",
        help=helps.get(problem.errno or 0, ""),
    )


def open_pinned(path: str | Path, kind: str) -> int:
    """A new descriptor of what is pinned at `path`, which is of `kind` (map, prog or link); `PlatformError` if not."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    try:
        fd, _ = bpf(OBJ_GET, struct.pack("<Q", ctypes.addressof(name)))
    except OSError as problem:
        raise PlatformError(
            Diagnostic("P321", f"{path} cannot be opened: {problem.strerror}", expected=f"a pinned {kind}")
        ) from problem
    found = os.readlink(f"/proc/self/fd/{fd}")  # anon_inode:bpf-map, :bpf-prog or :[bpf_link]
    if re.sub(r"^anon_inode:\[?bpf[-_]|\]$", "", found) != kind:
        os.close(fd)
        raise PlatformError(
            Diagnostic("P321", f"{path} is something else: {found}", expected=f"a pinned {kind}")
        )
    return fd


def unpin(path: str | Path) -> bool:
    """Remove a pin; whether it was there. A link is detached at once, whoever else holds it.

    Without that the kernel would detach it some milliseconds after the pin is gone, and an interface would be taken
    for so long. A map or program goes when nothing else holds it.
    """
    try:
        fd = open_pinned(path, "link")
    except PlatformError:
        pass  # a map, a program, or nothing
    else:
        try:
            detach(fd)
        finally:
            os.close(fd)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def detach(fd: int) -> None:
    """Take the program of a link off its interface; nothing happens if it is off already."""
    try:
        bpf(LINK_DETACH, struct.pack("<I", fd))
    except OSError as problem:
        if problem.errno not in (errno.ENOLINK, errno.ENODEV):
            raise


def mount_bpffs(path: str | Path = BPFFS) -> bool:
    """Make `path`, a folder, a bpffs; whether it had to be mounted. `PlatformError` if the kernel refuses.

    What is pinned there lasts until the last mount of it is gone; `umount(8)` takes it away.
    """
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        if any(m.split()[1:3] == [str(path), "bpf"] for m in mounts):
            return False
    if _libc.mount(b"bpf", os.fsencode(path), b"bpf", 0, b"mode=0700") != 0:
        problem = last_error()
        raise PlatformError(
            Diagnostic(
                "P323",
                f"no bpffs can be mounted at {path}: {problem.strerror}",
                help=f"as root: mount -t bpf bpf {path}",
            )
        )
    return True


def object_info(fd: int, size: int) -> bytes:
    """The first `size` bytes of the kernel's structure about a map, program or link; zeros where it knows less."""
    out = ctypes.create_string_buffer(size)
    bpf(OBJ_GET_INFO_BY_FD, struct.pack("<IIQ", fd, size, ctypes.addressof(out)))
    return out.raw


def described(fd: int) -> dict[str, str]:
    """The lines of /proc/self/fdinfo about a descriptor, by name."""
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as lines:
        pairs = (line.partition(":") for line in lines)
        return {name: value.strip() for name, _, value in pairs}


def object_name(text: str) -> bytes:
    """`text` as the kernel takes it for the name of a map or program: at most 15 letters, digits, dots, underscores."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", text).encode()[:15]
