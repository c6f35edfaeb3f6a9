"""`innet demo` tells all five chapters, and leaves nothing behind, however it ends."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from innet.emulation import inventory

ROOT = Path(__file__).resolve().parents[2]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def start(tmp_path: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.cli.demo_child", "--interval", "0.2", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=ROOT)


def namespaces() -> frozenset[str]:
    """Ours; other tests may come and go with theirs, so compare by what a run calls its own."""
    return inventory().namespaces


def check_story(out: str, err: str) -> None:
    answer = json.loads(out)
    assert answer["passed"], answer["problems"]
    assert answer["left_behind"] == {}
    delivered = answer["timeline"]["delivered"]
    assert len(delivered) == 12
    assert {d["port"] for d in delivered} == {1500}
    assert {d["bytes"] for d in delivered} == {1024}
    for chapter in range(1, 6):
        assert f"\n{chapter}. " in err


def test_simulated(tmp_path: Path) -> None:
    child = start(tmp_path, "--simulate", "--json")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    check_story(out, err)
    assert "with simulated packets" in err
    assert not list(tmp_path.iterdir())


def test_the_simulation_says_the_same_each_time(tmp_path: Path) -> None:
    def timeline() -> object:
        child = start(tmp_path, "--simulate", "--json")
        return json.loads(child.communicate(timeout=60)[0])["timeline"]

    assert timeline() == timeline()


@ROOT_ONLY
@pytest.mark.kernel
def test_in_namespaces(tmp_path: Path) -> None:
    child = start(tmp_path, "--json")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    check_story(out, err)
    assert json.loads(out)["kind"] == "namespaces"
    assert not list(tmp_path.iterdir())


@ROOT_ONLY
@pytest.mark.kernel
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seed", range(3))
def test_a_signal_at_any_moment_cleans_up(tmp_path: Path, number: signal.Signals, seed: int) -> None:
    delay = random.Random(f"{number}{seed}").uniform(0.2, 2.0)
    before = namespaces()
    child = start(tmp_path)
    time.sleep(delay)
    child.send_signal(number)
    if seed % 2:
        time.sleep(0.01)
        child.send_signal(number)  # impatient
    out, err = child.communicate(timeout=60)
    assert child.returncode in (0, 130, -number), (delay, err)
    assert "Traceback" not in err or child.returncode == -number, (delay, err)
    if "(innet-" in out:
        run = out.partition("(innet-")[2].partition("-")[0]
        assert not [name for name in namespaces() if name.startswith(f"innet-{run}-")]
    assert not {n for n in namespaces() - before if _is_of(child.pid, n)}
    assert not list(tmp_path.iterdir()), (delay, err)
    assert "left behind" not in err.replace("nothing is left behind", "")


def _is_of(pid: int, namespace: str) -> bool:
    """Whether a journal says that the namespace was made by the process."""
    for path in Path("/run/innet").glob("*.journal"):
        if path.read_text(encoding="utf-8").startswith(f"process {pid} ") and path.stem in namespace:
            return True
    return False


def test_a_signal_stops_the_simulation_too(tmp_path: Path) -> None:
    child = start(tmp_path, "--simulate")
    assert child.stdout is not None
    for line in child.stdout:
        if "3. Notifications" in line:
            break
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode in (0, 130)
    assert not list(tmp_path.iterdir())
