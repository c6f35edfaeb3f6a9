"""Cisco access lists: the filters they become pass what IOS passes, by an evaluator of lines of its own."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from innet.messages import Answer
from innet.network import format_address
from tests.elements.packets import ICMP, TCP, UDP, ipv4, tcp, udp
from tests.network.importing.boxes import Running, imported, refusal, world
from tests.verify.networks import ask

ROUTER = """
interface Serial0
 ip address 192.0.2.1 255.255.255.252
 ip access-group {group}
!
"""
PROTOCOLS = {"ip": None, "tcp": TCP, "udp": UDP, "icmp": ICMP, "gre": 47, "50": 50}
HOSTS = [0x0A000001, 0x0A000002, 0x0A010001, 0x0AC8010A, 0xC0000201]
NUMBERS = [0, 22, 53, 80, 1023, 1024, 65535]


@dataclass(frozen=True)
class Packet:
    """What a line of a list looks at."""

    src: int
    dst: int
    proto: int
    sport: int
    dport: int
    flags: int
    later: bool

    def data(self) -> bytes:
        match self.proto:
            case 6:
                segment = bytearray(tcp(sport=self.sport, dport=self.dport))
                segment[13] = self.flags
                payload = bytes(segment)
            case 17:
                payload = udp(sport=self.sport, dport=self.dport)
            case 1:
                payload = bytes([self.sport % 20, self.dport % 5]) + bytes(6)
            case _:
                payload = bytes(20)
        offset = 5 if self.later else 0
        return ipv4(payload, format_address(self.src), format_address(self.dst), self.proto, off=offset)


@dataclass(frozen=True)
class Line:
    """A line, in parts."""

    permit: bool
    proto: str
    src: tuple[int, int]
    dst: tuple[int, int]
    sports: tuple[str, int, int] | None
    dports: tuple[str, int, int] | None
    option: str

    def text(self) -> str:
        has_ports = self.proto in ("tcp", "udp")
        parts = ["permit" if self.permit else "deny", self.proto]
        for (address, wildcard), ports in ((self.src, self.sports), (self.dst, self.dports)):
            if wildcard == 0xFFFFFFFF:
                parts.append("any")
            elif wildcard == 0:
                parts.append(f"host {format_address(address)}")
            else:
                parts.append(f"{format_address(address)} {format_address(wildcard)}")
            if ports is not None and has_ports:
                operator, a, b = ports
                parts.append(f"{operator} {a} {b}" if operator == "range" else f"{operator} {a}")
        if self.said():
            parts.append(self.option)
        return " ".join(parts)

    def said(self) -> bool:
        """Whether the option stands in the line: where it makes sense."""
        match self.option:
            case "established":
                return self.proto == "tcp"
            case "echo" | "unreachable" | "3 1":
                return self.proto == "icmp"
            case "fragments":
                return self.proto not in ("tcp", "udp") or (self.sports is None and self.dports is None)
        return self.option != ""

    def matches(self, packet: Packet) -> bool:
        """Cisco's rules, fragments among them."""
        for (address, wildcard), own in ((self.src, packet.src), (self.dst, packet.dst)):
            if (address ^ own) & ~wildcard & 0xFFFFFFFF:
                return False
        proto = PROTOCOLS[self.proto]
        if proto is not None and proto != packet.proto:
            return False
        details = []
        if self.proto in ("tcp", "udp"):
            for ports, number in ((self.sports, packet.sport), (self.dports, packet.dport)):
                if ports is not None:
                    operator, a, b = ports
                    low, high = min(a, b), max(a, b)
                    details.append({
                        "eq": number == a, "neq": number != a, "gt": number > a, "lt": number < a,
                        "range": low <= number <= high,
                    }[operator])  # fmt: skip
        kind, code = packet.sport % 20, packet.dport % 5
        if self.said():
            match self.option:
                case "established":
                    details.append(packet.flags & 0x14 != 0)
                case "echo":
                    details.append(kind == 8)
                case "unreachable":
                    details.append(kind == 3)
                case "3 1":
                    details.append((kind, code) == (3, 1))
                case "fragments":
                    return packet.later
        if packet.later and details:
            return self.permit
        return all(details)


def permitted(lines: list[Line], packet: Packet) -> bool:
    """The first line that matches decides; behind the last everything is denied."""
    return next((line.permit for line in lines if line.matches(packet)), False)


hosts = st.sampled_from(HOSTS)
wildcards = st.sampled_from([0, 0xFF, 0xFFFF, 0xFFFFFFFF, 0x00FF00FF, 0x0000FF00])
sides = st.builds(lambda address, wildcard: (address & ~wildcard, wildcard), hosts, wildcards)
numbers = st.sampled_from(NUMBERS)
ports = st.none() | st.tuples(st.sampled_from(["eq", "neq", "gt", "lt", "range"]), numbers, numbers)
options = st.sampled_from(["", "", "", "established", "echo", "unreachable", "3 1", "fragments", "log"])
entries = st.builds(
    Line, st.booleans(), st.sampled_from(list(PROTOCOLS)), sides, sides, ports, ports, options
)
packets = st.builds(
    Packet, hosts, hosts, st.sampled_from([TCP, UDP, ICMP, 47, 50]), numbers, numbers,
    st.sampled_from([0x02, 0x10, 0x12, 0x04, 0x00]), st.booleans(),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(entries, min_size=1, max_size=8), st.lists(packets, min_size=1, max_size=10), st.booleans())
def test_a_filter_passes_what_its_list_permits(lines: list[Line], sent: list[Packet], named: bool):
    if named:
        body = "ip access-list extended GUARD\n" + "".join(f" {line.text()}\n" for line in lines)
    else:
        body = "".join(f"access-list 101 {line.text()}\n" for line in lines)
    text = ROUTER.format(group="GUARD in" if named else "101 in") + body
    box = Running(imported({"r/ios-config.txt": text}).snapshot, "r.Serial0.acl")
    for packet in sent:
        assert box.passes("outside", packet.data()) == permitted(lines, packet), (body, packet)
        assert box.passes("inside", packet.data()), "the list is for one direction"


@settings(deadline=None, max_examples=settings.default.max_examples // 2)
@given(st.lists(st.tuples(st.booleans(), sides), min_size=1, max_size=5), st.lists(packets, max_size=6))
def test_a_standard_list_looks_at_the_source(lines: list[tuple[bool, tuple[int, int]]], sent: list[Packet]):
    rows = [
        f"access-list 7 {'permit' if permit else 'deny'} {format_address(a)} {format_address(w)}\n"
        for permit, (a, w) in lines
    ]
    network = imported({"r/ios-config.txt": ROUTER.format(group="7 out") + "".join(rows)}).snapshot
    box = Running(network, "r.Serial0.acl")
    for packet in sent:
        expected = next((p for p, (a, w) in lines if not (a ^ packet.src) & ~w & 0xFFFFFFFF), False)
        assert box.passes("inside", packet.data()) == expected


def test_numbers_say_the_order_of_a_named_list():
    text = ROUTER.format(group="A in") + (
        "ip access-list extended A\n 20 permit udp any any\n 10 deny udp any any eq domain\n"
        " remark last\n deny ip any any\n"
    )
    box = Running(imported({"r/ios-config.txt": text}).snapshot, "r.Serial0.acl")
    assert not box.passes("outside", ipv4(udp(dport=53)))
    assert box.passes("outside", ipv4(udp(dport=54)))
    assert not box.passes("outside", ipv4(tcp(), proto=TCP))


def test_a_list_that_is_not_there_permits_everything():
    made = imported({"r/ios-config.txt": ROUTER.format(group="NOBODY in")})
    assert Running(made.snapshot, "r.Serial0.acl").passes("outside", ipv4(udp()))
    assert "there is no access list NOBODY" in made.notes[0]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("access-list 101 permit tcp any any eq htp", "'htp' is not a port"),
        ("access-list 101 permit tcp any 10.0.0.0", "the line ends too early"),
        ("access-list 101 permit tpc any any", "'tpc' is not a protocol"),
        ("access-list 101 permit ip any any time-range WORK", "'time-range' is not understood"),
        ("access-list 101 permit ip object-group A any", "object groups are not followed"),
        ("access-list 101 allow ip any any", "'allow' is not an action"),
        ("access-list 101 permit tcp any eq 80 any fragments", "'fragments' with ports"),
        ("access-list 700 permit 0000.0000.0000", "the number of a standard or an extended list"),
        ("interface Serial0\n ip policy route-map AROUND", "this line is not understood"),
        ("ip nat inside source list 1 interface Serial0 overload", "this line is not understood"),
        ("no ip routing", "this line is not understood"),
    ],
)
def test_lines_that_are_not_understood_are_refused(line: str, complaint: str):
    said = refusal({"r/ios-config.txt": ROUTER.format(group="101 in") + line + "\n"})
    assert complaint in said
    assert "r/ios-config.txt:6:" in said or "r/ios-config.txt:7:" in said
    assert "^" in said


LENIENT = {
    "r/ios-config.txt": """
        interface Serial0
         ip address 192.0.2.1 255.255.255.252
         ip access-group 101 in
        interface Serial1
         ip address 10.0.0.1 255.255.255.0
        access-list 101 deny udp any any eq 53
        access-list 101 permit tcp any any time-range WORK
        access-list 101 permit udp any any
        """,
    "import.yaml": """
        nodes:
          internet: {kind: internet, interfaces: {net: 192.0.2.2/30}}
          web: {kind: host, address: 10.0.0.80/24}
        """,
}


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("reach from internet tcp -> 10.0.0.80", Answer.UNDECIDED),
        ("reach from internet udp dst port 99 -> 10.0.0.80", Answer.UNDECIDED),
        ("never reach from internet tcp -> web", Answer.UNDECIDED),
        ("never reach from internet udp dst port 53 -> web", Answer.YES),
        ("reach from internet udp dst port 53 -> 10.0.0.80", Answer.NO),
    ],
)
def test_what_is_ignored_of_a_list_is_left_open(statement: str, answer: Answer):
    made = imported(LENIENT, lenient=True)
    (ignored,) = made.ignored
    assert ignored.effect == "what no earlier line of the list decides may pass or not"
    assert ignored.span.source.position(ignored.span.start) == (8, 36)
    assert ask(world(made), statement).holds is answer
