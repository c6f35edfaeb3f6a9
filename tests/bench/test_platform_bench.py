"""Every measurement of the platform runs, prints what it promises, and leaves nothing behind. How fast is no matter."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from innet.emulation.inventory import inventory

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = {
    "fast-path": 4, "pass-through": 1, "forwarding": 1, "tenants": 2, "shapes": 1, "memory": 4, "capacity": 5,
    "flood": 2, "first-packet": 6, "first-packets": 3, "suspend": 1, "sandbox": 2, "slow-path": 2, "nat": 1,
}  # fmt: skip
"""The figures, and how many lines each has in the table."""


def bench(*words: str) -> "subprocess.Popen[str]":
    """`innet bench WORDS`, running."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "innet.cli", "bench", *words],
        cwd=ROOT, env={"PYTHONPATH": "src", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def left_by(process: "subprocess.Popen[str]") -> list[str]:
    """What there still is of it: its things carry its number."""
    name = f"bench{process.pid}"
    now = inventory()
    return [thing for kind in (now.namespaces, now.devices, now.pins) for thing in kind if name in thing]


@pytest.mark.parametrize("row", ROWS)
def test_row_runs(row: str) -> None:
    if row == "nat":
        assert shutil.which("iperf3"), "./innet test installs iperf3"
    process = bench("platform", "--quick", "--json", row)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, out + err
    found = json.loads(out)
    assert found["failed"] == {}
    assert [one["name"] for one in found["figures"]] == [row] * ROWS[row]
    for one in found["figures"]:
        assert one["what"]
        assert one["unit"]
        assert one["values"] >= 1
        assert (one["reached"] is None) == (one["target"] == "")
    assert left_by(process) == []


def test_table_says_what_was_reached() -> None:
    process = bench("platform", "--quick", "pass-through")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert re.search(r"a chain of ten pass-through elements +-?[\d.]+ ns .* ≤ 3\.00  (reached|MISSED)\n", out)
    assert re.search(r"\n1 reached, 0 missed, 0 not measured|\n0 reached, 1 missed, 0 not measured", out)


def test_unknown_figure_is_refused() -> None:
    process = bench("platform", "fastpath")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "there is no figure 'fastpath'; there are fast-path, " in err


def test_interrupt_leaves_nothing() -> None:
    process = bench("soak", "--minutes", "5", "--tenants", "10")
    assert process.stdout is not None
    assert "10 tenants are deployed" in process.stdout.readline()
    assert left_by(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "interrupted; what was made is removed" in err
    assert left_by(process) == []


def test_soak_tells_what_it_saw() -> None:
    process = bench("soak", "--minutes", "0.1", "--tenants", "20")
    out, err = process.communicate(timeout=100)
    assert err == ""
    assert re.search(r"^agent memory .*(flat|GROWS)$", out, re.MULTILINE)
    assert re.search(r"^packets: [\d,]+ sent, [\d,]+ came out$", out, re.MULTILINE)
    assert re.search(r"^(FLAT|NOT FLAT): ", out, re.MULTILINE)
    assert left_by(process) == []
