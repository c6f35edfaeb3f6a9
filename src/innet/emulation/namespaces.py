"""Network namespaces of the kernel: make, enter, remove. Linux, root."""

import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from innet.diagnostics import Diagnostic, PlatformError
from innet.signals import uninterrupted

T = TypeVar("T")

RUN = "/run/netns"
"""Where named namespaces are mounted, as by `ip netns`."""

CLONE_NEWNET = 0x4000_0000
MNT_DETACH = 2
SIOCETHTOOL = 0x8946
ETHTOOL_SWITCHES = {"tx checksum": 0x17, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""Offloads that make a frame differ from what is on a wire, with the command that sets each (linux/ethtool.h)."""

_libc = ctypes.CDLL(None, use_errno=True)


def require_root() -> None:
    """`PlatformError` unless this process may make namespaces."""
    if os.geteuid() != 0:
        raise PlatformError(
            Diagnostic(
                "E101", "network namespaces need root", expected="user 0", help="run with --simulate, or sudo"
            )
        )


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Run the block in `namespace`: sockets made there stay there. Only this thread moves, and it comes back.

    Raises `PlatformError` if there is no such namespace or it may not be entered.
    """
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(namespace)
        try:
            yield
        finally:
            _set(here, "the one we came from")
    finally:
        os.close(here)


def enter(namespace: str) -> None:
    """Move this thread to `namespace`, for good. Raises `PlatformError` as `inside`."""
    try:
        there = os.open(f"{RUN}/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PlatformError(
            Diagnostic(
                "E103",
                f"no network namespace '{namespace}': {error.strerror}",
                help=f"'ip netns' lists those there are; 'ip netns add {namespace}' makes it",
            )
        ) from None
    try:
        _set(there, namespace)
    finally:
        os.close(there)


def call(namespace: str, function: Callable[[], T]) -> T:
    """What `function` returns when run in `namespace`."""
    with inside(namespace):
        return function()


def _set(descriptor: int, name: str) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise PlatformError(Diagnostic("E103", f"cannot enter network namespace '{name}': {reason}"))


def remove(namespace: str) -> None:
    """Remove a named namespace, and with it its devices; nothing happens if it is not there."""
    path = f"{RUN}/{namespace}"
    while _libc.umount2(path.encode(), MNT_DETACH) == 0:  # more than once if it was mounted over
        pass
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        message = f"network namespace '{namespace}' cannot be removed: {error.strerror}"
        raise PlatformError(Diagnostic("E104", message)) from None


def batch(lines: Sequence[str], namespace: str | None = None, tool: str = "ip") -> None:
    """Run lines of `ip -batch` (or `bridge -batch`), in `namespace` if given; the first that fails ends it.

    Neither Ctrl-C nor another signal that stops this program stops the tool between two lines.
    """
    if not lines:
        return
    command = [tool, *(("-n", namespace) if namespace else ()), "-batch", "-"]
    try:
        with uninterrupted():
            done = subprocess.run(
                command,
                input="\n".join(lines) + "\n",
                capture_output=True,
                text=True,
                check=False,
                process_group=0,
            )
    except FileNotFoundError:
        raise PlatformError(
            Diagnostic("E105", f"there is no program '{tool}'", help="install the package iproute2")
        ) from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        number = next((int(p.rpartition(":")[2]) for p in said if p.startswith("Command failed")), 0)
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        where = f" in namespace '{namespace}'" if namespace else ""
        facts = (("said", said[0] if said else f"exit code {done.returncode}"),)
        raise PlatformError(Diagnostic("E106", f"'{tool} {line}' failed{where}", facts=facts))


def write_settings(settings: Sequence[tuple[str, str]]) -> None:
    """Write kernel settings (path under /proc/sys/net, value) of the namespace this thread is in; a setting of a
    protocol the kernel does not have (IPv6) is left out."""
    for name, value in settings:
        try:
            with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
                file.write(value)
        except FileNotFoundError:
            if not name.startswith("ipv6/"):
                raise PlatformError(Diagnostic("E107", f"the kernel has no setting net/{name}")) from None
        except OSError as error:
            message = f"setting net/{name} cannot be written: {error.strerror}"
            raise PlatformError(Diagnostic("E107", message)) from None


def offloads_off(device: str) -> None:
    """Make `device`, in this thread's namespace, send whole frames with complete checksums.

    Otherwise locally made TCP and UDP leaves a veth with the sum of the pseudo-header only, and in frames longer
    than the MTU. A switch the device does not have is off already.
    """
    for what in ETHTOOL_SWITCHES:
        try:
            _switch(device, what, False)
        except OSError as error:
            if what == "tx checksum":
                message = f"offload '{what}' of {device} cannot be switched off: {error.strerror}"
                raise PlatformError(Diagnostic("E108", message)) from None


def receive_offload(device: str, on: bool) -> None:
    """Whether `device`, in this thread's namespace, joins segments that arrive (GRO). A veth end then takes frames in
    batches, which programs of the kernel at its other end need to send any."""
    try:
        _switch(device, "gro", on)
    except OSError as error:
        message = f"offload 'gro' of {device} cannot be switched: {error.strerror}"
        raise PlatformError(Diagnostic("E108", message)) from None


def _switch(device: str, what: str, on: bool) -> None:
    import fcntl

    value = ctypes.create_string_buffer(struct.pack("=II", ETHTOOL_SWITCHES[what], int(on)))
    request = struct.pack("16sP", device.encode(), ctypes.addressof(value)).ljust(40, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request)
