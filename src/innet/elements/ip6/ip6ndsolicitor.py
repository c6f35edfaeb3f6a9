"""IP6NDSolicitor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import EtherAddress, IP6Address
from innet.elements.base import Element, Role
from innet.elements.ethernet.frame import put_header
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip6.discovery import (
    ADVERTISEMENT,
    FRAME_BYTES,
    OPTION_AT,
    SOLICITATION,
    SOURCE_ADDRESS,
    is_message,
    mark_message,
    target,
    write_message,
)
from innet.elements.ip6.header6 import halves6
from innet.flowspec.names import colons
from innet.ir import interpret
from innet.ir.check import check
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.packet.headers import ETHERTYPE_IPV6

IP6_INPUT, ETHER_INPUT = 0, 1
KNOWN_S, POLL_S = 120, 60
"""How long an answer holds, and after how long it is asked for anew."""
NEVER = (1 << 64) - 1
CAPACITY = 4096
NEIGHBOURS = ir.Table("neighbours", key=(64, 64), values=(48, 64, 64), capacity=CAPACITY)
"""By IPv6 address: the Ethernet address, until when (ns) that holds, and from when on it is asked for anew."""
SOLICITED_HIGH, SOLICITED_LOW = 0xFF02 << 48, 0x1_FF00_0000
"""The solicited-node multicast addresses (RFC 4291 section 2.7.1): the last 24 bits are those of the address."""
SOLICITED_ETHER, MULTICAST_ETHER = 0x3333_FF00_0000, 0x3333_0000_0000
LAST_24, LAST_32 = 0xFF_FFFF, 0xFFFF_FFFF
REPLACED, FORGOTTEN, NOT_ASKED = (
    "a later packet waits instead",
    "no answer, and no room to wait on",
    "nobody asked for it",
)

Key = tuple[int, int]


@dataclass
class Neighbour:
    """What is known of one address: an answer (without one, `until` is in the past); the packet that waits for it."""

    ether: int = 0
    until: int = -1
    poll: int = NEVER
    waiting: PacketBuffer | None = None


class Solicitor(Holder):
    """Asks for addresses, and keeps the last packet for each until the answer comes."""

    def __init__(self, element: "IP6NDSolicitor") -> None:
        self.element = element
        self.frame, self.query = (element.inside(solicits) for solicits in (False, True))
        self.neighbours: dict[Key, Neighbour] = {}
        self.killed = self.asked = 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if port == ETHER_INPUT:
            return self.hear(packet, context)
        key = numbers(packet.annotations, 0)
        one = self.neighbours.get(key)
        if one is None:
            one = self.neighbours[key] = Neighbour()
            self.make_room(context)
        if context.now_ns <= one.until:
            return self.send(key, one, packet, context)
        if one.waiting is not None:
            self.kill(REPLACED, context)
        one.waiting = packet
        return [self.solicit(packet, context)]

    def send(self, key: Key, one: Neighbour, packet: PacketBuffer, context: Context) -> list[Out]:
        """The packet to a known neighbour; before it a solicitation, if the answer has become old."""
        outs: list[Out] = []
        if context.now_ns >= one.poll:
            outs.append(self.solicit(packet, context))
            one.poll = NEVER
            self.note(key, one, context)
        interpret.run(self.frame, packet, interpret.State())
        at = packet.marks[Mark.DATA]
        packet.bytes[at : at + 6] = one.ether.to_bytes(6, "big")
        return [*outs, (0, packet)]

    def hear(self, packet: PacketBuffer, context: Context) -> list[Out]:
        """An advertisement: the packet that waits for it goes."""
        at = packet.marks[Mark.TRANSPORT]
        key = numbers(packet.bytes, at + 8)
        one = self.neighbours.get(key)
        if one is None:
            context.drop(NOT_ASKED)
            return []
        now = context.now_ns
        first = at + OPTION_AT + 2
        one.ether = int.from_bytes(packet.bytes[first : first + 6], "big")
        one.until, one.poll = now + KNOWN_S * NS, now + POLL_S * NS
        self.note(key, one, context)
        context.drop("neighbour advertisement")
        waiting, one.waiting = one.waiting, None
        return [] if waiting is None else self.send(key, one, waiting, context)

    def note(self, key: Key, one: Neighbour, context: Context) -> None:
        """Tell the program what is known."""
        context.memory.put(NEIGHBOURS, key, (one.ether, one.until, one.poll), KNOWN_S)

    def solicit(self, packet: PacketBuffer, context: Context) -> Out:
        """The solicitation for the next hop of a packet."""
        self.asked += 1
        made = packet.copy()
        interpret.run(self.query, made, interpret.State())
        return context.outputs - 1, made

    def make_room(self, context: Context) -> None:
        """Forget the oldest neighbour if there are too many."""
        if len(self.neighbours) > CAPACITY:
            key = next(iter(self.neighbours))
            gone = self.neighbours.pop(key)
            context.memory.delete(NEIGHBOURS, key)
            if gone.waiting is not None:
                self.kill(FORGOTTEN, context)

    def kill(self, reason: str, context: Context) -> None:
        self.killed += 1
        context.drop(reason)

    def holding(self) -> int:
        return sum(one.waiting is not None for one in self.neighbours.values())

    def read(self, handler: str) -> str | None:
        match handler:
            case "table":
                ether = EtherAddress()
                return "".join(
                    f"{colons(high << 64 | low)} {int(one.until >= 0)} {ether.unparse(one.ether)}\n"
                    for (high, low), one in self.neighbours.items()
                )
            case "stats":
                return f"{self.killed} packets killed\n{self.asked} ND Solicitation Message sent\n"
        return None


def numbers(data: bytes | bytearray, at: int) -> Key:
    """The two halves of the IPv6 address that starts at index `at`."""
    high, low = (int.from_bytes(data[n : n + 8], "big") for n in (at, at + 8))
    return high, low


@dataclass(frozen=True)
class IP6NDSolicitor(Element):
    """Put an Ethernet header in front of IPv6 packets; ask for the address of their next hop by neighbour discovery.

    Ports:      in 0: IPv6 packets; the DST_IP6 annotation is the next hop.  in 1: Ethernet frames with advertisements.
                out 0: the packets in Ethernet frames.  out 1 (optional; else output 0): neighbour solicitations.
    Arguments:  IP (IPv6 address), ETH (Ethernet address): our own.
    State:      `neighbours`, 4096 entries, for 120 s after an advertisement; one packet for each waits for an answer.
    Drops:      "no next hop": it is `::`; "a later packet waits instead"; "no answer, and no room to wait on";
                "no neighbour advertisement", "nobody asked for it"; "neighbour advertisement", which is what becomes of
                advertisements.
    Checksum:   ICMPv6 of solicitations, full; that of advertisements is not looked at.
    Verifier:   a packet whose next hop is not known leaves for any Ethernet address, or as a solicitation.
                Advertisements may have come for any address.
    Source:     Click manual, IP6NDSolicitor; RFC 4861 sections 4.3, 4.4 and 7.2.  Each packet for an unknown neighbour
                makes a solicitation, as does one for a neighbour whose answer is 60 s old. Multicast packets go to the
                Ethernet address of RFC 2464 section 7 (In-Net).
    """

    PORTS: ClassVar[str] = "2/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    FLOW: ClassVar[str] = "xy/x"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("2001:db8::1, 2:0:0:0:0:1",)

    ip: Annotated[int, IP6Address()]
    eth: Annotated[int, EtherAddress()]

    def push(self, p: Packet, port: int) -> None:
        if port == ETHER_INPUT:
            with p.when(~p.present(Mark.DATA, 0, FRAME_BYTES)):
                p.drop("no neighbour advertisement")
            mark_message(p)
            with p.when(~is_message(p, ADVERTISEMENT)):
                p.drop("no neighbour advertisement")
            p.hold()
            return
        high, low = p.anno.dst_ip6_high, p.anno.dst_ip6_low
        found, (ether, until, poll) = p.lookup(NEIGHBOURS, (high, low))
        with p.when(found):
            now = p.now()
            with p.when((now <= until) & (now < poll)):
                self.leave(p, ether)
        with p.when(high.bits(56, 8) == 0xFF):
            self.leave(p, (low & LAST_32).cast(48) | MULTICAST_ETHER)
        with p.when((high | low) == 0):
            p.drop("no next hop")
        p.hold()

    def leave(self, p: Packet, to: Value | int) -> None:
        """The packet leaves in a frame."""
        put_header(p, to, self.eth, ETHERTYPE_IPV6)
        p.emit(0)

    def solicit(self, p: Packet) -> None:
        """Make a packet the solicitation for its next hop."""
        about = p.anno.dst_ip6_high, p.anno.dst_ip6_low
        last = about[1] & LAST_24
        write_message(
            p,
            kind=SOLICITATION,
            flags=0,
            ethers=(last.cast(48) | SOLICITED_ETHER, self.eth),
            src=halves6(self.ip),
            dst=(SOLICITED_HIGH, last | SOLICITED_LOW),
            about=about,
            option=SOURCE_ADDRESS,
            ether=self.eth,
        )

    def inside(self, solicits: bool) -> ir.Program:
        """What its holder does to packets: the solicitation, or the Ethernet header in front."""
        p = Packet("inside")
        if solicits:
            self.solicit(p)
        else:
            put_header(p, 0, self.eth, ETHERTYPE_IPV6)
        p.emit(0)
        return check(ir.Program("inside", 0, 1, p.finish()))

    def released(self, p: Packet, port: int) -> None:
        if port == ETHER_INPUT:
            told = (p.raw(Mark.TRANSPORT, OPTION_AT + 2, 6), p.random(64), p.random(64))
            p.insert(NEIGHBOURS, target(p), told, KNOWN_S)
            p.drop("neighbour advertisement")
            return
        with p.when(p.random(1) == 1):
            self.solicit(p)
            p.emit(p.outputs - 1)
        put_header(p, p.random(48), self.eth, ETHERTYPE_IPV6)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Solicitor(self)
