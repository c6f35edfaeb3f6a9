"""`innet trace --pcap`: a packet for each path, which takes it."""

import io
import json
from pathlib import Path

import pytest

from innet.cli.main import main
from innet.diagnostics import Source
from innet.explore.replay import Replay
from innet.network.load import load
from innet.packet import capture as captures
from innet.policy import Policy
from innet.verify.trace import trace_flow
from innet.verify.world import World

FIGURE_3 = Path(__file__).parent.parent.parent / "examples" / "figure3"
NETWORK = str(FIGURE_3 / "network.yaml")
ASKED = ["trace", "udp dst port 53", "--from", "homes", "--network", NETWORK]


def frames(path: Path) -> list[bytes]:
    return [record.data for record in captures.read(io.BytesIO(path.read_bytes()))]


def test_each_path_has_its_packet_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "paths.pcap"
    assert main([*ASKED, "--json", "--pcap", str(capture)]) == 0
    answer = json.loads(capsys.readouterr().out)
    shown = [one for one in answer["packets"] if one is not None]
    written = frames(capture)
    assert len(answer["packets"]) == len(answer["paths"]) > 10
    assert [one["capture"] for one in shown] == list(range(1, len(written) + 1))
    assert [one["bytes"] for one in shown] == [frame[14:].hex() for frame in written]
    assert len(set(written)) > 8
    network = World(load(Source(NETWORK, Path(NETWORK).read_text()), read), Policy(())).network
    for path, packet in zip(answer["paths"], answer["packets"], strict=True):
        if path[-1]["note"] == "delivered":
            assert packet is not None
        if packet is None:
            continue
        frame = written[packet["capture"] - 1]
        assert frame[23] == 17
        ports = 14 + 4 * (frame[14] & 15)
        assert int.from_bytes(frame[ports + 2 : ports + 4], "big") == 53
        replay = Replay(network, inside=True)
        end = network.snapshot.neighbour("homes", "lan")
        assert end is not None
        replay.send(end, frame)
        at = {event.place for event in replay.events}
        assert {step["place"] for step in path} <= at
        arrived = {event.place for event in replay.events if event.delivered}
        assert arrived == ({path[-1]["place"]} if path[-1]["note"] == "delivered" else set())


def read(name: str) -> str:
    return (FIGURE_3 / name).read_text()


def test_a_packet_that_takes_another_way_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = tmp_path / "paths.pcap"
    assert main([*ASKED, "--pcap", str(capture)]) == 0
    out = capsys.readouterr().out
    assert "pcap: packet 1: udp " in out
    assert "none of the packets" not in out
    count = len(frames(capture))
    assert out.count("pcap: packet") == count == out.count("(delivered)")
    # a replay that goes elsewhere: packets die at the first node
    monkeypatch.setattr(Replay, "wire", lambda self, node, interface, frame, after: iter(()))
    assert main([*ASKED, "--pcap", str(capture)]) == 0
    assert capsys.readouterr().out.count("none of the packets that were tried took this path") == count
    assert frames(capture) == []


def test_every_drop_is_told_from_the_others() -> None:
    """Of two reasons at one element, each has a packet for which it is the reason."""
    world = World(load(Source(NETWORK, Path(NETWORK).read_text()), read), Policy(()))
    paths = trace_flow("udp dst port 53", "homes", world)
    dropped = [path for path in paths if path.steps[-1].place == "firewall/CheckIPHeader@6"]
    assert {path.steps[-1].note for path in dropped} >= {"dropped: bad IP length", "dropped: bad IP checksum"}
    assert all(path.example(world.network) is not None for path in dropped)
    assert len({path.example(world.network) for path in dropped}) == len(dropped)


def test_a_capture_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--pcap", "/nowhere/x.pcap"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_paths_that_were_found_before_the_exploration_is_cut_short_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("innet.verify.trace.BUDGET", 50)
    assert main([*ASKED, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["delivered"] > 0
    assert "cut short" in answer["paths"][-1][-1]["note"]
    monkeypatch.setattr("innet.verify.trace.BUDGET", 20)
    assert main(ASKED) == 3, "that none was found yet says nothing"
    assert "no packet of this flow is known to arrive" in capsys.readouterr().out
