"""What two versions of a module treat differently: none only if none is, and an example for each difference."""

import re
from random import Random

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.explore.machine import Machine
from innet.explore.replay import memory
from innet.verify.concrete import Sending, differ, send, throws, version
from innet.verify.diff import Comparison, Difference, Verdict, compare
from innet.verify.world import machine_of
from tests.adversarial import modules, traffic

ADDRESS = traffic.ADDRESS
BATCHER = (
    "FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)"
    " -> TimedUnqueue(120, 100) -> dst :: ToNetfront()"
)
NAT = """
rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 80 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133, -);
sides [1] -> [0] rw;
sides [0] -> [1] rw;
rw [0] -> ToNetfront();
rw [1] -> back :: Null -> ToNetfront();
"""
TEE = "FromNetfront -> t :: Tee; t[0] -> IPMirror -> ToNetfront; t[1] -> StoreIPAddress(1.2.3.4, dst) -> ToNetfront"
TURNED = "FromNetfront -> t :: Tee; t[1] -> IPMirror -> ToNetfront; t[0] -> StoreIPAddress(1.2.3.4, dst) -> ToNetfront"


def machine(text: str) -> Machine:
    return machine_of(Source("module.click", text), {"ADDR": "198.51.100.1"})


def diff(first: str, second: str) -> Comparison:
    return compare(machine(first), machine(second), ADDRESS)


def again(first: str, second: str, difference: Difference) -> tuple[Sending, Sending]:
    """What both versions make of an example, from the start."""
    results = []
    for text in (first, second):
        v, state = version(machine(text), ADDRESS), memory(0)
        for frame in (*difference.before, difference.frame):
            result = send(v, "0", frame, state)
        results.append(result)
    return results[0], results[1]


SAME = [
    (BATCHER, BATCHER.replace("IPFilter(allow udp port 1500)", "IPClassifier(udp port 1500)")),
    (BATCHER, BATCHER.replace("IPFilter(allow udp port 1500)", "IPFilter(deny not udp, allow port 1500)")),
    ("FromNetfront -> IPMirror -> IPMirror -> ToNetfront", "FromNetfront -> ToNetfront"),
    (TEE, TURNED),
    (
        "FromNetfront -> StoreIPAddress(1.2.3.4, dst) -> DecIPTTL -> ToNetfront",
        "FromNetfront -> DecIPTTL -> StoreIPAddress(1.2.3.4, dst) -> ToNetfront",
    ),
    ("FromNetfront -> Strip(14) -> Unstrip(14) -> IPMirror -> ToNetfront", "FromNetfront -> IPMirror -> ToNetfront"),
    ("FromNetfront -> ToNetfront", "FromNetfront -> Discard"),  # what comes back to the module is not sent
    (
        "FromNetfront -> IPMirror -> s :: RoundRobinSwitch -> ToNetfront; s[1] -> ToNetfront",
        "FromNetfront -> IPMirror -> s :: RoundRobinSwitch -> Null -> ToNetfront; s[1] -> ToNetfront",
    ),
    (NAT, NAT.replace("back :: Null", "Null -> Paint(3)")),
    ("FromDevice(a) -> ToDevice(b)", "FromDevice(a) -> Null -> ToDevice(b)"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME)
def test_versions_that_do_the_same_are_proven_to(first: str, second: str) -> None:
    for a, b in ((first, second), (second, first)):
        found = diff(a, b)
        assert found.verdict is Verdict.NONE, found
        assert not found.differences


DIFFERENT = [
    (BATCHER, BATCHER.replace("1500", "1501"), {"only A sends", "only B sends"}, 0),
    (BATCHER, BATCHER.replace("udp port", "udp dst port"), {"only A sends"}, 0),
    (BATCHER, BATCHER.replace(".133", ".134"), {"both send, not the same"}, 0),
    (TEE, TEE.replace("1.2.3.4", "1.2.3.5"), {"both send, not the same"}, 0),
    (NAT, NAT.replace("back :: Null", "DecIPTTL"), {"only A sends"}, 1),
    (
        "FromNetfront -> IPMirror -> s :: RoundRobinSwitch -> ToNetfront; s[1] -> ToNetfront",
        "FromNetfront -> IPMirror -> s :: RoundRobinSwitch -> ToNetfront; s[1] -> Discard",
        {"only A sends"},
        1,
    ),
    ("FromDevice(a) -> ToDevice(b)", "FromDevice(a) -> ToDevice(c)", {"both send, not the same"}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "kinds", "before"), DIFFERENT)
def test_a_difference_comes_with_packets_that_show_it(
    first: str, second: str, kinds: set[str], before: int
) -> None:
    found = diff(first, second)
    assert found.verdict is Verdict.DIFFERENT
    assert {d.way for d in found.differences} == kinds
    assert min(len(d.before) for d in found.differences) == before
    for difference in found.differences:
        if "FromDevice" not in first:
            mine, others = again(first, second, difference)
            assert (mine, others) == (difference.first, difference.second)
            assert differ(mine, others)


def test_ports_that_were_given_are_asked_for_in_the_answer() -> None:
    """The reply of the server only comes through if it goes to the port that the translation chose before."""
    found = diff(NAT, NAT.replace("back :: Null", "StoreIPAddress(203.0.113.9, src)"))
    (difference,) = found.differences
    assert len(difference.before) == 1
    (_, asked), (_, answered) = difference.first.packets[0], difference.second.packets[0]
    assert asked[16:20] == answered[16:20] == difference.before[0][26:30]


def test_chance_is_no_difference_by_itself() -> None:
    first = "FromNetfront -> IPMirror -> s :: RandomSwitch -> ToNetfront; s[1] -> Discard"
    second = "FromNetfront -> IPMirror -> s :: RandomSwitch -> Discard; s[1] -> ToNetfront"
    assert diff(first, second).verdict is Verdict.UNDECIDED
    assert diff(first, first.replace("IPMirror", "Null -> IPMirror")).verdict is Verdict.NONE


def test_a_filter_that_nobody_knows_is_not_taken_for_none() -> None:
    plain = "FromDevice(a) -> ToDevice(b)"
    unknown = "FromDevice(a) -> Perhaps -> ToDevice(b)"
    assert diff(plain, unknown).verdict is Verdict.UNDECIDED
    assert diff(unknown, "FromDevice(a) -> Discard").verdict is Verdict.UNDECIDED
    assert diff(unknown, unknown.replace("Perhaps", "Null -> Perhaps")).verdict is Verdict.NONE
    assert diff(unknown, unknown.replace("Perhaps", "Perhaps -> Perhaps")).verdict is Verdict.UNDECIDED


def test_fragments_put_together_elsewhere_are_not_taken_for_the_same() -> None:
    plain = "FromNetfront -> IPMirror -> ToNetfront"
    assert diff(plain, plain.replace("IPMirror", "IPReassembler -> IPMirror")).verdict is not Verdict.NONE
    reassembled = "FromNetfront -> IPReassembler -> IPMirror -> ToNetfront"
    assert (
        diff(reassembled, reassembled.replace("IPMirror", "Null -> IPMirror")).verdict
        is not Verdict.DIFFERENT
    )


def test_a_header_across_parts_of_unknown_length() -> None:
    mark = "StoreIPAddress(172.16.15.133, dst) -> Strip(14) -> MarkMACHeader(0) -> MarkIPHeader(0)"
    first = f"FromNetfront -> {mark} -> ToNetfront"
    assert diff(first, first.replace("MarkMAC", "MarkIPHeader(14) -> MarkMAC")).verdict is Verdict.NONE


def test_what_writes_handlers_is_not_proven() -> None:
    """The switch leads elsewhere from the second packet on: its program at the start says nothing of that."""
    first = "FromDevice(a) -> s :: Switch(0) -> ToDevice(b); s[1] -> ToDevice(c);"
    counted = first.replace("->", "-> Counter(COUNT_CALL 1 s.switch 1) ->", 1)
    assert diff(first, counted).verdict is not Verdict.NONE
    assert diff(counted, counted).verdict is Verdict.NONE


def test_files_are_not_taken_for_one_interface() -> None:
    first = "FromDevice(a) -> ToDump(one.pcap)"
    assert diff(first, "FromDevice(a) -> ToDump(other.pcap)").verdict is not Verdict.NONE
    assert diff(first, "FromDevice(a) -> Null -> ToDump(one.pcap)").verdict is Verdict.NONE


def test_what_waits_elsewhere_is_told() -> None:
    found = diff(BATCHER, BATCHER.replace("120", "60"))
    assert found.verdict is Verdict.NONE
    assert any("TimedUnqueue" in note for note in found.notes)


def test_a_table_that_only_one_version_has_may_hold_what_flows_put_there() -> None:
    remembers = """
    elementprogram Greet(SELF ip) {
      table friends [ip] -> [u8] capacity 1000 idle 60s
      known, _ = friends[ip.src]
      if not known and udp.dport == 7001 { insert friends[ip.src] = [1]; drop "noted" }
      if not known { drop "no friend" }
      ip.dst = ip.src
      ip.src = SELF
      emit 0
    }
    FromNetfront() -> IPFilter(allow udp) -> Greet($ADDR) -> ToNetfront()
    """
    found = diff(remembers, "FromNetfront() -> Discard")
    assert found.verdict is Verdict.DIFFERENT
    (difference,) = found.differences
    assert len(difference.before) == 1
    assert difference.before[0][26:30] == difference.frame[26:30]
    forgets = remembers.replace("idle 60s", "idle 61s")
    assert diff(remembers, forgets).verdict is Verdict.UNDECIDED, (
        "time is not compared, but may tell them apart"
    )


def test_packets_of_their_own() -> None:
    source = "RatedSource(LENGTH 64) -> UDPIPEncap($ADDR, 7, 172.16.15.133, 7) -> ToNetfront; FromNetfront -> Discard"
    assert diff(source, source.replace("-> UDP", "-> Null -> UDP")).verdict is Verdict.NONE
    assert diff(source, source.replace("LENGTH 64", "LENGTH 65")).verdict is not Verdict.NONE
    assert diff(source, "FromNetfront -> Discard").verdict is not Verdict.NONE


# ---- at random


def mutated(random: Random, text: str) -> str:
    """The module with one thing changed: a number, an element more or fewer, two that change places."""
    kind = random.randrange(4)
    numbers = list(re.finditer(r"\b\d+\b", text))
    if kind == 0 and numbers:
        one = random.choice(numbers)
        value = int(one[0])
        new = random.choice((value + 1, max(0, value - 1), value ^ 4, value * 2))
        return f"{text[: one.start()]}{new}{text[one.end() :]}"
    parts = text.split(" -> ")
    inner = [n for n in range(1, len(parts) - 1) if not set(";:[") & set(parts[n])]
    if kind == 1 and inner:
        del parts[random.choice(inner)]
    elif kind == 2 and len(inner) > 1 and (n := random.choice(inner[:-1])) + 1 in inner:
        parts[n], parts[n + 1] = parts[n + 1], parts[n]
    else:
        parts.insert(random.randrange(1, len(parts)), modules.piece(random, random.choice(modules.PIECES)))
    return " -> ".join(parts)


@pytest.mark.parametrize("seed", range(5))
def test_random_versions_and_packets_never_contradict_the_answer(seed: int) -> None:
    random = Random(seed)
    first = modules.module(random)
    second = mutated(random, first)
    try:
        found = diff(first, second)
    except ConfigurationError:
        return  # what was changed is no number that the element takes
    versions = [version(machine(text), ADDRESS) for text in (first, second)]
    states = [memory(1), memory(1)]
    for _ in range(60):
        frame = traffic.frame(random)
        if any(throws(v.machine) for v in versions):
            states = [memory(1), memory(1)]  # dice that fell differently once are out of step
        mine, others = (send(v, "0", frame, state) for v, state in zip(versions, states, strict=True))
        if differ(mine, others):
            assert found.verdict is not Verdict.NONE, (first, second, frame.hex())
    for difference in found.differences:
        assert differ(*again(first, second, difference)), (first, second)


@pytest.mark.parametrize(
    ("element", "packets"),
    [
        ("SetIPChecksum", "packets of any kind"),
        ("CheckLength(1500)", "packets of any kind"),
        ("IPFilter(allow tcp or icmp)", "proto 0, 2-5, 7-255"),
        ("IPFilter(deny dst port 80, allow all)", "proto tcp, udp, fragment 0, dport 80"),
    ],
)
def test_what_differing_packets_have_in_common_is_said_of_all_of_them(element: str, packets: str) -> None:
    """IPMirror treats protocols differently: each is a case of its own, and they differ alike."""
    found = diff(
        f"FromNetfront -> {element} -> IPMirror -> ToNetfront", "FromNetfront -> IPMirror -> ToNetfront"
    )
    assert {d.packets for d in found.differences} == {packets}
