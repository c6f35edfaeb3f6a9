"""IP6Print."""

import pytest

from tests.elements.ip6packets import ipv6, made, marked
from tests.elements.packets import buffer


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "2001:db8::1 -> 2001:db8:1::9 plen 2, next 17, hlim 64"),
        ("in", "in: 2001:db8::1 -> 2001:db8:1::9 plen 2, next 17, hlim 64"),
        (
            "CONTENTS true, NBYTES 26",
            "2001:db8::1 -> 2001:db8:1::9 plen 2, next 17, hlim 64\n"
            "  60000000 00021140 20010db8 00000000 00000000 00000001\n  2001",
        ),
    ],
)
def test_a_line_tells_of_the_packet(arguments, line):
    assert made(f"IP6Print({arguments})").line(marked(ipv6(b"ab"))) == line


@pytest.mark.parametrize("packet", [buffer(ipv6(), None), marked(ipv6()[:39]), marked(ipv6(), -1)])
def test_what_is_no_whole_header_passes_in_silence(packet):
    assert made("IP6Print()").line(packet) is None
