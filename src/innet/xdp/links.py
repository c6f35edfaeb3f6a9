"""Links: what attaches a program to an interface, and keeps it there as long as somebody holds the link or its pin."""

import errno
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.programs import LoadedProgram
from innet.xdp.syscall import (
    LINK_CREATE,
    LINK_UPDATE,
    Resource,
    bpf,
    detach,
    object_info,
    open_pinned,
)

ATTACH_XDP, ATTACH_TCX_INGRESS, ATTACH_TCX_EGRESS = 37, 46, 47
XDP_GENERIC, XDP_NATIVE = 1 << 1, 1 << 2
"""XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE (include/uapi/linux/if_link.h)."""


class NativeModeError(PlatformError):
    """The interface's driver runs no XDP programs itself; the caller may take the generic mode."""


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """What the kernel tells about a link; `interface` is 0 once it is detached or the interface is gone."""

    id: int
    program: int
    interface: int


class Link(Resource):
    """A program attached to an interface of this thread's network namespace.

    Making one, updating it and taking it away cost 8 to 17 ms each, for the kernel waits until no packet is inside.
    """

    @classmethod
    def xdp(cls, program: LoadedProgram, interface: int, generic: bool = False) -> Self:
        """Attach to the interface with this index. Natively, before a socket buffer is made, unless `generic`.

        Raises `NativeModeError` if the driver cannot, `PlatformError` if the interface is gone, is taken, or refuses.
        """
        return cls._create(program, interface, ATTACH_XDP, XDP_GENERIC if generic else XDP_NATIVE)

    @classmethod
    def tcx(cls, program: LoadedProgram, interface: int, ingress: bool = True) -> Self:
        """Attach a `tc` program where packets come in or go out, behind those that are there; else `PlatformError`."""
        return cls._create(program, interface, ATTACH_TCX_INGRESS if ingress else ATTACH_TCX_EGRESS, 0)

    @classmethod
    def _create(cls, program: LoadedProgram, interface: int, where: int, flags: int) -> Self:
        try:
            return cls(bpf(LINK_CREATE, struct.pack("<IIII", program.fd, interface, where, flags))[0])
        except OSError as problem:
            raise _attach_problem(interface, flags, problem) from problem

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The link pinned at `path`; `PlatformError` if there is none."""
        return cls(open_pinned(path, "link"))

    def info(self) -> LinkInfo:
        """What the kernel tells about it now."""
        _, number, program, _, interface = struct.unpack("<IIIII", object_info(self.fd, 20))
        return LinkInfo(number, program, interface)

    def update(self, program: LoadedProgram) -> None:
        """Replace the program; every packet meets the old one or the new one. `PlatformError` if the link is dead."""
        try:
            bpf(LINK_UPDATE, struct.pack("<II", self.fd, program.fd))
        except OSError as problem:
            gone = problem.errno == errno.ENOLINK
            raise PlatformError(
                Diagnostic(
                    "P333",
                    f"the program of a link cannot be replaced: {problem.strerror}",
                    expected="a program of the same type, and a link whose interface is still there",
                    help="its interface was removed: make a new link" if gone else "",
                )
            ) from problem

    def detach(self) -> None:
        """Take the program off the interface, even if pins hold the link; nothing happens if it is off already."""
        detach(self.fd)


def _attach_problem(interface: int, flags: int, problem: OSError) -> PlatformError:
    number = problem.errno
    try:
        name = socket.if_indextoname(interface)
    except OSError:
        return PlatformError(
            Diagnostic(
                "P330", f"there is no interface {interface} in this network namespace", expected="its index"
            )
        )
    if number in (errno.EBUSY, errno.EEXIST):
        return PlatformError(
            Diagnostic(
                "P331",
                f"interface {name} has an XDP program already",
                expected="an interface that nobody else uses",
                help=f"see what it is by `ip link show {name}`; `ip link set {name} xdp off` removes one that is "
                "not held by a link",
            )
        )
    if number == errno.EOPNOTSUPP and flags & XDP_NATIVE:
        return NativeModeError(
            Diagnostic(
                "P332",
                f"the driver of {name} runs no XDP programs",
                expected="native XDP",
                help="take the generic mode, which is slower",
            )
        )
    helps = {
        errno.ERANGE: "make its MTU smaller (3,500 or less), or load the program for frames of several buffers",
        errno.EINVAL: "the program was loaded for another place, or offloads of the interface forbid XDP (LRO)",
    }
    return PlatformError(
        Diagnostic(
            "P333",
            f"the program cannot be attached to {name}: {problem.strerror}",
            help=helps.get(number or 0, ""),
        )
    )
