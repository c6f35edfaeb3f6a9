"""StringMatcher."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import ByteString, Rest, Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip.header import HEADER_BYTES, NO_IP_HEADER, first_fragment, header_bytes
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, any_of
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP

TCP_BYTES, UDP_BYTES = 20, 8
WORD = 8
MAX_COMPARISONS = 64
"""Up to how many places times patterns the search is a packet program; longer ones are the holder's."""
FOUND = "a pattern was found"


@dataclass(frozen=True)
class StringMatcher(Element):
    r"""Look for byte patterns in what a packet carries.

    Ports:      in 0: IPv4 with its header marked.  out 0: packets without any of the patterns, unchanged.
                out 1 (optional; dropped if unconnected): packets with one, unchanged.
    Arguments:  PATTERN, ...: bytes, as one word (`GET`), a quoted string (`"\x16\x03 a"`) or in hexadecimal
                (`\<16 03 01>`). OFFSET (keyword, bytes, default 0): where in the payload the search starts.
                WITHIN (keyword, bytes, default 0: to the end): how many bytes from OFFSET on are searched; a pattern
                has to lie in them as a whole. The payload follows the TCP, UDP or ICMP header, in later fragments and
                other protocols the IPv4 header, and reaches to the packet's end.
    Drops:      "a pattern was found", "no IP header annotation".
    Verifier:   a search WITHIN so few bytes that places times patterns are at most 64 is exact, and part of the
                compiled program; otherwise each packet may have a pattern or not.
    Errors:     no pattern, an empty one, or one longer than WITHIN.
    Source:     In-Net; main-line Click has no such element.  `matches` counts the packets with a pattern. A pattern
                that is split over two packets is not found.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "GET, WITHIN 3",
        r'"evil", \<de ad be ef 01>, OFFSET 2, WITHIN 6',
        "attack",
        "a, b, WITHIN 200",
    )

    patterns: Annotated[tuple[bytes, ...], Rest(ByteString())]
    _: KW_ONLY
    offset: Annotated[int, Unsigned(15)] = 0
    within: Annotated[int, Unsigned(16)] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if b"" in self.patterns:
            found.append("an empty pattern is in every packet: leave it out")
        if self.within and any(len(pattern) > self.within for pattern in self.patterns):
            found.append(f"WITHIN is {self.within}, but a pattern is longer and can never be found")
        return tuple(found)

    @property
    def compiled(self) -> bool:
        """Whether the search is a packet program."""
        places = self.within - min(map(len, self.patterns)) + 1
        return self.within > 0 and places * len(self.patterns) <= MAX_COMPARISONS

    def push(self, p: Packet, port: int) -> None:
        with p.when(~(p.ip.present(HEADER_BYTES) & p.marked(Mark.TRANSPORT))):
            p.drop(NO_IP_HEADER)
        self.to_payload(p)
        if not self.compiled:
            p.hold()
            return
        shortest = min(map(len, self.patterns))
        for place in range(self.within - shortest + 1):
            at = self.offset + place
            with p.when(~p.present(Mark.TRANSPORT, at, shortest)):
                self.back(p)
                p.emit(0)
            fitting = [pattern for pattern in self.patterns if place + len(pattern) <= self.within]
            with p.when(any_of(self.matches(p, at, pattern, shortest) for pattern in fitting)):
                self.back(p)
                p.count("matches")
                p.divert(1, FOUND)
        self.back(p)
        p.emit(0)

    def to_payload(self, p: Packet) -> None:
        """Move the transport mark to where the payload starts; AUX is where it was."""
        proto, skip = p.ip.proto, p.local(0)
        with p.when(first_fragment(p)):
            with p.when((proto == PROTO_UDP) | (proto == PROTO_ICMP)):
                skip.set(UDP_BYTES)
            with p.when(proto == PROTO_TCP):
                skip.set(TCP_BYTES)
                with p.when(p.tcp.present(TCP_BYTES)):
                    skip.set(header_bytes(p.tcp.off))
        p.set_mark(Mark.AUX, Mark.TRANSPORT)
        p.set_mark(Mark.TRANSPORT, Mark.TRANSPORT, 0, skip.value)

    def back(self, p: Packet) -> None:
        """Put the transport mark back."""
        p.set_mark(Mark.TRANSPORT, Mark.AUX)

    def released(self, p: Packet, port: int) -> None:
        self.back(p)
        if p.outputs > 1:
            with p.when(p.random(1) == 1):
                p.emit(1)
        p.emit(0)

    def matches(self, p: Packet, at: int, pattern: bytes, present: int) -> Value:
        """Whether `pattern` is `at` bytes after the payload's start, of which `present` bytes are there for sure."""
        parts = [pattern[n : n + WORD] for n in range(0, len(pattern), WORD)]
        same = [
            p.raw(Mark.TRANSPORT, at + WORD * n, len(part)) == int.from_bytes(part, "big")
            for n, part in enumerate(parts)
        ]
        result = p.present(Mark.TRANSPORT, at, len(pattern)) if len(pattern) > present else same.pop(0)
        for one in same:
            result = result & one
        return result

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder | None:
        return None if self.compiled else StringMatcherHolder(self)


class StringMatcherHolder(Holder):
    """Searches each packet as it comes."""

    def __init__(self, element: StringMatcher) -> None:
        self.element, self.count = element, 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        first = packet.marks[Mark.TRANSPORT] + self.element.offset
        packet.marks[Mark.TRANSPORT] = packet.marks[Mark.AUX]
        last = packet.marks[Mark.END]
        if self.element.within:
            last = min(last, first + self.element.within)
        payload = bytes(packet.bytes[first:last]) if first < last else b""
        if not any(pattern in payload for pattern in self.element.patterns):
            return ((0, packet),)
        self.count += 1
        if context.outputs > 1:
            return ((1, packet),)
        context.drop(FOUND)
        return ()

    def read(self, handler: str) -> str | None:
        return str(self.count) if handler == "matches" else None
