"""Random flows of the documented subset of pcap-filter(7), and random IPv4 packets near their constants."""

import random
import re
import struct

from hypothesis import strategies as st

ADDRESSES = (
    "10.0.0.1",
    "10.0.1.1",
    "10.1.2.3",
    "172.16.15.133",
    "192.168.1.2",
    "224.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
)
NETS = ("10", "10.0", "10.0.1", "192.168.1", "10.0.0.0/8", "10.0.1.0/24", "172.16.0.0/12", "0.0.0.0/0", "10.0.0.1/32",
        "192.168.0.0 mask 255.255.0.0", "10.0.0.1 mask 255.0.0.255", "224.0.0.0/4", "0.0.0.0/1")  # fmt: skip
PORTS = ("0", "1", "22", "53", "80", "443", "0x50", "017", "1024", "6000", "65535")
RANGES = ("0-65535", "20-80", "80-20", "6000-6008", "443-443", "22", "1024-65535")
PROTOCOLS = ("1", "2", "6", "17", "47", "132", "0x11", "\\tcp", "\\udp", "\\icmp", "255")
NAMED = (
    "tcp",
    "udp",
    "icmp",
    "sctp",
    "igmp",
    "igrp",
    "pim",
    "vrrp",
    "carp",
    "esp",
    "ah",
    "ip",
    "ip6",
    "ip multicast",
)
STATIONS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff", "2:0:0:0:0:3")
INDEXED = ("ip", "ip", "tcp", "udp", "icmp", "sctp", "igmp", "igrp", "pim", "vrrp", "carp")
CONSTANTS = (
    "0", "1", "2", "3", "5", "7", "8", "16", "20", "64", "80", "443", "255", "256", "0xff00", "0x1fff",
    "0x3fff", "65535", "0x45000054", "0x0a000001", "0xffffffff", "0x80000000", "tcp-syn", "tcp-ack",
    "tcp-fin", "icmp-echo", "tcpflags", "icmptype", "010",
)  # fmt: skip
FRAMES = (
    "ether proto \\ip",
    "ether proto 0x806",
    "ether broadcast",
    "ether multicast",
    "broadcast",
    "multicast",
)
IDIOMS = (
    "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0", "tcp[13] = 2", "icmp[icmptype] = icmp-echo", "ip[6:2] & 0x1fff != 0",
    "ip[6:2] & 0x3fff != 0", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "(ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2) != 0",
    "ip[((ip[0] & 0xf) << 2):2] = 80", "udp[(ip[1] & 3) + 1:2] > 7", "ip[(ip[0] & 0xf) * 4 + 13] & 0x3f = 2",
    "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply", "ip[0] & 0xf != 5", "ip[8] < 5",
)  # fmt: skip


def words(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(p) if isinstance(p, str) else p for p in parts)).map(
        lambda found: " ".join(word for word in found if word)
    )


any_of = st.sampled_from
directions = any_of(("", "", "src", "dst", "src or dst", "dst or src", "src and dst", "dst and src"))
transports = any_of(("", "", "", "tcp", "udp", "sctp"))


def qualified(ethernet: bool) -> st.SearchStrategy[tuple[str, tuple[str, ...]]]:
    """Qualifiers, and the values that fit behind them."""
    kinds = [
        st.tuples(words(any_of(("", "ip")), directions, "host"), st.just(ADDRESSES)),
        st.tuples(words(any_of(("", "ip")), directions.filter(bool)), st.just(ADDRESSES)),
        st.tuples(words(any_of(("", "ip")), directions, "net"), st.just(NETS)),
        st.tuples(words(transports, directions, "port"), st.just(PORTS)),
        st.tuples(words(transports, directions, "portrange"), st.just(RANGES)),
        st.tuples(any_of(("proto", "ip proto")), st.just(PROTOCOLS)),
    ]
    if ethernet:
        kinds.append(st.tuples(words("ether", directions, "host"), st.just(STATIONS)))
        kinds.append(st.tuples(any_of(("ether src", "ether dst")), st.just(STATIONS)))
    return st.one_of(kinds)


def nested(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Values joined, in parentheses, some of them denied."""
    one = st.one_of(values, words(any_of(("not", "!")), values))
    joined = st.tuples(one, any_of(("or", "and", "||")), one).map(" ".join)
    return st.tuples(joined, any_of(("", "and", "or")), one).map(
        lambda p: f"({p[0]} {p[1]} {p[2]})" if p[1] else f"({p[0]})"
    )


@st.composite
def with_values(draw: st.DrawFn, ethernet: bool) -> str:
    """`port 80`, `port 80 or 443`, `port (80 or 443)`, `port not 80`."""
    head, values = draw(qualified(ethernet))
    one = any_of(values)
    text = f"{head} {draw(st.one_of(one, one, one, words(any_of(('not', '!')), one), nested(one)))}"
    for _ in range(draw(any_of((0, 0, 0, 1, 2)))):
        bare = one if "net" not in head else one.filter(lambda value: "." in value)
        more = st.one_of(bare, bare, words("not", bare), nested(bare))
        text += f" {draw(any_of(('or', 'and', '&&')))} {draw(more)}"
    return text


def numbers(ethernet: bool) -> st.SearchStrategy[str]:
    """Arithmetic."""
    names = (*INDEXED, "ether", "link") if ethernet else INDEXED
    index = st.integers(0, 20).map(str) | any_of(("tcpflags", "icmptype", "1 + 2", "4*2"))
    access = st.builds(
        lambda name, at, size: f"{name}[{at}{size}]",
        any_of(names), index, any_of(("", "", ":1", ":2", ":4")),
    )  # fmt: skip
    leaves = [access, access, access, any_of(CONSTANTS)] + ([] if ethernet else [st.just("len")])
    leaf = st.one_of(leaves)
    plain = any_of(("+", "-", "*", "&", "|", "^"))
    step = st.one_of(
        words(plain, leaf),
        words(any_of(("/", "%")), any_of(("1", "2", "3", "4", "7", "8", "256", "1000"))),
        words(any_of(("<<", ">>")), any_of(("0", "1", "2", "4", "8", "31"))),
    )

    def build(first: str, steps: list[str], form: int) -> str:
        text = " ".join([first, *steps])
        return (
            text
            if form < 3
            else f"({text})"
            if form == 3
            else f"-{first}"
            if form == 4
            else f"({text}) & 0xff"
        )

    return st.builds(build, leaf, st.lists(step, max_size=3), st.integers(0, 5))


def comparisons(ethernet: bool) -> st.SearchStrategy[str]:
    relation = any_of(("=", "==", "!=", "<", "<=", ">", ">="))
    return st.one_of(
        words(numbers(ethernet), relation, any_of(CONSTANTS)),
        words(numbers(ethernet), relation, numbers(ethernet)),
    )


def flows(ethernet: bool = False) -> st.SearchStrategy[str]:
    """A flow of the documented subset; the tests of frames and none of lengths if `ethernet`."""
    simple = [
        any_of(NAMED),
        with_values(ethernet),
        with_values(ethernet),
        comparisons(ethernet),
        any_of(IDIOMS),
    ]
    if ethernet:
        simple.append(any_of(FRAMES))
    else:
        simple.append(words(any_of(("less", "greater")), st.integers(0, 200).map(str)))
    joined = any_of(("and", "or", "&&", "||"))
    return st.recursive(
        st.one_of(simple),
        lambda inner: st.one_of(
            words(inner, joined, inner),
            words(any_of(("not", "!")), inner),
            inner.map("({})".format),
            words(inner, joined, inner, joined, inner),
        ),
        max_leaves=5,
    )


def tagged_flows() -> st.SearchStrategy[str]:
    """Flows with `vlan` in them. Bytes are read in comparisons with constants only: libpcap forgets what a number is
    about if it stands right of an operator, and then reads bytes of the tag in frames that have one."""
    vlans = st.sampled_from(("vlan", "vlan 5", "vlan 0x64", "vlan 4095"))
    bytes_of = st.builds(
        lambda name, at, relation, value: f"{name}[{at}] {relation} {value}",
        any_of(("ip", "tcp", "udp", "icmp")), any_of(("0", "6:2", "13", "2:2", "12:4")), any_of(("=", "!=", ">")),
        any_of(CONSTANTS),
    )  # fmt: skip
    simple = st.one_of(vlans, vlans, any_of(NAMED), with_values(True), bytes_of, any_of(FRAMES))
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            words(inner, any_of(("and", "and", "or")), inner),
            words("not", inner),
            inner.map("({})".format),
        ),
        max_leaves=5,
    ).filter(lambda flow: "vlan" in flow)


_NUMBER = re.compile(r"(?<![\w.])(?:0x[0-9a-fA-F]+|\d+)(?![\w.])")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def packets(flow: str, seed: int, count: int, short: bool = False) -> list[bytes]:
    """Complete IPv4 packets, about half of whose fields are one of the flow's numbers, or next to one.

    At least 64 bytes stand behind the IP header, so that no test of the grammar asks for an absent byte; if `short`,
    the packets end anywhere behind the 20 bytes of the plain header.
    """
    dice = random.Random(seed)
    near = [int(text, 8 if re.fullmatch("0[0-7]+", text) else 0) for text in _NUMBER.findall(flow)] + [
        80,
        6,
        17,
    ]
    hosts = [bytes(map(int, text.split("."))) for text in _ADDRESS.findall(flow)] or [bytes(4)]

    def number(bits: int, *usual: int) -> int:
        kind = dice.random()
        if kind < 0.5 and usual:
            return dice.choice(usual)
        if kind < 0.9:
            return (dice.choice(near) + dice.choice((0, 0, 0, 1, -1))) % (1 << bits)
        return dice.getrandbits(bits)

    def host() -> bytes:
        if dice.random() < 0.5:
            return dice.choice(hosts)
        if dice.random() < 0.5:
            return bytes(map(int, dice.choice(ADDRESSES).split(".")))
        return number(32).to_bytes(4, "big")

    out: list[bytes] = []
    for _ in range(count):
        words = 5 if dice.random() < 0.7 else dice.randrange(6, 16)
        ports = struct.pack("!HH", number(16, 80, 443, 22, 53, 6000), number(16, 80, 443, 22, 53, 1024))
        behind = bytearray(ports + dice.randbytes(60) + bytes(dice.choice((0, 1, 36, 84, 400))))
        behind[12] = dice.choice((0x50, 0x80, 0xF0, behind[12])) if dice.random() < 0.9 else behind[12]
        behind[13] = number(8, 2, 16, 18, 17)
        for _ in range(dice.randrange(3)):
            size = dice.choice((1, 2, 4))
            at = dice.randrange(40)
            behind[at : at + size] = number(8 * size).to_bytes(size, "big")
        if dice.random() < 0.3:
            behind[0] = number(8, 8, 0, 3)
        total = 4 * words + len(behind)
        off = number(16, 0, 0, 0x4000, 0x2000, 0x2005, 0x1FFF)
        proto = number(8, 6, 17, 1, 132, 2, 9, 103, 112, 50)
        header = struct.pack(
            "!BBHHHBBH", 0x40 | words, number(8, 0), total, number(16, 7), off, number(8, 64), proto, 0
        )
        packet = header + host() + host() + dice.randbytes(4 * words - 20) + bytes(behind)
        out.append(packet[: dice.randrange(20, 4 * words + 24)] if short else packet)
    return out


def frame(packet: bytes, seed: int, tags: int = 0) -> bytes:
    """The packet in an Ethernet frame, behind so many VLAN tags."""
    dice = random.Random(seed)
    ends = [bytes(int(byte, 16) for byte in dice.choice(STATIONS).split(":")) for _ in range(2)]
    tag = [
        struct.pack("!HH", dice.choice((0x8100, 0x88A8)), dice.choice((5, 5, 100, 0x2005, 0xFFFF)))
        for _ in range(tags)
    ]
    return b"".join([*ends, *tag]) + b"\x08\x00" + packet
