"""Every figure of the proofs is measured, on little, and its answers are right. How fast is no matter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = {"figure3": 4, "rules": 2, "tenants": 7, "prefixes": 2, "internet2": 2, "boxes": 7}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_measured(row: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "innet.cli", "bench", "proof", row, "--quick", "--json"],
        cwd=ROOT, env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]
    assert len(figures) == ROWS[row]
    assert all(
        figure["name"] == row and figure["median" if "median" in figure else "p99"] > 0 for figure in figures
    )


def test_an_unknown_row_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "innet.cli", "bench", "proof", "nothing"],
        cwd=ROOT, env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there are figure3" in done.stderr
