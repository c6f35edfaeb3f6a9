"""IPOutputCombo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.annotation.painttee import PaintTee
from innet.elements.arguments import IPAddress, Unsigned
from innet.elements.base import Element, Role
from innet.elements.ethernet.dropbroadcasts import DropBroadcasts
from innet.elements.holder import Context, Holder, Io, Out
from innet.elements.ip.decipttl import DecIPTTL
from innet.elements.ip.fixipsrc import FixIPSrc
from innet.elements.ip.ipgwoptions import IPGWOptions, OptionsHolder
from innet.elements.ip.row import run, run_released
from innet.ir import interpret
from innet.ir.check import check
from innet.ir.interpret import PacketBuffer
from innet.ir.trace import Packet

OUT, PAINTED, BAD_OPTION, EXPIRED, TOO_BIG = range(5)


class OptionsInside(Holder):
    """The IPGWOptions inside, and the rest of the program for what leaves it."""

    def __init__(self, element: "IPOutputCombo") -> None:
        self.options = OptionsHolder(element.options)
        p = Packet("rest", 1, 5)
        element.rest(p)
        self.rest = check(ir.Program("rest", 0, 5, p.finish()))

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        if not self.options.process(packet, context.now_ns):
            return ((BAD_OPTION, packet),)
        verdict = interpret.run(self.rest, packet, interpret.State()).verdict
        assert isinstance(verdict, ir.Emit), "all outputs are connected"
        return ((verdict.port, packet),)


@dataclass(frozen=True)
class IPOutputCombo(Element):
    """What an IP router does to each packet that goes out, in one: DropBroadcasts, PaintTee, IPGWOptions, FixIPSrc,
    DecIPTTL, and a look at the length.

    Ports:      in 0: IPv4 with its header marked.  out 0: packets ready to go.  out 1: a copy of those painted COLOR,
                as they came.  out 2: a bad option.  out 3: TTL expired.  out 4: longer than MTU.
    Arguments:  COLOR (0-255): of PaintTee.  IPADDR (IPv4 address): of IPGWOptions and FixIPSrc.  MTU (bytes).
    Drops:      those of DropBroadcasts; "no IP header annotation".
    Checksum:   as the elements inside do it.
    Verifier:   packets with options: as IPGWOptions.
    Source:     Click manual, IPOutputCombo.
    """

    PORTS: ClassVar[str] = "1/5"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("2, 192.0.2.1, 1500", "0, 192.0.2.1, 70")

    color: Annotated[int, Unsigned(8)]
    ipaddr: Annotated[int, IPAddress()]
    mtu: Annotated[int, Unsigned()]

    @property
    def options(self) -> IPGWOptions:
        """The IPGWOptions inside."""
        return IPGWOptions(self.ipaddr)

    def push(self, p: Packet, port: int) -> None:
        run(p, DropBroadcasts(), lambda: self.tee(p))

    def tee(self, p: Packet) -> None:
        """From PaintTee on."""
        run(p, PaintTee(self.color), lambda: run(p, self.options, lambda: self.rest(p), BAD_OPTION), PAINTED)

    def rest(self, p: Packet) -> None:
        """What comes after IPGWOptions."""
        run(p, FixIPSrc(self.ipaddr), lambda: run(p, DecIPTTL(), lambda: self.fits(p), EXPIRED))

    def fits(self, p: Packet) -> None:
        """The look at the length."""
        if self.mtu < 0xFFFF:
            with p.when(p.length > self.mtu):
                p.emit(TOO_BIG)
        p.emit(OUT)

    def released(self, p: Packet, port: int) -> None:
        run_released(p, self.options, lambda: self.rest(p), BAD_OPTION)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return OptionsInside(self)
