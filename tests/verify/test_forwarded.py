"""Statements about collected networks, against what the classes of addresses say, and on networks drawn by hand."""

import itertools
import json
import random
from pathlib import Path

import pytest

from innet.diagnostics import PolicyError, Source
from innet.messages import Answer, Check
from innet.network import format_address, neutral
from innet.network.forwarding import Forwarding, pairs
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
