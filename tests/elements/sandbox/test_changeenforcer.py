"""ChangeEnforcer: who may be written to, as whom, and until when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.arguments import bind
from innet.elements.sandbox.changeenforcer import ChangeEnforcer
from innet.flowspec import names
from innet.ir.interpret import NS, PacketBuffer, State
from innet.ir.nodes import Mark
from innet.lexical import Text
from tests.elements.rewriting import Instance, marked

MODULE, CLIENT, OTHER, LISTED = "192.0.2.10", "203.0.113.7", "203.0.113.8", "198.51.100.9"
TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, ACK = 1, 2, 4, 16
NOT_ALLOWED = "destination neither wrote to the module nor agreed"
ENDED = "authorization ended"
FALSE_SOURCE = "source is neither the module nor one that wrote to it"


def quad(text: str) -> int:
    number = names.address(text)
    assert number is not None
    return number


def packet(
    src: str,
    dst: str,
    sport: int = 0,
    dport: int = 0,
    proto: int = UDP,
    flags: int = 0,
    off: int = 0,
    identification: int = 0,
    options: bytes = b"",
) -> PacketBuffer:
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    transport = ports + (bytes(8) + bytes((0x50, flags)) + bytes(6) if proto == TCP else bytes(4))
    head = bytes((0x45 + len(options) // 4, 0)) + (20 + len(options) + len(transport)).to_bytes(2, "big")
    head += identification.to_bytes(2, "big") + off.to_bytes(2, "big") + bytes((64, proto, 0, 0))
    head += quad(src).to_bytes(4, "big") + quad(dst).to_bytes(4, "big")
    return marked(head + options + transport)


class Sandbox:
    """A sandboxed module whose packets, and the outside's, the test sends."""

    def __init__(self, *whitelist: str) -> None:
        self.now = 0
        element = bind(ChangeEnforcer, Text(", ".join((MODULE, *whitelist))))
        state = State(clock=lambda: self.now)
        self.instance = Instance(element, "ce", inputs=2, outputs=2, state=state)

    def receive(self, sent: PacketBuffer) -> bool:
        """Whether a packet from outside reaches the module."""
        return [port for port, _ in self.instance.push(sent, 0)] == [0]

    def send(self, sent: PacketBuffer) -> str:
        """Why the module's packet is dropped; empty if it leaves."""
        before = sent.data
        out = self.instance.push(sent, 1)
        assert [(port, left.data) for port, left in out] == ([] if self.instance.reason else [(1, before)])
        return self.instance.reason

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * NS)


def test_answers_leave_and_nothing_else_does() -> None:
    box = Sandbox()
    assert box.send(packet(MODULE, CLIENT, 53, 4000)) == NOT_ALLOWED
    assert box.receive(packet(CLIENT, MODULE, 4000, 53))
    assert box.send(packet(MODULE, CLIENT, 53, 4000)) == ""
    for refused in (
        packet(MODULE, OTHER, 53, 4000),
        packet(MODULE, CLIENT, 53, 4001),
        packet(MODULE, CLIENT, 54, 4000),
        packet(MODULE, CLIENT, 53, 4000, TCP),
    ):
        assert box.send(refused) == NOT_ALLOWED


def test_the_white_list_needs_no_packet_before() -> None:
    box = Sandbox(LISTED, "100.64.0.0/10")
    for listed in (LISTED, "100.64.0.1", "100.127.255.255"):
        assert box.send(packet(MODULE, listed, 1, 2)) == ""
    assert box.send(packet(MODULE, "100.128.0.0", 1, 2)) == NOT_ALLOWED


def test_an_open_white_list_still_stops_false_sources() -> None:
    box = Sandbox("0.0.0.0/0")
    assert box.send(packet(MODULE, OTHER, 1, 2)) == ""
    assert box.send(packet(CLIENT, OTHER, 1, 2)) == FALSE_SOURCE
    assert box.send(packet(OTHER, MODULE, 1, 2)) == "addressed to the module itself"


def test_sources_may_be_kept_only_of_those_who_wrote() -> None:
    box = Sandbox(LISTED)
    assert box.send(packet(CLIENT, LISTED, 4000, 53)) == FALSE_SOURCE
    assert box.receive(packet(CLIENT, MODULE, 4000, 53))
    assert box.send(packet(CLIENT, LISTED, 4000, 8053)) == ""
    assert box.send(packet(CLIENT, OTHER, 4000, 53)) == NOT_ALLOWED
    assert box.send(packet(OTHER, LISTED, 4000, 53)) == FALSE_SOURCE
    box.wait(61)
    assert box.send(packet(CLIENT, LISTED, 4000, 53)) == FALSE_SOURCE


def test_nobody_may_pose_as_the_module() -> None:
    box = Sandbox()
    assert not box.receive(packet(MODULE, MODULE, 1, 2))
    assert box.instance.reason == "source is the module's own address"
    assert box.send(packet(MODULE, MODULE, 2, 1)) == "addressed to the module itself"


def test_an_authorization_lasts_from_the_last_packet_from_outside() -> None:
    box = Sandbox()
    box.receive(packet(CLIENT, MODULE, 4000, 53))
    for _ in range(6):  # answers do not prolong it
        box.wait(10)
        assert box.send(packet(MODULE, CLIENT, 53, 4000)) == ""
    box.wait(0.001)
    assert box.send(packet(MODULE, CLIENT, 53, 4000)) == ENDED
    box.receive(packet(CLIENT, MODULE, 4000, 53))
    assert box.send(packet(MODULE, CLIENT, 53, 4000)) == ""


def test_other_protocols_are_authorized_as_a_whole() -> None:
    box = Sandbox()
    box.receive(packet(CLIENT, MODULE, 0x0800, 7, ICMP))
    assert box.send(packet(MODULE, CLIENT, 0, 9, ICMP)) == ""
    assert box.send(packet(MODULE, CLIENT, 0, 9, 47)) == NOT_ALLOWED


IN, OUT = True, False


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        ([(IN, SYN), (OUT, SYN | ACK), (IN, ACK)], ""),
        ([(IN, SYN), (IN, RST)], ENDED),
        ([(IN, SYN), (OUT, RST)], ENDED),
        ([(IN, SYN), (IN, FIN)], ""),
        ([(IN, SYN), (OUT, FIN)], ""),
        ([(IN, SYN), (IN, FIN), (OUT, FIN)], ENDED),
        ([(IN, SYN), (IN, FIN), (OUT, FIN), (IN, ACK)], ENDED),
        ([(IN, SYN), (OUT, FIN), (IN, FIN)], ""),  # the one acknowledgement
        ([(IN, SYN), (OUT, FIN), (IN, FIN), (OUT, ACK)], ENDED),
        ([(IN, SYN), (OUT, FIN), (IN, FIN), (OUT, ACK), (IN, FIN)], ""),  # it was lost
        ([(IN, SYN), (OUT, FIN), (IN, FIN), (OUT, ACK), (IN, FIN), (OUT, ACK)], ENDED),
        ([(IN, SYN), (IN, RST), (IN, ACK)], ENDED),
        ([(IN, SYN), (IN, RST), (IN, SYN)], ""),
        ([(IN, SYN), (IN, FIN), (OUT, FIN), (IN, SYN)], ""),
        ([(IN, RST)], ENDED),
    ],
)
def test_tcp_teardown_ends_an_authorization(steps: list[tuple[bool, int]], then: str) -> None:
    box = Sandbox()
    for incoming, flags in steps:
        if incoming:
            assert box.receive(packet(CLIENT, MODULE, 4000, 80, TCP, flags))
        else:
            assert box.send(packet(MODULE, CLIENT, 80, 4000, TCP, flags)) == ""
    assert box.send(packet(MODULE, CLIENT, 80, 4000, TCP, ACK)) == then


MORE = 0x2000


def test_later_fragments_follow_their_first() -> None:
    box = Sandbox(LISTED)
    box.receive(packet(CLIENT, MODULE, 4000, 53))
    later = "later fragment of nothing let out"
    assert box.send(packet(MODULE, CLIENT, off=185, identification=7)) == later
    assert box.send(packet(MODULE, CLIENT, 53, 4000, off=MORE, identification=7)) == ""
    assert box.send(packet(MODULE, CLIENT, off=185, identification=7)) == ""
    assert box.send(packet(MODULE, CLIENT, off=185, identification=8)) == later
    assert box.send(packet(MODULE, OTHER, off=185, identification=7)) == later
    assert box.send(packet(MODULE, LISTED, off=185, identification=9)) == ""
    box.wait(31)
    assert box.send(packet(MODULE, CLIENT, off=185, identification=7)) == later


def test_fragments_from_outside_authorize_no_answer_but_their_source() -> None:
    box = Sandbox(LISTED)
    assert box.receive(packet(CLIENT, MODULE, 4000, 53, off=185))
    assert box.send(packet(MODULE, CLIENT, 53, 4000)) == NOT_ALLOWED
    assert box.send(packet(MODULE, CLIENT)) == NOT_ALLOWED
    assert box.send(packet(CLIENT, LISTED, 1, 2, off=185)) == ""


def test_packets_that_are_not_ipv4_reach_the_module_and_do_not_leave_it() -> None:
    box = Sandbox(LISTED)
    arp = PacketBuffer(bytes(12) + b"\x08\x06" + bytes(28))
    arp.marks[Mark.MAC] = 0
    assert box.receive(arp)
    six = packet(MODULE, LISTED)
    six.bytes[0] = 0x65
    unmarked = PacketBuffer(packet(MODULE, LISTED).data)
    short = marked(packet(MODULE, LISTED).data[:19])
    for refused in (arp, six, unmarked, short):
        assert box.send(refused) == "not an IPv4 packet"


def framed(inner: bytes, ethertype: int = 0x0800, mac: int | None = 0, net: int = 14) -> PacketBuffer:
    frame = PacketBuffer(bytes(12) + ethertype.to_bytes(2, "big") + inner)
    frame.marks[Mark.NET] = net
    if mac is not None:
        frame.marks[Mark.MAC] = mac
    return frame


def test_the_header_must_stand_where_a_receiver_looks() -> None:
    """Marks are the module's own: what they point at need not be what is sent."""
    box = Sandbox(LISTED)
    good, forged = packet(MODULE, LISTED).data, packet(OTHER, CLIENT).data
    assert box.send(framed(good)) == ""
    hidden = PacketBuffer(forged + good)
    hidden.marks[Mark.NET] = len(forged)
    frame_in_packet = PacketBuffer(good[:14] + forged)
    frame_in_packet.marks.update({Mark.MAC: 0, Mark.NET: 0})
    for refused in (
        hidden,
        frame_in_packet,
        framed(good, ethertype=0x8100),
        framed(good, mac=None),
        framed(good, mac=14),
        framed(forged + good, net=14 + len(forged)),
    ):
        assert box.send(refused) == "not an IPv4 packet"


def test_a_transport_mark_of_the_modules_own_does_not_count() -> None:
    box = Sandbox()
    box.receive(packet(CLIENT, MODULE, 4000, 53))
    for mark, reason in ((None, ""), (0, ""), (24, "")):
        sent = packet(MODULE, CLIENT, 53, 4000)
        sent.marks.pop(Mark.TRANSPORT)
        if mark is not None:
            sent.marks[Mark.TRANSPORT] = mark
        assert box.send(sent) == reason


def test_options_do_not_leave() -> None:
    box = Sandbox(LISTED)
    route = bytes((131, 7, 4)) + quad(OTHER).to_bytes(4, "big") + bytes(1)
    assert box.send(packet(MODULE, LISTED, options=route)) == "IPv4 options"


def test_ports_are_found_behind_options_from_outside() -> None:
    box = Sandbox()
    box.receive(packet(CLIENT, MODULE, 4000, 53, options=bytes((1, 1, 1, 0))))
    assert box.send(packet(MODULE, CLIENT, 53, 4000)) == ""


hosts = st.sampled_from([MODULE, CLIENT, OTHER, LISTED])
packets = st.builds(
    packet,
    hosts,
    hosts,
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([TCP, UDP, ICMP]),
    st.integers(0, 63),
    st.sampled_from([0, 0, MORE, 1, MORE | 1]),
    st.integers(0, 1),
)


@given(st.lists(st.tuples(st.booleans(), packets), max_size=30))
def test_whatever_the_module_does_the_rules_hold(steps: list[tuple[bool, PacketBuffer]]) -> None:
    """DESIGN section 9: an outgoing source is the module's or came in; a destination is listed or came in."""
    box = Sandbox(LISTED)
    wrote = set()
    for incoming, sent in steps:
        src, dst = (names.dotted(int.from_bytes(sent.data[n : n + 4], "big")) for n in (12, 16))
        if incoming:
            if box.receive(sent):
                assert src != MODULE
                wrote.add(src)
        elif not box.send(sent):
            assert src == MODULE or src in wrote
            assert dst != MODULE
            assert dst == LISTED or dst in wrote


@pytest.mark.parametrize("example", ChangeEnforcer.EXAMPLES)
def test_examples(example: str) -> None:
    for port in (0, 1):
        bind(ChangeEnforcer, Text(example)).trace(port, outputs=2, inputs=2)
