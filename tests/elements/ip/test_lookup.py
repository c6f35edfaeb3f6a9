"""Route lookup: longest prefix match on the destination annotation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.diagnostics import ConfigurationError
from innet.elements.arguments import NO_NAMES
from innet.elements.ip.directiplookup import DirectIPLookup
from innet.elements.ip.radixiplookup import RadixIPLookup
from innet.elements.ip.routes import Route, RouteArgument
from innet.elements.ip.staticiplookup import StaticIPLookup
from innet.lexical import Text
from tests.elements.packets import address, buffer, send


def route(prefix: str, output: int, gateway: str = "0.0.0.0") -> Route:
    """A route to `prefix`, as `ADDR/LENGTH` or `ADDR/MASK`."""
    where, _, mask = prefix.partition("/")
    bits = address(mask) if "." in mask else (0xFFFFFFFF << 32 - int(mask)) & 0xFFFFFFFF
    return Route(address(where), bits, output, address(gateway))


ROUTES = (
    route("10.0.0.0/8", 0, "192.0.2.1"),
    route("10.1.0.0/16", 1),
    route("10.1.2.3/32", 2, "192.0.2.2"),
    route("10.1.9.9/16", 2),
    route("0.0.0.0/0", 3),
)


@pytest.mark.parametrize(
    ("dst", "to", "after"),
    [
        ("10.2.3.4", 0, "192.0.2.1"),
        ("10.1.2.4", 1, "10.1.2.4"),
        ("10.1.2.3", 2, "192.0.2.2"),
        ("11.1.2.3", 3, "11.1.2.3"),
    ],
)
@pytest.mark.parametrize("kind", [StaticIPLookup, RadixIPLookup, DirectIPLookup])
def test_most_specific_route(kind, dst, to, after):
    done = send(kind(ROUTES), buffer(b"", None, dst_ip=address(dst)), outputs=4)
    assert (done.to, done["anno.dst_ip"]) == (to, address(after))


@pytest.mark.parametrize("routes", [(), ROUTES[:1]])
def test_no_route(routes):
    assert send(StaticIPLookup(routes), buffer(b"", None, dst_ip=1)).to == "no route"


def test_problems():
    odd = (route("10.0.0.1/255.0.0.255", 0),)
    assert "output 3, but only outputs 0 to 1" in StaticIPLookup(ROUTES).problems(1, 2)[-1]
    assert "no prefix" in RadixIPLookup(odd).problems(1, 1)[0]
    assert StaticIPLookup(odd).problems(1, 1) == ()


@pytest.mark.parametrize(
    ("dst", "to"), [("10.5.5.1", 1), ("10.5.5.2", 0), ("10.9.5.1", 1), ("11.0.0.1", "no route")]
)
def test_mask_that_is_no_prefix(dst, to):
    routes = (route("10.0.0.0/8", 0), route("10.0.0.1/255.0.0.255", 1), route("10.9.0.0/16", 2))
    assert send(StaticIPLookup(routes), buffer(b"", None, dst_ip=address(dst)), outputs=3).to == to


class ByTable(StaticIPLookup):
    def most_specific(self, p, routes):
        return self.longest_prefix(p, routes)


class OneByOne(StaticIPLookup):
    def longest_prefix(self, p, routes):
        return self.most_specific(p, tuple(routes))


@given(
    st.lists(st.builds(Route, st.integers(0, 15), st.sampled_from([0, 8, 12, 14, 15]), st.integers(0, 3))),
    st.integers(0, 15),
)
def test_both_ways_to_look_up_agree(small, dst):
    routes = tuple(Route(r.address << 28, r.mask << 28, r.output, r.gateway) for r in small)
    packets = [buffer(b"", None, dst_ip=dst << 28) for _ in range(2)]
    assert send(ByTable(routes), packets[0], 4).to == send(OneByOne(routes), packets[1], 4).to


NUMBERS = st.sampled_from(("0", "1", "10", "010", "255", "256", "1_0", "0x1", "", "-1", "٣"))


@given(
    st.lists(NUMBERS, min_size=3, max_size=5),
    st.sampled_from(("/0", "/8", "/24", "/32", "/33", "/255.0.0.0", "/08", "", "/", "/-1")),
    st.sampled_from(
        (" ", "  10.0.0.1 ", " - ", "\t1.2.3 ", " 1.2.3.256 ", " 10.0.0.1 x ", "", " 010.0.0.1 ")
    ),
    st.sampled_from(("0", "3", "007", "0x3", "65535", "65536", "99999", "-1", "a", "1 ", "")),
)
def test_plain_routes_are_read_as_those_that_are_looked_at_word_by_word(
    octets: list[str], mask: str, gateway: str, output: str
) -> None:
    plain = f"{'.'.join(octets)}{mask}{gateway}{output}"
    found: list[object] = []
    for text in (plain, plain + " /**/"):
        try:
            found.append(RouteArgument().parse(Text(text), NO_NAMES))
        except ConfigurationError as error:
            found.append([d.message.replace(" /**/", "") for d in error.diagnostics])
    assert found[0] == found[1]
