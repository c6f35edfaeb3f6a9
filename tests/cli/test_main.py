"""The command line: exit codes, messages, JSON, and bad input of every kind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import innet.controller
import innet.controller.proofs
from innet.cli.main import main
from tests.cli.fakes import KnowingProver

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NETWORK = str(EXAMPLES / "figure3" / "network.yaml")
POLICY = str(EXAMPLES / "figure3" / "policy.innet")
BATCHER = str(EXAMPLES / "batcher.innet")
ON_FIGURE_3 = ("--network", NETWORK, "--policy", POLICY)


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans come from the prover that knows the answers."""
    monkeypatch.setattr(innet.controller.proofs, "Proofs", KnowingProver)
    monkeypatch.setattr(innet.controller, "Proofs", KnowingProver)


def example(name: str) -> str:
    return str(EXAMPLES / f"{name}.innet")


# ---- plan


@pytest.mark.usefixtures("knowing")
@pytest.mark.parametrize(
    ("name", "code", "assessment", "platform"),
    [
        ("batcher", 0, "safe", "platform3"),
        ("spoofer", 1, "refused", None),
        ("webserver", 0, "safe", "platform2"),
        ("tunnel-question", 0, "safe", None),
    ],
)
def test_plan_json(
    capsys: pytest.CaptureFixture[str], name: str, code: int, assessment: str, platform: str | None
) -> None:
    assert main(["plan", example(name), *ON_FIGURE_3, "--json"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    answer = json.loads(out)
    assert answer["schema"] == 1
    assert answer["assessment"] == assessment
    assert [p["platform"] for p in answer["placements"]] == ([platform] if platform else [])
    for place in answer["placements"]:
        words = {"module", "platform", "address", "protocol", "port", "sandbox", "slow", "left_out", "kept"}
        assert set(place) == words
        assert place["left_out"] == place["kept"] == []
        assert [name.partition("@")[0] for name, _ in place["slow"]] == (
            ["TimedUnqueue", "autoqueue"] if name == "batcher" else []
        )
    for trial in answer["platforms"]:
        assert isinstance(trial["fits"], bool)
        assert all(isinstance(reason, str) for reason in trial["reasons"])
    for check in (*answer["security"], *answer["requirements"], *answer["rules"]):
        assert check["holds"] in (True, False, None)
        assert isinstance(check["text"], str)
        if check["holds"] is False and check["text"].startswith("anti-spoofing"):
            assert check["witness"]["summary"]
            assert [step["place"] for step in check["trace"]]
    assert isinstance(answer["milliseconds"], float)


@pytest.mark.usefixtures("knowing")
def test_plan_says_what_is_left_out_if_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", BATCHER, *ON_FIGURE_3, "--json", "-v"]) == 0
    (place,) = json.loads(capsys.readouterr().out)["placements"]
    whats = {(name, what): why for name, what, why in place["left_out"]}
    assert ("IPRewriter@3 (line 1)", "table 'flows' is not kept") in whats
    assert whats["IPFilter@2 (line 1)", "the test for 'no IP header annotation'"] == (
        "packets that come here are never so: ~has @net"
    )
    assert place["kept"] == []
    nat = tmp_path / "nat"
    nat.write_text(
        "N module: FromNetfront() -> IPRewriter(pattern $ADDR 1024-65535# 172.16.15.133 - 0 0) -> ToNetfront();"
    )
    main(["plan", str(nat), *ON_FIGURE_3, "--verbose"])
    out = capsys.readouterr().out
    assert "left out of the kernel's programs:" in out
    assert "IPRewriter@2 (line 1): its table is kept: it also uses Allocate" in out


@pytest.mark.usefixtures("knowing")
def test_plan_as_text_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--network", NETWORK, example("spoofer"), "--role", "operator"]) == 1
    out = capsys.readouterr().out
    for words in (
        "Spoofer: refused",
        "anti-spoofing",
        "witness: udp",
        "ip src = 8.8.8.8",
        "help: remove",
        "does not fit",
    ):
        assert words in out
    assert "\033" not in out, "no colour when piped"


@pytest.mark.usefixtures("knowing")
def test_a_tenant_sees_no_inner_node(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--network", NETWORK, "--json", "--all"]
    main(["plan", example("webserver"), *words, "--role", "third-party"])
    tenant = capsys.readouterr().out
    main(["plan", example("webserver"), *words, "--role", "operator"])
    operator = capsys.readouterr().out
    for secret in ("HTTPOptimizer", '"access"', '"top"', "border"):
        assert secret not in tenant
    assert "HTTPOptimizer" in operator
    assert "operator's rule" in tenant
    assert "WebServer:page" in tenant


@pytest.mark.usefixtures("knowing")
def test_parameters_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", BATCHER, *ON_FIGURE_3, "INTERVAL=3"]) == 0
    assert main(["plan", BATCHER, "INTERVAL=3", *ON_FIGURE_3]) == 0
    assert main(["plan", BATCHER, *ON_FIGURE_3, "INTERVALL=3"]) == 2
    assert "did you mean 'INTERVAL'" in capsys.readouterr().err


# ---- trace


def test_trace_tells_where_a_flow_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "udp dst port 53", "--from", "homes", "--network", NETWORK]) == 0
    out = capsys.readouterr().out
    assert "firewall/nat" in out
    assert "ip src = 192.0.2.1" in out
    assert "(delivered)" in out
    assert "border: dropped: no route" in out
    assert main(["trace", "udp dst port 53", "--from", "homes", "--network", NETWORK, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["delivered"] < len(answer["paths"])
    assert answer["paths"][0][0]["place"] == "access"


def test_trace_of_what_arrives_nowhere_says_no(capsys: pytest.CaptureFixture[str]) -> None:
    private = ["trace", "dst net 10.0.0.0/8", "--from", "internet", "--network", NETWORK]
    assert main(private) == 1
    assert "no packet of this flow arrives" in capsys.readouterr().out


# ---- apply, list, kill


@pytest.mark.usefixtures("knowing")
def test_apply_list_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(tmp_path / "deep" / "state.sqlite")]
    assert main(["apply", BATCHER, *ON_FIGURE_3, "--account", "mobile", "--json", *state]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    name = answer["identifier"]
    assert answer["placements"][0]["address"] == "198.51.100.1"
    assert "no platform is connected" in err
    assert main(["list", "--json", *state]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["deployments"]
    assert (listed["identifier"], listed["account"], listed["state"]) == (name, "mobile", "confirmed")
    assert main(["list", *state]) == 0
    assert name in capsys.readouterr().out
    assert main(["kill", name, "--account", "content", *state]) == 2
    assert "no deployment" in capsys.readouterr().err
    assert main(["kill", name, "--json", *state]) == 0
    assert json.loads(capsys.readouterr().out)["killed"]["identifier"] == name
    assert main(["kill", name, *state]) == 2
    assert main(["list", *state]) == 0
    assert "nothing is deployed" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["state.sqlite"]


@pytest.mark.usefixtures("knowing")
def test_refused_is_not_deployed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(tmp_path / "state.sqlite")]
    spoofer = ["apply", example("spoofer"), *ON_FIGURE_3, "--account", "mobile", "--json", *state]
    assert main(spoofer) == 1
    assert json.loads(capsys.readouterr().out)["identifier"] is None
    main(["list", "--json", *state])
    assert json.loads(capsys.readouterr().out)["deployments"] == []


def test_the_state_file_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["list"]) == 0
    assert (tmp_path / "innet" / "controller.sqlite").exists()


def test_a_broken_state_file_is_a_platform_failure(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"nonsense " * 500)
    assert main(["list", "--state", str(tmp_path / "state")]) == 4


# ---- bad input

ECHO = "FromNetfront() -> IPMirror -> ToNetfront()\n"

BAD_REQUESTS = {
    "empty": ("", "neither a module nor a requirement"),
    "comment only": ("// nothing\n", "neither a module nor a requirement"),
    "unknown element": ("A module:\nFromNetfront() -> IPMiror -> ToNetfront()\n", "IPMiror"),
    "bad argument": ("A module:\nFromNetfront() -> IPFilter(allow udp prot 5) -> ToNetfront()\n", "prot"),
    "two modules of one name": (f"A module:\n{ECHO}\nA module:\n{ECHO}", "'A'"),
    "unknown node": (f"A module:\n{ECHO}\nreach from internet -> nowhere\n", "nowhere"),
    "another module's element": (
        f"A module:\n{ECHO}\nreach from internet -> B:x:0 -> client\n",
        "no module 'B'",
    ),
    "no element": (f"A module:\n{ECHO}\nreach from internet -> A:x:0 -> client\n", "no element 'x'"),
    "bad flow": ("reach from internet udp prot 5 -> client\n", "prot"),
    "text before": ("hello\nA module:\n" + ECHO, "hello"),
    "an open string": ('A module:\nFromNetfront() -> Print("x\n', "request:"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_bad_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, verb: str) -> None:
    text, words = BAD_REQUESTS[case]
    request, state = tmp_path / "request", tmp_path / "state.sqlite"
    request.write_text(text)
    more = ["--account", "mobile", "--state", str(state)] if verb == "apply" else []
    assert main([verb, str(request), "--network", NETWORK, "--json", *more]) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert json.loads(out)["error"]["diagnostics"]
    if verb == "apply":
        main(["list", "--json", "--state", str(state)])
        assert json.loads(capsys.readouterr().out)["deployments"] == []


BAD_NETWORKS = {
    "empty": ("", "is empty"),
    "no yaml": ("nodes: [", "this is not YAML"),
    "unknown kind": ("nodes:\n  a: {kind: rooter}\n", "did you mean 'router'"),
    "unknown end": ("nodes:\n  a: {kind: internet}\nlinks: [[a, b:x]]\n", "'b'"),
    "missing click file": (
        "nodes:\n  m: {kind: middlebox, click: none.click, interfaces: {a: {}}}\n",
        "none.click",
    ),
    "aliases": ("a: &x [1]\nb: *x\n", "aliases"),
}


@pytest.mark.parametrize("case", BAD_NETWORKS)
def test_broken_network_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    text, words = BAD_NETWORKS[case]
    network = tmp_path / "network.yaml"
    network.write_text(text)
    assert main(["plan", BATCHER, "--network", str(network)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_ten_megabytes_of_parentheses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = tmp_path / "request"
    for text in (
        "(" * 10_000_000,
        "A module:\n" + "(" * 10_000_000,
        "A module:\n" + "A(" * 3_000_000 + ")" * 3_000_000,
    ):
        request.write_text(text)
        assert main(["plan", str(request), "--network", NETWORK]) == 2
        assert len(capsys.readouterr().err) < 20_000
    network = tmp_path / "network.yaml"
    network.write_text("[" * 10_000_000)
    assert main(["plan", BATCHER, "--network", str(network)]) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "/nowhere/request", "--network", NETWORK], "cannot be read"),
        (["plan", BATCHER, "--network", "/nowhere.yaml"], "cannot be read"),
        (["plan", BATCHER, "--network", NETWORK, "--policy", "/nowhere"], "cannot be read"),
        (["plan", BATCHER, "--network", NETWORK, "--account", "mobil"], "did you mean 'mobile'"),
        (["plan", BATCHER, "--network", NETWORK, "--own", "1.2.3"], "not an IPv4 address"),
        (["plan", BATCHER, "--network", NETWORK, "--role", "king"], "king"),
        (["plan", BATCHER], "--network"),
        (["plan", BATCHER, "--network", NETWORK, "what"], "NAME=VALUE"),
        (
            ["plan", BATCHER, "--network", NETWORK, "--accounts", "/nowhere", "--account", "x"],
            "cannot be read",
        ),
        (["plan", "/", "--network", NETWORK], "cannot be read"),
        (["trace", "udp prot 5", "--from", "homes", "--network", NETWORK], "'prot'"),
        (["trace", "udp", "--from", "hmes", "--network", NETWORK], "did you mean 'homes'"),
        (["frobnicate"], "frobnicate"),
        ([], "VERB"),
        (["demo", "--interval", "0"], "0.1 to 3600"),
        (["demo", "--examples", "/nowhere"], "no examples"),
    ],
)
def test_bad_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""
    assert "Traceback" not in err


def test_a_request_that_is_not_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "request").write_bytes(b"A module:\n\xff\xfe")
    assert main(["plan", str(tmp_path / "request"), "--network", NETWORK]) == 2
    assert "not UTF-8" in capsys.readouterr().err


# ---- the process


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "src")}


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)


def test_help_names_every_verb() -> None:
    done = python("-m", "innet.cli", "--help")
    assert done.returncode == 0
    for verb in ("plan", "apply", "list", "kill", "tail", "top", "platform", "trace", "run", "demo", "bench"):
        assert f"\n    {verb} " in done.stdout


def test_nothing_heavy_is_imported_for_help() -> None:
    code = "import sys; from innet.cli.main import parser; parser(); print([m for m in sys.modules if 'innet.' in m])"
    assert "innet.cli.main" in python("-c", code).stdout
    done = python("-c", code)
    for package in ("verify", "symbolic", "elements", "network", "controller", "emulation", "runtime"):
        assert f"innet.{package}" not in done.stdout


def test_a_limit_is_a_number_above_zero(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("abc", "0", "-1", "nan"):
        assert main(["plan", BATCHER, "--network", NETWORK, f"--max-seconds={wrong}"]) == 2
        assert f"'{wrong}' is not a number above zero" in capsys.readouterr().err
