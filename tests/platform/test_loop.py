"""The loop that runs a router on ports, in real time; the ports here are Unix datagram sockets."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from innet.elements.base import Element
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.device.tonetfront import ToNetfront
from innet.elements.framing.strip import Strip
from innet.elements.queueing.queue import Queue
from innet.elements.queueing.timedunqueue import TimedUnqueue
from innet.platform.loop import EthernetPort, serve
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.device.test_netfront import frame, ipv4
from tests.runtime.fakes import MemoryIo


class SocketPort:
    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.end = end

    def fileno(self) -> int:
        return self.end.fileno()

    def receive(self) -> bytes | None:
        try:
            return self.end.recv(2048)
        except BlockingIOError:
            return None

    def send(self, data: bytes) -> bool:
        return self.end.send(data) == len(data)


class PortIo(MemoryIo):
    def __init__(self, port: SocketPort) -> None:
        super().__init__()
        self.port = EthernetPort(port, b"\x0d" * 6, b"\x05" * 6)

    def device(self, name: str) -> EthernetPort:  # type: ignore[override]
        return self.port


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, SocketPort]]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        near.settimeout(5)
        yield near, SocketPort(far)


def serving(
    elements: dict[str, Element], port: SocketPort, stop: threading.Event, **context: tuple[str, str]
) -> threading.Thread:
    router = Router(chain(elements, context), PortIo(port), time.monotonic_ns)
    thread = threading.Thread(target=serve, args=(router, {"0": port}, stop.is_set))
    thread.start()
    return thread


def test_frames_pass_and_ip_packets_get_addresses(wire: tuple[socket.socket, SocketPort]) -> None:
    near, port = wire
    stop = threading.Event()
    thread = serving({"f": FromNetfront(), "s": Strip(14), "t": ToNetfront()}, port, stop)
    try:
        for n in range(200):
            near.send(frame(ipv4() + bytes([n])))
            assert near.recv(2048) == b"\x0d" * 6 + b"\x05" * 6 + b"\x08\x00" + ipv4() + bytes([n])
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()


def test_timers_run_in_real_time(wire: tuple[socket.socket, SocketPort]) -> None:
    near, port = wire
    stop = threading.Event()
    elements = {"f": FromNetfront(), "q": Queue(), "u": TimedUnqueue(50, 2), "t": ToNetfront()}
    thread = serving(elements, port, stop, q=("h", "l"), u=("l", "h"))
    try:
        for n in range(4):
            near.send(frame(ipv4() + bytes([n])))
        near.recv(2048), near.recv(2048)
        start = time.monotonic()
        assert near.recv(2048)[-1] == 2
        assert time.monotonic() - start > 0.02
    finally:
        stop.set()
        thread.join(5)


def test_a_port_that_fails_is_no_longer_listened_to(wire: tuple[socket.socket, SocketPort]) -> None:
    _, port = wire
    router = Router(chain({"f": FromNetfront(), "t": ToNetfront()}), PortIo(port), time.monotonic_ns)
    calls = iter([False, False, True])
    number = port.fileno()

    class Broken(SocketPort):
        def fileno(self) -> int:
            return number

    port.end.close()
    serve(router, {"0": Broken.__new__(Broken)}, lambda: next(calls, True))
    assert router.messages == ["port '0' failed; it is no longer listened to"]
