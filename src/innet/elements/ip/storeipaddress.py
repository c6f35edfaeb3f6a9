"""StoreIPAddress."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.arguments import Names
from innet.elements.base import Element
from innet.elements.ip.addresses import AddressPlace, DestinationAddress
from innet.elements.ip.header import NO_IP_HEADER, changes, first_fragment
from innet.ir.nodes import Mark
from innet.ir.trace import ChecksumEffect, Packet, Value, as_value
from innet.lexical import Parameter, Text, assign
from innet.packet.headers import PROTO_TCP, PROTO_UDP

TCP_CHECKSUM, UDP_CHECKSUM = ir.Field(Mark.TRANSPORT, 128, 16), ir.Field(Mark.TRANSPORT, 48, 16)


@dataclass(frozen=True)
class StoreIPAddress(Element):
    """Write an address into the packet: into the IPv4 header, or over four bytes anywhere.

    Ports:      in 0: packets.  out 0: the same with the address stored.
                out 1 (optional; dropped if unconnected): packets it could not be stored in, unchanged.
    Arguments:  ADDR (IPv4 address, or `DST_ANNO`; optional): without it, the DST_IP annotation is stored.
                OFFSET: `src` or `dst` of the IPv4 header, or bytes after the packet's start.
    Drops:      "no room for the address", "no IP header annotation".
    Checksum:   `src` and `dst`: IPv4, TCP and UDP incremental (a UDP checksum of zero stays).  A number: none.
    Source:     Click manual, StoreIPAddress.  With a number, the annotation must not be zero (with `dst` it may).
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.INCREMENTAL
    EXAMPLES: ClassVar[tuple[str, ...]] = ("192.0.2.1, dst", "src", "30", "192.0.2.1, 16")

    addr: Annotated[int | None, DestinationAddress()]
    offset: Annotated[int | str, AddressPlace()]

    @classmethod
    def configure(cls, arguments: tuple[Text, ...], names: Names) -> "StoreIPAddress":
        """One argument is OFFSET, two are ADDR and OFFSET."""
        parameters = [Parameter(name, positional=True, mandatory=True) for name in ("ADDR", "OFFSET")]
        if len(arguments) == 1:
            del parameters[0]
        found = assign(arguments, parameters)
        if len(found.values) != len(parameters) or found.extra or found.unknown:
            span = arguments[0].span if arguments else None
            message = "StoreIPAddress: an offset is needed, and before it at most an address"
            raise ConfigurationError(Diagnostic("C161", message, span, "[ADDR,] OFFSET"))
        mistakes: list[Diagnostic] = []
        addr: int | None = None
        offset: int | str = 0
        for n, text in found.values.items():
            try:
                if parameters[n].name == "ADDR":
                    addr = DestinationAddress().parse(text, names)
                else:
                    offset = AddressPlace().parse(text, names)
            except ConfigurationError as e:
                mistakes += e.diagnostics
        if mistakes:
            raise ConfigurationError(mistakes)
        return cls(addr, offset)

    def push(self, p: Packet, port: int) -> None:
        if isinstance(self.offset, int):
            self.store_raw(p, self.offset)
        else:
            self.store_header(p)

    def address(self, p: Packet) -> Value:
        return p.anno.dst_ip if self.addr is None else as_value(self.addr, 32)

    def store_raw(self, p: Packet, offset: int) -> None:
        address = self.address(p)
        fits = p.present(Mark.DATA, offset, 4)
        if self.addr is None:
            fits = fits & (address != 0)
        with p.when(~fits):
            p.divert(1, "no room for the address")
        p.set_raw(Mark.DATA, offset, 4, address)
        p.emit(0)

    def store_header(self, p: Packet) -> None:
        with p.when(~p.ip.present(20)):
            p.divert(1, NO_IP_HEADER)
        with p.when(p.ip.hl < 5):
            p.divert(1, "no room for the address")
        new = self.address(p)
        if self.offset == "src":
            old = p.ip.src
            p.ip.src = new
        else:
            old = p.ip.dst
            p.ip.dst = new
        proto, first = p.ip.proto, first_fragment(p)
        with p.when((proto == PROTO_TCP) & first & p.tcp.present(20)):
            p.adjust(TCP_CHECKSUM, old, new, pseudo=changes((old, new)))
        with p.when((proto == PROTO_UDP) & first & p.udp.present(8)):
            p.adjust(UDP_CHECKSUM, old, new, keep_zero=True, pseudo=changes((old, new)))
        p.emit(0)
