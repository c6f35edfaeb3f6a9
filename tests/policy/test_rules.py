from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import PolicyError, Source
from innet.flowspec import describe
from innet.policy import (
    ElementPort,
    FlowText,
    Hop,
    Named,
    Node,
    Place,
    Policy,
    Quantifier,
    Reach,
    Region,
    Subnet,
    Variable,
    parse_policy,
    unparse_policy,
)
from innet.policy.fields import FIELDS, ConstField
from tests.flowspec.evaluate import is_told


def policy(text: str, **parameters: str) -> Policy:
    return parse_policy(Source("rules.innet", text), parameters)


def test_rules_of_the_paper() -> None:
    rules = policy(
        """// all HTTP goes through the optimizer
reach from internet tcp src port 80
-> HTTPOptimizer
-> client
# clients are reached only through modules they asked for
always new reach from internet -> module -> client
never reach from 10.0.0.0/8 /* spoofed */ udp -> internet
"""
    ).rules
    assert [rule.text for rule in rules] == [
        "reach from internet tcp src port 80 -> HTTPOptimizer -> client",
        "always new reach from internet -> module -> client",
        "never reach from 10.0.0.0/8 udp -> internet",
    ]
    assert [(rule.quantifier, rule.new) for rule in rules] == [
        (Quantifier.SOME, False),
        (Quantifier.ALWAYS, True),
        (Quantifier.NEVER, False),
    ]
    first = rules[0]
    assert first.start.node == Region(Place.INTERNET)
    assert [hop.node for hop in first.hops] == [Named("HTTPOptimizer"), Region(Place.CLIENT)]
    assert first.start.flow is not None
    assert describe(first.start.flow.predicate) == "tcp and first fragment and src port == 80"


@pytest.mark.parametrize(
    ("word", "node"),
    [
        ("client", Region(Place.CLIENT)),
        ("internet", Region(Place.INTERNET)),
        ("module", Region(Place.MODULE)),
        ("10.0.0.1", Subnet(0x0A000001)),
        ("10.0.0.0/8", Subnet(0x0A000000, 0xFF000000)),
        ("Batcher:dst", ElementPort("Batcher", "dst", 0)),
        ("Batcher:dst:3", ElementPort("Batcher", "dst", 3)),
        ("Batcher:a/b@1:3", ElementPort("Batcher", "a/b@1", 3)),
        ("border-router.1_x", Named("border-router.1_x")),
        ("1st", Named("1st")),
        ("$Batcher.ADDR", Variable("Batcher.ADDR")),
    ],
)
def test_node(word: str, node: Node) -> None:
    assert policy(f"reach from internet -> {word}").rules[0].hops[0].node == node


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("proto && dst port && payload", ["proto", "dst port", "payload"]),
        ("src&&dst", ["src host", "dst host"]),
        ("ip src && udp dst port", ["src host", "dst port"]),
        ("tos && ttl && id && len", ["tos", "ttl", "id", "len"]),
        ("tcp flags && tcp seq && tcp ack", ["tcp flags", "tcp seq", "tcp ack"]),
        ("icmp type && tcp[tcpflags] && ip[8:1] && tcp[4:4]", ["icmp type", "tcp[13]", "ip[8]", "tcp[4:4]"]),
        ("proto && ip proto", ["proto"]),
    ],
)
def test_const_fields(text: str, names: list[str]) -> None:
    const = policy(f"reach from internet -> client const {text}").rules[0].hops[0].const
    assert [f.name for f in const] == names
    assert [f.is_payload for f in const] == [name == "payload" for name in names]


@pytest.mark.parametrize(
    ("text", "code", "at", "words"),
    [
        ("", "P111", (1, 1), "no rule"),
        ("foo\n", "P114", (1, 1), "does not begin"),
        ("reach internet -> client", "P115", (1, 7), "'from' is missing"),
        ("reach from internet udp", "P117", (1, 24), "'->' and a node"),
        ("always never reach from internet -> client", "P118", (1, 8), "'never'"),
        ("new reach from internet -> client", "P118", (1, 1), "plain `reach`"),
        ("reach from internet const proto -> client", "P120", (1, 21), "behind a '->'"),
        ("reach from internet -> client const", "P121", (1, 31), "names no field"),
        ("reach from internet -> client const proto && prot", "P121", (1, 46), "did you mean 'proto'?"),
        ("reach from internet -> client const proto, ttl", "P122", (1, 42), "write 'proto && ttl'"),
        ("reach from internet -> -> client", "P123", (1, 24), "a node is missing"),
        ("reach from udp -> client", "P124", (1, 12), "node is missing"),
        ("reach from 10.0.0.1/8 -> client", "P126", (1, 12), "write `10.0.0.0/8`"),
        ("reach from a:b:c:d -> client", "P127", (1, 12), "not a node"),
        ("reach from internet udp prt 5\n -> client", "F142", (1, 25), "did you mean 'port'?"),
        ("reach from ${X} -> client", "P113", (1, 12), "give a default"),
    ],
)
def test_mistake_is_shown_in_its_place(text: str, code: str, at: tuple[int, int], words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy(text)
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert (first.code, first.span.source.position(first.span.start)) == (code, at)
    assert words in str(caught.value)


def test_every_mistake_is_reported() -> None:
    with pytest.raises(PolicyError) as caught:
        policy(
            "reach internet -> client const foo\nalways reach from udp\n\nreach from internet tcp[ -> x:y:z"
        )
    assert [d.code for d in caught.value.diagnostics] == ["P115", "P121", "P124", "F146", "P127"]


def test_parameters_are_replaced_and_messages_point_at_them() -> None:
    rule = policy("reach from internet dst port ${PORT-80} -> client", PORT="1500").rules[0]
    assert rule.start.flow is not None
    assert rule.start.flow.text == "dst port 1500"
    with pytest.raises(PolicyError) as caught:
        policy("reach from internet dst port ${PORT-80} -> client", PORT="many")
    (first,) = caught.value.diagnostics
    assert first.span is not None
    assert first.span.source.text[first.span.start : first.span.end] == "${PORT-80}"


def test_flow_is_resolved_when_addresses_are_known() -> None:
    flow = policy("reach from internet udp and dst $Batcher.ADDR -> client").rules[0].start.flow
    assert flow is not None
    assert flow.variables == ("Batcher.ADDR",)
    assert describe(flow.resolve({"Batcher.ADDR": 0x01020304})) == "udp and dst 1.2.3.4"


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.\-]{0,8}[a-z]", fullmatch=True).map(lambda name: "n" + name)
NODES = st.one_of(
    st.sampled_from(Place).map(Region),
    st.integers(0, 0xFFFFFFFF).map(Subnet),
    st.integers(0, 32).map(
        lambda n: Subnet(0x0A0B0C0D & (1 << 32) - (1 << 32 - n), (1 << 32) - (1 << 32 - n))
    ),
    st.builds(
        ElementPort, NAMES, st.from_regex(r"[a-z]{1,3}(/[a-z@0-9]{1,3})?", fullmatch=True), st.integers(0, 99)
    ),
    NAMES.map(Named),
    st.sampled_from(["A.ADDR", "ADDR"]).map(Variable),
)
FLOWS = st.sampled_from(
    [
        "udp",
        "tcp src port 80",
        "dst 172.16.15.133",
        "tcp[13] & 2 != 0",
        "not (port 80 or 443)",
        "dst $A.ADDR",
        "len > 5",
    ]
)


def flow(text: str) -> FlowText:
    parsed = policy(f"reach from internet {text} -> client").rules[0].start.flow
    assert parsed is not None
    return parsed


CONST = st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=4).map(
    lambda names: tuple(ConstField(name, FIELDS[name]) for name in names)
)
OPTIONAL_FLOW = st.none() | FLOWS.map(flow)
REACHES = st.builds(
    lambda start, hops, quantifier, new: Reach(
        start, hops, quantifier, new and quantifier is not Quantifier.SOME
    ),
    st.builds(Hop, NODES, OPTIONAL_FLOW),
    st.lists(st.builds(Hop, NODES, OPTIONAL_FLOW, CONST), min_size=1, max_size=4).map(tuple),
    st.sampled_from(Quantifier),
    st.booleans(),
)


@given(st.lists(REACHES, min_size=1, max_size=3))
def test_text_of_rules_reads_back(rules: list[Reach]) -> None:
    written = Policy(tuple(rules))
    assert policy(unparse_policy(written)) == written


WORDS = [
    "reach",
    "from",
    "->",
    "client",
    "udp",
    "port",
    "80",
    "const",
    "&&",
    "proto",
    "new",
    "always",
    "\n",
    "//",
    "/*",
    "$X",
    "a:b",
]


@given(st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join) | st.text(max_size=60))
def test_any_text_gives_rules_or_an_error(text: str) -> None:
    try:
        policy(text)
    except PolicyError as error:
        is_told(error)


def test_equal_rules_are_found_by_each_other():
    """Rules are kept by what they say: equal ones have one hash, asked for early or late."""
    text = "always reach from internet tcp -> firewall -> client dst port 80 const src port\n"
    one, other = (parse_policy(Source(name, text)).rules[0] for name in ("one", "other"))
    assert {one: 1}[other] == 1
    assert {replace(one, new=True): 1}.get(other) is None
    assert hash(replace(one, new=True)) == hash(replace(other, new=True))
