"""Section 7.1: the paper's Table 1, all 36 cells, from the security rules alone."""

import json

import pytest

from innet.cli.main import main
from innet.cli.table1 import FOLDER, MARKS, ROWS, assess_all

PAPER = """
IP Router              ✗     ✗     ✓
DPI                    ✗     ✗     ✓
NAT                    ✗     ✗     ✓
Transparent Proxy      ✗     ✗     ✓
Flow meter             ✓     ✓     ✓
Rate limiter           ✓     ✓     ✓
Firewall               ✓     ✓     ✓
Tunnel                 ✓(s)  ✓     ✓
Multicast              ✓     ✓     ✓
DNS Server (stock)     ✓     ✓     ✓
Reverse proxy (stock)  ✓     ✓     ✓
x86 VM                 ✓(s)  ✓(s)  ✓
"""


def test_every_cell_is_as_in_the_paper():
    expected = {line[:23].strip(): line[23:].split() for line in PAPER.strip().splitlines()}
    found = {
        name: [MARKS[one.assessment.value] for one in row.values()] for name, row in assess_all().items()
    }
    assert found == expected


def test_every_configuration_is_a_row():
    assert sorted(path.stem for path in FOLDER.glob("*.click")) == sorted(ROWS)


def test_the_verb_gives_reasons(capsys: pytest.CaptureFixture[str]):
    assert main(["table1"]) == 0
    shown = capsys.readouterr().out
    assert "traffic addressed to others" in shown
    assert "Tunnel (third-party): default-off" in shown
    assert main(["table1", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["Tunnel"]["third-party"]["assessment"] == "sandbox"
    assert rows["x86 VM"]["client"]["reasons"]
