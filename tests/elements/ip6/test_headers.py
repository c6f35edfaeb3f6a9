"""CheckIP6Header, MarkIP6Header, DecIP6HLIM, GetIP6Address, SetIP6Address, SetIP6DSCP, IP6Mirror, IP6Fragmenter."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.ip6.checkip6header import CheckIP6Header
from innet.elements.ip6.decip6hlim import DecIP6HLIM
from innet.elements.ip6.getip6address import GetIP6Address
from innet.elements.ip6.ip6fragmenter import IP6Fragmenter
from innet.elements.ip6.ip6mirror import IP6Mirror
from innet.elements.ip6.markip6header import MarkIP6Header
from innet.elements.ip6.setip6dscp import SetIP6DSCP
from innet.ir.interpret import State
from innet.ir.nodes import Mark
from tests.elements.ip6packets import DST, SRC, destination, ipv6, made, marked, packed
from tests.elements.packets import buffer, send, tcp, udp

ONES = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (ipv6(udp(b"data")), ""),
        (ipv6(udp(b"data")) + b"padding", ""),
        (ipv6(), ""),
        (ipv6(src="2001:db8::2"), ""),
        (ipv6(src="::1"), "bad source address"),
        (ipv6(src=ONES), "bad source address"),
        (ipv6(dst=ONES), ""),
        (ipv6()[:39], "tiny packet"),
        (b"", "tiny packet"),
        (b"\x45" + ipv6()[1:], "bad IP version"),
        (ipv6(b"data", length=5), "bad payload length"),
        (ipv6(b"data", length=0xFFFF), "bad payload length"),
        (ipv6(b"data", length=1), ""),
    ],
)
@pytest.mark.parametrize("offset", [0, 14])
def test_CheckIP6Header(data, wrong, offset):
    element = build_one(CheckIP6Header, f"::1 2001:db8::7, {offset}")
    whole, state = bytes(offset) + data, State()
    done = send(element, buffer(whole, None), 2, state)
    assert send(element, buffer(whole, None)).to == (wrong or 0)
    if wrong:
        assert (done.to, done.data, state.statistics) == (1, whole, {("e", "drops"): 1})
        return
    end = offset + 40 + int.from_bytes(data[4:6], "big")
    assert (done.to, done.data, destination(done.packet)) == (0, whole[:end], "::")
    assert (done.packet.marks[Mark.NET], done.packet.marks[Mark.TRANSPORT]) == (offset, offset + 40)


def test_CheckIP6Header_knows_that_no_packet_is_so_long():
    assert "no packet has a header there" in build_one(CheckIP6Header, "OFFSET 65530").problems(1, 1)[0]


@pytest.mark.parametrize("offset", [0, 14, 1000])
def test_MarkIP6Header(offset):
    done = send(MarkIP6Header(offset), buffer(b"anything", None))
    assert (done.data, done.packet.marks[Mark.NET]) == (b"anything", offset)
    assert done.packet.marks[Mark.TRANSPORT] == offset + 40


@pytest.mark.parametrize(("hlim", "to", "after"), [(0, 1, 0), (1, 1, 1), (2, 0, 1), (255, 0, 254)])
def test_DecIP6HLIM(hlim, to, after):
    done = send(DecIP6HLIM(), marked(ipv6(b"data", hlim=hlim)), 2)
    assert (done.to, done.data) == (to, ipv6(b"data", hlim=after))
    assert send(DecIP6HLIM(), marked(ipv6(hlim=hlim))).to == ("hop limit expired" if to else 0)


@pytest.mark.parametrize("text", ["DecIP6HLIM()", "SetIP6DSCP(1)", "IP6Mirror()", "ICMP6Error(::2, 3, 0)"])
def test_a_header_is_needed(text):
    assert send(made(text), buffer(ipv6(), None)).to == "no IPv6 header annotation"
    assert send(made(text), marked(ipv6()[:39])).to == "no IPv6 header annotation"


@pytest.mark.parametrize(
    ("offset", "found"),
    [(24, DST), (8, SRC), (25, "::"), (1 << 30, "::")],
)
def test_GetIP6Address(offset, found):
    done = send(GetIP6Address(offset), ipv6())
    assert (destination(done.packet), done.data) == (found, ipv6())


def test_SetIP6Address():
    done = send(made("SetIP6Address(fe80::1:2)"), ipv6())
    assert (destination(done.packet), done.data) == ("fe80::1:2", ipv6())


@pytest.mark.parametrize(("dscp", "before", "after"), [(46, 0, 0xB8), (0, 0xFF, 0x03), (63, 0x02, 0xFE)])
def test_SetIP6DSCP(dscp, before, after):
    done = send(SetIP6DSCP(dscp), marked(ipv6(b"data", traffic_class=before, flow=0xABCDE)))
    assert done.data == ipv6(b"data", traffic_class=after, flow=0xABCDE)


SWAPPED_UDP, SWAPPED_TCP = udp(b"data", 53, 1000), tcp(b"data", 80, 1000)


@pytest.mark.parametrize(
    ("nxt", "payload", "after"),
    [
        (17, udp(b"data"), SWAPPED_UDP),
        (6, tcp(b"data"), SWAPPED_TCP),
        (6, tcp()[:8], SWAPPED_TCP[:8]),
        (17, udp()[:7], udp()[:7]),
        (58, udp(b"data"), udp(b"data")),
        (44, udp(b"data"), udp(b"data")),
    ],
)
def test_IP6Mirror(nxt, payload, after):
    done = send(IP6Mirror(), marked(ipv6(payload, nxt=nxt)))
    assert done.data == ipv6(after, nxt=nxt, src=DST, dst=SRC)
    assert destination(done.packet) == "::"


@pytest.mark.parametrize(("mtu", "to"), [(44, 0), (43, 1), (0, 1), (1 << 20, 0)])
def test_IP6Fragmenter(mtu, to):
    state = State()
    assert send(IP6Fragmenter(mtu), ipv6(b"data"), 2, state).to == to
    assert state.statistics.get(("e", "drops"), 0) == to
    assert send(IP6Fragmenter(mtu), ipv6(b"data")).to == ("longer than the MTU" if to else 0)


@pytest.mark.parametrize(
    "text", ["SetIP6Address(10.0.0.1)", "GetIP6Address(-1)", "SetIP6DSCP(64)", "CheckIP6Header(10.0.0.1)"]
)
def test_what_is_refused(text):
    with pytest.raises(ConfigurationError):
        made(text)


def test_addresses_are_16_bytes():
    assert packed(SRC)[:4] == bytes.fromhex("20010db8")
