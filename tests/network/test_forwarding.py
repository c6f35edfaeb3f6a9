"""What a network does with every address: classes, pairs, loops, black holes, differences."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from innet.cli.main import main
from innet.diagnostics import PolicyError, Source
from innet.network import End, load, neutral
from innet.network.forwarding import Forwarding, black_holes, changes, loops, of_snapshot, pairs
from innet.network.lpm import lookup

COLLECTED = Path(__file__).resolve().parents[3] / "shared" / "networks"
"""Real networks with known answers, where they are beside the checkout; they are not the project's to pass on."""


def network(nodes: Mapping[str, list[tuple[str, list[str]]]], links: list[tuple[str, str, str, str]]) -> str:
    """A network in JSON: routes by node; ports are those that routes and links name, and `edge`."""
    ports = {name: {"edge"} | {p for _, out in routes for p in out} for name, routes in nodes.items()}
    for a, p, b, q in links:
        ports[a].add(p)
        ports[b].add(q)
    return json.dumps({
        "name": "test",
        "nodes": {
            name: {"kind": "router", "ports": sorted(ports[name]), "routes": routes} for name, routes in nodes.items()
        },
        "links": links,
    })  # fmt: skip


def read(text: str) -> Forwarding:
    return neutral.load(Source("test.json", text))


TWO = network(
    {
        "a": [("10.0.0.0/8", ["right"]), ("10.1.0.0/16", ["edge"]), ("192.0.2.0/24", ["self"])],
        "b": [("10.0.0.0/8", ["edge"]), ("10.2.0.0/16", []), ("10.1.0.0/16", ["left"])],
    },
    [("a", "right", "b", "left"), ("b", "left", "a", "right")],
)


def test_pairs_are_counted_by_addresses():
    found = {(str(a), str(b)): count for (a, b), count in pairs(read(TWO)).items()}
    assert found == {("a:edge", "b:edge"): (1 << 24) - (1 << 17), ("b:edge", "a:edge"): 1 << 16}


def test_a_packet_does_not_go_back_by_the_port_it_came_in_by():
    back = network(
        {"a": [("10.0.0.0/8", ["right"])], "b": [("10.0.0.0/8", ["left"])]},
        [("a", "right", "b", "left"), ("b", "left", "a", "right")],
    )
    assert pairs(read(back)) == {}
    assert loops(read(back)) == ()


def test_a_segment_reaches_all_that_hear_it():
    segment = network(
        {"a": [("10.0.0.0/8", ["lan"])], "b": [("10.0.0.0/9", ["edge"])], "c": [("10.0.0.0/8", ["edge"])]},
        [("a", "lan", "b", "in"), ("a", "lan", "c", "in")],
    )
    found = {(str(a), str(b)): count for (a, b), count in pairs(read(segment)).items()}
    assert found == {("a:edge", "b:edge"): 1 << 23, ("a:edge", "c:edge"): 1 << 24}
    (hole,) = black_holes(read(segment))
    assert (hole.node, hole.addresses) == ("b", 1 << 23)


RING = network(
    {name: [("10.0.0.0/24", [to])] for name, to in (("a", "b"), ("b", "c"), ("c", "a"))},
    [("a", "b", "b", "a"), ("b", "c", "c", "b"), ("c", "a", "a", "c")],
)


def test_loops_are_found_with_their_cycle():
    (loop,) = loops(read(RING))
    assert loop.addresses.addresses == 256
    assert loop.cycles == ((End("a", "c"), End("b", "a"), End("c", "b")),)


def test_differences_go_both_ways():
    other = TWO.replace('["10.2.0.0/16", []]', '["10.3.0.0/16", []]')
    (change,) = changes(read(TWO), read(other))
    assert (change.gained, change.lost) == (1 << 16, 1 << 16)
    assert change.example_gained == 0x0A020000
    assert change.example_lost == 0x0A030000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('"kind": "switch"', "kind 'switch'"),
        ('"kind": "router", "acl_in": {}', "'acl_in' is not understood"),
        ('"kind": "router", "speed": 1', "'speed' is not understood"),
    ],
)
def test_what_is_not_understood_is_a_mistake(change: str, message: str):
    with pytest.raises(PolicyError, match=message):
        read(TWO.replace('"kind": "router"', change, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10.1.0.0/16", "10.1.0.1/16", "'10.1.0.1/16' is not a prefix"),
        ('["right"]', '["up"]', "there is no port 'up'"),
        ('"a", "right", "b"', '"a", "right", "z"', "there is no port z:left"),
        ('"links"', '"wires"', "'wires' is not understood"),
        ("}", "", "not JSON"),
    ],
)
def test_mistakes_are_told(old: str, new: str, message: str):
    with pytest.raises(PolicyError, match=message):
        read(TWO.replace(old, new, 1))


def concrete(net: Forwarding, source: End, address: int) -> tuple[set[End], bool]:
    """Where one packet comes out, and whether it comes back to a place, by walking."""
    found, seen, again = set(), set(), False
    work = [(source, (source,))]
    while work:
        place, path = work.pop()
        for port in lookup(net.tables[place.node], address) or ():
            out = End(place.node, port)
            if port == place.interface or port == "self":
                continue
            if out not in net.wires:
                found.add(out)
            for after in net.wires.get(out, ()):
                again |= after in path
                if after not in seen:
                    work.append((after, (*path, after)))
                seen.add(after)
    return found, again


def random_network(rng: Random, alone: bool = False) -> str:
    """A network in JSON with links that may lead one way; `alone`: a route to the router itself leads nowhere else."""
    names = [f"n{n}" for n in range(rng.randrange(2, 6))]
    links = [(a, f"to_{b}", b, f"to_{a}") for a in names for b in names if a != b and rng.random() < 0.6]
    out = {a: [p for x, p, _, _ in links if x == a] + ["edge", "edge2", "self"] for a in names}

    def route(a: str) -> tuple[str, list[str]]:
        prefix = f"10.{rng.randrange(4)}.{rng.randrange(2) * 128}.0/{rng.choice((17, 24))}"
        outputs = rng.sample(out[a], rng.choice((1, 1, 2)))
        return prefix, ["self"] if alone and "self" in outputs else outputs

    nodes = {
        a: [*{**dict(route(a) for _ in range(6)), "10.0.0.0/8": [rng.choice(out[a])]}.items()] for a in names
    }
    return network(nodes, links)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_do_what_single_packets_do(seed: int):
    net = read(random_network(Random(seed)))
    counted: dict[tuple[End, End], int] = {}
    looping = set()
    for one in net.classes:
        for source in net.edges:
            found, again = concrete(net, source, one.example)
            looping |= {one.number} if again else set()
            for end in found - {source}:
                counted[source, end] = counted.get((source, end), 0) + one.addresses
    assert counted == pairs(net)
    assert {loop.addresses.number for loop in loops(net)} == looping


def test_the_verbs_print_tables_and_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, ring = tmp_path / "two.json", tmp_path / "ring.json"
    file.write_text(TWO)
    ring.write_text(RING)
    assert main(["snapshot", "reach", str(file), "--all-pairs"]) == 0
    assert "2 of 2 pairs of 2 edge ports" in capsys.readouterr().out
    assert main(["snapshot", "reach", str(file), "--all-pairs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"][1] == ["b", "edge", "a", "edge", 65536]
    assert main(["snapshot", "loops", str(ring)]) == 1
    assert "a:c -> b:a -> c:b -> a:c" in capsys.readouterr().out
    assert main(["snapshot", "check", str(file)]) == 0
    assert main(["snapshot", "diff", str(file), str(file)]) == 0
    assert "every address fares the same" in capsys.readouterr().out
    assert main(["snapshot", "reach", "examples/figure3/network.yaml", "--all-pairs"]) == 2
    assert "'firewall' is a middlebox" in capsys.readouterr().err
    assert main(["snapshot", "check", "examples/figure3/network.yaml"]) == 0


@pytest.mark.parametrize("file", sorted(COLLECTED.glob("*.answers.json")), ids=lambda path: path.name)
def test_collected_networks_have_their_known_answers(file: Path, capsys: pytest.CaptureFixture[str]):
    known = json.loads(file.read_text())
    name = str(file).replace(".answers.json", ".json")
    assert main(["snapshot", "reach", name, "--all-pairs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == known["pairs"]
    main(["snapshot", "loops", name, "--json"])
    assert json.loads(capsys.readouterr().out)["loops"] == known["loops"]


def test_on_a_segment_of_several_routers_the_next_hop_alone_gets_a_packet():
    """`two` would send on what `border` sends to `one`, which drops it; and `two` and `three` send to each other."""
    lan = load(Source("lan.yaml", """
nodes:
  border:
    kind: router
    interfaces: {out: 192.0.2.1/30, lan: 10.0.0.1/24}
    routes: {10.1.0.0/16: lan via 10.0.0.2, 10.2.0.0/16: lan via 10.0.0.3, 10.3.0.0/16: lan via 10.0.0.3}
  one: {kind: router, interfaces: {lan: 10.0.0.2/24, out: {}}, routes: {10.1.0.0/16: drop}}
  two:
    kind: router
    interfaces: {lan: 10.0.0.3/24, out: {}}
    routes: {10.1.0.0/16: out, 10.2.0.0/16: out, 10.3.0.0/16: lan via 10.0.0.4}
  three: {kind: router, interfaces: {lan: 10.0.0.4/24, out: {}}, routes: {10.3.0.0/16: lan via 10.0.0.3}}
  sw: {kind: switch, interfaces: {a: {}, b: {}, c: {}, d: {}}}
  w: {kind: host, interfaces: {nic: {}}}
  x: {kind: host, interfaces: {nic: {}}}
  y: {kind: host, interfaces: {nic: {}}}
  z: {kind: host, interfaces: {nic: {}}}
links:
  - [border:lan, sw:a]
  - [one:lan, sw:b]
  - [two:lan, sw:c]
  - [three:lan, sw:d]
  - [border:out, w]
  - [one:out, x]
  - [two:out, y]
  - [three:out, z]
"""), str)  # fmt: skip
    network = of_snapshot(lan)
    assert [str(end) for end in network.edges] == ["border:out", "one:out", "two:out", "three:out"]
    found = {(str(a), str(b)): count for (a, b), count in pairs(network).items() if str(a) == "border:out"}
    assert found == {("border:out", "two:out"): 1 << 16}
    (loop,) = loops(network)
    assert (loop.addresses.example, loop.addresses.addresses) == (0x0A030000, 1 << 16)
    assert [[str(place) for place in cycle] for cycle in loop.cycles] == [["three:lan", "two:lan"]]


@pytest.mark.parametrize("output", [[["a"]], [{}], [1], [None]])
def test_a_port_that_is_no_word_is_told(output: list[object]) -> None:
    tree = {
        "nodes": {"a": {"kind": "router", "ports": ["p"], "routes": [["10.0.0.0/8", output]]}},
        "links": [],
    }
    with pytest.raises(PolicyError, match="there is no port"):
        neutral.load(Source("n", json.dumps(tree)))


@pytest.mark.parametrize(
    ("route", "output"),
    [
        ("10.0.1.0/25: b", ("b",)),
        ("10.0.1.0/24: b", ("b",)),
        ("10.0.0.0/16: b", ("a",)),
        ("10.0.1.0/25: a", ("a",)),
    ],
)
def test_a_route_as_long_as_a_subnet_has_its_addresses(route: str, output: tuple[str, ...]):
    text = f"""
nodes:
  r: {{kind: router, interfaces: {{a: 10.0.1.1/24, b: 10.0.2.1/24}}, routes: {{{route}}}}}
  h: {{kind: host, address: 10.0.1.2/24}}
  k: {{kind: host, address: 10.0.2.2/24}}
links: [[h, "r:a"], [k, "r:b"]]
"""
    found = load(Source("n.yaml", text), {}.__getitem__)
    assert lookup(of_snapshot(found).tables["r"], 0x0A000102) == output


SHARED = """
nodes:
  internet: {kind: internet}
  r1: {kind: router, interfaces: {out: 203.0.113.1/30, lan: 10.0.0.1/24},
       routes: {0.0.0.0/0: out, 10.1.0.0/16: lan via 10.0.0.2, 10.9.0.0/16: drop}}
  r2: {kind: router, interfaces: {lan: 10.0.0.2/24, in: 10.1.0.1/16}, routes: {0.0.0.0/0: lan via 10.0.0.1}}
  h: {kind: host, address: 10.0.0.9/24}
  c: {kind: clients, interfaces: {lan: 10.1.0.2/16}}
  sw: {kind: switch, interfaces: {a: {}, b: {}, c: {}}}
links: [[internet, "r1:out"], ["r1:lan", "sw:a"], ["r2:lan", "sw:b"], [h, "sw:c"], [c, "r2:in"]]
"""


def snapshot(text: str) -> Forwarding:
    return of_snapshot(load(Source("n.yaml", text), str))


def test_a_host_among_routers_is_an_edge_of_its_own():
    found = snapshot(SHARED)
    h, out, home = End("h", "nic"), End("r1", "out"), End("r2", "in")
    assert set(found.edges) == {h, out, home}
    counts = pairs(found)
    assert (counts[out, h], counts[home, h], counts[h, home]) == (1, 1, (1 << 16) - 1)
    dropped = SHARED.replace("10.9.0.0/16: drop", "10.9.0.0/16: drop, 10.0.0.9/32: drop")
    (change,) = changes(found, snapshot(dropped))
    assert (change.source, change.target, change.lost, change.example_lost) == (out, h, 1, 0x0A000009)
    assert black_holes(found) == ()


def test_a_loop_that_only_a_host_among_routers_gets_into_is_found():
    text = SHARED.replace("c: {kind: clients, interfaces: {lan: 10.1.0.2/16}}", (
        "r3: {kind: router, interfaces: {in: 10.1.0.2/16}, routes: {10.9.0.0/16: in}}"
    )).replace("[c, ", '["r3:in", ').replace("{0.0.0.0/0: lan via 10.0.0.1}", "{10.9.0.0/16: in}")  # fmt: skip
    (loop,) = loops(snapshot(text))
    assert [[str(place) for place in cycle] for cycle in loop.cycles] == [["r2:in", "r3:in"]]
    assert loop.addresses.example == 0x0A090000


def test_two_routers_that_send_to_each_other_are_a_loop():
    """A router of a network file sends back by the port that a packet came in by; `innet trace` says so, too."""
    text = """
nodes:
  internet: {kind: internet}
  r1: {kind: router, interfaces: {out: 203.0.113.1/30, in: 10.0.0.1/30}, routes: {0.0.0.0/0: out, 10.1.0.0/16: in}}
  r2: {kind: router, interfaces: {in: 10.0.0.2/30, lan: 10.1.1.1/24}, routes: {0.0.0.0/0: in}}
  c: {kind: clients, interfaces: {lan: 10.1.1.2/24}}
links: [[internet, "r1:out"], ["r1:in", "r2:in"], [c, "r2:lan"]]
"""
    (loop,) = loops(snapshot(text))
    assert [[str(place) for place in cycle] for cycle in loop.cycles] == [["r1:in", "r2:in"]]
    assert (loop.addresses.example, loop.addresses.addresses) == (0x0A010000, (1 << 16) - (1 << 8))
    for router in ("r1", "r2"):
        split = text.replace(f"{router}: {{kind: router", f"{router}: {{kind: router, split_horizon: true")
        assert loops(snapshot(split)) == ()


@pytest.mark.parametrize(("port", "through"), [("a", 0), ("b", (1 << 16) - 1), ("c", 0)])
def test_frames_go_where_a_switch_sends_them(port: str, through: int):
    """Where the table of a switch is wrong, no packet gets to the next hop."""
    text = SHARED.replace("lan: 10.0.0.2/24", 'lan: {address: 10.0.0.2/24, mac: "02:00:00:00:00:02"}')
    text = text.replace("c: {}}}", f'c: {{}}}}, table: {{"02:00:00:00:00:02": {port}}}}}')
    found = snapshot(text)
    counts = pairs(found)
    assert counts.get((End("r1", "out"), End("r2", "in")), 0) == through
    assert counts[End("r1", "out"), End("h", "nic")] == 1
    assert bool(changes(snapshot(SHARED), found)) is (through == 0)


@pytest.mark.parametrize(("port", "through"), [("a", 0), ("b", (1 << 16) - 1), ("c", 0)])
def test_a_host_among_routers_gets_to_those_that_the_switch_sends_its_frames_to(port: str, through: int):
    text = SHARED.replace("lan: 10.0.0.2/24", 'lan: {address: 10.0.0.2/24, mac: "02:00:00:00:00:02"}')
    text = text.replace("c: {}}}", f'c: {{}}}}, table: {{"02:00:00:00:00:02": {port}}}}}')
    assert pairs(snapshot(text)).get((End("h", "nic"), End("r2", "in")), 0) == through


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"nodes": {"a": {"kind": "router", "ports": ["p", "q"], "routes":'
         ' [["10.0.0.0/8", ["p"]], ["10.0.0.0/8", ["q"]]]}}, "links": []}', "two routes for 10.0.0.0/8"),
        ('{"nodes": {}, "links": [], "links": []}', "'links' is in one object twice"),
        ('{"nodes": {"a": {"kind": "router", "ports": [], "routes": []},'
         ' "a": {"kind": "router", "ports": [], "routes": []}}, "links": []}', "'a' is in one object twice"),
    ],
)  # fmt: skip
def test_what_is_said_twice_is_a_mistake(text: str, complaint: str):
    with pytest.raises(PolicyError, match=complaint):
        read(text)
