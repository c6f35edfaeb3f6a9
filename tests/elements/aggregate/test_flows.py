"""AggregateIPFlows, AggregateIPAddrPair."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.aggregate.aggregateipaddrpair import AggregateIPAddrPair
from innet.elements.aggregate.aggregateipflows import AggregateIPFlows
from innet.elements.base import Element
from innet.elements.device.todump import ToDump
from innet.elements.holder import timestamp
from innet.ir.interpret import PacketBuffer
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.elements.packets import ICMP, TCP, buffer, ipv4, tcp, udp
from tests.runtime.fakes import MemoryIo

S = 1_000_000_000
A, B = "10.0.0.1", "10.0.0.2"
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Numbered:
    """One element with a tail on each output that tells what came: (output, aggregate, paint), (1,) if none."""

    def __init__(self, element: Element) -> None:
        elements = {"e": element, "a": ToDump("a"), "b": ToDump("b")}
        links = [("e", 0, "a", 0), ("e", 1, "b", 0)]
        self.router = Router(graph(elements, links, {"e": ("h", "hh")}), MemoryIo())

    def __call__(self, data: bytes | PacketBuffer, second: int = 100) -> list[tuple[int, ...]]:
        packet = buffer(data) if isinstance(data, bytes) else data
        if second:
            timestamp(packet, second * S)
        node = self.router.by_name["e"]
        outs = self.router.outcome(node, 0, packet)
        return [
            (port, int.from_bytes(p.annotations[20:24], "big"), p.annotations[16]) if port == 0 else (port,)
            for port, p in outs
        ]


def flags(bits: int, sport: int = 1, dport: int = 2, src: str = A, dst: str = B) -> bytes:
    segment = bytearray(tcp(b"", sport, dport))
    segment[13] = bits
    return ipv4(bytes(segment), src, dst, TCP)


def datagram(sport: int, dport: int, src: str = A, dst: str = B, **more: int) -> bytes:
    return ipv4(udp(b"", sport, dport), src, dst, **more)


BOTH = pytest.mark.parametrize(
    "element",
    [AggregateIPFlows(fragments=False), AggregateIPFlows(fragments=False, icmp=True), AggregateIPFlows()],
)


@BOTH
def test_flows_are_numbered_in_the_order_of_their_first_packets(element):
    see = Numbered(element)
    assert see(datagram(5, 6)) == [(0, 1, 0)]
    assert see(datagram(6, 5, B, A)) == [(0, 1, 1)]
    assert see(datagram(6, 5)) == [(0, 2, 0)]
    assert see(datagram(9, 8, B, A)) == [(0, 3, 0)]
    assert see(datagram(8, 9, A, B)) == [(0, 3, 1)]
    assert see(flags(SYN, 5, 6)) == [(0, 4, 0)], "TCP and UDP flows are different ones"
    assert see(datagram(7, 8, A, A)) == [(0, 5, 0)]
    assert see(datagram(8, 7, A, A)) == [(0, 5, 1)]


@BOTH
@pytest.mark.parametrize(
    "packet",
    [
        ipv4(b"12345678", proto=99),
        ipv4(udp()[:7]),
        datagram(1, 2, "0.0.0.0", "0.0.0.0"),
        buffer(datagram(1, 2), None),
    ],
)
def test_what_belongs_to_no_flow(element, packet):
    assert Numbered(element)(packet) == [(1,)]


def test_a_later_fragment_has_no_flow_without_fragments():
    see = Numbered(AggregateIPFlows(fragments=False))
    see(datagram(1, 2))
    assert see(datagram(1, 2, off=5)) == [(1,)]
    assert see(datagram(1, 2, off=0x2000)) == [(0, 1, 0)]


@BOTH
def test_idle_flows_get_a_new_number(element):
    see = Numbered(element)
    assert see(datagram(1, 2), 100) == [(0, 1, 0)]
    assert see(datagram(1, 2), 160) == [(0, 1, 0)]
    assert see(datagram(2, 1, B, A), 221) == [(0, 2, 0)], "and a new direction"
    assert see(datagram(1, 2), 200) == [(0, 2, 1)], "time that runs backwards is no age"
    assert see(flags(ACK), 100) == [(0, 3, 0)]
    assert see(flags(ACK), 100 + 86400) == [(0, 3, 0)]
    assert see(flags(ACK), 101 + 2 * 86400) == [(0, 4, 0)]


@BOTH
def test_a_flow_that_ended_is_forgotten_sooner(element):
    see = Numbered(element)
    back = (2, 1, B, A)
    assert see(flags(SYN), 100) == [(0, 1, 0)]
    assert see(flags(FIN | ACK), 100) == [(0, 1, 0)]
    assert see(flags(SYN), 101) == [(0, 1, 0)], "one side is not enough, and a SYN takes it back"
    assert see(flags(FIN | ACK), 102) == [(0, 1, 0)]
    assert see(flags(FIN | ACK, *back), 102) == [(0, 1, 1)]
    assert see(flags(ACK), 132) == [(0, 1, 0)]
    assert see(flags(ACK), 163) == [(0, 2, 0)]
    assert see(flags(RST), 163) == [(0, 2, 0)]
    assert see(flags(ACK), 164) == [(0, 2, 0)]
    assert see(flags(SYN, *back), 164) == [(0, 3, 0)], "a SYN starts a new one"


@BOTH
def test_a_packet_without_timestamp_gets_one(element):
    see = Numbered(element)
    see.router.clock = lambda: 7 * S + 5
    packet = buffer(datagram(1, 2))
    assert see(packet, 0) == [(0, 1, 0)]
    assert packet.annotations[52:60] == bytes([0, 0, 0, 7, 0, 0, 0, 5])


@BOTH
def test_flows_can_be_forgotten(element):
    see = Numbered(element)
    see(datagram(1, 2))
    see.router.handlers.write("e.clear", "")
    assert see(datagram(2, 1, B, A)) == [(0, 2, 0)]


def test_icmp_errors_belong_to_the_flow_they_quote():
    see = Numbered(AggregateIPFlows(icmp=True, fragments=False))
    assert see(datagram(1, 2)) == [(0, 1, 0)]
    error = ipv4(bytes([3, 3, 0, 0, 0, 0, 0, 0]) + datagram(1, 2), B, A, ICMP)
    assert see(error) == [(0, 1, 2)]
    reverse = ipv4(bytes([11, 0, 0, 0, 0, 0, 0, 0]) + datagram(2, 1, B, A), A, B, ICMP)
    assert see(reverse) == [(0, 1, 3)]
    assert see(ipv4(bytes([8, 0, 0, 0, 0, 0, 0, 0]), proto=ICMP)) == [(1,)]
    assert see(ipv4(bytes([3, 3, 0, 0, 0, 0, 0, 0]) + datagram(1, 2)[:19], proto=ICMP)) == [(1,)]
    assert Numbered(AggregateIPFlows())(error) == [(1,)]


def test_fragments_wait_for_their_flow():
    see = Numbered(AggregateIPFlows())
    assert see(datagram(1, 2, off=1, ident=9)) == []
    assert see(datagram(1, 2, off=0x2000, ident=9)) == []
    assert see(datagram(5, 6, ident=3)) == [], "and what comes behind them waits, too"
    assert see(datagram(7, 8, A, "10.0.0.3")) == [(0, 3, 0)]
    assert see(datagram(1, 2, off=1, ident=77), 131) == [(0, 1, 0), (0, 1, 0), (0, 2, 0)]
    assert see(datagram(1, 2, ident=5), 162) == [(0, 4, 0)], "a fragment whose flow never came is dropped"
    assert see.router.drops == {("e", "no flow"): 1}


def test_fragments_cannot_wait_in_pull_context():
    with pytest.raises(ConfigurationError):
        AggregateIPFlows(fragments=True).holder(MemoryIo(), "l", "l")
    assert AggregateIPFlows().holder(MemoryIo(), "l", "l") is not None


def test_pairs_of_addresses_are_numbered():
    see = Numbered(AggregateIPAddrPair())
    assert see(datagram(1, 2, B, A)) == [(0, 1, 0)]
    assert see(datagram(5, 6, A, B)) == [(0, 1, 1)]
    assert see(ipv4(proto=99)) == [(0, 2, 0)]
    assert see(datagram(5, 6, A, A), 10**9) == [(0, 3, 0)]
    assert see(buffer(datagram(1, 2), None)) == [(1,)]
    see.router.handlers.write("e.clear", "")
    assert see(datagram(5, 6, A, B)) == [(0, 4, 0)]


def test_an_idle_pair_gets_a_new_number():
    see = Numbered(AggregateIPAddrPair(timeout=10))
    assert see(datagram(1, 2)) == [(0, 1, 0)]
    assert see(datagram(1, 2), 110) == [(0, 1, 0)]
    assert see(datagram(2, 1, B, A), 121) == [(0, 2, 0)]
