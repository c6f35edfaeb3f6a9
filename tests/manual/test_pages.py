"""The reference manual says what the definitions say, and what the back ends really do."""

import json
from pathlib import Path

import pytest

from innet.cli.main import main
from innet.elements.registry import REGISTRY
from innet.manual import book, page, study
from innet.manual.facts import Does, everything

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "reference" / "elements"


def test_a_page_has_the_argument_the_handler_and_the_program():
    text = page(study(REGISTRY["DecIPTTL"]))
    assert "`DecIPTTL(KW: ACTIVE, MULTICAST)`" in text
    assert "| MULTICAST | true or false | keyword |" in text
    assert "* `active` (read and write)" in text
    assert "ip.ttl" in text.partition("## Program")[2]


def test_back_ends_say_what_they_do():
    assert study(REGISTRY["IPRewriter"]).kernel.does is Does.ALL
    queue = study(REGISTRY["Queue"])
    assert (queue.kernel.does, queue.proof) == (Does.NONE, "as they are")
    assert "cannot keep packets" in queue.kernel.reasons[0]
    assert study(REGISTRY["Tee"]).native.does is Does.ALL
    assert study(REGISTRY["AddressInfo"]).kernel.does is Does.NOTHING


def test_the_index_names_every_page():
    classes = [REGISTRY[name] for name in ("Strip", "Tee", "Queue")]
    pages = book(study(one) for one in classes)
    assert set(pages) == {"README.md", "Strip.md", "Tee.md", "Queue.md"}
    assert all(f"({name})" in pages["README.md"] for name in pages if name != "README.md")


def test_the_verb_shows_pages_and_data(capsys: pytest.CaptureFixture[str]):
    assert main(["elements", "Strip", "LookupIPRoute"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# Strip\n")
    assert "# StaticIPLookup" in shown
    assert main(["elements", "Tee", "--json"]) == 0
    (tee,) = json.loads(capsys.readouterr().out)["elements"]
    assert tee["xdp"]["does"] == "no"
    assert main(["elements", "Strip", "--program"]) == 0
    assert "@data = @data + 14" in capsys.readouterr().out


def test_an_unknown_name_is_suggested(capsys: pytest.CaptureFixture[str]):
    assert main(["elements", "Stripp"]) == 2
    assert "did you mean 'Strip'?" in capsys.readouterr().err


def test_the_manual_in_the_project_is_what_the_definitions_say():
    """`innet elements --write docs/reference/elements` makes it anew."""
    kept = {path.name: path.read_text(encoding="utf-8") for path in MANUAL.glob("*.md")}
    made = book(everything())
    assert sorted(kept) == sorted(made)
    assert [name for name, text in made.items() if kept[name] != text] == []
