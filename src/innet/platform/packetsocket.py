"""A network interface as a frame port: an AF_PACKET socket (packet(7)). Needs the capability CAP_NET_RAW."""

import contextlib
import socket
import struct

from innet.diagnostics import Diagnostic, PlatformError

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_MR_PROMISC = 263, 1, 8, 1
PACKET_OUTGOING = 4
VLAN_VALID, TPID_VALID = 1 << 4, 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")
MAX_FRAME = 65_550
ETHERTYPE_VLAN = 0x8100
RECEIVE_BUFFER = 4 << 20


class PacketSocket:
    """Frames of interface `name`, both ways. 802.1Q tags that the kernel took off are put back."""

    def __init__(self, name: str, promiscuous: bool = True) -> None:
        try:
            number = socket.if_nametoindex(name)
            with contextlib.ExitStack() as undo:
                self._socket = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
                self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
                if promiscuous:
                    member = struct.pack("=IHH8x", number, PACKET_MR_PROMISC, 0)
                    self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, member)
                self._socket.bind((name, ETH_P_ALL))
                self._socket.setblocking(False)
                undo.pop_all()
        except PermissionError as e:
            raise PlatformError(
                Diagnostic(
                    "P301",
                    f"interface '{name}' cannot be opened: {e.strerror}",
                    help="run this as root, or with the capability CAP_NET_RAW",
                )
            ) from e
        except OSError as e:
            raise PlatformError(
                Diagnostic("P302", f"interface '{name}' cannot be opened: {e.strerror or 'there is none'}")
            ) from e
        self.address: bytes = self._socket.getsockname()[4]

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def receive(self) -> bytes | None:
        """The next frame that came in, or None if there is none now (or the interface is down)."""
        while True:
            try:
                frame, control, _, sender = self._socket.recvmsg(MAX_FRAME, socket.CMSG_SPACE(AUXDATA.size))
            except OSError:
                return None
            if sender[2] == PACKET_OUTGOING:
                continue
            for level, kind, data in control:
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and len(data) >= AUXDATA.size:
                    return _with_tag(frame, data)
            return frame

    def send(self, frame: bytes) -> bool:
        with contextlib.suppress(OSError):
            return self._socket.send(frame) == len(frame)
        return False


def _with_tag(frame: bytes, auxdata: bytes) -> bytes:
    """The frame with the tag that the kernel keeps beside it, if there is one."""
    status, *_, tci, tpid = AUXDATA.unpack(auxdata[: AUXDATA.size])
    if not status & VLAN_VALID:
        return frame
    kind = tpid if status & TPID_VALID else ETHERTYPE_VLAN
    return frame[:12] + struct.pack(">HH", kind, tci) + frame[12:]
