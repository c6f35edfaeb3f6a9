"""Runs boxes on the kernel's ports in real time: one thread, one poll, batches of frames."""

import select
import time
from collections.abc import Callable, Mapping

from innet.platform.ports import Box, PollablePort, Worker

BATCH = 64
"""Frames taken from one port before the others get their turn."""
NS = 1_000_000_000


def real_clock() -> Callable[[], int]:
    """Nanoseconds from 1970 as of now, that never go back: the system's clock may be set, this one is not."""
    offset = time.time_ns() - time.monotonic_ns()
    return lambda: offset + time.monotonic_ns()


class Driver:
    """Boxes with their ports; further descriptors may be watched beside them."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self._poll = select.poll()
        self._ports: dict[int, tuple[Box, str, PollablePort]] = {}
        self._others: dict[int, Callable[[], None]] = {}
        self._workers: list[Worker] = []
        self.failed: list[str] = []
        """Ports that are no longer listened to, since their device is gone."""

    def add(self, box: Box, ports: Mapping[str, PollablePort]) -> None:
        """Run `box` on `ports` from now on."""
        self._workers.append(box)
        for name, port in ports.items():
            self._ports[port.fileno()] = box, name, port
            self._poll.register(port.fileno(), select.POLLIN)

    def run(self, worker: Worker) -> None:
        """Let `worker` run from now on; what it waits for is for `watch`."""
        self._workers.append(worker)

    def watch(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` when `descriptor` can be read."""
        self._others[descriptor] = ready
        self._poll.register(descriptor, select.POLLIN)

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no longer."""
        if self._others.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def run_until(self, until_ns: int) -> None:
        """Run everything until the clock says `until_ns`."""
        busy = self._work()
        while (left := until_ns - self.clock()) > 0:
            wait_ns = 0 if busy else min(left, self._wait_ns())
            for descriptor, event in self._poll.poll(wait_ns / 1_000_000):
                self._ready(descriptor, event)
            busy = self._work()

    def _work(self) -> bool:
        busy = [worker.work() for worker in self._workers]
        return any(busy)

    def _wait_ns(self) -> int:
        now = self.clock()
        wakes = [wake for one in self._workers if (wake := one.next_wake()) is not None]
        return max(0, min(wakes) - now) if wakes else NS

    def _ready(self, descriptor: int, event: int) -> None:
        if descriptor in self._others:
            self._others[descriptor]()
            return
        box, name, port = self._ports[descriptor]
        if not event & select.POLLIN:  # the device went away
            self._poll.unregister(descriptor)
            self.failed.append(name)
            return
        for _ in range(BATCH):
            frame = port.read()
            if frame is None:
                return
            box.receive(name, frame)
