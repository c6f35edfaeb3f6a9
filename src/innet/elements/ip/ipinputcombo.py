"""IPInputCombo."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.annotation.paint import Paint
from innet.elements.arguments import IPAddress, IPPrefix, Key, ListOf, Unsigned
from innet.elements.base import Element
from innet.elements.framing.strip import Strip
from innet.elements.ip.checkipheader import CheckIPHeader
from innet.elements.ip.row import run
from innet.ir.trace import Packet

ETHERNET_BYTES = 14
ALWAYS_BAD = (0, 0xFFFF_FFFF)


@dataclass(frozen=True)
class IPInputCombo(Element):
    """What an IP router does to each frame that comes in: Paint, Strip(14), CheckIPHeader, in one.

    Ports:      in 0: Ethernet frames with IPv4.  out 0: the IPv4 packets, painted, their header checked and marked,
                destination annotation set, cut to the IP length. Bad ones are dropped.
    Arguments:  COLOR (0-255).  BADSRC* (addresses): with 0.0.0.0 and 255.255.255.255, bad sources.
                BADSRC, GOODDST (keyword, lists of addresses), INTERFACES (keyword, list of prefixes): as in
                CheckIPHeader.
    Drops:      those of CheckIPHeader.
    Source:     Click manual, IPInputCombo.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "2",
        "1, 10.0.0.255 192.0.2.255",
        "2, INTERFACES 10.0.0.1/8 192.0.2.1/24, GOODDST 192.0.2.9, BADSRC 127.0.0.1",
    )

    color: Annotated[int, Unsigned(8)]
    old_badsrc: Annotated[tuple[int, ...] | None, ListOf(IPAddress()), Key("BADSRC*")] = None
    _: KW_ONLY
    interfaces: Annotated[tuple[tuple[int, int], ...], ListOf(IPPrefix())] = ()
    badsrc: Annotated[tuple[int, ...], ListOf(IPAddress())] = ()
    gooddst: Annotated[tuple[int, ...], ListOf(IPAddress())] = ()

    @property
    def check(self) -> CheckIPHeader:
        """The CheckIPHeader inside."""
        old = () if self.old_badsrc is None else (*ALWAYS_BAD, *self.old_badsrc)
        return CheckIPHeader(interfaces=self.interfaces, badsrc=(*old, *self.badsrc), gooddst=self.gooddst)

    def push(self, p: Packet, port: int) -> None:
        run(p, Paint(self.color), lambda: run(p, Strip(ETHERNET_BYTES), lambda: run(p, self.check, 0)))
