"""ChangeEnforcer."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import IPAddress, IPPrefix, Rest, Seconds
from innet.elements.base import Element
from innet.elements.ip.header import HEADER_BYTES, first_fragment, header_bytes, tcp_or_udp
from innet.ir.interpret import NS
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, any_of
from innet.packet.headers import ETHERTYPE_IPV4, PROTO_TCP

OUTSIDE, MODULE = TO_MODULE, TO_OUTSIDE = 0, 1
ETHERNET_BYTES = 14
MORE_FRAGMENTS = 13
FIN, SYN, RST = 0, 1, 2
FRAGMENT_TIMEOUT_S = 30
REFRESH_NS = NS // 2
"""A flow that was noted so short a time ago is not noted again: most packets then cost one look-up and no writing."""
CAPACITY = 65536
CAME_HIGH, CAME_LOW, CAME = 49, 62, 63
"""Annotation bytes: the source with which a packet came in (24 bits and 8), and whether it did."""

# Bits of a TCP flow's `state`: the outside's FIN was seen, the module's FIN was seen, the module may still acknowledge.
OUTSIDE_DONE, MODULE_DONE, MAY_ACKNOWLEDGE = 1, 2, 4
CLOSED = OUTSIDE_DONE | MODULE_DONE

FLOWS = ir.Table("flows", key=(8, 32, 16, 16), values=(64, 8), capacity=CAPACITY, guarantee_s=0)
SOURCES = ir.Table("sources", key=(32,), values=(64,), capacity=CAPACITY, guarantee_s=0)
FRAGMENTS = ir.Table("fragments", key=(32, 32, 8, 16), values=(64,), capacity=4096, guarantee_s=0)


@dataclass(frozen=True)
class ChangeEnforcer(Element):
    """Let a module answer those who wrote to it, write to those who allow it, and send nothing else: the sandbox.

    Ports:      in 0: from outside.  out 0: to the module, unchanged.
                in 1: from the module.  out 1: to the outside, unchanged.
    Arguments:  ADDR (IPv4 address): the module's own. WHITELIST... (addresses or prefixes): who agreed to be written
                to. TIMEOUT (s, 60): how long a packet from outside authorizes answers.
    State:      `flows`: protocol, outside address, outside port, module port (ports of TCP and UDP, zero for others),
                when the outside last sent, and how far TCP is torn down. `sources`: outside addresses, and when they
                last sent. `fragments`: datagrams let out whose first fragment said that more follow, for 30 s.
                Full tables forget what is oldest.  Answers do not prolong an authorization.
                A flow is noted at most every 0.5 s, so that an authorization may end that much earlier.
    Drops:      in: "source is the module's own address".
                out: "not an IPv4 packet", "IPv4 options", "addressed to the module itself", "source is neither the
                module nor one that wrote to it", "destination neither wrote to the module nor agreed", "authorization
                ended", "later fragment of nothing let out".
    Verifier:   a packet leaves only if (its source is ADDR, or that with which it came in, or a key of `sources`) and
                (its destination is in WHITELIST, or with its ports is a key of `flows`, or is that of an earlier packet
                that left).
                Times do not pass.
    Source:     In-Net, sections 4.4 and 7 of the paper.  What the choices are:
                TCP authorizations end with a RST, or with FINs from both sides (then each further FIN from outside
                may be acknowledged by one packet); a SYN from outside starts anew.
                A later fragment carries no ports: from outside it authorizes nothing beyond its source
                address; from the module it passes if its destination is in WHITELIST or its first fragment passed,
                so fragments sent in another order than theirs are lost.
                An ICMP error counts as a packet of protocol ICMP: it passes only to one who sent ICMP, or to WHITELIST.
                IPv4 options of the module are refused: a source route carries a packet past its destination.
                From outside, packets that are not IPv4 go to the module and authorize nothing; from the module, the
                header must stand where a receiver looks for it: at the start, or behind the Ethernet header of a frame.
    """

    PORTS: ClassVar[str] = "2/2"
    PROCESSING: ClassVar[str] = "h/h"
    FLOW: ClassVar[str] = "xy/xy"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "192.0.2.10",
        "192.0.2.10, 203.0.113.7, 198.51.100.0/24, TIMEOUT 30",
    )

    addr: Annotated[int, IPAddress()]
    whitelist: Annotated[tuple[tuple[int, int], ...], Rest(IPPrefix(bare=True))] = ()
    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 60

    def push(self, p: Packet, port: int) -> None:
        if port == OUTSIDE:
            self.record(p)
        else:
            self.enforce(p)

    # ---- from outside

    def record(self, p: Packet) -> None:
        """Remember who wrote to the module."""
        with p.when(~_ip_header(p)):
            p.emit(TO_MODULE)
        src = p.ip.src
        with p.when(src == self.addr):
            p.drop("source is the module's own address")
        now = p.now()
        protocol = p.ip.proto
        with p.when(tcp_or_udp(protocol) & ~first_fragment(p)):
            p.insert(SOURCES, (src,), (now,), self.timeout)
            p.emit(TO_MODULE)
        src_port, dst_port = _ports(p, protocol)
        key = (protocol, src, src_port, dst_port)
        known, (seen, before) = p.lookup(FLOWS, key)
        after = p.local(0, 8)
        with p.when(protocol == PROTO_TCP):
            after.set(_after_outside(p, before))
        _came_from(p, src)
        with p.when(known & (before == after.value) & ((now - seen) < REFRESH_NS)):
            p.emit(TO_MODULE)
        p.insert(SOURCES, (src,), (now,), self.timeout)
        p.insert(FLOWS, key, (now, after.value), self.timeout)
        p.emit(TO_MODULE)

    # ---- from the module

    def enforce(self, p: Packet) -> None:
        """Let out what is allowed."""
        with p.when(~(_ip_header(p) & _starts_at_header(p))):
            p.drop("not an IPv4 packet")
        with p.when(p.ip.hl != HEADER_BYTES // 4):
            p.drop("IPv4 options")
        src, dst = p.ip.src, p.ip.dst
        with p.when(dst == self.addr):
            p.drop("addressed to the module itself")
        now = p.now()
        with p.when((src != self.addr) & ~_still_from(p, src)):
            known, (seen,) = p.lookup(SOURCES, (src,))
            with p.when(~known | _older(now, seen, self.timeout)):
                p.drop("source is neither the module nor one that wrote to it")
        if any(mask == 0 for _, mask in self.whitelist):
            p.emit(TO_OUTSIDE)
            return
        if self.whitelist:
            with p.when(any_of(_inside(dst, base, mask) for base, mask in self.whitelist)):
                p.emit(TO_OUTSIDE)
        protocol, offset = p.ip.proto, p.ip.off
        datagram = (src, dst, protocol, p.ip.id)
        with p.when(~first_fragment(p)):
            known, (seen,) = p.lookup(FRAGMENTS, datagram)
            with p.when(~known | _older(now, seen, FRAGMENT_TIMEOUT_S)):
                p.drop("later fragment of nothing let out")
            p.emit(TO_OUTSIDE)
        src_port, dst_port = _ports(p, protocol)
        key = (protocol, dst, dst_port, src_port)
        known, (seen, before) = p.lookup(FLOWS, key)
        with p.when(~known):
            p.drop("destination neither wrote to the module nor agreed")
        closed = ((before & CLOSED) == CLOSED) & ((before & MAY_ACKNOWLEDGE) == 0)
        with p.when(_older(now, seen, self.timeout) | closed):
            p.drop("authorization ended")
        with p.when(protocol == PROTO_TCP):
            p.update(FLOWS, key, (seen, _after_module(p, before)), self.timeout)
        with p.when(offset.bits(MORE_FRAGMENTS, 1)):
            p.insert(FRAGMENTS, datagram, (now,), FRAGMENT_TIMEOUT_S)
        p.emit(TO_OUTSIDE)


def _came_from(p: Packet, src: Value) -> None:
    """Note in the packet whom it came from. The bytes are behind those that a configuration can name."""
    p.set_raw(Mark.ANNOTATION, CAME_HIGH, 3, (src >> 8).cast(24))
    p.set_raw(Mark.ANNOTATION, CAME_LOW, 1, src.cast(8))
    p.set_raw(Mark.ANNOTATION, CAME, 1, 1)


def _still_from(p: Packet, src: Value) -> Value:
    """Whether the packet is one that came in from `src`: then that wrote to the module, and need not be looked up."""
    high, low = p.raw(Mark.ANNOTATION, CAME_HIGH, 3), p.raw(Mark.ANNOTATION, CAME_LOW, 1)
    return (p.raw(Mark.ANNOTATION, CAME, 1) == 1) & (high == (src >> 8).cast(24)) & (low == src.cast(8))


def _ip_header(p: Packet) -> Value:
    """Whether an IPv4 header is at NET."""
    return p.ip.present(HEADER_BYTES) & (p.ip.vers == 4) & (p.ip.hl >= 5)


def _starts_at_header(p: Packet) -> Value:
    """Whether a receiver finds the header at NET, be the packet sent as a frame (it starts at MAC) or without one."""
    frame = p.marked(Mark.MAC) & (p.distance(Mark.MAC, Mark.DATA) == 0)
    before = p.distance(Mark.DATA, Mark.NET)
    framed = (before == ETHERNET_BYTES) & (p.raw(Mark.DATA, 12, 2) == ETHERTYPE_IPV4)
    return (frame & framed) | (~frame & (before == 0))


def _ports(p: Packet, protocol: Value) -> tuple[Value, Value]:
    """Source and destination port of a first fragment; zero for protocols without. The header says where they are."""
    source, destination = p.local(0), p.local(0)
    with p.when(tcp_or_udp(protocol)):
        length = header_bytes(p.ip.hl)
        with p.when(p.distance(Mark.NET, Mark.TRANSPORT) != length):
            p.set_mark(Mark.TRANSPORT, Mark.NET, 0, length)
        source.set(p.udp.sport)
        destination.set(p.udp.dport)
    return source.value, destination.value


def _inside(address: Value, base: int, mask: int) -> Value:
    return address == base if mask == 0xFFFF_FFFF else (address & mask) == (base & mask)


def _older(now: Value, seen: Value, seconds: int) -> Value:
    return (now - seen) > seconds * NS


def _flags(p: Packet) -> tuple[Value, Value, Value]:
    """FIN, SYN and RST, a bit each."""
    flags = p.tcp.flags
    return flags.bits(FIN, 1), flags.bits(SYN, 1), flags.bits(RST, 1)


def _mask(bit: Value, number: int) -> Value:
    """`number` (8 bits) if `bit` is set, else 0."""
    return bit.cast(8) * number


def _after_outside(p: Packet, state: Value) -> Value:
    """A TCP flow's state after a segment from outside."""
    fin, syn, rst = _flags(p)
    kept = state * (~(syn | rst)).cast(8)
    return p.bind(kept | _mask(fin & ~rst, OUTSIDE_DONE | MAY_ACKNOWLEDGE) | _mask(rst, CLOSED))


def _after_module(p: Packet, state: Value) -> Value:
    """A TCP flow's state after a segment from the module."""
    fin, _, rst = _flags(p)
    return p.bind((state & CLOSED) | _mask(fin, MODULE_DONE) | _mask(rst, CLOSED))
