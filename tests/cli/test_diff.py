"""`innet diff` on the command line: exit codes, JSON, captures, bad input."""

import io
import json
from pathlib import Path

import pytest

from innet.cli.main import main
from innet.packet.capture import CaptureReader, read_from
from innet.packet.pcapng import Section

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BATCHER = str(EXAMPLES / "batcher.innet")
PORT = str(EXAMPLES / "diff" / "batcher-port.innet")
REWRITTEN = str(EXAMPLES / "diff" / "batcher-rewritten.innet")


def test_different_versions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    capture = tmp_path / "examples.pcap"
    assert main(["diff", BATCHER, PORT, "--pcap", str(capture), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "different"
    (module,) = answer["modules"]
    assert module["module"] == "Batcher"
    assert {d["kind"] for d in module["differences"]} == {"only A sends", "only B sends"}
    shown = [frame for d in module["differences"] for frame in (*d["before"], d["packet"])]
    written = read_from(CaptureReader(io.BytesIO(capture.read_bytes())), Section())
    assert [record.data.hex() for record in written] == shown
    assert main(["diff", BATCHER, PORT, "--pcap", str(capture)]) == 1
    assert "packet 2" in capsys.readouterr().out


def test_versions_that_do_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", BATCHER, REWRITTEN]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Batcher: none (no packet is treated differently)\n")
    assert "TimedUnqueue" in out, "what is not compared is told"


def test_click_files_and_what_is_not_decided(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = "FromNetfront -> IPMirror -> s :: RandomSwitch -> {}; s[1] -> {};"
    one, other = tmp_path / "a.click", tmp_path / "b.click"
    one.write_text(text.format("ToNetfront", "Discard"))
    other.write_text(text.format("Discard", "ToNetfront"))
    assert main(["diff", str(one), str(other)]) == 3
    assert "not proven" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([BATCHER, "/nowhere.innet"], "cannot be read"),
        ([BATCHER, PORT, "--address", "here"], "--address"),
        ([BATCHER, PORT, "--pcap", "/nowhere/x.pcap"], "cannot be written"),
        ([BATCHER, str(EXAMPLES / "figure3" / "network.yaml")], "is no"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err or "error" in err


def test_versions_with_other_modules(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    two = tmp_path / "two.innet"
    two.write_text(Path(BATCHER).read_text() + "\nOther module:\nFromNetfront() -> Discard\n")
    assert main(["diff", BATCHER, str(two)]) == 2
    assert "'Other' is in B only" in capsys.readouterr().err


def test_two_placements(capsys: pytest.CaptureFixture[str]) -> None:
    server, network = str(EXAMPLES / "diff" / "server.innet"), str(EXAMPLES / "figure3" / "network.yaml")
    where = ["diff", server, "--network", network, "--at", "platform3", "--at"]
    assert main([*where, "platform1", "--flow", "icmp", "--json"]) == 1
    (module,) = json.loads(capsys.readouterr().out)["modules"]
    assert {d["packets"].partition(":")[0] for d in module["differences"]} == {"from internet"}
    assert main([*where, "platform3", "--flow", "icmp"]) == 0
    assert main([*where, "firewall"]) == 2
    assert "'firewall' is no place for a module" in capsys.readouterr().err
    assert main(["diff", server, "--at", "platform1"]) == 2
    assert main(["diff", server]) == 2
