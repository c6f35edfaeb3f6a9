"""Routers with very many routes: kept in arrays, and what is known of them is what it is of few."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import PolicyError, Source
from innet.messages import Answer
from innet.network import Router, Snapshot, format_address, load
from innet.network.addresses import FULL, covering
from innet.network.lpm import Addresses, Packed, flatten
from innet.network.routetable import RouteTable
from innet.policy import Policy, parse_request
from innet.symbolic import ranges as rs
from innet.verify.questions import prepare
from innet.verify.reach import answer
from innet.verify.world import World

PORTS = ("out", "p0", "p1", "p2")
OUTPUTS = (*PORTS, "drop", "self", "[p0, p1]", "p1 via 10.0.1.2")


def network(rows: list[str]) -> str:
    """A router between the internet and three subnets of clients, and its routes."""
    inner = ", ".join(f"p{n}: 10.0.{n}.1/24" for n in range(3))
    return "\n".join((
        "nodes:", "  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}",
        f"  core:\n    kind: router\n    interfaces: {{out: 203.0.113.1/30, {inner}}}", "    routes:", *rows,
        *(f"  n{n}: {{kind: clients, interfaces: {{lan: 10.0.{n}.2/24}}}}" for n in range(3)),
        "links:\n  - [internet, core:out]", *(f"  - [core:p{n}, n{n}]" for n in range(3)),
        "operator: {prefixes: [10.0.0.0/8], ingress_filtering: true}", "",
    ))  # fmt: skip


def read(text: str) -> Snapshot:
    return load(Source("n.yaml", text), lambda name: "")


def random_rows(choose: Random, count: int) -> list[str]:
    """Prefixes crowded together, so that they nest and touch: also inside the subnets of the clients."""
    found: dict[str, str] = {}
    while len(found) < count:
        length = choose.choice((0, 4, 8, 9, 16, 22, 23, 24, 25, 28, 30, 31, 32))
        low = covering(
            choose.choice((0x0A000000, 0x0A000000, 0x14000000)) | choose.getrandbits(10), length
        ).address
        found[f"{format_address(low)}/{length}"] = choose.choice(OUTPUTS)
    return [f"      {prefix}: {output}" for prefix, output in found.items()]


def apart(rows: list[str]) -> list[str]:
    """The same routes as text of which nothing is left as it stands."""
    return [line for row in rows for line in (row, "      # a note")]


def router(snapshot: Snapshot) -> Router:
    node = snapshot.nodes["core"]
    assert isinstance(node, Router)
    return node


@pytest.mark.parametrize("seed", range(6))
def test_many_routes_are_what_they_are_one_by_one(seed: int) -> None:
    rows = random_rows(Random(seed), 60)
    many, single = read(network(rows)), read(network(apart(rows)))
    table, routes = router(many).routes, router(single).routes
    assert isinstance(table, RouteTable)
    assert isinstance(routes, tuple)
    assert tuple(table) == routes == table[:]
    assert table == routes
    assert [table[n] for n in range(-len(table), 0)] == list(routes)
    assert list(many.routes("core")) == list(single.routes("core"))
    assert list(many.table("core")) == list(single.table("core"))
    assert [str(r.span) for r in table][::7] == [f"n.yaml:{7 + n}:7" for n in range(60)][::7]
    assert [many.nodes["core"].interfaces, many.links] == [single.nodes["core"].interfaces, single.links]


@pytest.mark.parametrize(
    "wrong",
    ["10.0.0.0/8: nowhere", "10.0.0.1/8: p0", "10.0.0/8: p0", "10.0.0.0/33: p0", "010.0.0.0/8: p0", "1.0.0.256/32: p0",
     "20.0.7.0/24: out", "20.0.7.0/24: p0 via 10.0.0.77", "30.0.0.0/8: p0 via 10.0.0.77", "30.0.0.0/8: [p0, p9]",
     "30.0.0.0/8: p0 via 1.2.3"],
)  # fmt: skip
def test_mistakes_are_told_as_of_few_routes(wrong: str) -> None:
    rows = [f"      20.0.{n}.0/24: {OUTPUTS[n % len(OUTPUTS)]}" for n in range(30)]
    rows.insert(20, f"      {wrong}")
    told = []
    for lines in (rows, apart(rows)):
        with pytest.raises(PolicyError) as failed:
            read(network(lines))
        told.append(
            [(d.code, d.message.replace("is here a second time", "")) for d in failed.value.diagnostics]
        )
        assert "20" in str(failed.value.diagnostics[0].span) or "N" in failed.value.diagnostics[0].code
    if wrong.startswith("20.0.7.0/24"):
        assert [code for code, _ in told[0]] == [code for code, _ in told[1]] == ["N103"]
    else:
        assert told[0] == told[1]


@pytest.mark.parametrize("seed", range(4))
def test_questions_are_answered_as_every_address_is_forwarded(seed: int) -> None:
    choose = Random(seed)
    snapshot = read(network(random_rows(choose, 80)))
    assert isinstance(snapshot.routes("core"), RouteTable)
    world = World(snapshot, Policy(()))
    for _ in range(12):
        n, to = choose.randrange(3), choose.randrange(3)
        address = 0x0A000000 | n << 8 | choose.randrange(256)
        text = f"reach from internet dst host {format_address(address)} -> 10.0.{to}.0/24"
        found = answer(
            prepare(parse_request(Source("r", text)).requirements[0], {}), world.network, world.tables
        )
        output = snapshot.forward("core", address)
        gets_there = n == to and f"p{n}" in output
        astray = n == to and not gets_there and any(port.startswith("p") for port in output)
        if not (
            astray and found.holds is Answer.UNDECIDED
        ):  # it comes to clients, but not to those that have it
            assert found.holds is (Answer.YES if gets_there else Answer.NO), (text, output, found)
    for n in range(3):
        text = f"reach from internet udp -> 10.0.{n}.0/24"
        found = answer(
            prepare(parse_request(Source("r", text)).requirements[0], {}), world.network, world.tables
        )
        own = [snapshot.forward("core", 0x0A000000 | n << 8 | last) for last in range(256)]
        if any(f"p{n}" in output for output in own):
            assert found.holds is Answer.YES
        else:
            assert found.holds is not Answer.YES


NUMBERS = st.integers(0, 60) | st.integers(FULL - 60, FULL)
SETS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8).map(rs.normal)


@given(SETS, SETS, st.booleans())
def test_packed_addresses_are_a_set_like_others(one: rs.Ranges, other: rs.Ranges, known: bool) -> None:
    packed = Addresses()
    for low, high in one:
        packed.add(low, high)
    assert not known or packed.all() == one
    both = rs.intersect(one, other)
    assert packed.part(other) == both
    assert packed.first(other) == both[:1] or (packed.first(other)[0][0] == both[0][0])


@given(
    st.lists(
        st.tuples(st.integers(0, FULL), st.sampled_from((0, 1, 8, 30, 31, 32)), st.integers(0, 2)),
        max_size=12,
    )
)
def test_each_output_of_a_packed_table_gets_its_addresses(routes: list[tuple[int, int, int]]) -> None:
    rows = [(covering(address, length).address, length, output) for address, length, output in routes]
    flat = flatten(rows)
    packed = Packed(flat, (0, 1, 2))
    assert list(packed) == flat
    assert [packed[n] for n in range(len(flat))] == flat
    found = {output: part.all() for output, part in packed.addresses(2).items()}
    for output in range(3):
        own = rs.normal((low, high) for low, high, one in flat if one == output)
        rest = rs.complement(rs.normal((low, high) for low, high, _ in flat), 32) if output == 2 else ()
        assert found.get(output, ()) == rs.union(own, rest)
