"""Network files: what they say, and every mistake with its place, its expectation and its mend."""

import pytest

from innet.diagnostics import PolicyError, Source, render_all
from innet.network import DROP, SELF, Kind, Snapshot, Switch, load, parse_address, parse_mac, parse_prefix

GOOD = """\
nodes:
  internet: {kind: internet}
  r1:
    kind: router
    interfaces: {out: 203.0.113.1/30, lan: 10.0.0.1/24, spare: {}}
    routes: {0.0.0.0/0: out, 10.9.0.0/16: [lan, out], 10.8.0.0/16: drop, 192.0.2.1: self, 10.7.0.0/16: lan via 10.0.0.2}
  sw: {kind: switch, interfaces: {a: {}, b: {}, c: , d: }, table: {'2:0:0:0:0:9': b}}
  box: {kind: middlebox, click: box.click, interfaces: {up: {}, down: {}}}
  p1: {kind: platform, interfaces: {nic: {address: 10.0.0.2/24, mac: '2:0:0:0:0:9'}}, pool: [198.51.100.0/24],
       capacity: {modules: 10, memory: 4 GiB}}
  h1: {kind: host, address: 10.0.0.3/24}
  homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}
links:
  - [internet, r1:out]
  - [r1:lan, sw:a]
  - [sw:b, p1]
  - [sw:c, h1:nic]
  - [sw:d, box:up]
  - [box:down, homes]
operator: {prefixes: [198.51.100.0/24, 172.16.0.0/16], ingress_filtering: yes, connectionless: banned}
"""


def read(name: str) -> str:
    if name != "box.click":
        raise FileNotFoundError(2, "No such file or directory")
    return "Idle;"


def loaded(text: str) -> Snapshot:
    return load(Source("network.yaml", text), read)


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        loaded(text)
    return render_all(caught.value.diagnostics).splitlines()


def mistakes(text: str) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyError) as caught:
        loaded(text)
    return [
        (d.code, d.span.source.position(d.span.start)[0] if d.span else 0, d.message)
        for d in caught.value.diagnostics
    ]


def test_a_good_file_becomes_a_snapshot():
    s = loaded(GOOD.replace("  - [sw:d, box:up]\n  - [box:down, homes]\n", ""))
    r1 = s.nodes["r1"]
    assert r1.kind is Kind.ROUTER
    assert {str(route.prefix): route.output for route in s.routers[0].routes} == {
        "0.0.0.0/0": ("out",),
        "10.9.0.0/16": ("lan", "out"),
        "10.8.0.0/16": DROP,
        "192.0.2.1/32": SELF,
        "10.7.0.0/16": ("lan",),
    }
    assert s.routers[0].routes[4].via == parse_address("10.0.0.2")
    switch = s.nodes["sw"]
    assert isinstance(switch, Switch)
    assert switch.table == {parse_mac("02:00:00:00:00:09"): "b"}
    assert s.platforms[0].pools == (parse_prefix("198.51.100.0/24"),)
    assert (s.platforms[0].capacity.modules, s.platforms[0].capacity.memory) == (10, 4 << 30)
    assert s.middleboxes[0].text == "Idle;"
    assert not s.operator.connectionless
    assert s.operator.ingress_filtering
    assert str(s.neighbour("internet", "r1.out")) == "r1:out"
    assert s.neighbour("r1", "spare") is None
    assert [str(end) for end in s.outside] == ["r1:out"]
    segment = s.segment("h1", "nic")
    assert segment is not None
    assert {str(end) for end in segment.stations} == {"r1:lan", "p1:nic", "h1:nic"}
    assert (segment.switches, segment.middleboxes, segment.plain) == (("sw",), (), True)


NODE = "nodes:\n  r1: {kind: router, interfaces: {a: 10.0.0.1/30}"

WRONG = [
    ("", "N101", "is empty"),
    ("nodes: [", "N101", "this is not YAML"),
    ("nodes: {}\n---\nnodes: {}", "N102", "a second YAML document"),
    ("nodes: &a {}\nlinks: *a", "N102", "aliases"),
    ("[" * 100, "N102", "nested more than"),
    ("- " * 100, "N102", "nested more than"),
    ("nodes: {}\nnodes: {}", "N103", "'nodes' is here a second time"),
    ("nodes: {[a]: b}", "N103", "a key has to be a word"),
    ("- a", "N106", "a network file is a list"),
    ("nodes: {}\nlink: []", "N104", "no key 'link'"),
    ("links: []", "N105", "has no 'nodes'"),
    ("nodes: {r1: 5}", "N106", "node 'r1' is '5'"),
    ("nodes: {r1: {}}", "N105", "node 'r1' has no 'kind'"),
    ("nodes: {r1: {kind: ruter}}", "N107", "'ruter' is not a kind of node"),
    ("nodes: {client: {kind: host, address: 10.0.0.1/24}}", "N108", "cannot be a node"),
    ("nodes: {internet: {kind: host, address: 10.0.0.1/24}}", "N108", "only a node of kind internet"),
    ("nodes: {'a b': {kind: host, address: 10.0.0.1/24}}", "N108", "'a b' cannot be the name of a node"),
    ("nodes: {r1: {kind: router, interfaces: {self: {}}}}", "N108", "cannot be an interface"),
    ("nodes: {h: {kind: host, address: 10.0.0.1/24, interfaces: {a: {}}}}", "N109", "both"),
    ("nodes: {m: {kind: middlebox, click: box.click, interfaces: {a: 10.0.0.1/24}}}", "N110", "no addresses"),
    ("nodes: {h: {kind: host, address: 10.0.0.0/24}}", "N111", "network address of 10.0.0.0/24"),
    ("nodes: {h: {kind: host, address: 10.0.0.255/24}}", "N111", "broadcast address"),
    ("nodes: {h: {kind: host, address: 10.0.0.1/40}}", "N107", "'40' is not a length"),
    (NODE + ", routes: {10.0.0.0/8: b}}", "N112", "no interface 'b'"),
    (NODE + ", routes: {10.0.0.1/8: a}}", "N107", "the prefix is 10.0.0.0/8"),
    (NODE + ", routes: {10.0.0.0/8: []}}", "N107", "leads nowhere"),
    (NODE + ", routes: {10.0.0.1: drop, 10.0.0.1/32: a}}", "N103", "a second route for 10.0.0.1/32"),
    (NODE + ", routes: {10.1.0.0/16: a via b}}", "N107", "not an IPv4 address"),
    (NODE + ", routes: {10.1.0.0/16: a}}", "N123", "nothing is linked to interface 'a'"),
    ("nodes: {m: {kind: middlebox, click: gone.click, interfaces: {}}}", "N113", "No such file"),
    ("nodes: {p: {kind: platform, interfaces: {a: 10.0.0.1/24}, pool: 10.1.0.0/24}}", "N118", "not linked"),
    ("nodes: {p: {kind: platform, interfaces: {a: 10.0.0.1/24}, pool: []}}", "N105", "no pool"),
    (
        "nodes: {p: {kind: platform, interfaces: {}, pool: 1.0.0.0/8, capacity: {memory: 4GB2}}}",
        "N107",
        "size",
    ),
    (
        "nodes: {p: {kind: platform, interfaces: {}, pool: 1.0.0.0/8, capacity: {modules: -1}}}",
        "N107",
        "whole",
    ),
    ("nodes: {c: {kind: clients, interfaces: {lan: {}}}}", "N105", "has no subnet"),
    ("nodes: {}\noperator: {connectionless: maybe}", "N107", "neither allowed nor banned"),
    ("nodes: {}\noperator: {ingress_filtering: 3}", "N107", "neither true nor false"),
    ("nodes: {r: {kind: router, interfaces: {}, split_horizon: 3}}", "N107", "neither true nor false"),
    ("nodes: {h: {kind: host, address: 10.0.0.1/24, split_horizon: yes}}", "N104", "split_horizon"),
    ("nodes: {}\noperator: {prefixes: {}}", "N106", "a mapping"),
    ("nodes: {}\nlinks: {a: b}", "N106", "'links' is a mapping"),
    ("nodes: {}\nlinks: [[a]]", "N106", "a link is 1 ends"),
    ("nodes: {}\nlinks: [[a, b]]", "N116", "there is no node 'a'"),
    (NODE + "}\nlinks: [[r1:b, r1:a]]", "N112", "'r1' has no interface 'b'"),
    (NODE + "}\nlinks: [[r1, r1:a]]", "N114", "joins 'r1' to itself"),
    (GOOD.replace("[internet, r1:out]", "[internet, r1]"), "N117", "3 interfaces: which one?"),
    (GOOD.replace("[sw:c, h1:nic]", "[sw:c, p1:nic]"), "N115", "p1:nic is already in use"),
    (GOOD.replace("10.0.0.3/24", "10.0.0.2/24"), "N119", "address 10.0.0.2 is taken"),
    (GOOD.replace("[198.51.100.0/24],", "[10.0.0.128/25],"), "N120", "overlaps"),
    (GOOD, "N122", "homes:lan is in 172.16.0.0/16, but"),
    (GOOD.replace("lan via 10.0.0.2", "lan via 10.0.0.9"), "N124", "nobody at 'lan' has address 10.0.0.9"),
]


@pytest.mark.parametrize(
    ("text", "code", "words"), WRONG, ids=[f"{code}-{words}" for _, code, words in WRONG]
)
def test_a_mistake_is_told(text, code, words):
    found = mistakes(text)
    assert any(is_code == code and words in message for is_code, _, message in found), found


def test_all_mistakes_are_told_at_once_with_place_and_mend():
    text = """\
nodes:
  r1: {kind: router, interfaces: {core: 10.0.0.1/30}, routes: {0.0.0.0/0: cor}}
  p1: {kind: platform, interfaces: {nic: 10.0.1.2/30}, pol: 10.1.0.0/24}
  m1: {kind: middlebox, click: gone.click, interfaces: {}}
links:
  - [r1:core, p2]
"""
    places = {(code, line) for code, line, _ in mistakes(text)}
    assert places == {("N112", 2), ("N104", 3), ("N105", 3), ("N113", 4), ("N116", 6)}
    assert problems(text)[:5] == [
        "network.yaml:2:75: error[N112]: node 'r1' has no interface 'cor'",
        "2 |   r1: {kind: router, interfaces: {core: 10.0.0.1/30}, routes: {0.0.0.0/0: cor}}",
        "  |" + " " * 75 + "^^^",
        "  = expected: an interface, `interface via ADDRESS`, a list of interfaces, `drop` or `self`",
        "  = help: did you mean 'core'?",
    ]


@pytest.mark.parametrize("letter", ["(", "[", "{", "a", "- ", "\t", "'", "\x00", "&a ", "? "])
def test_megabytes_of_nonsense_are_refused_in_short_words(letter):
    with pytest.raises(PolicyError) as caught:
        loaded(letter * (2_000_000 // len(letter)))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "text", ["\ud800", "nodes: \ufffe", "nodes: {a: !!python/object:os.system {}}", "%YAML 9.9\n---\na"]
)
def test_odd_text_is_refused(text):
    with pytest.raises(PolicyError):
        loaded(text)
