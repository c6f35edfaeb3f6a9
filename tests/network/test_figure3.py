"""The example network, and the routes that a snapshot adds."""

from pathlib import Path

import pytest

from innet.diagnostics import Source
from innet.network import DROP, SELF, Snapshot, load, parse_address
from innet.network.generate import operator_network, reload

EXAMPLE = Path(__file__).parents[2] / "examples" / "figure3"


@pytest.fixture(scope="module")
def figure3() -> Snapshot:
    path = EXAMPLE / "network.yaml"
    return load(Source(path.name, path.read_text()), lambda name: (EXAMPLE / name).read_text())


def test_the_nodes_have_the_names_that_policies_use(figure3):
    assert list(figure3.nodes) == [
        "internet", "border", "firewall", "core", "top", "bottom", "HTTPOptimizer", "access",
        "platform1", "platform2", "platform3", "homes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("router", "address", "output"),
    [
        ("border", "8.8.8.8", ("out",)),
        ("border", "198.51.100.7", ("core",)),
        ("border", "192.0.2.1", ("core",)),
        ("border", "192.0.2.2", DROP),
        ("border", "10.1.0.1", DROP),  # private pools: not from outside
        ("border", "10.2.0.1", DROP),
        ("border", "203.0.113.1", SELF),
        ("border", "203.0.113.2", ("out",)),
        ("border", "10.0.0.2", ("core",)),
        ("border", "10.0.0.5", DROP),  # nobody there
        ("top", "8.8.8.8", ("core",)),
        ("top", "10.1.0.1", ("platform1",)),
        ("top", "10.2.0.1", ("access",)),
        ("top", "198.51.100.7", ("access",)),
        ("top", "172.16.15.133", ("access",)),
        ("bottom", "10.1.0.1", ("access",)),
        ("bottom", "10.2.0.1", ("platform2",)),
        ("bottom", "198.51.100.7", ("access",)),
        ("access", "198.51.100.7", ("platform3",)),
        ("access", "172.16.15.133", ("homes",)),
        ("access", "172.16.255.254", SELF),
        ("access", "10.1.0.1", ("top",)),
        ("access", "10.2.0.1", ("bottom",)),
        ("access", "8.8.8.8", ("top",)),
    ],
)
def test_where_a_router_sends_an_address(figure3, router, address, output):
    assert figure3.forward(router, parse_address(address)) == output


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("172.16.15.133", "homes:lan"), ("172.16.255.254", "access:homes"), ("198.51.100.1", "platform3:nic"),
        ("10.1.0.9", "platform1:nic"), ("10.0.0.3", "bottom:core"), ("8.8.8.8", "None"),
    ],
)  # fmt: skip
def test_who_owns_an_address(figure3, address, owner):
    assert str(figure3.owner(parse_address(address))) == owner


def test_the_parts_of_a_range_that_are_owned(figure3):
    parts = figure3.owners(parse_address("10.0.0.0"), parse_address("10.0.0.2"))
    assert [str(end) for _, _, end in parts] == ["border:core", "top:core"]


def test_no_packet_goes_to_and_fro_between_two_routers(figure3):
    """From every router, for every interval of every table, the way through routers ends: no loop is built in."""
    lows = {low for r in figure3.routers for low, _, _ in figure3.table(r.name)}
    for start in figure3.routers:
        for low in lows:
            place, seen = start.name, set()
            while place in {r.name for r in figure3.routers}:
                assert place not in seen, (start.name, low)
                seen.add(place)
                output = figure3.forward(place, low)
                if output in (DROP, SELF):
                    break
                segment = figure3.segment(place, output[0])
                if not segment.plain:
                    break  # the core decides
                others = [end.node for end in segment.stations if end.node != place]
                place = others[0]


DIAMOND = """\
nodes:
  internet: {{kind: internet}}
  edge: {{kind: router, interfaces: {{out: 203.0.113.1/30, a: 10.0.0.1/30}}, routes: {{{edge}}}}}
  mid: {{kind: router, interfaces: {{edge: 10.0.0.2/30, p: 10.0.1.1/30}}, routes: {{{mid}}}}}
  p: {{kind: platform, interfaces: {{nic: 10.0.1.2/30}}, pool: {pool}}}
links: [[internet, edge:out], [edge:a, mid:edge], [mid:p, p]]
"""


@pytest.mark.parametrize(
    ("edge", "mid", "pool", "at_edge", "at_mid"),
    [
        ("", "", "198.51.100.0/24", True, True),
        ("", "", "10.9.0.0/24", False, True),  # private: an edge router gets no route to it
        (
            "'0.0.0.0/0': out",
            "",
            "198.51.100.0/24",
            True,
            True,
        ),  # a default route elsewhere is no route to the pool
        ("'0.0.0.0/0': a", "", "198.51.100.0/24", False, True),  # one that leads there is
        ("198.51.0.0/16: out", "", "198.51.100.0/24", False, True),  # the operator meant something else
        ("", "198.51.0.0/16: edge", "198.51.100.0/24", True, True),  # but next to the platform it is added
        ("", "198.51.100.0/24: drop", "198.51.100.0/24", False, False),  # unless it is the very prefix
    ],
)
def test_a_pools_route_spreads(edge, mid, pool, at_edge, at_mid):
    s = load(Source("n", DIAMOND.format(edge=edge, mid=mid, pool=pool)), str)
    derived = {r.name: {str(t.prefix) for t in s.routes(r.name) if t.derived} for r in s.routers}
    assert (pool in derived["edge"], pool in derived["mid"]) == (at_edge, at_mid)


@pytest.mark.parametrize("boxes", [8, 9, 10, 25, 100, 1000])
def test_a_generated_network_is_as_large_as_asked_and_reads_back(boxes):
    s = operator_network(boxes, seed=boxes)
    assert len(s.nodes) == boxes
    assert len(s.platforms) == max(1, boxes // 10)
    assert s == operator_network(boxes, seed=boxes)
    assert reload(s) == s  # so it has none of the mistakes that `load` finds


def test_generated_platforms_are_reachable_from_the_border():
    s = operator_network(300)
    for platform in s.platforms:
        pool = platform.pools[0]
        place, hops = "border", 0
        while place != platform.name and hops < 20:
            output = s.forward(place, pool.low) if place in {r.name for r in s.routers} else DROP
            if output == DROP:
                break
            others = [end.node for end in s.segment(place, output[0]).stations if end.node != place]
            place, hops = others[0], hops + 1
        assert (place == platform.name) is (not pool.is_private)


def test_generation_refuses_other_sizes():
    with pytest.raises(ValueError, match="8 to 150,000"):
        operator_network(7)
