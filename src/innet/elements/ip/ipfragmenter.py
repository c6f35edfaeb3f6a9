"""IPFragmenter."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip.header import HEADER_BYTES, fill_checksum, leave_with_header, require_ip_header
from innet.elements.ip.inhand import DF, LENGTH, MF, OFFSET, bytes_of, number, put_number, replaced
from innet.elements.ip.inhand import fill_checksum as sum_up
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value

UNIT = 8
"""Fragments are cut at multiples of it (RFC 791 section 3.2)."""
IDENTIFICATION = slice(4, 6)
COPIED, END_OF_OPTIONS, NO_OPERATION = 0x80, 0, 1
MAX_HEADER_WORDS = 15
TOO_BIG, NO_ROOM = "larger than the MTU, and must not be fragmented", "no room for payload in the MTU"
BAD_HEADER = "bad IP header length"


def copied_options(options: bytes | bytearray) -> bytes:
    """What later fragments get of a packet's options: those with the copy bit, padded to whole words."""
    kept = b""
    at = 0
    while at < len(options) and options[at] != END_OF_OPTIONS:
        if options[at] == NO_OPERATION:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size == 0 or at + size > len(options):
            break
        if options[at] & COPIED:
            kept += options[at : at + size]
        at += size
    return kept + bytes(-len(kept) % 4)


class Fragments(Holder):
    """Cuts packets at once; keeps nothing but a count."""

    def __init__(self, element: "IPFragmenter") -> None:
        self.mtu = element.mtu
        self.sent = 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        made = [(0, fragment) for fragment in self.cut(packet, context)]
        self.sent += len(made)
        return made

    def cut(self, packet: PacketBuffer, context: Context) -> Iterator[PacketBuffer]:
        """The fragments of a packet that does not fit."""
        data = bytes_of(packet)
        hlen = (data[0] & 15) * 4
        head, payload = data[:hlen], data[hlen:]
        end = min(number(head, LENGTH) - hlen, len(payload))
        flags = number(head, OFFSET)
        if (
            flags & DF
        ):  # who forbids fragments need not choose a new identification for each packet (RFC 6864)
            head[IDENTIFICATION] = context.random.getrandbits(16).to_bytes(2, "big")
        at = self.mtu - hlen & -UNIT
        put_number(head, LENGTH, hlen + at)
        put_number(head, OFFSET, flags & ~DF | MF)
        sum_up(head)
        yield replaced(packet, head, payload[:at])
        later = bytearray(head[:HEADER_BYTES] + copied_options(head[HEADER_BYTES:]))
        later[0] = later[0] & 0xF0 | len(later) // 4
        size = self.mtu - len(later) & -UNIT
        for start in range(at, end, size):
            part = payload[start : min(start + size, end)]
            more = MF if start + len(part) < end else flags & MF
            put_number(later, LENGTH, len(later) + len(part))
            put_number(later, OFFSET, (flags & ~DF & ~MF) + start // UNIT | more)
            sum_up(later)
            fragment = replaced(packet, later, part)
            fragment.set_mark(Mark.DATA, fragment.marks[Mark.NET])
            fragment.marks.pop(Mark.MAC, None)
            yield fragment

    def read(self, handler: str) -> str | None:
        return str(self.sent) if handler == "fragments" else None


@dataclass(frozen=True)
class IPFragmenter(Element):
    """Cut IPv4 packets that are larger than an MTU into fragments.

    Ports:      in 0: IPv4 with its header marked.  out 0: packets of at most MTU bytes from the IPv4 header on: those
                that fit, unchanged, and fragments of the others. The first keeps what was in front of the header,
                later ones begin with it.
                out 1 (optional; dropped if unconnected): too large, but not to be fragmented, or MTU has no room for
                8 bytes of payload; unchanged.
    Arguments:  MTU (bytes, at least 8).  HONOR_DF (bool, default true): false cuts packets with DF too; their
                fragments have no DF, and a random identification.  VERBOSE (bool), HEADROOM (keyword): no effect.
    Drops:      "larger than the MTU, and must not be fragmented", "no room for payload in the MTU", "bad IP
                header length", "no IP header annotation".
    Checksum:   full.
    Verifier:   a packet that is cut leaves as its first fragment or as a later one with any offset, length, options
                and payload.
    Source:     Click manual, IPFragmenter; RFC 791 section 3.2.  Later fragments get only options with the copy bit. A
                fragment's fragments keep its offset, and its MF. An IPv4 length beyond the packet's end counts as that.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1500", "68", "576, false", "100, HONOR_DF true, HEADROOM 40")

    mtu: Annotated[int, Unsigned()]
    honor_df: bool = True
    verbose: bool = False
    _: KW_ONLY
    headroom: Annotated[int, Unsigned()] = 28

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.mtu >= UNIT else (f"MTU is {self.mtu}; expected at least {UNIT} bytes",)

    @property
    def most_words(self) -> int:
        """The longest header that leaves room for payload, in words."""
        return (self.mtu - UNIT) // 4

    def push(self, p: Packet, port: int) -> None:
        require_ip_header(p)
        if self.mtu >= 0xFFFF:
            p.emit(0)
            return
        with p.when(p.distance(Mark.NET, Mark.END) <= self.mtu):
            p.emit(0)
        if self.honor_df:
            with p.when((p.ip.off & DF) != 0):
                p.count("drops")
                p.divert(1, TOO_BIG)
        if self.most_words < MAX_HEADER_WORDS:
            with p.when(p.ip.hl > self.most_words):
                p.count("drops")
                p.divert(1, NO_ROOM)
        with p.when(p.ip.hl < HEADER_BYTES // 4):
            p.drop(BAD_HEADER)
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        off = p.ip.off
        if not self.honor_df:
            with p.when((off & DF) != 0):
                p.ip.id = p.random(16)
        with p.when(p.random(1) == 1):
            self.first(p, off)
        self.later(p)

    def first(self, p: Packet, off: Value) -> None:
        """The first fragment."""
        for words in range(HEADER_BYTES // 4, min(MAX_HEADER_WORDS, self.most_words) + 1):
            with p.when(p.ip.hl == words):
                total = 4 * words + (self.mtu - 4 * words & -UNIT)
                p.set_mark(Mark.END, Mark.NET, total)
                p.set_mark(Mark.TRANSPORT, Mark.NET, 4 * words)
                p.ip.len = total
                p.ip.off = off & (0xFFFF ^ DF) | MF
                fill_checksum(p, Mark.NET, 4 * words)
                p.emit(0)
        p.drop("no such header")

    def later(self, p: Packet) -> None:
        """A later one."""
        words, total = p.random(4), p.random(16)
        with p.when((words > p.ip.hl) | (total > self.mtu) | (total < HEADER_BYTES)):
            p.drop("no such fragment")
        p.set_mark(Mark.DATA, Mark.NET)
        p.clear_mark(Mark.MAC)
        p.ip.len = total
        p.ip.off = p.random(16) & (0xFFFF ^ DF)
        p.ip.sum = p.random(16)
        leave_with_header(p, words, total, 0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return Fragments(self)
