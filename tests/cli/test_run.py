"""`innet run`: Click's flags, exit statuses, what goes to which stream."""

import gzip
import io
import json
import os
import signal
from pathlib import Path

import pytest

from innet.cli.progress import Progress, counted
from innet.cli.run import listen, main
from innet.diagnostics import Source
from innet.packet.capture import read
from innet.packet.pcap import Writer
from innet.runtime.build import build
from tests.runtime.fakes import MemoryIo

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


@pytest.mark.parametrize(
    ("handler", "printed"),
    [
        ("list", "3\nInfiniteSource@1\nc\nDiscard@3\n"),
        ("config", COUNT + "\n"),
        ("requirements", ""),
        (
            "flatconfig",
            "InfiniteSource@1 :: InfiniteSource(abc, 5);\nc :: Counter();\nDiscard@3 :: Discard();\n"
            "InfiniteSource@1 [0] -> [0] c;\nc [0] -> [0] Discard@3;\n",
        ),
    ],
)
def test_global_handlers(handler: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", COUNT, "n=5", "-h", handler]) == 0
    assert capsys.readouterr().out == printed
    assert main(["-e", COUNT, "n=5", "-o", "-", "-q"]) == 0
    assert capsys.readouterr().out.startswith("InfiniteSource@1 :: InfiniteSource(abc, 5);\n")


def test_all_classes_and_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", "Idle", "-h", "classes", "-h", "version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("classes:\n")
    assert "\nIPRewriter\n" in out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("innet ")


def test_variables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-D", "n=5", "-h", "c.count", "-e", COUNT]) == 0
    assert capsys.readouterr().out == "5\n"
    assert main(["-D", "nonsense", "-e", COUNT]) == 1
    assert "'-D nonsense' defines nothing" in capsys.readouterr().err


def test_names_of_elements_with_stars(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", COUNT, "n=5", "-h", "?.count"]) == 0
    assert capsys.readouterr().out == "5\n"


@pytest.mark.parametrize(
    ("handler", "status"), [("c.count", 5), ("x.active", 1), ("y.active", 0), ("c.nonsense", 255)]
)
def test_a_handler_may_be_the_exit_status(handler: str, status: int) -> None:
    off = "Idle -> Queue -> x :: Unqueue(ACTIVE false) -> Discard"
    on = "Idle -> Queue -> y :: Unqueue -> Discard"
    assert main(["-e", f"{COUNT}; {off}; {on}", "n=5", "-x", handler]) == status


def test_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    text = "InfiniteSource(LIMIT 50) -> q :: Queue -> Unqueue -> c :: Counter -> Discard"
    assert main(["--profile", "-h", "c.count", "-e", text]) == 0
    out, err = capsys.readouterr()
    assert out == "50\n"
    lines = [line.split() for line in err.splitlines()]
    assert lines[0] == ["element", "class", "packets", "ms", "ns/packet", "share"]
    assert {line[0]: line[2] for line in lines}["c"] == "50"
    assert main(["--profile", "--json", "-e", text]) == 0
    profile = {row["element"]: row for row in json.loads(capsys.readouterr().out)["profile"]}
    assert profile["c"]["packets"] == 50
    assert profile["c"]["ns"] > 0


def test_captures_may_be_pcapng_or_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with gzip.open("in.pcap.gz", "wb") as stream:
        writer = Writer(stream)
        writer.write(b"hello", 1_000_000_007, 77)
        writer.write(b"again!", 2_000_000_000)
    assert main(["-e", "FromDump(in.pcap.gz) -> ToDump(out.pcapng)"]) == 0
    assert main(["-e", "FromDump(out.pcapng) -> ToDump(out.pcap, NANO true)"]) == 0
    for name in ("out.pcapng", "out.pcap"):
        with open(name, "rb") as stream:
            found = [(r.data, r.time_ns, r.wire_length) for r in read(stream)]
        assert found == [(b"hello", 1_000_000_007, 77), (b"again!", 2_000_000_000, 6)]


def test_a_bar_shows_how_much_was_read(tmp_path: Path) -> None:
    now = [0.0]
    terminal = Terminal()
    progress = Progress(terminal, lambda: now[0])
    (tmp_path / "big").write_bytes(bytes(1_000_000))
    with counted(str(tmp_path / "big"), progress) as stream:
        stream.read(300_000)
        assert terminal.getvalue() == ""
        now[0] = 2.0
        stream.read(300_000)
        assert terminal.getvalue().startswith("\r[")
        assert "% of 1 MB" in terminal.getvalue()
        now[0] = 9.0
        stream.read()
        assert terminal.getvalue().endswith("100% of 1 MB")
    progress.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_script_hears_signals() -> None:
    router, _ = build(Source("t", "Script(TYPE SIGNAL USR1, print 'caught')"), MemoryIo())
    before = signal.getsignal(signal.SIGUSR1)
    try:
        listen(router)
        os.kill(os.getpid(), signal.SIGUSR1)
        router.run()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert router.printed == ["caught\n"]


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "ELEMENT.HANDLER" in capsys.readouterr().out


def test_machine_code_and_interpreter_do_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever is asked for; and a profile tells what is machine code, and why the rest is not."""
    with open(tmp_path / "in.pcap", "wb") as stream:
        writer = Writer(stream)
        for n in range(50):
            writer.write(bytes([n]) * (20 + n), n)
    monkeypatch.chdir(tmp_path)
    text = "FromDump(in.pcap) -> c :: CheckLength(40) -> Queue -> Unqueue -> ToDump(o.pcap); c[1] -> Discard"
    wrote = []
    for backend in ("interpreter", "native", "auto"):
        assert main(["-e", text, "--backend", backend, "-h", "Discard@6.count", "--profile"]) == 0
        seen = capsys.readouterr()
        assert seen.out == "29\n"
        assert ("no machine code" in seen.err) is (backend != "native")
        assert ("'Queue@3' (Queue): packets are pulled" in seen.err) is (backend == "native")
        wrote.append((tmp_path / "o.pcap").read_bytes())
    assert wrote[0] == wrote[1] == wrote[2]


def test_machine_code_does_long_captures_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(tmp_path / "in.pcap", "wb") as stream:
        writer = Writer(stream)
        for n in range(400):
            writer.write(bytes([n % 256]) * 1500, n)
    monkeypatch.chdir(tmp_path)
    assert main(["-e", "FromDump(in.pcap) -> ToDump(o.pcap)", "--profile"]) == 0
    assert "machine code: 2 elements" in capsys.readouterr().err
