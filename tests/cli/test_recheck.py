"""`innet recheck`, and what `innet apply` says of a network that has changed."""

import json
import shutil
from pathlib import Path

import pytest

from innet.cli.main import main
from innet.cli.recheck import number_of
from innet.diagnostics import Source
from innet.network import Snapshot, load
from innet.policy import Policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_a_changed_network_is_noticed_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES / "figure3", tmp_path / "figure3")
    network, policy = tmp_path / "figure3" / "network.yaml", tmp_path / "figure3" / "policy.innet"
    files = ["--network", str(network), "--policy", str(policy)]
    state = ["--state", str(tmp_path / "state.sqlite")]
    apply = ["apply", str(EXAMPLES / "batcher.innet"), *files, "--account", "mobile", "--json", *state]
    assert main(apply) == 0
    out, err = capsys.readouterr()
    assert "innet recheck" not in err
    name = json.loads(out)["identifier"]
    assert main(["recheck", *files, *state]) == 0
    assert "1 of 1 deployment hold" in capsys.readouterr().out
    text = network.read_text("utf-8")
    before = "routes: {0.0.0.0/0: top}"
    assert before in text
    network.write_text(text.replace(before, "routes: {0.0.0.0/0: top, 172.16.15.133/32: drop}"), "utf-8")
    assert main(["recheck", *files, *state, "--max-seconds", "0.000001"]) == 3
    assert "it took more than 1e-06 s (--max-seconds)" in capsys.readouterr().out
    main(apply)
    out, err = capsys.readouterr()
    assert "`innet recheck` says what still holds" in err
    assert "access" not in err, "inner nodes are for the operator"
    assert main(["recheck", *files, *state, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["holds"] is False
    (one,) = [d for d in found["deployments"] if d["identifier"] == name]
    assert one["requirements"][0]["holds"] is False
    assert main(["recheck", *files, *state]) == 1
    assert f"innet kill {name}" in capsys.readouterr().out
    main(apply)
    assert "innet recheck" not in capsys.readouterr().err, "it was checked for this network"


def test_a_module_without_a_place_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES / "figure3", tmp_path / "figure3")
    network = tmp_path / "figure3" / "network.yaml"
    state = ["--state", str(tmp_path / "state.sqlite"), "--network", str(network)]
    apply = ["apply", str(EXAMPLES / "batcher.innet"), *state, "--account", "mobile", "--json"]
    assert main(apply) == 0
    text = network.read_text("utf-8")
    network.write_text(text.replace("pool: 198.51.100.0/24", "pool: 198.51.100.64/26"), "utf-8")
    capsys.readouterr()
    assert main(["recheck", *state]) == 1
    assert "Batcher has no place any more: no pool of a platform 'platform3' has 198.51.100.1" in (
        capsys.readouterr().out
    )
    assert main(apply) == 0, "others can still be deployed"
    assert json.loads(capsys.readouterr().out)["placements"][0]["address"] == "198.51.100.65"


def with_many_routes(row: str) -> Snapshot:
    """A router with so many routes that they are kept in arrays, one of them as given."""
    rows = [f"      20.0.{n}.0/24: out" for n in range(20)]
    text = "\n".join((
        "nodes:", "  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}",
        "  core:", "    kind: router", "    interfaces: {out: 203.0.113.1/30}", "    routes:", *rows, f"      {row}",
        "links: [[internet, core:out]]", "operator: {prefixes: [20.0.0.0/8]}", "",
    ))  # fmt: skip
    return load(Source("n.yaml", text), lambda name: "")


def test_a_network_with_many_routes_is_known_again() -> None:
    numbers = [
        number_of(with_many_routes(row), Policy(()))
        for row in ("20.1.0.0/16: out", "20.1.0.0/16: out", "20.1.0.0/16: drop", "20.2.0.0/16: out", "20.1.0.0/17: out")
    ]  # fmt: skip
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 4


def test_a_state_file_that_is_not_there_is_no_state_in_which_all_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "mistyped.sqlite"
    network = str(EXAMPLES / "figure3" / "network.yaml")
    assert main(["recheck", "--network", network, "--state", str(state)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "there is no state file" in err
    assert not state.exists()


@pytest.mark.parametrize("verb", [["recheck"], ["trace", "udp", "--from", "a"]])
def test_a_collected_network_is_told_from_a_mistake(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = tmp_path / "network.json"
    network.write_text('{"nodes": {"a": {"routes": {}}}, "links": []}', "utf-8")
    assert main([*verb, "--network", str(network)]) == 2
    assert "is a collected network in JSON" in capsys.readouterr().err
    network.write_text('{"nodes": {"a": {kind: nothing}}}', "utf-8")
    assert main([*verb, "--network", str(network)]) == 2
