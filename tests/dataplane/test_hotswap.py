"""What a new version of a module finds of the old one's: no entry that its own text could not have made."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from innet.dataplane.compose import Composed, Wire, compose
from innet.dataplane.flows import TableName
from innet.dataplane.hotswap import kept_tables, may_less
from innet.dataplane.plane import KernelAgent
from innet.messages import Role
from innet.platform import Deployment
from innet.platform.protocol import PLATFORM, SANDBOX
from tests.dataplane.lab import PATIENCE_S, Lab, Make, address, datagram, deployment, frame, lab, report, run
from tests.elements.packets import UDP, ipv4, udp

WIRE = Wire(1, 0x02_00_00_00_00_01, 0x02_00_00_00_00_02)
FIRST = "172.16.15.133"
SECOND = "172.16.15.134"
STRANGER = "203.0.113.9"
NAT = f"""in :: FromNetfront; out :: ToNetfront; allowed :: IPFilter(allow udp dst port 80, deny all);
sides :: IPClassifier(src host {FIRST}, -);
rw :: IPRewriter(pattern ADDR 1024-65535# {FIRST} 80 0 1, drop);
in -> sides; sides [0] -> [1] rw; sides [1] -> allowed -> [0] rw; rw [0] -> out; rw [1] -> out;"""


def at(text: str, n: int = 0, sandbox: bool = False, whitelist: tuple[str, ...] = ()) -> Composed:
    return compose(text.replace("ADDR", address(n)), "module", address(n), WIRE, sandbox, whitelist)


def kept(old: str, new: str) -> set[str]:
    """The tables of the new text that go on with the old one's, by their elements' own names."""
    before, after = at(old), at(new)
    found = kept_tables(before, after)
    return {shown(after, mine) for mine, its in found.items() if shown(before, its) == shown(after, mine)}


def shown(composed: Composed, name: TableName) -> str:
    element, _, table = name.partition("/")
    return f"{composed.names[element]}/{table}"


def edit(old: str, new: str) -> str:
    assert NAT.count(old) == 1
    return NAT.replace(old, new)


ALL = {"rw/flows"}
KEEPS = {
    "the same": NAT,
    "blanks and comments": NAT.replace(";", " ; // so\n"),
    "something behind it": edit("rw [0] -> out", "rw [0] -> Paint(1) -> out"),
    "something beside it": NAT + " Idle -> IPFilter(allow all) -> Discard;",
    "declared behind others, so that its number is another": "extra :: Counter; Idle -> extra -> Discard;"
    + NAT,
}
STARTS_EMPTY = {
    "where to": edit(f"# {FIRST} 80 0 1", f"# {SECOND} 80 0 1"),
    "from which ports": edit("1024-65535#", "1024-2047#"),
    "how long flows last": edit("0 1, drop)", "0 1, drop, UDP_TIMEOUT 7)"),
    "what comes to it": edit("allow udp dst port 80", "allow udp dst port 81"),
    "from where": edit(f"src host {FIRST}", f"src host {SECOND}"),
    "from where, the other way round": edit(
        "sides [0] -> [1] rw; sides [1] -> allowed", "sides [1] -> [1] rw; sides [0] -> allowed"
    ),
    "what comes to it is changed first": edit("allowed -> [0] rw", "allowed -> IPMirror -> [0] rw"),
    "somebody else comes to it too": edit(
        "rw [1] -> out;", "rw [1] -> t :: Tee; t [0] -> out; t [1] -> [0] rw;"
    ),
    "its name": NAT.replace("rw", "other"),
    "its class": edit(f"IPRewriter(pattern ADDR 1024-65535# {FIRST} 80 0 1, drop)", "IPRewriter(drop, drop)"),
}


@pytest.mark.parametrize("change", KEEPS)
def test_flows_stay_where_nothing_that_bears_on_them_changed(change: str) -> None:
    assert kept(NAT, KEEPS[change]) == ALL
    assert kept(KEEPS[change], NAT) == ALL


@pytest.mark.parametrize("change", STARTS_EMPTY)
def test_flows_go_where_something_bears_on_them_that_changed(change: str) -> None:
    assert kept(NAT, STARTS_EMPTY[change]) == kept(STARTS_EMPTY[change], NAT) == set()
    assert kept(STARTS_EMPTY[change], STARTS_EMPTY[change]) != set() or change == "its class"


def test_one_element_may_keep_what_another_may_not() -> None:
    two = """in :: FromNetfront; c :: IPClassifier(udp, -); out :: ToNetfront; in -> c;
        a :: IPRewriter(pattern ADDR 1024-65535# 10.0.0.1 80 0 0); b :: IPRewriter(pattern ADDR 1024-65535# 10.0.0.2 80 0 0);
        c [0] -> a -> out; c [1] -> b -> out;"""  # noqa: E501
    assert kept(two, two) == {"a/flows", "b/flows"}
    assert kept(two, two.replace("10.0.0.2", "10.0.0.3")) == {"a/flows"}
    exchanged = two.replace("a ::", "x ::").replace("b ::", "a ::").replace("x ::", "b ::")
    assert kept(two, exchanged) == set(), "tables of the same form, of one another's elements"


def test_tables_in_common_are_kept_in_common() -> None:
    """Who shares a table, refers to its owner or writes to an element before it bears on its entries."""
    base = """in :: FromNetfront; c :: IPClassifier(dst port 1, dst port 2, -); out :: ToNetfront; in -> c;
        t :: ARPTable; q :: ARPQuerier(10.0.0.1, 2:0:0:0:0:1, TABLE t); c [0] -> Strip(42) -> [1] q;
        c [1] -> Strip(14) -> [0] q; c [2] -> Discard; q [0] -> Strip(14) -> out; q [1] -> Discard;"""
    assert any(name.startswith("t/") for name in kept(base, base))
    assert kept(base, base.replace("Strip(42)", "Strip(46)")) == set()
    assert kept(base, base.replace("ARPTable;", "ARPTable(TIMEOUT 3);")) == set()
    switch = "s :: Switch(0); in :: FromNetfront -> s; out :: ToNetfront; s [0] -> rw :: IPRewriter(pattern ADDR 1024-65535# - - 0 0) -> out; s [1] -> [0] rw;"  # noqa: E501
    assert kept(switch, switch) == {"rw/flows"}
    script = switch + " Script(wait 1, write s.switch 1);"
    assert kept(switch, script) == set()
    assert kept(script, script.replace("wait 1", "wait 2")) == set()


def test_routes_are_the_new_texts() -> None:
    """A table that nobody writes to is filled by the text."""
    text = """in :: FromNetfront; out :: ToNetfront; in -> Strip(14) -> CheckIPHeader -> r :: RadixIPLookup(10.0.0.0/8 0, 0/0 1);
        r [0] -> rw :: IPRewriter(pattern ADDR 1024-65535# 10.0.0.1 80 0 0) -> out; r [1] -> Discard;"""  # noqa: E501
    assert "rw/flows" in kept(text, text)
    assert kept(text, text.replace("10.0.0.0/8 0", "11.0.0.0/8 0")) == set()


def test_another_address_and_another_gate_start_empty() -> None:
    assert kept_tables(at(NAT), at(NAT, 1)) == {}
    assert kept_tables(at(NAT, sandbox=True), at(NAT, 1, sandbox=True)) == {}
    assert kept_tables(at(NAT), at(NAT, sandbox=True)) == kept_tables(at(NAT, sandbox=True), at(NAT)) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [((), ("10.0.0.0/8",)), (("10.0.0.0/8",), ()), (("10.0.0.0/8",), ("0.0.0.0/0",)), (("0.0.0.0/0",), ())],
)
def test_who_wrote_to_a_module_stays_known_whatever_its_list(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    old, new = at(NAT, sandbox=True, whitelist=before), at(NAT, sandbox=True, whitelist=after)
    found = kept_tables(old, new)
    sandbox = {name for name in found if name.startswith("sandbox/")}
    assert sandbox >= {"sandbox/flows", "sandbox/sources"}
    everything = "0.0.0.0/0" in (*before, *after)  # then it keeps no account of fragments
    assert ("sandbox/fragments" in sandbox) is not everything
    assert any(name.endswith("/flows") and not name.startswith("sandbox/") for name in found)
    changed = at(STARTS_EMPTY["where to"], sandbox=True, whitelist=after)
    assert kept_tables(old, changed).keys() == {"sandbox/flows", "sandbox/sources"}


BOXED = deployment(NAT, sandbox=True, whitelist=("10.0.0.0/8", "11.0.0.0/8"))


@pytest.mark.parametrize(
    ("new", "less"),
    [
        (replace(BOXED, text="another"), False),
        (replace(BOXED, whitelist=("10.0.0.0/7",)), False),
        (replace(BOXED, whitelist=("0.0.0.0/0",)), False),
        (replace(BOXED, sandbox=False), False),
        (replace(BOXED, whitelist=("10.0.0.0/8",)), True),
        (replace(BOXED, whitelist=("10.0.0.0/8", "11.0.0.0/9")), True),
        (replace(BOXED, whitelist=()), True),
        (replace(BOXED, address="192.0.2.11"), True),
        (replace(BOXED, account="somebody else"), True),
        (replace(BOXED, role=Role.CLIENT), True),
    ],
)
def test_what_a_version_may_not_do_any_more(new: Deployment, less: bool) -> None:
    assert may_less(BOXED, new) is less
    assert not may_less(BOXED, BOXED)
    assert may_less(replace(BOXED, sandbox=False), BOXED)


# ---- on the platform


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("hotswap") / "state", "swap", 8) as made:
        yield made


def nat(change: str = NAT) -> Deployment:
    return deployment(change.replace("ADDR", address(0)))


def destinations(frames: list[bytes]) -> list[bytes]:
    return [one[30:34] for one in frames]


def same_form(old: Composed, new: Composed) -> dict[TableName, TableName]:
    """The planted fault: all that has the same form stays."""
    return {f"{n}/{table}": f"{n}/{table}" for n in new.names for table in ("flows",)}


@pytest.mark.kernel
@pytest.mark.parametrize("fault", [False, True])
def test_no_packet_takes_a_way_that_the_new_text_has_not(
    place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch, fault: bool
) -> None:
    if fault:
        monkeypatch.setattr("innet.dataplane.life.kept_tables", same_form)
    agent = make()
    agent.apply(nat())
    sent = [datagram(sport=n + 1, dport=80) for n in range(5)]
    assert destinations(place.exchange(agent, sent, 5)) == [bytes([172, 16, 15, 133])] * 5
    agent.apply(nat(NAT.replace(FIRST, SECOND)))
    after = set(destinations(place.exchange(agent, sent, 5)))
    assert after == {bytes([172, 16, 15, 133 if fault else 134])}


@pytest.mark.kernel
def test_flows_are_found_though_their_elements_number_is_another(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(nat(NAT))
    (before,) = place.exchange(agent, [datagram(sport=9, dport=80)], 1)
    place.exchange(agent, [datagram(sport=8, dport=80)], 1)
    agent.apply(nat("extra :: Counter; Idle -> extra -> Discard;" + NAT))
    (after,) = place.exchange(agent, [datagram(sport=9, dport=80)], 1)
    assert after[34:36] == before[34:36]


def relay(whitelist: tuple[str, ...], slow: str = "", more: str = "") -> Deployment:
    """Whoever writes from FIRST makes the module write to the stranger; others are answered."""
    text = f"""FromNetfront() -> c :: IPClassifier(src host {FIRST}, -); o :: ToNetfront();
        c [0] -> StoreIPAddress({address(0)}, src) -> StoreIPAddress({STRANGER}, dst) -> {slow}o;
        c [1] -> Discard; {more}"""
    return deployment(text, sandbox=True, whitelist=whitelist)


TRIGGER = datagram(source=FIRST, sport=53, dport=1000)
WROTE = datagram(source=STRANGER, sport=1000, dport=53)
WIDE = (f"{STRANGER}/32", f"{FIRST}/32")


@pytest.mark.kernel
def test_who_is_taken_off_the_list_is_written_to_only_if_it_wrote(place: Lab, make: Make) -> None:
    agent = make()
    agent.apply(relay(WIDE))
    agent.resume("d1.m")
    assert len(place.exchange(agent, [TRIGGER], 1)) == 1
    agent.apply(relay((f"{FIRST}/32",)))
    assert place.exchange(agent, [TRIGGER], 0) == []
    place.exchange(agent, [WROTE], 0)
    assert len(place.exchange(agent, [TRIGGER], 1)) == 1
    agent.apply(relay(()))
    assert len(place.exchange(agent, [TRIGGER], 1)) == 1, "who wrote is known to the next version"
    other = frame(ipv4(udp(b"x", sport=54, dport=1000), FIRST, address(0), UDP))
    assert place.exchange(agent, [other], 0) == []
    reasons = {reason for element, reason, _ in report(agent).drops if element == SANDBOX}
    assert reasons == {"destination neither wrote to the module nor agreed"}


ENDLESS = "Queue(8) -> TimedUnqueue(1000, 1) -> "
"""It keeps what comes to it, but the first packet, for longer than a test takes."""


def give(place: Lab, agent: KernelAgent, *frames: bytes) -> None:
    """Have a running module keep these packets."""
    before = report(agent).received.packets
    place.send(*frames)
    until = time.monotonic() + PATIENCE_S
    while report(agent).received.packets < before + len(frames):
        assert time.monotonic() < until
    run(agent)


@pytest.mark.kernel
@pytest.mark.parametrize("narrower", [False, True])
def test_what_waits_is_kept_only_if_it_still_may_leave(place: Lab, make: Make, narrower: bool) -> None:
    agent = make()
    agent.apply(relay(WIDE, ENDLESS))
    agent.resume("d1.m")
    give(place, agent, *[TRIGGER] * 4)
    agent.apply(relay(WIDE[1:] if narrower else WIDE, ENDLESS + "Paint(1) -> "))
    assert [one.slow.holding() for one in agent.registry.draining if one.slow] == ([] if narrower else [3])
    lost = [count for _, reason, count in report(agent).drops if reason.startswith("kept by a version")]
    assert lost == ([3] if narrower else [])
    assert len(place.received()) == 1


@pytest.mark.kernel
def test_a_module_that_is_removed_sends_nothing_more_whatever_its_versions_kept(
    place: Lab, make: Make
) -> None:
    agent = make()
    speaks = f"TimedSource(0.01, x) -> UDPIPEncap({address(0)}, 1, {STRANGER}, 2) -> o;"
    text = f"FromNetfront() -> {ENDLESS} o :: ToNetfront(); {speaks}"
    agent.apply(deployment(text))
    give(place, agent, *[datagram()] * 2)
    agent.apply(deployment(text.replace(speaks, "Idle -> Discard;")))
    old = agent.registry.draining[0]
    assert old.slow is not None
    assert place.collect(agent, 1, 0.2), "the old version goes on as long as it keeps something"
    agent.remove("d1.m")
    place.received()
    assert place.collect(agent, 0, 0.1) == []
    assert not agent.registry.draining
    assert len(agent.places.free) == agent.modules
    assert not list(agent.base.pins.glob("module-*"))


@pytest.mark.kernel
def test_versions_that_never_come_to_rest_go_when_their_time_or_room_ends(
    place: Lab, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("innet.dataplane.plane.SPARE", 2)
    agent = make()
    for n in range(agent.modules + 2):
        agent.apply(deployment(f"FromNetfront() -> {ENDLESS} ToNetfront; Idle -> Paint({n}) -> Discard;"))
        agent.resume("d1.m")
        give(place, agent, *[datagram()] * 2)
    assert len(agent.registry.draining) == agent.modules - 1
    monkeypatch.setattr("innet.dataplane.plane.DRAIN_NS", 0)
    agent.work()
    assert not agent.registry.draining
    assert len(agent.places.free) == agent.modules - 1
    drops = {reason: count for element, reason, count in report(agent).drops if element == PLATFORM}
    assert drops["kept by a version that another one replaced"] == agent.modules + 1
