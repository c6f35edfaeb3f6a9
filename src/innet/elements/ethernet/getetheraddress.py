"""GetEtherAddress."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.diagnostics import ConfigurationError, Diagnostic
from innet.elements.arguments import Annotation, Names
from innet.elements.base import Element
from innet.elements.ethernet.addresses import ADDRESS_BYTES, PLACES, EtherAddressPlace
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.lexical import Parameter, Text, assign, unquote


@dataclass(frozen=True)
class GetEtherAddress(Element):
    """Copy an Ethernet address from the packet into an annotation.

    Ports:      in 0: packets.  out 0: the same, annotated.
                out 1 (optional; dropped if unconnected): packets without these six bytes.
    Arguments:  ANNO (6-byte annotation).  OFFSET: `src` or `dst` of an Ethernet header at the packet's start, or bytes
                after that. `src` and `dst` may also come first.
    Drops:      "no Ethernet address".
    Source:     Click manual, GetEtherAddress.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("24, src", "dst, 24", "ANNO 24, OFFSET 3")

    anno: Annotated[int, Annotation(ADDRESS_BYTES)]
    offset: Annotated[int, EtherAddressPlace()]

    @classmethod
    def configure(cls, arguments: tuple[Text, ...], names: Names) -> "GetEtherAddress":
        """ANNO and OFFSET in this order; the words for OFFSET, which no annotation is called, in either."""
        order = ("OFFSET", "ANNO") if arguments and is_place(arguments[0]) else ("ANNO", "OFFSET")
        found = assign(arguments, [Parameter(name, positional=True, mandatory=True) for name in order])
        if len(found.values) != 2 or found.extra or found.unknown:
            span = arguments[0].span if arguments else None
            message = "GetEtherAddress: an annotation and an offset are needed"
            raise ConfigurationError(Diagnostic("C161", message, span, "ANNO, OFFSET"))
        mistakes: list[Diagnostic] = []
        values: dict[str, int] = {}
        kinds = {"ANNO": Annotation(ADDRESS_BYTES), "OFFSET": EtherAddressPlace()}
        for n, text in found.values.items():
            try:
                values[order[n]] = kinds[order[n]].parse(text, names)
            except ConfigurationError as e:
                mistakes += e.diagnostics
        if mistakes:
            raise ConfigurationError(mistakes)
        return cls(values["ANNO"], values["OFFSET"])

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.present(Mark.DATA, self.offset, ADDRESS_BYTES)):
            p.divert(1, "no Ethernet address")
        p.set_raw(Mark.ANNOTATION, self.anno, ADDRESS_BYTES, p.raw(Mark.DATA, self.offset, ADDRESS_BYTES))
        p.emit(0)


def is_place(text: Text) -> bool:
    """Whether the argument is `src` or `dst`."""
    return unquote(text).value.lower() in PLACES
