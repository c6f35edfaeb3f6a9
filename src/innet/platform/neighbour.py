"""Who the next router is, as Ethernet address: ARP (RFC 826) on a packet socket of the platform's interface."""

import select
import socket
import struct
import time

ETHERTYPE_ARP = b"\x08\x06"
ARP = struct.Struct("!HHBBH6sI6sI")
"""Hardware type, protocol type, their lengths, operation, sender, target."""
HEADER = (1, 0x0800, 6, 4)
REQUEST, REPLY = 1, 2
BROADCAST = b"\xff" * 6
TRIES = 3
WAIT_S = 1.0


def request(mac: bytes, address: int, wanted: int) -> bytes:
    """A frame that asks who has `wanted`."""
    body = ARP.pack(*HEADER, REQUEST, mac, address, bytes(6), wanted)
    return (BROADCAST + mac + ETHERTYPE_ARP + body).ljust(60, b"\0")


def replied(frame: bytes, wanted: int) -> int | None:
    """The Ethernet address of `wanted`, if this frame is its answer."""
    if frame[12:14] != ETHERTYPE_ARP or len(frame) < 14 + ARP.size:
        return None
    *header, operation, sender, address, _, _ = ARP.unpack_from(frame, 14)
    if tuple(header) != HEADER or operation != REPLY or address != wanted:
        return None
    return int.from_bytes(sender, "big")


def ask(raw: socket.socket, mac: bytes, address: int, wanted: int) -> int | None:
    """Ask on a packet socket that does not block who has `wanted`, as `address`; None if nobody answers within
    TRIES * WAIT_S. Other frames that come meanwhile are lost."""
    for _ in range(TRIES):
        try:
            raw.send(request(mac, address, wanted))
        except OSError:  # the interface is down
            return None
        until_s = time.monotonic() + WAIT_S
        while (left_s := until_s - time.monotonic()) > 0:
            if not select.select([raw], [], [], left_s)[0]:
                break
            try:
                found = replied(raw.recv(2048), wanted)
            except OSError:
                return None
            if found is not None:
                return found
    return None
