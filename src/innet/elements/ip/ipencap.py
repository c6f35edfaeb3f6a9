"""IPEncap."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import IPAddress, Protocol, Unsigned
from innet.elements.base import Element
from innet.elements.ip.addresses import DestinationAddress
from innet.elements.ip.ecn import ECT
from innet.elements.ip.header import outer_header
from innet.ir.trace import Packet

DONT_FRAGMENT = 0x4000


@dataclass(frozen=True)
class IPEncap(Element):
    """Put an IPv4 header in front of the packet.

    Ports:      in 0: any packet.  out 0: it, behind a new header, which is marked.
    Arguments:  PROTO (name or 0-255), SRC (IPv4 address).  DST (IPv4 address, or `DST_ANNO`: the annotation).
                TTL (keyword, default 250).  TOS (keyword, byte, default 0), or its parts: DSCP (keyword, 0-63),
                ECT (keyword: true, 1 or 2), CE (keyword, bool).  DF (keyword, bool): do not fragment.
    State:      `id`, the next IP identification, from 0.
    Checksum:   full.
    Errors:     TOS together with one of its parts; ECT together with CE.
    Source:     Click manual, IPEncap; RFC 2003.  Inner TTL and TOS are not copied, no MTU is checked.  DSCP 63 is
                accepted (Click refuses it).
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "4, 192.0.2.1, 198.51.100.1",
        "udp, 192.0.2.1, DST_ANNO, TTL 7, DSCP 46, ECT 2, DF true",
        "47, 192.0.2.1, 198.51.100.1, TOS 0x1f",
        "ipip, 192.0.2.1, 198.51.100.1, CE true",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {"src": "src", "dst": "dst"}
    IDENTIFICATION: ClassVar[ir.Counter] = ir.Counter("id", 16)

    proto: Annotated[int, Protocol()]
    src: Annotated[int, IPAddress()]
    dst: Annotated[int | None, DestinationAddress()]
    _: KW_ONLY
    ttl: Annotated[int, Unsigned(8)] = 250
    dscp: Annotated[int | None, Unsigned(6)] = None
    ect: Annotated[int | None, ECT()] = None
    ce: bool | None = None
    tos: Annotated[int | None, Unsigned(8)] = None
    df: bool = False

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        parts = [name for name in ("dscp", "ect", "ce") if getattr(self, name) is not None]
        if self.tos is not None and parts:
            found.append(f"TOS says all of the byte: leave out {', '.join(p.upper() for p in parts)}")
        if self.ect and self.ce:
            found.append("ECT and CE are two values of the same bits: give one of them")
        return tuple(found)

    def push(self, p: Packet, port: int) -> None:
        ecn = 3 if self.ce else self.ect or 0
        outer_header(
            p,
            extra=0,
            tos=self.tos if self.tos is not None else (self.dscp or 0) << 2 | ecn,
            off=DONT_FRAGMENT if self.df else 0,
            ttl=self.ttl,
            proto=self.proto,
            src=self.src,
            dst=self.dst,
            identification=self.IDENTIFICATION,
        )
        p.emit(0)
