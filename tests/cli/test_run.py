"""`innet run`: Click's flags, exit statuses, what goes to which stream."""

import json
from pathlib import Path

import pytest

from innet.cli.run import main
from innet.packet.capture import read
from innet.packet.pcap import Writer

COUNT = "InfiniteSource(abc, $n) -> c :: Counter -> Discard"


def test_a_configuration_that_runs_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", COUNT, "n=5"]) == 0
    assert capsys.readouterr() == ("", "")


def test_one_handler_is_printed_alone_and_several_with_their_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["n=5", "-h", "c.count", "-e", COUNT]) == 0
    assert capsys.readouterr().out == "5\n"
    assert main(["-h", "c.count", "-e", COUNT, "n=5", "-h", "c.byte_count"]) == 0
    assert capsys.readouterr().out == "c.count:\n5\n\nc.byte_count:\n15\n\n"
    assert main(["-h", "*.count", "-e", COUNT, "n=5"]) == 0
    assert capsys.readouterr().out.split() == [
        "InfiniteSource@1.count:",
        "5",
        "c.count:",
        "5",
        "Discard@3.count:",
        "5",
    ]


def test_quit_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "-h", "c.count", "-e", COUNT, "n=5"]) == 0
    assert capsys.readouterr().out == "0\n"


def test_an_unknown_handler_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h", "c.cuont", "-e", COUNT, "n=5"]) == 1
    assert capsys.readouterr().err == "innet run: no read handler 'c.cuont'\n"


def test_captures_are_beside_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    with open(tmp_path / "in.pcap", "wb") as stream:
        Writer(stream).write(b"hello", 1_000_000_007)
    (tmp_path / "deep" / "pass.click").write_text("FromDump(in.pcap) -> ToDump(out.pcap, NANO true)\n")
    monkeypatch.chdir(tmp_path)
    assert main(["deep/pass.click"]) == 0
    with open(tmp_path / "out.pcap", "rb") as stream:
        assert [(r.data, r.time_ns) for r in read(stream)] == [(b"hello", 1_000_000_007)]


def test_a_refused_configuration_tells_every_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", "InfiniteSource(LIMIT x) -> Strip(y) -> Discard"]) == 1
    err = capsys.readouterr().err
    assert "InfiniteSource: LIMIT" in err
    assert "Strip: LENGTH" in err
    assert "<expression>:1:22" in err


def test_a_missing_capture_is_told_with_its_element(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", "f :: FromDump(nosuch.pcap) -> Discard"]) == 1
    err = capsys.readouterr().err
    assert "FromDump: nosuch.pcap: No such file or directory" in err
    assert "<expression>:1:1" in err


def test_a_push_output_that_meets_a_pull_input_is_an_error_unless_autoqueue(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "InfiniteSource(LIMIT 3) -> PushNull -> Unqueue -> c :: Counter -> Discard"
    assert main(["-e", text]) == 1
    assert "push output 0 connected to" in capsys.readouterr().err
    assert main(["-e", text, "--autoqueue", "-h", "c.count"]) == 0
    out, err = capsys.readouterr()
    assert out == "3\n"
    assert "warning" in err


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    script = "DriverManager(wait 2s, print 'done')"
    assert main(["--json", "-h", "c.count", "-e", f"{COUNT}; {script}", "n=5"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer.pop("schema")
    assert answer == {
        "stopped": True,
        "time_ns": 2_000_000_000,
        "drops": [{"element": "Discard@3", "reason": "discarded", "packets": 5}],
        "handlers": {"c.count": "5"},
    }
    assert err == "done\n"


@pytest.mark.parametrize(
    "arguments", [[], ["a.click", "b.click"], ["a.click", "-e", "Idle"], ["nosuch.click"], ["-x"]]
)
def test_what_cannot_be_run_exits_as_click_does(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "ELEMENT.HANDLER" in capsys.readouterr().out
