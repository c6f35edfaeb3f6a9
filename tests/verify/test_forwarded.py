"""Statements about collected networks, against what the classes of addresses say, and on networks drawn by hand."""

import itertools
import json
import random
from pathlib import Path

import pytest

from innet.diagnostics import PolicyError, Source
from innet.messages import Answer, Check
from innet.network import End, format_address, neutral
from innet.network.forwarding import Forwarding, pairs
from innet.network.lpm import lookup
from innet.policy import parse_policy
from innet.verify.forwarded import Collected
from innet.verify.world import PARSE

COLLECTED = Path(__file__).resolve().parents[3] / "shared" / "networks"

LINE = {
    "name": "line",
    "nodes": {
        "a": {"kind": "router", "ports": ["in", "b", "c"], "routes": [
            ["10.0.0.0/8", ["b"]], ["10.1.0.0/16", ["c"]], ["192.168.0.0/16", ["in"]],
        ]},
        "b": {"kind": "router", "ports": ["a", "d"], "routes": [["10.0.0.0/8", ["d"]], ["192.168.0.0/16", ["a"]]]},
        "c": {"kind": "router", "ports": ["a", "d"], "routes": [["10.0.0.0/8", ["d"]]]},
        "d": {"kind": "router", "ports": ["b", "c", "out", "lost"], "routes": [
            ["10.0.0.0/8", ["out"]], ["10.9.0.0/16", []], ["192.168.0.0/16", ["b"]],
        ]},
    },
    "links": [
        ["a", "b", "b", "a"], ["b", "a", "a", "b"], ["a", "c", "c", "a"], ["c", "a", "a", "c"],
        ["b", "d", "d", "b"], ["d", "b", "b", "d"], ["c", "d", "d", "c"], ["d", "c", "c", "d"],
    ],
}  # fmt: skip


def network(tree: object = LINE) -> Forwarding:
    return neutral.load(Source("network.json", json.dumps(tree)))


def ask(collected: Collected, text: str) -> Check:
    (rule,) = parse_policy(Source("statement", text)).rules
    return collected.answer(rule)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("reach from a:in dst net 10.2.0.0/16 -> d:out", "yes"),
        ("reach from a:in dst net 10.9.0.0/16 -> d:out", "no"),
        ("reach from a:in dst net 10.0.0.0/8 -> d:lost", "no"),
        ("reach from a:in dst net 10.2.0.0/16 -> b -> d:out", "yes"),
        ("reach from a:in dst net 10.2.0.0/16 -> c -> d:out", "no"),
        ("reach from a:in dst net 10.2.0.0/16 -> b -> b:a -> d:out", "yes"),  # two hops at one place
        ("always reach from a:in dst net 10.2.0.0/16 -> b -> b:a -> d:out", "yes"),
        ("always reach from a:in dst net 10.2.0.0/16 -> b -> b:a", "yes"),
        (
            "reach from a:in dst net 10.0.0.0/8 -> c:a -> d:c -> d:out tcp dst port 80 const dst port",
            "yes",
        ),
        ("reach from a:in dst net 10.0.0.0/8 and udp -> d:out tcp", "no"),
        ("reach from a:in -> b dst net 10.1.0.0/16", "no"),
        ("reach from internet dst net 192.168.1.0/24 -> a:in", "yes"),
        ("always reach from a:in dst net 10.0.0.0/8 -> b -> d:out", "no"),
        ("always reach from a:in dst net 10.4.0.0/16 -> b -> d:out", "yes"),
        ("always reach from a:in -> a -> d:out", "yes"),
        ("always reach from a:in dst net 10.4.0.0/16 -> b tcp -> d:out", "no"),
        ("never reach from a:in dst net 10.1.0.0/16 -> b", "yes"),
        ("never reach from a:in dst net 10.1.0.0/16 -> c", "no"),
        ("never reach from d:out -> d:out", "yes"),
        ("reach from a:in ip[8] = 2 and dst net 10.2.0.0/16 -> d:out", "no"),
    ],
)
def test_statements_on_a_drawn_network(text: str, holds: str) -> None:
    found = ask(Collected(network(), PARSE), text)
    assert found.holds.value == holds, found
    shown = found.holds is (Answer.YES if text.startswith("reach") else Answer.NO)
    assert (found.witness is not None and found.witness.replayed) is shown


def test_a_ttl_that_is_not_kept_is_not_decided() -> None:
    assert ask(Collected(network(), PARSE), "reach from a:in -> d:out const ttl").holds is Answer.UNDECIDED


def test_ports_that_are_not_there_are_named() -> None:
    with pytest.raises(PolicyError) as caught:
        ask(Collected(network(), PARSE), "reach from a:inn -> e -> client")
    assert len(caught.value.diagnostics) == 3
    port, node, _ = caught.value.diagnostics
    assert (port.expected.startswith("a port of 'a' such as in"), port.help) == (True, "did you mean 'in'?")
    assert node.expected.startswith("NODE or NODE:PORT, with a node such as a")


def test_answers_are_those_of_all_pairs() -> None:
    choose = random.Random(5)
    path = COLLECTED / "stanford.json"
    some = neutral.load(Source("n", path.read_text("utf-8"))) if path.exists() else network()
    collected, known = Collected(some, PARSE), pairs(some)
    edges = list(some.edges)
    for a, b in itertools.islice(iter(lambda: tuple(choose.sample(edges, 2)), None), 40):
        if len(edges) < 2:
            break
        found = ask(collected, f"reach from {a} -> {b}")
        assert (found.holds is Answer.YES) is ((a, b) in known)
        if found.witness is not None:
            dst = int(found.witness.packet[32:40], 16)
            again = ask(collected, f"reach from {a} dst host {format_address(dst)} -> {b}")
            assert again.holds is Answer.YES


DIAMOND = {
    "nodes": {
        "a": {"kind": "router", "ports": ["in", "short", "long"], "routes": [["10.0.0.0/8", ["short", "long"]]]},
        "m": {"kind": "router", "ports": ["l", "r"], "routes": [["10.0.0.0/8", ["r"]]]},
        "b": {"kind": "router", "ports": ["out", "s", "l"], "routes": [["10.0.0.0/8", ["out"]]]},
    },
    "links": [["a", "short", "b", "s"], ["a", "long", "m", "l"], ["m", "r", "b", "l"]],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("never reach from a:in ip[8] = 3 -> b:out", "no"),  # by the shorter way
        ("never reach from a:in ip[8] = 2 -> b:out", "yes"),
        ("reach from a:in ip[8] = 3 -> m -> b:out", "no"),
        ("always reach from a:in ip[8] = 3 -> b:s -> b:out", "yes"),
        ("never reach from a:in ip[8] = 0 -> a", "no"),
        ("reach from a:in ip[8] = 4 -> b:out ip[8] = 4", "undecided"),
        ("never reach from a:in ip[8] = 4 -> b:out ip[8] = 1", "undecided"),
        ("never reach from a:in dst host 192.0.2.1 -> b:out ip[8] = 1", "yes"),
        ("never reach from a:in ether src 2:0:0:0:0:1 -> b:out ether src 2:0:0:0:0:2", "undecided"),
        ("always reach from a:in -> b:out ip[10:2] != 0", "undecided"),
        ("always reach from a:in -> m -> b:out ip[8] = 1", "no"),  # around m
        ("reach from a:in -> b:out const ip[8]", "undecided"),
        ("always reach from a:in -> b:out const ip[7:2]", "undecided"),
        ("reach from a:in -> b:out const ip[11]", "undecided"),
        ("always reach from a:in -> b:out const ip[9] && ip[12:4]", "yes"),
        ("never reach from a:in -> a:long", "no"),
        ("always reach from a:in -> a:long -> b:out", "no"),
        ("always reach from a:in -> a:long -> m", "yes"),
        ("reach from a:in -> m:r -> a:long -> b:out", "no"),
        ("never reach from a:in ip[ip[8] & 63] = 5 -> b:out", "undecided"),
    ],
)
def test_what_routers_change_is_not_taken_for_what_it_was(text: str, holds: str) -> None:
    """Time to live, checksum and Ethernet addresses are others behind a router; packets leave by ports inside, too."""
    assert ask(Collected(network(DIAMOND), PARSE), text).holds.value == holds


def walked(net: Forwarding, start: End, address: int, ttl: int, hops: list[str]) -> tuple[bool, bool]:
    """Whether copies of one packet get to the last hop through the others in order, and whether some get there not so,
    by sending each of them on."""
    through = around = False
    work = [(start, ttl, 0, True, False)]
    seen = set()
    while work:
        step = end, left, index, begins, leaves = work.pop()
        if step in seen:
            continue
        seen.add(step)
        here = {"" if begins else str(end), "" if leaves else end.node}
        while index < len(hops) - 1 and hops[index] in here:
            index += 1
        if hops[-1] in here:
            through |= index == len(hops) - 1
            around |= index < len(hops) - 1
        if leaves:
            work += [(other, left, index, False, False) for other in net.wires.get(end, ())]
        elif left > 1:
            for port in lookup(net.tables[end.node], address) or ():
                if port not in (end.interface, "self"):
                    work.append((End(end.node, port), left - 1, index, False, True))
    return through, around


@pytest.mark.parametrize("seed", range(20))
def test_statements_say_what_single_packets_do(seed: int) -> None:
    choose = random.Random(seed)
    names = [f"n{n}" for n in range(choose.randrange(2, 6))]
    inner = {name: [f"p{n}" for n in range(choose.randrange(1, 4))] for name in names}
    ends = [(name, port) for name in names for port in inner[name]]
    links = [[*a, *b] for a in ends for b in ends if a != b and choose.random() < 1.6 / len(ends)]

    def routes(name: str) -> list[list[object]]:
        prefixes = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.1.1.0/24"]
        ports = [*inner[name], "in", "self"]
        return [
            [p, choose.sample(ports, choose.choice((0, 1, 1, min(2, len(ports)), len(ports))))]
            for p in choose.sample(prefixes, choose.randrange(1, 5))
        ]

    nodes = {
        name: {"kind": "router", "ports": [*inner[name], "in"], "routes": routes(name)} for name in names
    }
    net = network({"nodes": nodes, "links": links})
    collected = Collected(net, PARSE)
    places = [*names, *(f"{name}:{port}" for name in names for port in (*inner[name], "in"))]
    for _ in range(25):
        start = End(choose.choice(names), "in")
        hops = choose.sample(places, min(len(places), choose.choice((1, 1, 2, 3))))
        ttl = choose.choice((0, 1, 2, 3, 4, 5, 64))
        found = [walked(net, start, one.example, ttl, hops) for one in net.classes]
        some, around = (any(side) for side in zip(*found, strict=True))
        text = f"reach from {start} ip[8] = {ttl} -> {' -> '.join(hops)}"
        assert (ask(collected, text).holds is Answer.YES) is some, text
        assert (ask(collected, f"never {text}").holds is Answer.YES) is not some, text
        assert (ask(collected, f"always {text}").holds is Answer.YES) is not around, text
