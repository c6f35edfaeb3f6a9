"""All back ends on random configurations: a small campaign, what it is made of, and faults that it must find."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings

from innet.ir import dump
from innet.xdp.compile import Compiler
from tests.agreement.campaign import Campaign, Found, replayed, shrunk
from tests.agreement.configurations import ENTRY, configuration, fault, focuses, parsed
from tests.agreement.coverage import condition, impossible, programs
from tests.agreement.examine import Contradiction, Ends, examine
from tests.agreement.mutants import MUTANTS, Mutant, Patch, caught
from tests.agreement.traffic import Sent
from tests.backends.forms import branches
from tests.backends.test_symbolic_covers_concrete import CONSTANT, DEFAULT_ROUTE, IMPLIED, NEVER, plain

ROOT = Path(__file__).resolve().parents[2]
THOROUGH = settings.default.max_examples > 100
IMPOSSIBLE = (CONSTANT, DEFAULT_ROUTE, IMPLIED)
"""Why no packet takes a side: none can. Other reasons are about the packets of one test."""
SAMPLE = {
    "less_is_less_or_equal", "adjustments_forget_the_complement", "transport_is_four_on", "copies_come_last_first",
    "counters_never_wrap", "all_ways_are_one", "annotations_are_not_written", "ends_do_not_cut",
}  # fmt: skip
"""The faults that every run of the tests looks for; all of them in a thorough one, and by `innet bench agree`."""


@pytest.fixture(scope="module")
def ends() -> "object":
    with Compiler() as compiler:
        yield Ends(compiler=compiler)


# ---- the campaign


@pytest.mark.kernel
@pytest.mark.timeout(300)
def test_back_ends_agree(ends: Ends) -> None:
    campaign = Campaign(ends, 40)
    step = len(focuses()) // 15
    found = [found.reproducer for n in range(15) for found in campaign.run(range(n * step, n * step + 1))]
    assert found == [], "\n".join(found)
    assert campaign.tally.packets == 600
    assert min(campaign.tally.kernel, campaign.tally.symbolic) > 300
    assert campaign.tally.smaller > 5


@pytest.mark.kernel
def test_a_byte_that_nobody_can_foretell_may_have_been_changed_since() -> None:
    text = (
        f"{ENTRY} :: FromNetfront(); a :: RandomBitErrors(1); b :: DecIP6HLIM(); exit0 :: Discard();\n"
        f"{ENTRY} -> a -> b -> exit0;\n"
    )
    frame = bytes(12) + b"\x08\x00\x4b" + bytes(43)
    examine(text, [Sent(0, frame)], 1, Ends(native=False))


def test_bench_prints_its_figures() -> None:
    words = ["--configs", "2", "--packets", "10", "--seed", "3", "--no-branches", "--no-mutants", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "innet.cli", "bench", "agree", *words],
        cwd=ROOT, env={"PYTHONPATH": "src", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert (figures["configurations"], figures["packets"], figures["contradictions"]) == (2, 20, [])


# ---- configurations


@pytest.mark.parametrize("focus", focuses(), ids=lambda focus: "{}({})".format(*focus))
def test_every_element_stands_in_configurations(focus: tuple[str, str]) -> None:
    whole = configuration(Random(1), focus)
    assert fault(whole.text) is None
    assert any((p.cls, p.arguments) == focus for p in whole.parts), whole.text


def test_every_output_has_an_exit_of_its_own() -> None:
    for n in range(40):
        whole = configuration(Random(n))
        targets = [w.target for w in whole.wires if w.target.startswith("exit")]
        assert len(targets) == len(set(targets))
        assert whole.parts[0].name == ENTRY
        assert set(parsed(whole.text).wires) == set(whole.wires), "the text says it all"


# ---- faults


@pytest.mark.kernel
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", [m for m in MUTANTS if THOROUGH or m.name in SAMPLE], ids=str)
def test_fault_is_found(mutant: Mutant, ends: Ends) -> None:
    assert caught(mutant, ends)


def test_reproducer_is_small_and_runs_again(tmp_path: Path) -> None:
    """A fault of the interpreter, in a configuration of many elements and among many packets."""
    asked = Ends(symbolic=False)
    whole = parsed("""in :: FromNetfront(); exit0 :: Discard(); exit1 :: Discard();
        in -> c :: Classifier(12/0800, -) -> MarkIPHeader(14) -> Paint(7, ANNO 20) -> DecIPTTL -> Strip(14) -> exit0;
        c [1] -> exit1;""")
    mutant = next(m for m in MUTANTS if m.name == "adjustments_forget_the_complement")
    patch = Patch()
    mutant.put(patch)
    try:
        with pytest.raises(Contradiction) as seen:
            examine(whole.text, None, 5, asked, 40)
        found = shrunk(Found(5, whole.text, seen.value.sent, seen.value), asked, 40)
        text, sent, seed = replayed(found.reproducer)
        assert (text, sent, seed) == (found.text, list(found.sent), 5)
        assert len(sent) == 1
        assert len(parsed(text).parts) < len(whole.parts)
        with pytest.raises(Contradiction):
            examine(text, sent, seed, asked)
    finally:
        patch.undo()
    examine(text, sent, seed, asked)


# ---- branches


@pytest.mark.parametrize(
    "declared", [one for one in NEVER if one[4] in IMPOSSIBLE], ids=lambda d: f"{d[0]}({d[1]}) {d[2]} {d[3]}"
)
def test_sides_that_no_packet_takes_are_proven_impossible(declared: tuple[str, str, str, bool, str]) -> None:
    name, example, text, side, _ = declared
    found = [
        (program, n, side)
        for program, case in programs().items()
        if program[:2] == (name, example)
        for n, branch in enumerate(branches(case.program.body))
        if plain(dump.expr(branch.condition)) == text
    ]
    assert found
    assert any(impossible(one) for one in found), [condition(one) for one in found]


def test_what_packets_do_is_not_impossible() -> None:
    program = next(p for p in programs() if p[0] == "DecIPTTL")
    assert not any(impossible((program, n, side)) for n in range(2) for side in (True, False))
