"""Programs made smaller do what they did: modules of all kinds, on packets one after another."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import settings

from innet.diagnostics import ConfigurationError, Source
from innet.explore.machine import Machine
from innet.ir.dump import dump
from innet.policy import parse_request
from innet.simplify import Simplified, StepKind
from tests.adversarial.judge import corpus, machine
from tests.adversarial.modules import module
from tests.dataplane.test_differential import EXTRA
from tests.simplify.sequences import compare, smaller

ROOT = Path(__file__).resolve().parents[2]
RANDOM = settings.default.max_examples // 3
"""Modules at random."""
EXAMPLES = ROOT / "examples"
LARGE = {"honest icmp_unreachable", "honest router_options", "enforcer of its own"}
"""Of these nothing is proven within the limits."""
TEXTS = {
    **{f"honest {case.path.stem}": case.text for case in corpus("honest")},
    **{f"table1 {path.stem}": path.read_text("utf-8") for path in (EXAMPLES / "table1").glob("*.click")},
    **{
        f"{path.stem} {one.name}": one.code
        for path in EXAMPLES.glob("*.innet")
        for one in parse_request(Source(path.name, path.read_text("utf-8"))).modules
    },
    **EXTRA,
    "checksums of checksums": "FromNetfront() -> Strip(14) -> "
    + "UDPIPEncap($ADDR, 1, 203.0.113.1, 1) -> " * 14
    + "Strip(364) -> CheckIPHeader -> ToNetfront();",
}
HEAD = "FromNetfront() -> IPFilter(allow udp port 1500) -> "
CHECKED = "FromNetfront() -> CheckIPHeader(14) -> IPFilter(allow udp port 1500) -> "
TO_OWNER = "IPRewriter(pattern - - 172.16.15.133 - 0 0)"


def tables(made: Simplified) -> set[str]:
    """The elements that lost their tables."""
    return {step.element for step in made.steps if step.kind is StepKind.TABLE}


def built(text: str) -> Machine:
    return machine(text.replace("$ADDR", "198.51.100.1"))


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - LARGE))
def test_modules_do_what_they_did(name: str) -> None:
    made = smaller(one := built(TEXTS[name]))
    assert made.undecided == ""
    compare(one, made, Random(name), 40)


@pytest.mark.parametrize("name", sorted(LARGE))
def test_what_is_too_large_stays_as_it_is(name: str) -> None:
    made = smaller(one := built(TEXTS[name]))
    assert made.undecided == "it is too large to be looked at within the limits"
    assert made.steps == ()
    assert all(program is one.program(*at) for at, program in made.programs.items())


def test_random_modules_do_what_they_did() -> None:
    changed = sent = 0
    for seed in range(RANDOM):
        random = Random(seed)
        try:
            one = built(module(random))
        except ConfigurationError:
            continue
        made = smaller(one)
        changed += bool(made.steps)
        sent += compare(one, made, random, 15)
    assert changed > RANDOM // 2
    assert sent > RANDOM


# ---- tables


@pytest.mark.parametrize(
    "text",
    [
        CHECKED + TO_OWNER + " -> ToNetfront();",
        HEAD + TO_OWNER + " -> ToNetfront();",
        HEAD + "IPRewriter(keep 0 0) -> ToNetfront();",
        HEAD + "rw :: IPRewriter(pattern - - 172.16.15.133 - 0 1, drop) -> ToNetfront();"
        "FromNetfront() -> IPFilter(allow tcp) -> [1] rw; rw [1] -> ToNetfront();",
        "FromNetfront() -> IPAddrPairRewriter(pattern - 172.16.15.133 0 0) -> ToNetfront();",
        "FromNetfront() -> UDPRewriter(pattern - - 172.16.15.133 1600 0 0) -> ToNetfront();",
        HEAD + TO_OWNER + " -> rw :: " + TO_OWNER + " -> ToNetfront();",
    ],
)
def test_tables_that_say_nothing_new_are_not_kept(text: str) -> None:
    one = built(text)
    made = smaller(one)
    rewriters = {name for name in one.elements if "ewriter" in type(one.elements[name]).__name__}
    assert tables(made) == rewriters
    for at, program in made.programs.items():
        assert "flows" not in dump(program), at
    assert compare(one, made, Random(5), 150) > 3


def test_a_table_that_decides_where_a_mark_is_is_kept() -> None:
    one = built("""elementprogram Marks() {
  outputs 1
  table seen [ip] -> [u8] capacity 65536
  found, _ = seen[ip.src]
  if found { @aux = @net + 2 + u16(ip.tos) } else { insert seen[ip.src] = [1] idle 60s; @aux = @net + u16(ip.tos) }
  emit 0
}
elementprogram Reads() {
  outputs 1
  x = aux[0+1]
  ip.id = u16(x)
  emit 0
}
FromNetfront() -> Marks() -> Reads() -> ToNetfront();""")
    made = smaller(one)
    assert tables(made) == set()
    assert compare(one, made, Random(1), 100) > 3


def test_a_value_that_proofs_need_not_know_stays() -> None:
    one = built("""elementprogram Counts() {
  outputs 1
  table seen [ip] -> [u16] capacity 65536
  found, a = seen[ip.src]
  if not found { insert seen[ip.src] = [0] idle 60s }
  a = ip.len
  count bytes u64(a)
  emit 0
}
FromNetfront() -> Counts() -> ToNetfront();""")
    assert compare(one, smaller(one), Random(1), 20) > 3
