"""Where frames come in and go out, as the platform's code sees it; sockets and pipes alike."""

from typing import Protocol


class Port(Protocol):
    """One interface. `mac` is its own Ethernet address, `peer_mac` that of the next router (None: nobody there)."""

    @property
    def mac(self) -> int: ...

    @property
    def peer_mac(self) -> int | None: ...

    def write(self, frame: bytes) -> bool:
        """Send a frame; false if the interface would not take it."""
        ...


class PollablePort(Port, Protocol):
    """A port of the kernel's: a file descriptor that never blocks."""

    def fileno(self) -> int: ...

    def read(self) -> bytes | None:
        """The next frame, or None if there is none now."""
        ...


class Worker(Protocol):
    """What wants to run from time to time. Not thread safe: whoever drives it takes turns."""

    def work(self) -> bool:
        """Run what is due, for a bounded time; whether there is more to do right now."""
        ...

    def next_wake(self) -> int | None:
        """The time (nanoseconds of the box's clock) from which `work` wants to be called again; None: not before a
        frame arrives."""
        ...


class Box(Worker, Protocol):
    """A node that is run by this code: a platform or a middlebox."""

    def receive(self, interface: str, frame: bytes) -> None:
        """A frame arrived on an interface; all that it causes at once happens before this returns."""
        ...
