"""The control socket of a daemon: newline-delimited JSON on a UNIX stream socket that only its own user and root open.

A request is `{"schema": 1, "id": N, "verb": "...", ...}`, an answer `{"schema": 1, "id": N, "ok": ...}` or
`{"schema": 1, "id": N, "error": {...}}`. A stream goes on with `{"schema": 1, "id": N, "more": ...}` until the client
leaves or a line says `"end"`. A client may send several requests at once; they are answered one after the other.

Nothing here blocks, and nothing grows without bound: lines, clients and what waits for a client are limited, and a
client that does not read its answer, or does not end its line, is put out.
"""

import contextlib
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from innet.diagnostics import Diagnostic, InNetError, PlatformError
from innet.platform.codec import diagnostics_to_json
from innet.platform.desired import make_folder, remove_folders

SCHEMA = 1
MAX_CLIENTS = 64
MAX_LINE = 32 << 20
"""Bytes of one request: the desired state of some ten thousand modules."""
MAX_WAITING = 64 << 20
"""Bytes of requests of all clients that are not complete."""
CHUNK = 1 << 18
IDLE_S = 20.0
"""How long a client may leave a line unfinished, or an answer unread."""
MAX_PATH = 107
"""Bytes of a socket's path (unix(7))."""
READ, WRITE = select.POLLIN, select.POLLOUT
GONE = select.POLLRDHUP

Part = dict[str, object] | None
"""What follows `schema` and `id` in a line to the client; None: nothing yet, ask again later."""
Answering = Callable[[dict[str, object]], Iterator[Part]]
"""Answers one request: the last part has "ok" or "end". Raises InNetError. Closed when the client leaves."""


def bad_request(message: str, expected: str = "") -> PlatformError:
    """The error for a request that is none."""
    return PlatformError(Diagnostic("P360", f"not a request: {message}", expected=expected))


@dataclass
class Client:
    """One connection."""

    socket: socket.socket
    active_s: float
    input: bytearray = field(default_factory=bytearray)
    searched: int = 0
    output: memoryview = field(default_factory=lambda: memoryview(b""))
    id: object = None
    answering: Iterator[Part] | None = None
    streaming: bool = False
    leaving: bool = False
    """Nothing more is read; it is closed when the output is written."""
    wanted: int = -1

    def has_line(self) -> bool:
        """Whether a whole request waits."""
        at = self.input.find(b"\n", self.searched)
        if at < 0:
            self.searched = len(self.input)
        return at >= 0

    def take_line(self) -> bytes:
        at = self.input.index(b"\n", self.searched)
        line = bytes(self.input[:at])
        del self.input[: at + 1]
        self.searched = 0
        return line

    def interest(self) -> int:
        """The events to poll for."""
        events = 0
        if self.output:
            events |= WRITE
        elif self.streaming:
            events |= GONE
        if not self.leaving and self.answering is None and not self.output and not self.has_line():
            events |= READ
        return events


class ControlSocket:
    """The socket at `path`, mode 0600, in a folder that is made if need be. The daemon polls `descriptors` and calls
    `turn` each time round. Raises PlatformError if it cannot be made."""

    def __init__(self, path: Path, answer: Answering, now_s: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._answer, self._now_s = answer, now_s
        self._clients: dict[int, Client] = {}
        self._changed: dict[int, int] = {}
        check_path(path)
        make_folder(path.parent)
        self._listener = socket.socket(
            socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        mask = os.umask(0o177)
        try:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()  # of a daemon that died: the lock of the desired state says that no other one lives
            self._listener.bind(str(path))
            self._listener.listen(MAX_CLIENTS)
        except OSError as error:
            self._listener.close()
            message = f"the socket {path} cannot be made: {error.strerror}"
            raise PlatformError(Diagnostic("P361", message)) from None
        finally:
            os.umask(mask)
        self._changed[self._listener.fileno()] = READ

    def changes(self) -> dict[int, int]:
        """What to poll for, by descriptor, where it changed since the last call; zero: only that the other side is
        gone. Descriptors that are closed are in `closed`."""
        changed, self._changed = self._changed, {}
        for number, client in self._clients.items():
            events = client.interest()
            if events != client.wanted:
                client.wanted = changed[number] = events
        return changed

    def ready(self, number: int, event: int) -> None:
        """A descriptor of ours is ready."""
        if number == self._listener.fileno():
            for _ in range(MAX_CLIENTS):
                if not self._accept():
                    return
            return
        client = self._clients.get(number)
        if client is None:
            return
        try:
            if event & READ:
                self._read(client)
            if event & WRITE:
                self._write(client)
        except OSError:
            self._close(client)
            return
        if event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) or (event & GONE and client.streaming):
            self._close(client)

    def owns(self, number: int) -> bool:
        """Whether a descriptor is one of ours."""
        return number == self._listener.fileno() or number in self._clients

    def turn(self) -> bool:
        """Go on with every request; whether there is more to do right now."""
        busy = False
        for client in tuple(self._clients.values()):
            busy |= self._advance(client)
        return busy

    @property
    def flushed(self) -> bool:
        """Whether every answer is written."""
        return not any(client.output for client in self._clients.values())

    def close(self) -> None:
        """Put every client out, and remove the socket."""
        for client in tuple(self._clients.values()):
            self._close(client)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    # ---- connections

    def _accept(self) -> bool:
        """Take the next client in; false if there is none."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return False
        connection.setblocking(False)
        if peer_user(connection) not in (0, os.geteuid()):
            connection.close()
            return True
        if len(self._clients) >= MAX_CLIENTS:
            self._close(min(self._clients.values(), key=lambda c: (c.streaming, c.active_s)))
        self._clients[connection.fileno()] = Client(connection, self._now_s())
        return True

    def _close(self, client: Client) -> None:
        number = client.socket.fileno()
        if self._clients.pop(number, None) is None:
            return
        self._changed.pop(number, None)
        stop(client)
        client.socket.close()

    def _read(self, client: Client) -> None:
        data = client.socket.recv(CHUNK)
        client.active_s = self._now_s()
        if not data:
            client.leaving = True
            return
        client.input += data
        waiting = sum(len(one.input) for one in self._clients.values())
        if len(client.input) > MAX_LINE or waiting > MAX_WAITING:
            client.input.clear()
            client.searched = 0
            client.leaving = True
            self._tell_error(
                client, bad_request(f"it is longer than {MAX_LINE >> 20} MiB, or others send as much")
            )

    def _write(self, client: Client) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = client.socket.send(client.output[:CHUNK])
            client.output = client.output[sent:]
            client.active_s = self._now_s()

    # ---- requests

    def _advance(self, client: Client) -> bool:
        if client.output:
            try:
                self._write(client)
            except OSError:
                self._close(client)
                return False
        if client.output:
            if self._now_s() - client.active_s > IDLE_S:
                self._close(client)
            return False
        if client.answering is None:
            if client.has_line():
                self._begin(client, client.take_line())
            elif client.leaving or (client.input and self._now_s() - client.active_s > IDLE_S):
                self._close(client)
                return False
        if client.answering is not None:
            self._go_on(client)
        return bool(client.output) or (client.answering is None and client.has_line())

    def _begin(self, client: Client, line: bytes) -> None:
        client.id = None
        client.active_s = self._now_s()
        try:
            request = parse_request(line)
            client.id = request["id"]
            client.answering = self._answer(request)
        except InNetError as error:
            self._tell_error(client, error)

    def _go_on(self, client: Client) -> None:
        assert client.answering is not None
        try:
            part = next(client.answering)
        except StopIteration:
            client.answering = None
            client.streaming = False
            return
        except InNetError as error:
            stop(client)
            self._tell_error(client, error)
            return
        if part is not None:
            client.streaming = "more" in part
            self._tell(client, part)

    def _tell(self, client: Client, part: dict[str, object]) -> None:
        line = json.dumps({"schema": SCHEMA, "id": client.id, **part}, separators=(",", ":")) + "\n"
        client.output = memoryview(line.encode())
        client.active_s = self._now_s()

    def _tell_error(self, client: Client, error: InNetError) -> None:
        self._tell(client, {"error": diagnostics_to_json(error.diagnostics)})


def stop(client: Client) -> None:
    """Have done with a request, answered or not."""
    answering, client.answering = client.answering, None
    client.streaming = False
    close = getattr(answering, "close", None)
    if close is not None:
        close()


def parse_request(line: bytes) -> dict[str, object]:
    """A request's object, with `schema` checked. Raises PlatformError."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise bad_request(what[:200], "one JSON object on one line") from None
    if not isinstance(value, dict):
        raise bad_request("it is no JSON object", "one JSON object on one line")
    if value.get("schema") != SCHEMA:
        raise bad_request(f"its schema is {str(value.get('schema'))[:40]}", f'"schema": {SCHEMA}')
    number = value.get("id")
    if type(number) is not int or not 0 <= number < 1 << 53:
        raise bad_request("its id is no number", '"id": a number that the answer repeats')
    return value


def peer_user(connection: socket.socket) -> int:
    """Whose process is on the other side."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", data)[1])


def check_path(path: Path) -> None:
    """Raises PlatformError for a path that is too long for a socket."""
    if len(os.fsencode(path)) > MAX_PATH:
        raise PlatformError(
            Diagnostic(
                "P361",
                f"{path} is too long for a socket: {len(os.fsencode(path))} bytes",
                expected=f"at most {MAX_PATH} bytes",
                help="name a shorter folder with --run or --platforms",
            )
        )


def remove_socket(path: Path) -> None:
    """Remove the socket that a dead daemon left, and its folder if it was made for it and is empty."""
    path.unlink(missing_ok=True)
    remove_folders(path.parent)
