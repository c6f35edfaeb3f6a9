"""Daemons of platforms, seen from another process: `PlatformAgent` over their control sockets."""

import errno
import json
import os
import socket
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from innet.diagnostics import Diagnostic, PlatformError
from innet.messages import to_json
from innet.platform.codec import MalformedError, diagnostics_from_json, from_json
from innet.platform.control import SCHEMA, check_path, peer_user
from innet.platform.protocol import Deployment, DropEvent, Observation

TIMEOUT_S = 30.0
"""How long an answer may take: a module may have to be compiled."""
REPLACE_S = 600.0
"""The same where all modules may have to be."""
MAX_ANSWER = 256 << 20
CHUNK = 1 << 18
SUFFIX = ".sock"


@dataclass(frozen=True, slots=True)
class Tailed:
    """Drops of a module as they happen, how many could not be told, and why the stream ended (empty: it goes on)."""

    drops: tuple[DropEvent, ...] = ()
    lost: int = 0
    end: str = ""


class GoneError(Exception):
    """The connection broke before the answer began."""


class RemoteAgent:
    """The platform whose daemon listens at `path`. It connects when it is first used, and again where the daemon was
    restarted. Raises PlatformError: P361 if nobody listens, P362 if the answer is late or breaks off, P363 if it is
    none, and the daemon's own diagnostics."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        check_path(path)
        self.path = path
        self.platform = path.name.removesuffix(SUFFIX)
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._input = bytearray()
        self._number = 0

    # ---- PlatformAgent

    def apply(self, deployment: Deployment) -> None:
        self._ask("apply", deployment=to_json(deployment))

    def remove(self, id: str) -> None:
        self._ask("remove", module=id)

    def observe(self) -> Observation:
        return self._read(Observation, self._ask("observe"))

    # ---- what a daemon can do besides

    def replace(self, deployments: Iterable[Deployment]) -> dict[str, tuple[Diagnostic, ...]]:
        """Run these modules and nothing else. Those that cannot run, with the reasons; they stay wanted."""
        rows = [to_json(deployment) for deployment in deployments]
        answer = self._ask("replace", timeout_s=REPLACE_S, deployments=rows)
        try:
            assert isinstance(answer, dict)
            return {id: diagnostics_from_json(found) for id, found in answer["failed"].items()}
        except (AssertionError, KeyError, AttributeError, MalformedError):
            raise self._malformed("it says nothing about modules that failed") from None

    def suspend(self, id: str) -> None:
        """Put an idle module's state away until its next packet."""
        self._ask("suspend", module=id)

    def resume(self, id: str) -> None:
        """Have a suspended module run again now."""
        self._ask("resume", module=id)

    def ping(self) -> dict[str, object]:
        """Who answers: platform, pid, whether all that was told is done, driver and so on."""
        answer = self._ask("ping")
        if not isinstance(answer, dict):
            raise self._malformed("it is no object")
        return answer

    def claim(self, controller: str) -> None:
        """Be the controller whose modules run there. Raises PlatformError P369 while it runs another one's."""
        self._ask("claim", controller=controller)

    def top(self) -> tuple[int, Observation]:
        """What `observe` says, and when (nanoseconds of the daemon's clock)."""
        answer = self._ask("top")
        if not isinstance(answer, dict) or not isinstance(answer.get("time_ns"), int):
            raise self._malformed("it has no time")
        return answer["time_ns"], self._read(Observation, answer.get("observation"))

    def down(self) -> None:
        """Stop the daemon and remove what it made."""
        self._ask("down", timeout_s=REPLACE_S)
        self.close()

    def tail(self, id: str) -> Iterator[Tailed]:
        """Drops of a module, from now on, on a connection of its own; the first item is empty and says that it began.
        Waits as long as there are none."""
        with closing(RemoteAgent(self.path, self._timeout_s)) as other:
            other._begin("tail", {"module": id})
            while True:
                try:
                    line = other._receive(None)
                except GoneError as gone:
                    raise self._lost(str(gone)) from None
                if "ok" in line or "error" in line:
                    other._settle(line)
                    raise self._malformed("it is no stream")
                more = line.get("more", line)
                try:
                    assert isinstance(more, dict)
                    drops = tuple(from_json(DropEvent, row) for row in more["drops"])
                    yield Tailed(drops, int(more.get("lost", 0)), str(line.get("end", "")))
                except (AssertionError, KeyError, TypeError, ValueError):
                    raise self._malformed("its drops are none") from None
                if "end" in line:
                    return

    def close(self) -> None:
        """Give the connection back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._input.clear()

    # ---- the connection

    def _ask(self, verb: str, timeout_s: float | None = None, **fields: object) -> object:
        """One request and its answer. Every request may be repeated, so it is where the connection had broken."""
        again = self._socket is not None
        deadline_s = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        while True:
            try:
                self._send(verb, fields)
                return self._settle(self._receive(deadline_s))
            except GoneError as gone:
                self.close()
                if not again:
                    raise self._lost(str(gone)) from None
                again = False
            except PlatformError:
                raise
            except BaseException:  # an interrupt: the answer to this request is not that to the next one
                self.close()
                raise

    def _begin(self, verb: str, fields: dict[str, object]) -> None:
        """One request, on a connection that nothing was asked on before."""
        try:
            self._send(verb, fields)
        except GoneError as gone:
            raise self._lost(str(gone)) from None

    def _connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            link.settimeout(self._timeout_s)
            until_s = time.monotonic() + self._timeout_s
            while (error := link.connect_ex(str(self.path))) == errno.EAGAIN and time.monotonic() < until_s:
                time.sleep(0.01)  # others come all at once
            if error:
                raise OSError(error, os.strerror(error))
        except OSError as error:
            link.close()
            raise PlatformError(
                Diagnostic(
                    "P361",
                    f"platform '{self.platform}' is not connected: {self.path}: {error.strerror or error}",
                    help=f"start it: innet platform {self.platform} --network FILE",
                )
            ) from None
        if peer_user(link) not in (0, os.geteuid()):
            link.close()
            raise PlatformError(Diagnostic("P361", f"{self.path} is served by another user's process"))
        return link

    def _send(self, verb: str, fields: dict[str, object]) -> None:
        if self._socket is None:
            self._socket = self._connect()
            self._input.clear()
        self._number += 1
        request = {"schema": SCHEMA, "id": self._number, "verb": verb, **fields}
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        except TimeoutError:
            self.close()
            raise self._lost("it does not read") from None
        except OSError as error:
            raise GoneError(error.strerror or "the connection broke") from None

    def _receive(self, deadline_s: float | None) -> dict[str, object]:
        """The next line; None waits for ever."""
        assert self._socket is not None
        searched = 0
        while (at := self._input.find(b"\n", searched)) < 0:
            searched = len(self._input)
            if searched > MAX_ANSWER:
                self.close()
                raise self._malformed(f"it is longer than {MAX_ANSWER >> 20} MiB")
            try:
                left = None if deadline_s is None else max(0.001, deadline_s - time.monotonic())
                self._socket.settimeout(left)
                data = self._socket.recv(CHUNK)
            except TimeoutError:
                self.close()
                raise self._lost("the answer is late") from None
            except OSError as error:
                raise GoneError(error.strerror or "the connection broke") from None
            if not data:
                raise GoneError("it ended, or put this client out")
            self._input += data
        line = bytes(self._input[:at])
        del self._input[: at + 1]
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            self.close()
            raise self._malformed(f"it is no line of version {SCHEMA} of the protocol")
        if value.get("id") != self._number and "error" not in value:
            self.close()
            raise self._malformed("it answers another request")
        return value

    def _settle(self, line: dict[str, object]) -> object:
        """What an answer says. Raises the daemon's diagnostics."""
        if "error" in line:
            try:
                raise PlatformError(diagnostics_from_json(line["error"]))
            except MalformedError as error:
                raise self._malformed(str(error)) from None
        if "ok" not in line:
            self.close()
            raise self._malformed("it has neither 'ok' nor 'error'")
        return line["ok"]

    def _read(self, kind: type[Observation], value: object) -> Observation:
        try:
            return from_json(kind, value)
        except MalformedError as error:
            raise self._malformed(str(error)) from None

    def _lost(self, reason: str) -> PlatformError:
        message = f"platform '{self.platform}' did not answer: {reason}"
        return PlatformError(Diagnostic("P362", message, help=f"does its daemon live? ls {self.path.parent}"))

    def _malformed(self, reason: str) -> PlatformError:
        message = f"platform '{self.platform}' gave an answer that is none: {reason}"
        return PlatformError(
            Diagnostic("P363", message, help="does the daemon run the same version of innet?")
        )


def connected(
    folder: Path, known: Collection[str] | None = None, timeout_s: float = TIMEOUT_S
) -> tuple[dict[str, RemoteAgent], dict[str, PlatformError]]:
    """The platforms (of `known` alone, if given) whose daemons answer on a socket in `folder`, by name; and why the
    others' sockets do not."""
    found: dict[str, RemoteAgent] = {}
    silent: dict[str, PlatformError] = {}
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError:
        return found, silent
    for name in names:
        platform = name.removesuffix(SUFFIX)
        if (known is not None and platform not in known) or not (folder / name).is_socket():
            continue
        try:
            agent = RemoteAgent(folder / name, timeout_s)
            agent.ping()
            found[platform] = agent
        except PlatformError as error:
            silent[platform] = error
    return found, silent
