"""Faults planted in what proofs write down that they read: for each thing that is written down there is a change of a
network after which a world that forgot it says what held before, and that does not hold any more."""

from dataclasses import dataclass
from random import Random

import pytest

from innet.diagnostics import Source
from innet.messages import Account, Answer, Role
from innet.network import format_address, parse_address
from innet.network.recorded import EVERYTHING, Recorded
from innet.policy import parse_request
from innet.symbolic.ranges import Ranges
from innet.verify.plan import plan
from innet.verify.world import Deployed, World
from tests.verify.networks import CHAIN, CLIENT, PASS, chain
from tests.verify.test_changed_networks import NETWORKS
from tests.verify.test_incremental import PROBES, change, shown, standings

IN, OUT = "FromDevice(outside) -> ", "FromDevice(inside) -> "
CLOSED = f"{IN} Discard; {OUT} ToDevice(outside); Idle -> ToDevice(inside);"
NO_WAY_OUT = f"{IN} ToDevice(inside); {OUT} Discard; Idle -> ToDevice(outside);"
FROM_ONE = PASS.replace(IN, f"{IN} Classifier(6/020000000001) -> ")
TO_FIRST = PASS.replace(IN, f"{IN} Classifier(0/020000000001) -> ")
TO_ONE = PASS.replace(IN, f"{IN} StoreEtherAddress(2:0:0:0:0:1, dst) -> ")
HUB = """
nodes:
  internet: {kind: internet, interfaces: {net: 203.0.113.2/30, more: 192.0.2.2/30}}
  edge:
    kind: router
    interfaces: {out: 203.0.113.1/30, lan: {address: 10.0.0.1/24, mac: 2:0:0:0:0:1}}
    routes: {0.0.0.0/0: out, 172.16.0.0/16: lan via 10.0.0.3}
  hub: {kind: switch, interfaces: {a: {}, b: {}, c: {}, d: {}, e: {}, f: {}}, table: {2:0:0:0:0:1: f, 2:0:0:0:0:2: f}}
  beside: {kind: host, interfaces: {nic: 10.0.0.5/24, out: 192.0.2.1/30}}
  inner:
    kind: router
    interfaces: {up: 10.0.0.2/24, homes: 172.16.255.254/16}
    routes: {0.0.0.0/0: up via 10.0.0.1}
  third: {kind: router, interfaces: {up: {address: 10.0.0.3/24, mac: 2:0:0:0:0:2}}}
  platform: {kind: platform, interfaces: {nic: 10.0.0.4/24}, pool: 198.51.100.0/24}
  homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}
links:
  - [internet:net, edge:out]
  - [internet:more, beside:out]
  - [beside:nic, hub:a]
  - [edge:lan, hub:b]
  - [third, hub:c]
  - [inner:up, hub:d]
  - [platform, hub:e]
  - [inner:homes, homes]
operator: {prefixes: [172.16.0.0/16, 198.51.100.0/24], ingress_filtering: true, connectionless: allowed}
"""
"""Its switch sends frames for two of the routers to where nobody is: whom a frame is addressed to decides whether
anybody gets it, and stations that get none are not read."""
OTHER = (
    CHAIN.replace("in: 10.0.0.1/30", "in: {}")
    .replace("up: 10.0.0.2/30", "up: {mac: 2:0:0:0:0:2}")
    .replace("    routes: {0.0.0.0/0: up}\n", "")
    .replace("172.16.0.0/16: in,", "172.16.0.0/16: in, 172.17.0.0/16: in,")
    .replace(
        "  homes: {kind",
        "  other: {kind: router, interfaces: {up: {mac: 2:0:0:0:0:1}, flats: 172.17.255.254/16}}\n"
        "  flats: {kind: clients, interfaces: {lan: 172.17.0.1/16}}\n  homes: {kind",
    )
    .replace("  - [access:homes", "  - [other:flats, flats]\n  - [access:homes")
)
"""One more router, which may be the one behind the boxes."""
SENDER = Deployed(
    "M",
    Account("sender", Role.CLIENT, ((parse_address("172.16.0.9"),) * 2,)),
    "platform",
    parse_address("198.51.100.1"),
    "FromNetfront() -> StoreIPAddress(8.8.8.8, dst) -> ToNetfront();",
    identifier="d1",
)
PROBE = PROBES.format(client="172.16.15.133")


@dataclass(frozen=True)
class Case:
    """A rule holds in a network, and does not after a change of its text (or of its first box), which only what is
    `forgotten` shows. Without a rule, a plan is another one then."""

    forgotten: str
    rule: str
    edits: tuple[tuple[str, str], ...] = ()
    text: str = CHAIN
    box: str = PASS
    other_box: str = ""

    def worlds(self) -> tuple[World, World]:
        """Before the change and after it."""
        text = self.text
        for old, new in self.edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        before = chain(text=self.text, first=self.box, rules=self.rule)
        after = chain(text=text, first=self.other_box or self.box, rules=self.rule)
        if "module" in self.rule:
            before, after = (world.with_deployed((SENDER,)) for world in (before, after))
        return before, after

    def answers(self, world: World) -> object:
        if not self.rule:
            return shown(plan(parse_request(Source("r", PROBE)), world, CLIENT))
        return standings(world)

    def kept(self) -> tuple[object, object, object]:
        """The answers before, those after the change of a world that keeps what it may, and of a new one."""
        before, after = self.worlds()
        first = self.answers(before)
        return first, self.answers(before.changed(after.snapshot)), self.answers(after)


CASES = (
    Case("wire", "never reach from internet -> client",
         (("[edge:in, first:outside]", "[edge:in, first:inside]"),
          ("[first:inside, second:outside]", "[first:outside, second:outside]")), box=CLOSED),
    Case("node", "never reach from internet -> client", box=CLOSED, other_box=PASS),
    Case("kind", "never reach from internet dst net 8.0.0.0/8 -> internet",
         (("split_horizon: true", "split_horizon: false"),),
         CHAIN.replace("edge:\n    kind: router", "edge:\n    kind: router\n    split_horizon: true")),
    Case("port", "never reach from internet -> client",
         (("mac: 2:0:0:0:0:2", "mac: 2:0:0:0:0:1"),),
         CHAIN.replace("in: 10.0.0.1/30", "in: {address: 10.0.0.1/30, mac: 2:0:0:0:0:2}"), FROM_ONE),
    Case("mac", "never reach from internet -> client",
         (("homes: {address: 172.16.255.254/16, mac: 2:0:0:0:0:1}", "homes: 172.16.255.254/16"),),
         CHAIN.replace("homes: 172.16.255.254/16", "homes: {address: 172.16.255.254/16, mac: 2:0:0:0:0:1}"), TO_ONE),
    Case("segment", "never reach from internet -> client",
         (("[second:inside, access:up]", "[second:inside, other:up]"),), OTHER, TO_FIRST),
    Case("gateway", "never reach from module -> internet",
         (("beside: {kind: host, ", "beside: {kind: router, routes: {0.0.0.0/0: out}, "),), HUB),
    Case("stations", "never reach from internet dst net 172.16.0.0/16 -> client",
         (("lan via 10.0.0.3", "lan via 10.0.0.2"),), HUB),
    Case("table", "never reach from internet -> client", (("172.16.0.0/16: drop", "172.16.0.0/16: in"),),
         CHAIN.replace("172.16.0.0/16: in", "172.16.0.0/16: drop")),
    Case("owners", "never reach from 10.0.3.2 dst net 8.0.0.0/8 -> internet",
         (("address: 10.0.3.3/29", "address: 10.0.3.2/29"),),
         CHAIN.replace("in: 10.0.0.1/30", "in: 10.0.0.1/30, printer: 10.0.3.1/29").replace(
             "links:", "  printer: {kind: host, address: 10.0.3.3/29}\nlinks:\n  - [edge:printer, printer]")),
    Case("outside", "never reach from internet dst net 172.16.0.0/16 -> client",
         (("links:", "links:\n  - [internet:more, access:more]"),),
         CHAIN.replace("up: 10.0.0.2/30", "up: 10.0.0.2/30, more: {}").replace(
             "{net: 203.0.113.2/30}", "{net: 203.0.113.2/30, more: {}}").replace("[internet,", "[internet:net,"),
         CLOSED),
    Case("operator", "never reach from internet src net 172.16.0.0/16 -> client",
         (("ingress_filtering: true", "ingress_filtering: false"),)),
    Case("all clients", "never reach from client dst net 8.0.0.0/8 -> internet",
         (("in: 10.0.0.1/30", "in: 10.0.0.1/30, flats: 172.17.255.254/16"),
          ("links:", "  flats: {kind: clients, interfaces: {lan: 172.17.0.1/16}}\nlinks:\n  - [edge:flats, flats]")),
         box=NO_WAY_OUT),
    Case("all platform", "",
         (("in: 10.0.0.1/30", "in: 10.0.0.1/30, to: 10.0.2.1/30"),
          ("links:", "  bigger: {kind: platform, interfaces: {nic: 10.0.2.2/30}, pool: 198.51.101.0/24,"
                     " capacity: {modules: 9}}\nlinks:\n  - [edge:to, bigger]"))),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.forgotten)
def test_what_is_forgotten_is_missed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before, kept, new = case.kept()
    assert before != new, "the change does nothing"
    assert before == [Answer.YES] or not case.rule
    assert kept == new
    forget(case.forgotten, monkeypatch)
    assert case.kept()[1] == before, "it was not read, or something else tells of it"


def test_there_is_a_case_for_all_that_proofs_write_down(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: set[tuple[str, ...]] = set()
    note, note_table = Recorded.note, Recorded.note_table

    def noting(self: Recorded, *fact: str) -> None:
        noted.add(fact[:2] if fact[0] == "all" else fact[:1])
        note(self, *fact)

    def noting_table(self: Recorded, key: tuple[str, ...], addresses: Ranges) -> None:
        noted.add(key[:1])
        note_table(self, key, addresses)

    monkeypatch.setattr(Recorded, "note", noting)
    monkeypatch.setattr(Recorded, "note_table", noting_table)
    for make, clients in NETWORKS.values():
        world = make()
        asked = parse_request(Source("r", PROBES.format(client=format_address(clients[0]))))
        world = world.with_deployed(change(world, Random(1), clients, 1))
        standings(world)
        plan(asked, world, Account("asking", Role.CLIENT, ((clients[0],) * 2,)))
    assert EVERYTHING not in noted, "a proof that reads everything is made again after each change"
    assert noted <= {tuple(case.forgotten.split()) for case in CASES}


def forget(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that begins with these words is written down."""
    note, note_table = Recorded.note, Recorded.note_table
    words = tuple(forgotten.split())

    def some(self: Recorded, *fact: str) -> None:
        if fact[: len(words)] != words:
            note(self, *fact)

    def some_tables(self: Recorded, key: tuple[str, ...], addresses: Ranges) -> None:
        if key[: len(words)] != words:
            note_table(self, key, addresses)

    monkeypatch.setattr(Recorded, "note", some)
    monkeypatch.setattr(Recorded, "note_table", some_tables)
