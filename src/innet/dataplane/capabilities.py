"""What this process may do, cut down to what it needs (capabilities(7))."""

import ctypes
import os
import struct
import time
from collections.abc import Iterable
from enum import IntEnum

from innet.diagnostics import Diagnostic, PlatformError


class Capability(IntEnum):
    """Capabilities by the kernel's numbers (include/uapi/linux/capability.h), as far as the product names them."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    SETPCAP = 8
    NET_BIND_SERVICE = 10
    NET_ADMIN = 12
    NET_RAW = 13
    SYS_PTRACE = 19
    SYS_ADMIN = 21
    SYS_RESOURCE = 24
    PERFMON = 38
    BPF = 39


AGENT = frozenset({Capability.BPF, Capability.NET_ADMIN, Capability.PERFMON})
"""What the data plane needs once it is in its network namespace and bpffs is mounted: BPF to make maps and programs,
NET_ADMIN for XDP programs, links and the TAP device, PERFMON for the verifier to take programs that compare and spill
pointers."""

VERSION_3 = 0x20080522
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 23, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SYS_CAPGET, SYS_CAPSET = 125, 126
_libc = ctypes.CDLL(None, use_errno=True)


def held() -> frozenset[int]:
    """The numbers of the capabilities this thread has in effect."""
    return frozenset(_bits(_sets()[0]))


def keep(wanted: Iterable[Capability]) -> None:
    """Give up all capabilities of this process but `wanted`, for good: no program it starts gets more.

    Call it before threads are made, for each has its own set. Raises `PlatformError` if there are several threads, if
    one of `wanted` is not held, or if the kernel refuses; nothing was given up in the first two cases.
    """
    names = frozenset(wanted)
    mask = sum(1 << number for number in names)
    if (threads := _threads()) > 1:
        raise _problem(
            f"this process has {threads} threads already", "give up capabilities before threads are made"
        )
    permitted = _sets()[1]
    missing = sorted(name.name for name in names if not permitted >> name & 1)
    if missing:
        text = ", ".join(f"CAP_{name}" for name in missing)
        raise _problem(f"this process lacks {text}", "start it as root, or with these capabilities")
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    if permitted >> Capability.SETPCAP & 1:  # otherwise no_new_privs has to do
        with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as last:
            for number in range(int(last.read()) + 1):
                if not mask >> number & 1 and _prctl(PR_CAPBSET_READ, number):
                    _prctl(PR_CAPBSET_DROP, number)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = ctypes.create_string_buffer(struct.pack("=Ii", VERSION_3, 0), 8)
    data = ctypes.create_string_buffer(struct.pack("=6I", low, low, 0, high, high, 0), 24)
    if _libc.syscall(SYS_CAPSET, header, data) != 0:
        raise _problem(f"capabilities cannot be given up: {os.strerror(ctypes.get_errno())}", "")


def _threads() -> int:
    """How many threads there are; one that was just joined is listed a moment longer, so look again for 0.1 s."""
    for _ in range(100):
        if (found := len(os.listdir("/proc/self/task"))) == 1:
            break
        time.sleep(0.001)
    return found


def _problem(message: str, help_: str) -> PlatformError:
    return PlatformError(Diagnostic("P350", message, help=help_))


def _prctl(option: int, argument: int) -> int:
    result: int = _libc.prctl(option, ctypes.c_ulong(argument), *(ctypes.c_ulong(0),) * 3)
    if result < 0:
        raise _problem(
            f"privileges cannot be given up (prctl {option}): {os.strerror(ctypes.get_errno())}", ""
        )
    return result


def _sets() -> tuple[int, int]:
    """Effective and permitted set, as bits."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", VERSION_3, 0), 8)
    data = ctypes.create_string_buffer(24)
    if _libc.syscall(SYS_CAPGET, header, data) != 0:
        raise _problem(f"capabilities cannot be read: {os.strerror(ctypes.get_errno())}", "")
    low, low_permitted, _, high, high_permitted, _ = struct.unpack("=6I", data.raw)
    return low | high << 32, low_permitted | high_permitted << 32


def _bits(mask: int) -> list[int]:
    return [n for n in range(mask.bit_length()) if mask >> n & 1]
