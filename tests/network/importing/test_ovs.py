"""Open vSwitch: a bridge does what its flows say, by an evaluator of flows written for itself."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from innet.messages import Answer
from innet.network import format_address
from tests.elements.packets import ICMP, TCP, UDP, ipv4, tcp, udp
from tests.network.importing.boxes import HEADER, Running, imported, refusal, world
from tests.verify.networks import ask

BRIDGE = (Path(__file__).parent / "bridge" / "s1.ovs-flows.txt").read_text(encoding="utf-8")
HOSTS = """
nodes:
  h1: {kind: host, address: 10.0.0.1/24}
  h2: {kind: host, address: 10.0.0.2/24}
  h3: {kind: host, address: 10.0.0.3/24}
links: [[h1, "s1:1"], [h2, "s1:2"], [h3, "s1:3"]]
"""
MADE = imported({"s1.ovs-flows.txt": BRIDGE, "import.yaml": HOSTS})
TO_H3 = bytes.fromhex("020000000003") + HEADER[6:]
BOX = Running(MADE.snapshot, "s1")


def port(packet: bytes, at: int) -> int:
    return int.from_bytes(packet[20 + at : 22 + at], "big")


def test_rewrites_are_made_before_the_output():
    ((out, packet),) = BOX.send("p1", ipv4(tcp(dport=80), src="10.0.0.1", dst="10.0.0.80", proto=TCP))
    assert (out, packet[16:20], port(packet, 2)) == ("p2", bytes([10, 0, 0, 2]), 8080)
    ((out, packet),) = BOX.send("p2", ipv4(tcp(sport=8080), src="10.0.0.2", dst="10.0.0.1", proto=TCP))
    assert (out, packet[12:16], port(packet, 0)) == ("p1", bytes([10, 0, 0, 80]), 80)


def test_each_copy_is_as_the_packet_was_then():
    sent = BOX.send("p1", ipv4(udp(dport=9), src="10.0.0.1", tos=32))
    assert [(out, packet[1]) for out, packet in sent] == [("p2", 32), ("p3", 0)]
    assert [out for out, _ in BOX.send("p2", ipv4(udp(dport=9), src="10.0.0.1", tos=32))] == ["p3"]


def test_a_mask_of_ports_and_later_fragments():
    assert BOX.send("p1", ipv4(udp(dport=0x1234), src="10.0.0.1", tos=32)) == []
    later = BOX.send("p1", ipv4(udp(dport=0x1234), src="10.0.0.1", tos=32, off=5))
    assert [out for out, _ in later] == ["p2", "p3"]


def test_another_table_goes_on():
    ping = ipv4(bytes([8]) + bytes(7), proto=ICMP, ttl=9)
    assert [(out, packet[8]) for out, packet in BOX.send("p1", ping)] == [("p2", 8)]
    assert [(out, packet[8]) for out, packet in BOX.send("p3", ping)] == [("p3", 8)]
    assert BOX.send("p1", ipv4(bytes([8]) + bytes(7), proto=ICMP, ttl=1)) == []


def test_arp_is_flooded_and_what_no_flow_matches_is_dropped():
    arp = bytes.fromhex("ffffffffffff020000000001" "0806")  # fmt: skip
    assert sorted(out for out, _ in BOX.send("p1", bytes(28), arp)) == ["p2", "p3"]
    assert BOX.send("p1", ipv4(tcp(dport=81), proto=TCP)) == []
    assert [out for out, _ in BOX.send("p1", ipv4(tcp(dport=81), proto=TCP), TO_H3)] == ["p3"]


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("reach from h1 tcp dst port 80 and dst host 10.0.0.80 -> h2 dst port 8080", Answer.YES),
        ("never reach from h1 udp dst port 0x1000 -> h2", Answer.NO),  # with a header that is cut off
        ("never reach from h1 udp dst port 0x1000 and udp[7] > 0 -> h2", Answer.YES),
        ("reach from h1 tcp dst port 81 -> h2", Answer.YES),  # marked with a type of service
        ("reach from h3 udp -> h1", Answer.NO),
    ],
)
def test_proofs_follow_flows(statement: str, answer: Answer):
    assert ask(world(MADE), statement.replace("0x1000", "4096")).holds is answer


def test_normal_is_a_learning_bridge():
    box = Running(
        imported({"s1.ovs-flows.txt": " priority=0 actions=NORMAL", "import.yaml": HOSTS}).snapshot, "s1"
    )
    assert sorted(out for out, _ in box.send("p1", ipv4(udp()))) == ["p2", "p3"]
    back = HEADER[6:12] + HEADER[:6] + HEADER[12:]
    assert [out for out, _ in box.send("p2", ipv4(udp()), back)] == ["p1"]


# ---- random flows

PORTS = (1, 2, 3)
ADDRESSES = [0x0A000001, 0x0A000002, 0x0A000101]


@dataclass(frozen=True)
class Packet:
    in_port: int
    src: int
    dst: int
    proto: int
    sport: int
    dport: int
    later: bool

    def data(self) -> bytes:
        payload = (
            tcp(sport=self.sport, dport=self.dport)
            if self.proto == TCP
            else udp(sport=self.sport, dport=self.dport)
        )
        return ipv4(
            payload,
            format_address(self.src),
            format_address(self.dst),
            self.proto,
            off=3 if self.later else 0,
        )


@dataclass(frozen=True)
class Flow:
    in_port: int | None
    proto: int | None
    src: tuple[int, int]
    dst: tuple[int, int]
    sport: tuple[int, int]
    dport: tuple[int, int]
    outputs: tuple[int, ...]
    bare: bool

    def text(self, priority: int) -> str:
        parts = [f"priority={priority}"]
        if not self.bare:
            parts.append({None: "ip", TCP: "tcp", UDP: "udp"}[self.proto])
            for name, (value, mask) in (("nw_src", self.src), ("nw_dst", self.dst)):
                if mask:
                    parts.append(f"{name}={format_address(value)}/{format_address(mask)}")
            for name, (value, mask) in (("tp_src", self.sport), ("tp_dst", self.dport)):
                if mask and self.proto is not None:
                    parts.append(f"{name}={value:#x}/{mask:#x}" if mask != 0xFFFF else f"{name}={value}")
        if self.in_port is not None:
            parts.insert(2, f"in_port={self.in_port}")
        outputs = ",".join(f"output:{port}" for port in self.outputs)
        return (
            f" cookie=0x0, duration=1.0s, table=0, n_packets=0, {','.join(parts)} actions={outputs or 'drop'}"
        )

    def matches(self, packet: Packet) -> bool:
        if self.in_port not in (None, packet.in_port):
            return False
        if self.bare:
            return True
        if self.proto not in (None, packet.proto):
            return False
        sport, dport = (0, 0) if packet.later else (packet.sport, packet.dport)
        fields = [(self.src, packet.src), (self.dst, packet.dst)]
        if self.proto is not None:
            fields += [(self.sport, sport), (self.dport, dport)]
        return not any((value ^ own) & mask for (value, mask), own in fields)


def masked(value: int, mask: int) -> tuple[int, int]:
    return value & mask, mask


addresses = st.builds(
    masked, st.sampled_from(ADDRESSES), st.sampled_from([0, 0xFFFFFFFF, 0xFFFFFF00, 0x000000FF])
)
numbers = st.sampled_from([0, 53, 80, 0x1234, 0xFFFF])
ports = st.builds(masked, numbers, st.sampled_from([0, 0, 0xFFFF, 0xF000, 0x00FF]))
flows = st.builds(
    Flow, st.none() | st.sampled_from(PORTS), st.sampled_from([None, TCP, UDP]), addresses, addresses, ports, ports,
    st.lists(st.sampled_from(PORTS), max_size=3).map(tuple), st.booleans(),
)  # fmt: skip
packets = st.builds(
    Packet, st.sampled_from(PORTS), st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES),
    st.sampled_from([TCP, UDP]), numbers, numbers, st.booleans(),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(flows, min_size=1, max_size=8), st.lists(packets, min_size=1, max_size=8))
def test_a_bridge_does_what_the_first_flow_says(table: list[Flow], sent: list[Packet]):
    text = "\n".join(flow.text(100 - n) for n, flow in enumerate(table))
    box = Running(imported({"s1.ovs-flows.txt": text, "import.yaml": HOSTS}).snapshot, "s1")
    for packet in sent:
        flow = next((flow for flow in table if flow.matches(packet)), None)
        expected = [f"p{out}" for out in flow.outputs if out != packet.in_port] if flow else []
        data = packet.data()
        assert box.send(f"p{packet.in_port}", data) == [(out, data) for out in expected], (text, packet)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("priority=1,ip,metadata=0x1 actions=output:1", "'metadata' is not a match that is followed"),
        ("priority=1,nw_dst=10.0.0.1 actions=output:1", "a match on a header needs its type"),
        ("priority=1,ip,nw_dst=10.0.0.999 actions=output:1", "'10.0.0.999' is not an IPv4 address"),
        ("priority=1,ip actions=CONTROLLER:65535", "'CONTROLLER:65535' is not an action that is followed"),
        ("priority=1,ip actions=group:1", "'group:1' is not an action"),
        ("priority=1,ip actions=ct(commit),output:1", "'ct(commit)' is not an action"),
        ("table=3, priority=1,ip actions=goto_table:2", "only a table with a higher number"),
        ("priority=1,ip actions=resubmit(,2),output:1", "actions behind another table"),
        ("priority=1,sctp,tp_dst=5 actions=output:1", "ports are followed for TCP and UDP"),
        (
            "priority=5,ip,nw_dst=10.0.0.1 actions=output:1\npriority=5,tcp actions=output:2",
            "of the same priority",
        ),
        ("this is nothing", "this line is not understood"),
    ],
)
def test_flows_that_are_not_followed_are_refused(text: str, complaint: str):
    said = refusal({"s1.ovs-flows.txt": text})
    assert complaint in said
    assert "s1.ovs-flows.txt:" in said
    assert "^" in said


def test_an_ignored_flow_makes_the_bridge_opaque():
    text = "priority=9,ip actions=CONTROLLER:65535\npriority=1 actions=NORMAL"
    made = imported({"s1.ovs-flows.txt": text, "import.yaml": HOSTS}, lenient=True)
    assert ask(world(made), "never reach from h1 -> h2").holds is not Answer.YES
    assert "Opaque" in made.files["s1.click"]
