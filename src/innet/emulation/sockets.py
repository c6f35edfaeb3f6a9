"""Sockets in namespaces: whole frames for middleboxes and platforms, UDP and echo requests for hosts."""

import errno
import os
import socket
import struct
import time
from types import TracebackType

from innet.diagnostics import Diagnostic, PlatformError
from innet.emulation.namespaces import inside

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
SO_RCVBUFFORCE = 33
IP_FREEBIND = 15
STATUS_PARTIAL_CHECKSUM = 1 << 3
STATUS_VLAN = 1 << 4
STATUS_VLAN_TPID = 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")
"""struct tpacket_auxdata: status, length, captured, mac, net, VLAN tag, VLAN protocol (linux/if_packet.h)."""

FRAME = 1 << 16
"""Longer than any frame."""

BUFFER = 8 << 20
"""Bytes that wait in the kernel before frames are lost."""


class FramePort:
    """Frames in and out of one device, as a file descriptor that never blocks. `mac` is the device's own address;
    `peer_mac` that of the next router (None: nobody there)."""

    def __init__(self, raw: socket.socket, name: str = "", mac: int = 0, peer_mac: int | None = None) -> None:
        self.socket = raw
        self.name = name
        self.mac = mac
        self.peer_mac = peer_mac
        self.lost = 0
        """Frames that the device did not take."""

    def fileno(self) -> int:
        """For select, poll and epoll."""
        return self.socket.fileno()

    def read(self) -> bytes | None:
        """The next frame, complete: with its checksum and its VLAN tag where the kernel kept them apart; None if
        there is none now, or the device is gone."""
        try:
            frame, ancillary, _, _ = self.socket.recvmsg(FRAME, 64)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.ENETDOWN, errno.EINTR}:
                return None
            raise
        for level, kind, data in ancillary:
            if level == SOL_PACKET and kind == PACKET_AUXDATA and len(data) >= AUXDATA.size:
                status, _, _, _, network, tag, protocol = AUXDATA.unpack_from(data)
                if status & STATUS_PARTIAL_CHECKSUM:
                    frame = complete_checksum(frame, network or 14)
                if status & STATUS_VLAN:
                    tpid = protocol if status & STATUS_VLAN_TPID else 0x8100
                    frame = frame[:12] + struct.pack("!HH", tpid, tag) + frame[12:]
        return frame

    def write(self, frame: bytes) -> bool:
        """Send a frame; false (and counted in `lost`) if the device would not take it: it is down, its queue is full,
        or the frame is longer than its MTU allows."""
        try:
            self.socket.send(frame)
        except OSError as error:
            if error.errno in {
                errno.EAGAIN, errno.ENOBUFS, errno.ENETDOWN, errno.EMSGSIZE, errno.EINVAL, errno.ENXIO,
            }:  # fmt: skip
                self.lost += 1
                return False
            raise
        return True

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()

    def __enter__(self) -> "FramePort":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_raw_socket(namespace: str, device: str) -> socket.socket:
    """As `raw_socket`, in a namespace."""
    with inside(namespace):
        return raw_socket(device, f" in namespace '{namespace}'")


def raw_socket(device: str, where: str = "") -> socket.socket:
    """A packet socket that gets every frame that arrives at `device` of this thread's namespace (none that leave it),
    promiscuous, non-blocking. `where` is for messages.

    Protocol zero until it is bound, so that it never sees a frame of another device.
    """
    raw: socket.socket | None = None
    try:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        index = socket.if_nametoindex(device)
        raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        kind = SO_RCVBUFFORCE if os.geteuid() == 0 else socket.SO_RCVBUF
        raw.setsockopt(socket.SOL_SOCKET, kind, BUFFER)
        raw.bind((device, ETH_P_ALL))
        raw.setsockopt(
            SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
        )
    except OSError as error:
        if raw is not None:
            raw.close()
        message = f"device '{device}'{where} cannot be opened: {error.strerror or 'there is none'}"
        if error.errno == errno.EPERM:
            expected, help = "", "run this as root, or with the capability CAP_NET_RAW"
        else:
            expected = ", ".join(name for _, name in socket.if_nameindex())
            help = "name one of these, and the namespace it is in"
        raise PlatformError(Diagnostic("E110", message, expected=expected, help=help)) from None
    return raw


def internet_sum(data: bytes) -> int:
    """The folded one's complement sum of 16-bit words (RFC 1071), not complemented."""
    total = int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 0xFFFF
    return total or (0xFFFF if any(data) else 0)


def complete_checksum(frame: bytes, network: int) -> bytes:
    """The frame with its TCP or UDP checksum computed: the kernel had left it to the device."""
    header = (frame[network] & 15) * 4
    transport = network + header
    end = network + int.from_bytes(frame[network + 2 : network + 4], "big")
    where = {6: 16, 17: 6}.get(frame[network + 9])
    if frame[network] >> 4 != 4 or where is None or len(frame) < transport + where + 2:
        return frame
    end = min(max(end, transport), len(frame))
    zeroed = bytearray(frame)
    zeroed[transport + where : transport + where + 2] = b"\0\0"
    pseudo = frame[network + 12 : network + 20] + struct.pack("!BBH", 0, frame[network + 9], end - transport)
    total = 0xFFFF - internet_sum(pseudo + bytes(zeroed[transport:end]))
    if total == 0 and frame[network + 9] == 17:
        total = 0xFFFF
    zeroed[transport + where : transport + where + 2] = struct.pack("!H", total)
    return bytes(zeroed)


def udp_socket(namespace: str, address: str, port: int = 0) -> socket.socket:
    """A UDP socket in `namespace` that speaks as `address`, be it on an interface or one of a clients' subnet."""
    with inside(namespace):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            udp.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            udp.bind((address, port))
        except OSError as error:
            udp.close()
            message = f"{address}:{port} in namespace '{namespace}' cannot be used: {error.strerror}"
            raise PlatformError(Diagnostic("E111", message)) from None
        return udp


def tcp_socket(namespace: str, address: str, port: int = 0) -> socket.socket:
    """A TCP socket in `namespace`, bound, neither listening nor connected."""
    with inside(namespace):
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            tcp.bind((address, port))
        except OSError as error:
            tcp.close()
            message = f"{address}:{port} in namespace '{namespace}' cannot be used: {error.strerror}"
            raise PlatformError(Diagnostic("E111", message)) from None
        return tcp


def ping(namespace: str, source: str, destination: str, timeout_s: float = 1.0) -> float | None:
    """Seconds until the answer to an ICMP echo request from `source` came back (RFC 792), or None if none came."""
    with inside(namespace):
        icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP)
    with icmp:
        icmp.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        icmp.bind((source, 0))
        mark = os.urandom(4)
        body = struct.pack("!BBH", 8, 0, 0) + mark + bytes(48)
        request = body[:2] + struct.pack("!H", 0xFFFF - internet_sum(body)) + body[4:]
        began = time.monotonic()
        try:
            icmp.sendto(request, (destination, 0))
        except OSError:  # no route
            return None
        while (left := began + timeout_s - time.monotonic()) > 0:
            icmp.settimeout(left)
            try:
                answer, sender = icmp.recvfrom(FRAME)
            except TimeoutError:
                return None
            at = (answer[0] & 15) * 4
            if sender[0] == destination and answer[at] == 0 and answer[at + 4 : at + 8] == mark:
                return time.monotonic() - began
    return None
