"""The control socket under abuse: whatever a client does, the others are served and nothing grows."""

import errno
import json
import os
import random
import resource
import select
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.platform import control
from innet.platform.control import ControlSocket, Part
from innet.platform.remote import RemoteAgent
from tests.platform.daemons import Running, deployment, frame, running


def client(daemon: Running) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(20)
    while link.connect_ex(str(daemon.path)) == errno.EAGAIN:  # its queue is full for a moment
        pass
    return link


def lines(link: socket.socket, count: int) -> list[dict[str, object]]:
    """The next lines from a daemon."""
    with link.makefile("rb") as file:
        return [json.loads(file.readline()) for _ in range(count)]


def serves(daemon: Running, agent: RemoteAgent) -> bool:
    """Whether packets and other clients get what they want."""
    daemon.wire.send(frame())
    return bool(daemon.wire.recv(2000)) and agent.ping()["platform"] == "one"


def request(verb: str, **fields: object) -> bytes:
    return json.dumps({"schema": 1, "id": 7, "verb": verb, **fields}).encode() + b"\n"


BAD = [
    b"\n",
    b"nonsense\n",
    b"[1, 2]\n",
    b'"text"\n',
    b"\xff\xfe\x00\n",
    b"{}\n",
    b'{"schema": 2, "id": 1, "verb": "ping"}\n',
    b'{"schema": 1, "verb": "ping"}\n',
    b'{"schema": 1, "id": "x", "verb": "ping"}\n',
    b'{"schema": 1, "id": true, "verb": "ping"}\n',
    b'{"schema": 1, "id": -1, "verb": "ping"}\n',
    b'{"schema": 1, "id": 1e400, "verb": "ping"}\n',
    b'{"schema": 1, "id": ' + b"9" * 10000 + b', "verb": "ping"}\n',
    b"[" * 100_000 + b"\n",
    b'{"a":' * 100_000 + b"\n",
    request("explode"),
    request("__init__"),
    json.dumps({"schema": 1, "id": 1, "verb": ["ping"]}).encode() + b"\n",
    request("ping", more=1),
    request("apply"),
    request("apply", deployment=None),
    request("apply", deployment={}),
    request("apply", deployment={"identifier": 1}),
    request("remove", module=7),
    request("remove", module="../../etc/passwd"),
    request("tail", module="nobody.M"),
    request("suspend", module=""),
    request("replace", deployments={}),
    request("replace", deployments=[1]),
    request("claim", controller=""),
]


@pytest.mark.parametrize("bad", BAD, ids=[b[:40].decode("latin-1") for b in BAD])
def test_what_is_no_request_is_answered_with_an_error(tmp_path: Path, bad: bytes) -> None:
    with running(tmp_path) as (daemon, agent), client(daemon) as link:
        agent.apply(deployment())
        link.sendall(bad + request("ping"))
        first, second = lines(link, 2)
        assert first["error"]["diagnostics"][0]["message"]  # type: ignore[index]
        assert second["ok"]["platform"] == "one", "the connection goes on"  # type: ignore[index]
        assert serves(daemon, agent)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("identifier", "a/b", "a/b"),
        ("module", "", "no module"),
        ("role", "king", "Deployment.role should be one of operator"),
        ("sandbox", 1, "Deployment.sandbox should be true or false, not 1"),
        ("whitelist", ["x", 1], r"Deployment.whitelist\[1\] should be text, not 1"),
        ("colour", "red", "Deployment has no field 'colour'"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: object, words: str) -> None:
    from innet.messages import to_json

    row = to_json(deployment())
    assert isinstance(row, dict)
    row[field] = value
    with running(tmp_path) as (_, agent), pytest.raises(PlatformError, match=words):
        agent._ask("apply", deployment=row)


def test_requests_may_come_all_at_once_and_in_pieces(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, _), client(daemon) as link:
        link.sendall(request("ping") * 500)
        assert [line["id"] for line in lines(link, 500)] == [7] * 500
        for byte in request("ping"):
            link.sendall(bytes((byte,)))
        assert lines(link, 1)[0]["ok"]


def test_the_answer_comes_also_to_one_who_has_said_all(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, _), client(daemon) as link:
        link.sendall(request("ping") + b"half a li")
        link.shutdown(socket.SHUT_WR)
        (answer,) = lines(link, 1)
        assert answer["ok"]
        assert link.recv(10) == b""


def test_a_line_without_end_is_not_collected_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_LINE", 1 << 20)
    with running(tmp_path) as (daemon, agent), client(daemon) as link:
        agent.apply(deployment())
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            link.sendall(b"x" * (20 << 20))
        assert serves(daemon, agent)


def test_many_half_lines_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_WAITING", 1 << 20)
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment())
        links = [client(daemon) for _ in range(20)]
        for link in links:
            try:
                link.sendall(b"x" * 200_000)
            except OSError:
                continue
        assert serves(daemon, agent)
        for link in links:
            link.close()


def test_one_who_never_reads_gets_one_answer_and_no_more(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.replace([deployment(n) for n in range(1, 60)])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with client(daemon) as link:
            link.setblocking(False)
            for _ in range(20_000):
                try:
                    link.send(request("observe"))
                except BlockingIOError:
                    break
            for _ in range(50):
                assert serves(daemon, agent)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10, "KiB"


def test_clients_beyond_the_limit_put_out_the_idlest(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment())
        links = [client(daemon) for _ in range(3 * control.MAX_CLIENTS)]
        links[-1].sendall(request("ping"))
        assert lines(links[-1], 1)[0]["ok"]
        assert serves(daemon, agent), "the agent connects again"
        for link in links:
            link.close()
        assert serves(daemon, agent)


def test_descriptors_of_clients_that_left_are_given_back(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment())
        before = len(os.listdir("/proc/self/fd"))
        for number in range(300):
            with client(daemon) as link:
                link.sendall((request("ping"), request("tail", module="m1.M"), b"half", b"")[number % 4])
        while len(os.listdir("/proc/self/fd")) > before + 1:
            assert serves(daemon, agent)


def test_random_bytes(tmp_path: Path) -> None:
    chance = random.Random(1)
    pieces = [
        request("ping"),
        request("observe"),
        request("tail", module="m1.M"),
        b"\n",
        b"{",
        b'"',
        b"\xff",
        b"[[[",
    ]
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment())
        for _ in range(60):
            with client(daemon) as link:
                data = bytearray(b"".join(chance.choices(pieces, k=chance.randrange(1, 20))))
                for _ in range(chance.randrange(4)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                link.sendall(data)
        assert serves(daemon, agent)


def test_the_socket_is_its_users_alone(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, _):
        assert stat.S_IMODE(daemon.path.stat().st_mode) == 0o600
    assert not daemon.path.exists()


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="too long for a socket"):
        ControlSocket(tmp_path / ("x" * 100) / "one.sock", lambda request: iter(()))


# ---- without a daemon, with a clock of our own


class Bench:
    """A control socket whose time we set."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 0.0
        self.socket = ControlSocket(folder / "x.sock", self.answer, lambda: self.now_s)

    def answer(self, request: dict[str, object]) -> Iterator[Part]:
        yield {"ok": "x" * (10 << 20)}

    def turn(self) -> None:
        """Everything that is ready, once."""
        self.socket.turn()
        poller = select.poll()
        self.socket.changes()
        numbers = [self.socket._listener.fileno(), *self.socket._clients]
        for number in numbers:
            one = self.socket._clients.get(number)
            poller.register(number, select.POLLIN if one is None else one.interest())
        for number, event in poller.poll(0):
            self.socket.ready(number, event)


def test_half_a_line_and_an_unread_answer_have_their_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with socket.socket(socket.AF_UNIX) as half, socket.socket(socket.AF_UNIX) as deaf:
        for link, data in ((half, b"half"), (deaf, request("ping"))):
            link.connect(str(bench.socket.path))
            link.sendall(data)
        for _ in range(10):
            bench.turn()
        assert len(bench.socket._clients) == 2
        bench.now_s += control.IDLE_S / 2
        bench.turn()
        assert len(bench.socket._clients) == 2
        bench.now_s += control.IDLE_S
        bench.turn()
        assert not bench.socket._clients
    bench.socket.close()
