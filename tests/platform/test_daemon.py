"""The daemon: what it is told it does, keeps and tells."""

import socket
import time
from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.platform.desired import DesiredState
from innet.platform.protocol import ModuleState
from innet.platform.remote import RemoteAgent, connected
from tests.platform.daemons import ECHO, NODE, PICKY, deployment, frame, ids, running, small


def test_a_module_runs_and_its_report_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment())
        daemon.wire.send(frame())
        assert daemon.wire.recv(2000)[26:30] == bytes((198, 51, 100, 1))
        (report,) = agent.observe().modules
        assert (report.id, report.address, report.state) == ("m1.M", "198.51.100.1", ModuleState.RUNNING)
        assert (report.received.packets, report.sent.packets, report.starts) == (1, 1, 1)
        assert report.cpu_ns > 0
        agent.remove("m1.M")
        agent.remove("m1.M")
        assert ids(agent) == []


def test_drops_name_the_element(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment(text=PICKY))
        for port in (1, 1500):
            daemon.wire.send(frame(port=port))
        daemon.wire.recv(2000)
        (report,) = agent.observe().modules
        assert report.drops == (("f", "no rule matched", 1),)


def test_what_was_confirmed_is_there_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as (_, agent):
        for number in (1, 2, 3):
            agent.apply(deployment(number))
        agent.remove("m2.M")
        agent.apply(deployment(3, PICKY))
    with running(tmp_path) as (daemon, agent):
        while not agent.ping()["settled"]:
            pass
        assert ids(agent) == ["m1.M", "m3.M"]
        assert daemon.desired.wanted["m3.M"].text == PICKY


def test_the_agent_connects_again_to_a_daemon_that_was_restarted(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, _):
        agent = RemoteAgent(daemon.path)
        agent.apply(deployment())
    with running(tmp_path):
        assert ids(agent) == ["m1.M"]
        agent.close()


def test_refusals_are_the_daemons_own_words(tmp_path: Path) -> None:
    with running(tmp_path, small(1)) as (_, agent):
        with pytest.raises(PlatformError, match=r"P312.*meant for platform 'two'"):
            agent.apply(deployment().__class__("a", "M", "x", deployment().role, "two", "198.51.100.1", ECHO))
        with pytest.raises(PlatformError) as caught:
            agent.apply(deployment(text="FromNetfront() -> IPMiror -> ToNetfront()"))
        shown = str(caught.value)
        assert "IPMiror" in shown
        assert "^^^^^^^" in shown, "the place is marked, as where the text is at home"
        agent.apply(deployment())
        with pytest.raises(PlatformError, match="all 1 places"):
            agent.apply(deployment(2))
        assert ids(agent) == ["m1.M"]
        with pytest.raises(PlatformError, match=r"P315.*m2\.M"):
            agent.suspend("m2.M")


def test_replace_tells_everything_at_once(tmp_path: Path) -> None:
    with running(tmp_path, small(3)) as (daemon, agent):
        agent.apply(deployment(1))
        agent.apply(deployment(2))
        swapped = [deployment(2, name="m1"), deployment(1, name="m2"), deployment(5, "nonsense(")]
        failed = agent.replace(swapped)
        assert list(failed) == ["m5.M"]
        reports = {r.id: r for r in agent.observe().modules}
        assert {id: r.address for id, r in reports.items()} == {
            "m1.M": "198.51.100.2", "m2.M": "198.51.100.1", "m5.M": "198.51.100.5",
        }  # fmt: skip
        assert reports["m5.M"].state is ModuleState.FAILED
        assert reports["m5.M"].problem
        assert "m5.M" in daemon.desired.wanted, "it stays wanted"
        assert agent.replace([]) == {}
        assert ids(agent) == []


def test_one_that_found_no_place_starts_when_there_is_room(tmp_path: Path) -> None:
    with running(tmp_path, small(1)) as (_, agent):
        assert list(agent.replace([deployment(1), deployment(2)])) == ["m2.M"]
        agent.remove("m1.M")
        while not agent.ping()["settled"]:
            pass
        assert [(r.id, r.state) for r in agent.observe().modules] == [("m2.M", ModuleState.RUNNING)]


def test_a_suspended_module_resumes_with_its_next_packet(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment())
        agent.suspend("m1.M")
        (report,) = agent.observe().modules
        assert (report.state, report.suspends) == (ModuleState.SUSPENDED, 1)
        daemon.wire.send(frame())
        daemon.wire.recv(2000)
        assert agent.observe().modules[0].state is ModuleState.RUNNING
        agent.suspend("m1.M")
        agent.resume("m1.M")
        assert agent.observe().modules[0].state is ModuleState.RUNNING


def test_a_module_that_keeps_packets_is_not_suspended(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment(text="FromNetfront() -> IPMirror -> TimedUnqueue(100, 10) -> ToNetfront()"))
        daemon.wire.send(frame())
        while not agent.observe().modules[0].received.packets:
            pass
        with pytest.raises(PlatformError, match=r"P314.*waiting"):
            agent.suspend("m1.M")


def test_tail_tells_each_drop_and_ends_with_the_module(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment(text=PICKY))
        stream = agent.tail("m1.M")
        assert next(stream).drops == ()
        daemon.wire.send(frame(port=7))
        (drop,) = next(stream).drops
        assert (drop.id, drop.element, drop.reason) == ("m1.M", "f", "no rule matched")
        assert bytes.fromhex(drop.packet) == frame(port=7)[:64]
        assert drop.length == len(frame(port=7))
        assert abs(drop.time_ns - time.time_ns()) < 60e9
        agent.apply(deployment(text=PICKY.replace("1500", "1501")))
        daemon.wire.send(frame(port=8))
        assert next(stream).drops[0].reason == "no rule matched", "watched also in its new form"
        agent.remove("m1.M")
        assert next(stream).end
        assert list(stream) == []
        with pytest.raises(PlatformError, match="P315"):
            next(agent.tail("m1.M"))


def test_a_slow_reader_of_tail_is_told_how_many_it_missed(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment(text=PICKY))
        stream = agent.tail("m1.M")
        next(stream)
        count = 6000
        for _ in range(count):
            daemon.wire.send(frame(port=7))
        while agent.observe().modules[0].received.packets < count:
            pass
        shown = lost = 0
        while shown + lost < count:
            told = next(stream)
            shown, lost = shown + len(told.drops), lost + told.lost
        assert shown + lost == count
        assert shown > 0
        stream.close()  # type: ignore[attr-defined]  # a generator
        assert agent.observe().modules[0].drops == (("f", "no rule matched", count),)


def test_a_damaged_state_is_set_aside_and_told(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, agent):
        agent.apply(deployment(1))
        agent.apply(deployment(2))
        path = daemon.desired.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with running(tmp_path) as (daemon, agent):
        assert "P364" in daemon.said[0]
        assert agent.ping()["damage"]
        assert ids(agent) == []
        (aside,) = path.parent.glob("*.damaged-*")
        assert aside.read_bytes() == data
        agent.replace([deployment(3)])
        assert agent.ping()["damage"] is None
    with running(tmp_path) as (_, agent):
        assert ids(agent) == ["m3.M"]


def test_one_controller_at_a_time(tmp_path: Path) -> None:
    with running(tmp_path) as (_, agent):
        agent.claim("/a")
        agent.claim("/b")
        agent.apply(deployment())
        with pytest.raises(PlatformError, match=r"P369(.|\n)*/b"):
            agent.claim("/a")
    with running(tmp_path) as (_, agent):
        with pytest.raises(PlatformError, match="P369"):
            agent.claim("/a")
        agent.remove("m1.M")
        agent.claim("/a")


def test_only_one_daemon_for_a_platform(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(PlatformError, match=r"P366.*already run, by process"):
        DesiredState(tmp_path / "state", NODE.name)


def test_down_removes_all_that_was_made(tmp_path: Path) -> None:
    with running(tmp_path) as (_, agent):
        agent.apply(deployment())
        assert list(tmp_path.rglob("*.sock"))
        agent.down()
    assert list(tmp_path.iterdir()) == []


def test_connected_finds_daemons_and_says_why_others_are_silent(tmp_path: Path) -> None:
    with running(tmp_path) as (daemon, _):
        folder = daemon.path.parent
        (folder / "file.sock").write_text("no socket")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(folder / "dead.sock"))
        found, silent = connected(folder)
        assert list(found) == [NODE.name]
        assert list(silent) == ["dead"]
        assert "P361" in str(silent["dead"])
        for one in found.values():
            one.close()
    assert connected(tmp_path / "nowhere") == ({}, {})
