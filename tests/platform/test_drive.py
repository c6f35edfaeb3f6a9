"""Boxes on descriptors in real time."""

import socket
import time

from innet.platform import Driver, real_clock


class SocketPort:
    """`PollablePort` on one end of a pair of sockets."""

    mac, peer_mac = 1, 2

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        end.setblocking(False)

    def fileno(self) -> int:
        return self.end.fileno()

    def read(self) -> bytes | None:
        try:
            return self.end.recv(2048) or None
        except BlockingIOError:
            return None

    def write(self, frame: bytes) -> bool:
        return self.end.send(frame) == len(frame)


class Recorder:
    """`Box` that notes what it is asked; wakes once, `wake` nanoseconds after its making."""

    def __init__(self, wake: int | None = None) -> None:
        self.frames: list[tuple[str, bytes]] = []
        self.worked: list[int] = []
        self.clock = real_clock()
        self.wake = None if wake is None else self.clock() + wake

    def receive(self, interface: str, frame: bytes) -> None:
        self.frames.append((interface, frame))

    def work(self) -> bool:
        if self.wake is not None and self.clock() >= self.wake:
            self.worked.append(self.clock() - self.wake)
            self.wake = None
        return False

    def next_wake(self) -> int | None:
        return self.wake


def test_frames_reach_their_box_with_the_name_of_the_port() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        box, clock = Recorder(), real_clock()
        driver = Driver(clock)
        driver.add(box, {"nic": SocketPort(ours)})
        for n in range(200):
            theirs.send(b"frame %d" % n)
        driver.run_until(clock() + 20_000_000)
        assert box.frames == [("nic", b"frame %d" % n) for n in range(200)]


def test_a_box_is_woken_in_time_and_the_driver_ends_in_time() -> None:
    box, clock = Recorder(30_000_000), real_clock()
    driver = Driver(clock)
    driver.add(box, {})
    began = time.monotonic()
    driver.run_until(clock() + 60_000_000)
    assert 0.05 < time.monotonic() - began < 1
    assert len(box.worked) == 1
    assert box.worked[0] < 500_000_000


def test_other_descriptors_are_watched_until_forgotten() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        clock, seen = real_clock(), []
        driver = Driver(clock)
        driver.watch(ours.fileno(), lambda: seen.append(ours.recv(100)))
        theirs.send(b"one")
        driver.run_until(clock() + 5_000_000)
        driver.forget(ours.fileno())
        theirs.send(b"two")
        driver.run_until(clock() + 5_000_000)
        assert seen == [b"one"]
