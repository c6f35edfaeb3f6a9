"""StoreEtherAddress."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.arguments import Annotation, EtherAddress, Names
from innet.elements.base import Element
from innet.elements.ethernet.addresses import ADDRESS_BYTES, EtherAddressPlace
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value
from innet.lexical import Parameter, Text, assign


@dataclass(frozen=True)
class StoreEtherAddress(Element):
    """Write an Ethernet address over six bytes of the packet.

    Ports:      in 0: packets.  out 0: the same with the address stored.
                out 1 (optional; dropped if unconnected): packets that end before, unchanged.
    Arguments:  ADDR (Ethernet address) or ANNO (keyword, 6-byte annotation): what to store.
                OFFSET: `src` or `dst` of an Ethernet header at the packet's start, or bytes after that.
    Drops:      "no room for the address".
    Errors:     both ADDR and ANNO, or neither.
    Source:     Click manual, StoreEtherAddress.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("2:0:0:0:0:1, src", "dst, ANNO 24", "2:0:0:0:0:1, 20")
    WRITABLE: ClassVar[Mapping[str, str]] = {"addr": "addr"}

    offset: Annotated[int, EtherAddressPlace()]
    _: KW_ONLY
    addr: Annotated[int | None, EtherAddress()] = None
    anno: Annotated[int | None, Annotation(ADDRESS_BYTES)] = None

    @classmethod
    def configure(cls, arguments: tuple[Text, ...], names: Names) -> "StoreEtherAddress":
        """ADDR and OFFSET; with ANNO, only OFFSET."""
        known = {"ADDR": EtherAddress(), "OFFSET": EtherAddressPlace(), "ANNO": Annotation(ADDRESS_BYTES)}
        offset = Parameter("OFFSET", positional=True, mandatory=True)
        by_keyword = [
            [offset, Parameter(name, positional=False, mandatory=True)] for name in ("ANNO", "ADDR")
        ]
        in_order = [Parameter("ADDR", positional=True, mandatory=True), offset]
        for parameters in (*by_keyword, in_order):
            found = assign(arguments, parameters)
            if len(found.values) == 2 and not found.extra and not found.unknown:
                break
        else:
            span = arguments[0].span if arguments else None
            message = "StoreEtherAddress: an offset is needed, and an address or an annotation"
            raise ConfigurationError(
                Diagnostic("C161", message, span, "ADDR, OFFSET, or OFFSET, ANNO annotation")
            )
        mistakes: list[Diagnostic] = []
        values: dict[str, int] = {}
        for n, text in found.values.items():
            name = parameters[n].name
            try:
                values[name] = known[name].parse(text, names)
            except ConfigurationError as e:
                mistakes += e.diagnostics
        if mistakes:
            raise ConfigurationError(mistakes)
        return cls(values["OFFSET"], addr=values.get("ADDR"), anno=values.get("ANNO"))

    def address(self, p: Packet) -> Value:
        """What to store."""
        if self.anno is not None:
            return p.raw(Mark.ANNOTATION, self.anno, ADDRESS_BYTES)
        return as_value(self.addr, 8 * ADDRESS_BYTES)

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.present(Mark.DATA, self.offset, ADDRESS_BYTES)):
            p.divert(1, "no room for the address")
        p.set_raw(Mark.DATA, self.offset, ADDRESS_BYTES, self.address(p))
        p.emit(0)
