"""Programs made smaller do what they did: modules of all kinds, on packets one after another."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import settings

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import OUTSIDE, Role
from innet.explore.machine import Machine
from innet.ir.dump import dump
from innet.policy import parse_request
from innet.simplify import Simplified, StepKind, simplify
from innet.symbolic.state import inject_ip, stamp
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


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD + "IPRewriter(pattern $ADDR - 172.16.15.133 - 0 0) -> ToNetfront();", "a packet on input 0"),
        (
            HEAD + "IPRewriter(pattern - 1024-65535 172.16.15.133 - 0 0) -> ToNetfront();",
            "it also uses Allocate",
        ),
        (HEAD + "IPRewriter(keep 0 0, CAPACITY 65535) -> ToNetfront();", "room for 65535 entries is a limit"),
        (
            HEAD + "m :: IPRewriter(b) -> ToNetfront(); b :: RoundRobinIPMapper(- - 172.16.15.133 - 0 0,"
            "- - 172.16.15.134 - 0 0);",
            "it also uses Next",
        ),
        (
            "FromNetfront() -> k :: IPClassifier(icmp, udp); k [0] -> ICMPRewriter(rw) -> ToNetfront();"
            f"k [1] -> rw :: {TO_OWNER} -> ToNetfront();",
            "ICMPRewriter@3 looks into it",
        ),
        ("FromNetfront() -> TCPRewriter(keep 0 0) -> ToNetfront();", "it does more than its programs say"),
        (
            "FromNetfront() -> [0] rw :: IPRewriter(keep 0 0, pass 1); rw [0] -> ToNetfront(); rw [1] -> ToNetfront();"
            "FromNetfront() -> IPMirror -> [1] rw;",
            "a packet on input",
        ),
    ],
)
def test_tables_that_somebody_can_tell_are_kept(text: str, why: str) -> None:
    one = built(text)
    made = smaller(one)
    assert tables(made) == set()
    assert any(step.why.startswith(why) for step in made.kept), made.kept
    compare(one, made, Random(6), 60)


def test_a_table_whose_handlers_are_called_is_kept() -> None:
    made = smaller(built(HEAD + "rw :: " + TO_OWNER + " -> ToNetfront();"), frozenset({"rw"}))
    assert [(step.element, step.why) for step in made.kept] == [("rw", "handlers of it are called")]


def test_it_hangs_on_what_the_platform_lets_in() -> None:
    """Were the module given packets that claim to be from it, or for others, the answers' entries would matter."""
    one = built(HEAD + TO_OWNER + " -> ToNetfront();")
    anything = inject_ip(max_payload=1480).state
    stamp(anything.memory)
    (entry,) = one.with_role(Role.ENTRY)
    made = simplify(one, [(entry, OUTSIDE, anything)])
    assert tables(made) == set()
    assert made.kept[0].why.startswith("a packet on input 0 that finds an entry")


def test_a_module_in_which_packets_go_round_stays_as_it_is() -> None:
    made = smaller(built("FromNetfront() -> a :: Paint(1) -> b :: Null -> a; Idle -> ToNetfront();"))
    assert made.undecided.endswith("comes back again and again")
    assert made.steps == ()
