"""ICMPIPEncap."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import IPAddress, Unsigned
from innet.elements.base import Element
from innet.elements.icmp.encap import icmp_header
from innet.elements.icmp.names import ICMPCode, ICMPType, code_number, code_problems
from innet.ir.trace import Packet


@dataclass(frozen=True)
class ICMPIPEncap(Element):
    """Make the packet the contents of an ICMP message.

    Ports:      in 0: any packet.  out 0: it, behind new IPv4 and ICMP headers, which are marked.
    Arguments:  SRC, DST (IPv4 addresses).  TYPE (name or 0-255).  CODE (name or 0-255, default 0).
                IDENTIFIER (keyword, 16 bits, default 0): of echoes, timestamps and information messages.
    State:      `sequence`: IP identification, and sequence number of these types, from 1; 0 is left out.
    Checksum:   IPv4 and ICMP, full.
    Errors:     a CODE that is a name for another TYPE.
    Source:     Click manual, ICMPIPEncap; RFC 792.  The header has 20 bytes for timestamps, 8 for all else; what has no
                argument in it is zero. The DST_IP annotation becomes DST. Numbers are in network order.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "192.0.2.1, 198.51.100.1, echo, IDENTIFIER 9",
        "192.0.2.1, 198.51.100.1, timestamp, 0, IDENTIFIER 9",
        "192.0.2.1, 198.51.100.1, unreachable, port",
        "192.0.2.1, 198.51.100.1, 200, 7",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {"src": "src", "dst": "dst"}

    src: Annotated[int, IPAddress()]
    dst: Annotated[int, IPAddress()]
    type: Annotated[int, ICMPType()]
    code: Annotated[int | str, ICMPCode()] = 0
    _: KW_ONLY
    identifier: Annotated[int, Unsigned(16)] = 0

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return code_problems(self.type, self.code)

    def push(self, p: Packet, port: int) -> None:
        icmp_header(
            p,
            src=self.src,
            dst=self.dst,
            kind=self.type,
            code=code_number(self.type, self.code),
            identifier=self.identifier,
        )
        p.emit(0)
