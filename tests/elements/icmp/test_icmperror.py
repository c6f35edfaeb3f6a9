"""ICMPError, against what Click wrote and case by case."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.arguments import bind, unparse
from innet.elements.icmp.icmperror import ICMPError
from innet.elements.ip.fixipsrc import FixIPSrc
from innet.flowspec import names
from innet.ir.interpret import PacketBuffer, State, ones_sum
from innet.ir.nodes import Mark
from innet.lexical import Text
from innet.packet.headers import PacketType
from tests.elements.rewriting import Instance, expected, inputs, marked

ROUTER = 0x0A0000FE
UNREACHABLE, QUENCH, REDIRECT, EXPIRED, PARAMETER = 3, 4, 5, 11, 12


def quad(text: str) -> int:
    number = names.address(text)
    assert number is not None
    return number


def tee(vector: str, *elements: ICMPError, destination: str = "") -> list[list[PacketBuffer]]:
    """What each element makes of copies of each packet, one after the other as Tee sends them."""
    state = State()
    instances = [Instance(element, f"e{n}", state=state) for n, element in enumerate(elements)]
    out: list[list[PacketBuffer]] = [[] for _ in elements]
    for packet in inputs(vector):
        for instance, results in zip(instances, out, strict=True):
            copy = packet.copy()
            if destination and instance.programs[0].element == "e2":
                copy.annotations[:4] = quad(destination).to_bytes(4, "big")
            results += [made for _, made in instance.push(copy)]
    return out


def test_source_routes_and_long_packets_as_click_does() -> None:
    made = tee(
        "icmperror_srcroute_big",
        ICMPError(ROUTER, EXPIRED),
        ICMPError(quad("1.1.1.1"), UNREACHABLE, 1, mtu=64),
    )
    assert {n: [p.data for p in out] for n, out in enumerate(made)} == expected("icmperror_srcroute_big")


def test_types_as_click_does() -> None:
    bad = (quad("10.0.0.1"), quad("8.8.8.8"))
    made = tee(
        "icmperror_types",
        ICMPError(ROUTER, UNREACHABLE, 1),
        ICMPError(ROUTER, UNREACHABLE, 4, mtu=100, pmtu=1400),
        ICMPError(ROUTER, REDIRECT, 1, bad),
        ICMPError(ROUTER, QUENCH),
        destination="10.0.0.77",
    )
    out = {n: [p.data for p in made[n]] for n in range(3)}
    out[3] = [p.data for p in made[3] if p.annotations[0] == 10]
    out[4] = [p.data for p in made[3] if p.annotations[0] != 10]
    assert out == expected("icmperror_types")


def test_errors_for_expired_packets_as_click_does() -> None:
    """The vector `fixipsrc`: what ICMPError made, and that after two FixIPSrcs, of which the first acts."""
    error = Instance(ICMPError(ROUTER, EXPIRED))
    fixes = [Instance(FixIPSrc(quad(address)), address) for address in ("7.7.7.7", "8.8.8.8")]
    made = [out for sent in inputs("fixipsrc") if sent.data[8] <= 1 for _, out in error.push(sent)]
    assert [out.data for out in made] == expected("fixipsrc")[2]
    for fix in fixes:
        made = [out for before in made for _, out in fix.push(before)]
    assert [out.data for out in made] == expected("fixipsrc")[1]


def packet(
    src: str = "192.0.2.1",
    dst: str = "198.51.100.1",
    proto: int = 17,
    off: int = 0,
    transport: bytes = bytes(8),
    options: bytes = b"",
) -> PacketBuffer:
    words = 5 + len(options) // 4
    length = 20 + len(options) + len(transport)
    head = bytes((0x40 | words, 0)) + length.to_bytes(2, "big") + bytes(2) + off.to_bytes(2, "big")
    head += bytes((64, proto, 0, 0)) + quad(src).to_bytes(4, "big") + quad(dst).to_bytes(4, "big")
    return marked(head + options + transport)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"proto": 1, "transport": bytes((3, 0, 0, 0))}, "an ICMP error or a cut-off ICMP packet"),
        ({"proto": 1, "transport": bytes((8, 0, 0))}, "an ICMP error or a cut-off ICMP packet"),
        ({"proto": 1, "transport": bytes((8, 0, 0, 0))}, ""),
        ({"dst": "255.255.255.255"}, "sent to a broadcast or multicast address"),
        ({"dst": "239.1.2.3"}, "sent to a broadcast or multicast address"),
        ({"dst": "198.51.100.255"}, "sent to a broadcast or multicast address"),
        ({"src": "198.51.100.255"}, "bad source address"),
        ({"src": "0.1.2.3"}, "bad source address"),
        ({"src": "127.0.0.1"}, "bad source address"),
        ({"src": "240.0.0.1"}, "bad source address"),
        ({"off": 1}, "a later fragment"),
        ({"off": 0x2000}, ""),
    ],
)
def test_is_silent_where_rfc_1812_says_so(arguments: dict[str, object], reason: str) -> None:
    instance = Instance(ICMPError(ROUTER, EXPIRED, badaddrs=(quad("198.51.100.255"),)))
    assert bool(instance.push(packet(**arguments))) is not bool(reason)
    assert instance.reason == reason


@pytest.mark.parametrize(
    ("kind", "answered"),
    [(PacketType.HOST, 1), (PacketType.BROADCAST, 0), (PacketType.MULTICAST, 0), (PacketType.OTHERHOST, 1)],
)
def test_link_broadcasts_get_no_answer(kind: int, answered: int) -> None:
    sent = packet()
    sent.annotations[48] = kind
    assert len(Instance(ICMPError(ROUTER, EXPIRED)).push(sent)) == answered


def test_without_an_ip_header_mark_there_is_no_error() -> None:
    instance = Instance(ICMPError(ROUTER, EXPIRED))
    assert instance.push(PacketBuffer(packet().data)) == []
    assert instance.reason == "no IP header annotation"


def test_the_new_packet_starts_at_its_ip_header_with_fresh_annotations() -> None:
    sent = packet()
    frame = PacketBuffer(bytes(12) + b"\x08\0" + sent.data)
    frame.marks.update({Mark.MAC: 0, Mark.NET: 14, Mark.TRANSPORT: 34})
    frame.annotations[:] = bytes(range(64))
    frame.annotations[48] = PacketType.OTHERHOST
    [(_, made)] = Instance(ICMPError(ROUTER, EXPIRED)).push(frame)
    assert made.data[28:] == sent.data
    assert Mark.MAC not in made.marks
    assert made.marks[Mark.NET] == made.marks[Mark.DATA] == made.marks[Mark.TRANSPORT] - 20
    assert made.annotations[:20] == bytes((192, 0, 2, 1)) + bytes(15) + b"\1"
    assert made.annotations[20:49] == bytes(29)


def test_the_fix_annotation_can_be_left_out() -> None:
    [(_, made)] = Instance(ICMPError(ROUTER, EXPIRED, set_fix_anno=False)).push(packet())
    assert made.annotations[19] == 0


@pytest.mark.parametrize(
    ("element", "rest"),
    [
        (ICMPError(ROUTER, PARAMETER), b"\x15\0\0\0"),
        (ICMPError(ROUTER, PARAMETER, 1), bytes(4)),
        (ICMPError(ROUTER, REDIRECT, 1), bytes((10, 0, 0, 9))),
        (ICMPError(ROUTER, UNREACHABLE, 4, pmtu=1400), b"\0\0\x05\x78"),
        (ICMPError(ROUTER, UNREACHABLE, 1, pmtu=1400), bytes(4)),
    ],
)
def test_rest_of_header(element: ICMPError, rest: bytes) -> None:
    sent = packet()
    sent.annotations[:4] = bytes((10, 0, 0, 9))
    sent.annotations[17] = 0x15
    [(_, made)] = Instance(element).push(sent)
    assert made.data[24:28] == rest
    assert ones_sum(made.data[:20]) == ones_sum(made.data[20:]) == 0xFFFF


ROUTE = bytes((131, 11, 8, 10, 1, 1, 1, 10, 2, 2, 2, 0))  # one address passed, one to go


@pytest.mark.parametrize(
    ("pointer", "kind", "code", "option"),
    [
        (0, EXPIRED, 0, bytes((131, 7, 4, 10, 1, 1, 1, 0))),
        (19, PARAMETER, 0, bytes((131, 7, 4, 10, 1, 1, 1, 0))),
        (20, PARAMETER, 0, b""),
        (30, PARAMETER, 0, b""),
        (31, PARAMETER, 0, bytes((131, 7, 4, 10, 1, 1, 1, 0))),
        (25, PARAMETER, 1, bytes((131, 7, 4, 10, 1, 1, 1, 0))),
    ],
)
def test_a_source_route_comes_back_unless_it_is_what_is_wrong(
    pointer: int, kind: int, code: int, option: bytes
) -> None:
    sent = packet(options=ROUTE)
    sent.annotations[17] = pointer
    [(_, made)] = Instance(ICMPError(ROUTER, kind, code)).push(sent)
    assert made.data[20 : made.marks[Mark.TRANSPORT] - made.marks[Mark.DATA]] == option


@pytest.mark.parametrize(
    "option",
    [bytes((131, 11, 9)), bytes((131, 11, 0)), bytes((131, 11, 16)), bytes((131, 41, 8)), bytes((131, 1, 8))],
)
def test_unusable_source_routes_are_left_out(option: bytes) -> None:
    [(_, made)] = Instance(ICMPError(ROUTER, EXPIRED)).push(packet(options=option + bytes(12 - len(option))))
    assert made.data[0] == 0x45


def test_no_redirects_for_source_routes() -> None:
    instance = Instance(ICMPError(ROUTER, REDIRECT))
    assert instance.push(packet(options=ROUTE)) == []
    assert instance.reason == "a redirect for a source route"


def test_one_counter_for_all() -> None:
    state = State()
    one, two = (Instance(ICMPError(ROUTER, EXPIRED), name, state=state) for name in ("one", "two"))
    made = [
        instance.push(sent) for instance, sent in [(one, packet()), (two, packet(off=1)), (two, packet())]
    ]
    assert [out[0][1].data[4:6] for out in made if out] == [b"\0\1", b"\0\2"]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("10.0.0.254, timeexceeded", ICMPError(ROUTER, EXPIRED)),
        ("10.0.0.254, 3, needfrag, MTU 64, PMTU 1400", ICMPError(ROUTER, 3, "needfrag", mtu=64, pmtu=1400)),
        ("10.0.0.254, redirect, 1, 8.8.8.8", ICMPError(ROUTER, REDIRECT, 1, (0x08080808,))),
        ("10.0.0.254, 12, BADADDRS 8.8.8.8 1.1.1.1", ICMPError(ROUTER, 12, 0, (0x08080808, 0x01010101))),
        ("10.0.0.254, 4, SET_FIX_ANNO false", ICMPError(ROUTER, QUENCH, set_fix_anno=False)),
    ],
)
def test_arguments(text: str, element: ICMPError) -> None:
    assert bind(ICMPError, Text(text)) == element
    assert bind(ICMPError, Text(unparse(element))) == element


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.254",
        "10.0.0.254, echo",
        "10.0.0.254, 8",
        "10.0.0.254, redirect, hots",
        "10.0.0.254, 3, 256",
        "10.0.0.254, 3, MTU 27",
        "10.0.0.254, 3, USE_FIX_ANNO false",
    ],
)
def test_bad_arguments_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        bind(ICMPError, Text(text))


def test_code_names_belong_to_their_type() -> None:
    assert ICMPError(ROUTER, UNREACHABLE, "toshost").number == 12
    assert ICMPError(ROUTER, REDIRECT, "toshost").number == 3
    assert ICMPError(ROUTER, EXPIRED, "host").problems(1, 1) == (
        "ICMP type 11 has no code 'host': transit, reassembly",
    )
    assert ICMPError(ROUTER, QUENCH, "host").problems(1, 1) == (
        "ICMP type 4 has no code 'host': write a number",
    )


@pytest.mark.parametrize("example", ICMPError.EXAMPLES)
def test_examples(example: str) -> None:
    element = bind(ICMPError, Text(example))
    assert element.problems(1, 1) == ()
    element.trace()
