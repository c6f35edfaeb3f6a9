"""TAP devices: how frames get from the kernel's programs to this process and back (drivers/net/tun.c).

What the kernel redirects to the device is read from its descriptor; what is written to it comes in by the device, and
meets the XDP program that is attached there.
"""

import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.closing import Closing

CLONE_DEVICE = "/dev/net/tun"
TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFMTU, SIOCSIFMTU, SIOCSIFHWADDR = 0x8913, 0x8914, 0x8921, 0x8922, 0x8924
SIOCGIFHWADDR, SIOCGIFINDEX, SIOCSIFTXQLEN = 0x8927, 0x8933, 0x8943
IFF_UP = 0x1
REFUSED = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EINVAL})
ARPHRD_ETHER = 1
NAME_BYTES = 15
RTM_NEWLINK, RTM_GETLINK, IFLA_STATS64 = 16, 18, 23
NLM_F_REQUEST = 1
FRAMING_BYTES = 14 + 4
"""What a frame has besides its MTU: the Ethernet header and a VLAN tag."""


@dataclass(frozen=True, slots=True)
class TapCounters:
    """Frames since the device was made.

    `refused`: the kernel had them for us, but the queue was full. Of frames that a program redirects, it counts one
    for each group of up to 16 that meets a full queue, so this says whether frames were lost; how many, the program
    has to count. `dropped_written`: we wrote them, and they were dropped before or by the program of the device.
    """

    read: int
    written: int
    refused: int
    dropped_written: int


class Tap(Closing):
    """The TAP device `name` of the network namespace this thread is in; made, or opened again if it persists.

    It is up and non-blocking, has no IPv6, and needs CAP_NET_ADMIN and /dev/net/tun. Afterwards the thread may be in
    any namespace. `queue` bounds the frames that wait for us, `mtu` what fits behind the Ethernet header, `mac` is 6
    bytes; None leaves a value as it is. Raises `PlatformError`; a device that was made is gone then.
    """

    def __init__(
        self, name: str, mac: bytes | None = None, queue: int | None = None, mtu: int | None = None
    ) -> None:
        if not 0 < len(name.encode()) <= NAME_BYTES or "%" in name:  # the kernel would fill in a number
            raise PlatformError(
                Diagnostic(
                    "P340", f"'{name}' is no name for a device", expected=f"1 to {NAME_BYTES} characters"
                )
            )
        self.name = name
        self._sockets: list[socket.socket] = []
        try:
            self.fd = os.open(CLONE_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise self._problem("no TAP device can be made", problem) from problem
        try:
            request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
            fcntl.ioctl(self.fd, TUNSETIFF, request)
            self._sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self._sockets.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
            self.index: int = struct.unpack_from("i", self._interface(SIOCGIFINDEX, b""), 16)[0]
            if mac is not None:
                self._interface(SIOCSIFHWADDR, struct.pack("H6s", ARPHRD_ETHER, mac))
            if queue is not None:
                self._interface(SIOCSIFTXQLEN, struct.pack("i", queue))
            if mtu is not None:
                self._interface(SIOCSIFMTU, struct.pack("i", mtu))
            with suppress(FileNotFoundError):  # a kernel without IPv6
                Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1", encoding="ascii")
            (flags,) = struct.unpack_from("H", self._interface(SIOCGIFFLAGS, b""), 16)
            self._interface(SIOCSIFFLAGS, struct.pack("H", flags | IFF_UP))
            self.mac: bytes = self._interface(SIOCGIFHWADDR, b"")[18:24]
            self.mtu: int = struct.unpack_from("i", self._interface(SIOCGIFMTU, b""), 16)[0]
        except OSError as problem:
            self.close()
            raise self._problem(f"the TAP device {name} cannot be made", problem) from problem
        self._longest = self.mtu + FRAMING_BYTES

    def _problem(self, message: str, problem: OSError) -> PlatformError:
        helps = {
            1: "it needs the capability CAP_NET_ADMIN",
            2: "load the kernel module tun",
            5: "it was taken down: set it up again",
            13: "it needs read and write access to /dev/net/tun",
            16: "another process has it open: a platform of this name runs already",
            22: "there is an interface of this name that is no TAP device of ours: remove it, or take another name",
        }
        return PlatformError(
            Diagnostic("P341", f"{message}: {problem.strerror}", help=helps.get(problem.errno or 0, ""))
        )

    def _interface(self, request: int, value: bytes) -> bytes:
        """An interface ioctl: struct ifreq is a name and a union of 24 bytes."""
        return fcntl.ioctl(self._sockets[0], request, struct.pack("16s24s", self.name.encode(), value))

    def persist(self, on: bool) -> None:
        """Whether the device outlives this process; frames that wait for us never do."""
        fcntl.ioctl(self.fd, TUNSETPERSIST, int(on))

    def remove(self) -> None:
        """Close it, and let it go even if it persisted."""
        if self.fd >= 0:
            try:
                self.persist(False)
            finally:
                self.close()

    def close(self) -> None:
        """Close it; the device goes, unless it persists."""
        while self._sockets:
            self._sockets.pop().close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def fileno(self) -> int:
        """For `select.poll` and its like."""
        return self.fd

    def read(self) -> bytes | None:
        """The next frame for us; None if there is none now."""
        try:
            return os.read(self.fd, self._longest)
        except BlockingIOError:
            return None

    def read_many(self, most: int) -> list[bytes]:
        """The frames that wait for us, oldest first, at most `most`."""
        fd, longest, found = self.fd, self._longest, []
        with suppress(BlockingIOError):
            for _ in range(most):
                found.append(os.read(fd, longest))
        return found

    def write(self, frame: bytes) -> bool:
        """Let a frame come in by the device; False if the kernel has no memory for it now, or it is no frame.

        Raises `PlatformError` if the device is down or gone.
        """
        try:
            os.write(self.fd, frame)
        except OSError as problem:
            if problem.errno in REFUSED:
                return False
            raise self._problem(f"the TAP device {self.name} takes no frames", problem) from problem
        return True

    def counters(self) -> TapCounters:
        """What the kernel counted for the device, also while this thread is in another network namespace."""
        route = self._sockets[1]
        body = struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, self.index, 0, 0)
        route.send(struct.pack("=IHHII", 16 + len(body), RTM_GETLINK, NLM_F_REQUEST, 0, 0) + body)
        answer = route.recv(1 << 16)
        (kind,) = struct.unpack_from("=H", answer, 4)
        if kind != RTM_NEWLINK:  # an error: the device was removed from outside
            raise PlatformError(
                Diagnostic("P342", f"the TAP device {self.name} is gone", help="start the platform again")
            )
        at = 32
        while at < len(answer):
            length, attribute = struct.unpack_from("=HH", answer, at)
            if attribute == IFLA_STATS64:
                rx, tx, _, _, _, _, rx_dropped, tx_dropped = struct.unpack_from("=8Q", answer, at + 4)
                return TapCounters(tx, rx, tx_dropped, rx_dropped)
            at += -(-length // 4) * 4
        raise PlatformError(
            Diagnostic("P342", f"the kernel keeps no counters for the TAP device {self.name}")
        )
