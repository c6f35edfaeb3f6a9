"""LookupIP6Route, and the handlers of route lookup elements of both kinds."""

import pytest

from innet.elements.holder import HandlerError
from innet.elements.switching.discard import Discard
from innet.runtime.graph import chain
from innet.runtime.router import Router
from tests.elements.ip6packets import annotated, destination, ipv6, made
from tests.elements.packets import send
from tests.runtime.fakes import MemoryIo

ROUTES = "2001:db8::/32 0, 2001:db8::ff00:0/104 fe80::1 1, 2001:db8::1 - 2, 3000::/4 :: 1, 2001:db8::/32 3"


@pytest.mark.parametrize(
    ("address", "to", "next_hop"),
    [
        ("2001:db8:1::9", 0, "2001:db8:1::9"),
        ("2001:db8::ff12:3456", 1, "fe80::1"),
        ("2001:db8::ff00:0", 1, "fe80::1"),
        ("2001:db8::1", 2, "2001:db8::1"),
        ("2001:db8::2", 0, "2001:db8::2"),
        ("3fff::", 1, "3fff::"),
        ("4000::", "no route", "4000::"),
        ("::", "no route", "::"),
    ],
)
def test_the_longest_prefix_decides(address, to, next_hop):
    done = send(made(f"LookupIP6Route({ROUTES})"), annotated(ipv6(), address), 4)
    assert (done.to, destination(done.packet)) == (to, next_hop)


def test_without_routes_there_is_no_way():
    assert send(made("LookupIP6Route()"), annotated(ipv6(), "::1"), 1).to == "no route"


def test_outputs_must_be_in_use():
    assert made(f"LookupIP6Route({ROUTES})").problems(1, 3) == (
        "route 5 leaves by output 3, but only outputs 0 to 2 are in use",
    )


def router(text: str) -> Router:
    return Router(chain({"r": made(text), "end": Discard()}), MemoryIo())


BOTH = [
    ("LookupIP6Route(2001:db8::/32 0, ::/0 fe80::1 0)", "2001:db8:1::/48", "2001:db8:1::5", "fe80::1"),
    ("RadixIPLookup(10.0.0.0/8 0, 0/0 192.0.2.1 0)", "10.1.0.0/16", "10.1.0.5", "192.0.2.1"),
    ("LinearIPLookup(10.0.0.0/8 0, 0/0 192.0.2.1 0)", "10.1.0.0/16", "10.1.0.5", "192.0.2.1"),
]


@pytest.mark.parametrize(("text", "prefix", "address", "gateway"), BOTH)
def test_a_table_is_shown_searched_and_changed(text, prefix, address, gateway):
    h = router(text).handlers
    assert h.read("r.table").splitlines()[1].split("\t")[1:] == [gateway, "0"]
    assert (h.read(f"r.lookup {address}"), h.read(f"r.lookup {gateway}")) == ("0", f"0 {gateway}")
    h.write("r.add", f"{prefix} {gateway} 0")
    assert h.read("r.table").splitlines()[2] == f"{prefix}\t{gateway}\t0"
    assert h.read(f"r.lookup {address}") == f"0 {gateway}"
    with pytest.raises(HandlerError, match="already; `set` replaces it"):
        h.write("r.add", f"{prefix} 0")
    h.write("r.set", f"{prefix} 0")
    assert h.read(f"r.lookup {address}") == "0"
    with pytest.raises(HandlerError, match="is another one"):
        h.write("r.remove", f"{prefix} {gateway} 0")
    h.write("r.remove", f"{prefix} 0")
    with pytest.raises(HandlerError, match="there is no route for"):
        h.write("r.remove", prefix)
    with pytest.raises(HandlerError, match="only output 0 is in use"):
        h.write("r.add", f"{prefix} 1")
    assert len(h.read("r.table").splitlines()) == 2


@pytest.mark.parametrize(("text", "prefix", "address", "gateway"), BOTH)
def test_commands_happen_together_or_not_at_all(text, prefix, address, gateway):
    h = router(text).handlers
    before = h.read("r.table")
    for wrong in (f"add {prefix} 0\nadd {prefix} 0", f"add {prefix} 0\nput {prefix} 0", f"add {prefix}"):
        with pytest.raises(HandlerError):
            h.write("r.ctrl", wrong)
        assert h.read("r.table") == before
    h.write("r.ctrl", f"add {prefix} {gateway} 0\n\nset {prefix} 0\nremove {prefix}")
    assert h.read("r.table") == before


def test_packets_follow_the_changed_table():
    r = router("LookupIP6Route(2001:db8::/32 0)")
    for address, drops in (("2001:db8::1", "0"), ("fe80::1", "1")):
        r.push(r.by_name["r"], 0, annotated(ipv6(), address))
        assert r.handlers.read("r.drops") == drops
    r.handlers.write("r.set", "fe80::/10 0")
    r.handlers.write("r.remove", "2001:db8::/32")
    for address, drops in (("2001:db8::1", "2"), ("fe80::1", "2")):
        r.push(r.by_name["r"], 0, annotated(ipv6(), address))
        assert r.handlers.read("r.drops") == drops


@pytest.mark.parametrize("text", ["RadixIPLookup(0/0 0)", "DirectIPLookup(0/0 0)"])
def test_flush_leaves_nothing(text):
    h = router(text).handlers
    h.write("r.flush", "")
    assert (h.read("r.table"), h.read("r.lookup 1.2.3.4")) == ("", "-1")


def test_a_static_table_cannot_be_changed():
    h = router("StaticIPLookup(0/0 0)").handlers
    assert (h.read("r.table"), h.writable("r.add")) == ("0.0.0.0/0\t-\t0\n", False)
    with pytest.raises(HandlerError, match="'x' is not an IPv4 address"):
        h.read("r.lookup x")
