"""CheckARPHeader."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Unsigned
from innet.elements.ip.details import Detailed
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value
from innet.packet.headers import ETHERTYPE_IPV4, ETHERTYPE_IPV6

FIXED_BYTES = 8
HARDWARE_ETHERNET = 1


@dataclass(frozen=True)
class CheckARPHeader(Detailed):
    """Let ARP packets pass whose lengths are right, and mark the header.

    Ports:      in 0: packets with an ARP header OFFSET bytes after their start.  out 0: good ones; header marked.
                out 1 (optional; dropped if unconnected): bad ones, unchanged.
    Arguments:  OFFSET (bytes, default 0).  VERBOSE, DETAILS (keyword, bool, default false): DETAILS counts the failures
                by reason.
    Drops:      "tiny packet", "too small for addresses", "bad hardware type/length", "bad protocol type/length",
                checked in this order.
    Source:     Click manual, CheckARPHeader; RFC 826.  The transport mark is put behind the addresses.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "14", "DETAILS true")

    REASONS: ClassVar[tuple[str, ...]] = (
        "tiny packet",
        "too small for addresses",
        "bad hardware type/length",
        "bad protocol type/length",
    )

    offset: Annotated[int, Unsigned(16)] = 0
    _: KW_ONLY
    verbose: bool = False

    def push(self, p: Packet, port: int) -> None:
        self.refuse(p, ~p.present(Mark.DATA, self.offset, FIXED_BYTES), "tiny packet")
        hardware, protocol = (p.raw(Mark.DATA, self.offset + at, 2) for at in (0, 2))
        hln, pln = (p.raw(Mark.DATA, self.offset + at, 1) for at in (4, 5))
        length = p.bind((hln.cast(16) + pln.cast(16) << 1) + FIXED_BYTES)
        self.refuse(p, length > p.length - self.offset, "too small for addresses")
        self.refuse(p, (hardware == HARDWARE_ETHERNET) & (hln != 6), "bad hardware type/length")
        bad = ((protocol == ETHERTYPE_IPV4) & (pln != 4)) | ((protocol == ETHERTYPE_IPV6) & (pln != 16))
        self.refuse(p, bad, "bad protocol type/length")
        p.set_mark(Mark.NET, Mark.DATA, self.offset)
        p.set_mark(Mark.TRANSPORT, Mark.NET, 0, length)
        p.emit(0)

    def refuse(self, p: Packet, condition: Value, reason: str) -> None:
        """Send packets for which `condition` holds to output 1."""
        with p.when(condition):
            p.count("drops")
            if self.details:
                p.count(reason)
            p.divert(1, reason)
