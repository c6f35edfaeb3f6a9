"""Runs a router on real ports, in real time: one thread, one poll, batches of frames.

A port is an object with a file descriptor; who opens it (an AF_PACKET socket in a namespace, a TAP device) is no
matter here. Ports are level-triggered and must not block.
"""

import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from innet.runtime.router import Router

BATCH = 64
"""Frames taken from one port before the others get their turn, and rounds of tasks between two looks at the ports."""
MAX_WAIT_S = 0.2
"""Longest sleep: how late a request to stop may be noticed."""
NS = 1_000_000_000


class FramePort(Protocol):
    """A network port: frames in and out."""

    def fileno(self) -> int: ...

    def receive(self) -> bytes | None:
        """The next frame, or None if there is none now."""
        ...

    def send(self, frame: bytes) -> bool:
        """Send a frame; false if it could not be sent."""
        ...


@dataclass(frozen=True)
class EthernetPort:
    """`Device` for elements, on a frame port. An IPv4 packet gets both addresses in front: `destination`, `source`."""

    port: FramePort
    destination: bytes
    source: bytes

    def send(self, data: bytes, ethernet: bool) -> bool:
        return self.port.send(data if ethernet else self.destination + self.source + b"\x08\x00" + data)


def serve(router: Router, ports: Mapping[str, FramePort], stop: Callable[[], bool]) -> None:
    """Run `router` until it ends or `stop()` is true; frames of port NAME go to the elements of device NAME.

    The router's clock must be a real one. A port whose descriptor fails is no longer listened to.
    """
    poller = select.poll()
    by_number: dict[int, tuple[str, FramePort]] = {}
    for name, port in ports.items():
        poller.register(port.fileno(), select.POLLIN)
        by_number[port.fileno()] = name, port
    busy = True
    while not router.ended and not stop():
        for number, event in poller.poll(0 if busy else _wait_ms(router)):
            name, port = by_number[number]
            if event & select.POLLIN:
                _receive(router, name, port)
            elif event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                poller.unregister(number)
                router.say(f"port '{name}' failed; it is no longer listened to")
        busy = router.work(BATCH)


def _receive(router: Router, name: str, port: FramePort) -> None:
    """Take a batch of frames from one port."""
    for _ in range(BATCH):
        frame = port.receive()
        if frame is None:
            return
        router.deliver(name, frame)


def _wait_ms(router: Router) -> float:
    """How long nothing needs to be done, in milliseconds."""
    wake = router.next_wake()
    if wake is None:
        return MAX_WAIT_S * 1000
    return min(max(0.0, (wake - router.clock()) / NS), MAX_WAIT_S) * 1000
