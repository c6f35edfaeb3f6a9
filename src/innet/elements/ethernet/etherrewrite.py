"""EtherRewrite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import EtherAddress
from innet.elements.base import Element
from innet.elements.ethernet.frame import frame
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


@dataclass(frozen=True)
class EtherRewrite(Element):
    """Replace the Ethernet addresses.

    Ports:      in 0: frames, with the header at the MAC mark, or at their start if there is no mark.
                out 0: the same, with new addresses.
    Arguments:  SRC, DST (Ethernet addresses).
    Source:     Click manual, EtherRewrite.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("2:0:0:0:0:1, 2:0:0:0:0:2",)
    WRITABLE: ClassVar[Mapping[str, str]] = {"src": "src", "dst": "dst"}

    src: Annotated[int, EtherAddress()]
    dst: Annotated[int, EtherAddress()]

    def push(self, p: Packet, port: int) -> None:
        with p.when(p.marked(Mark.MAC)):
            p.ether.src, p.ether.dst = self.src, self.dst
            p.emit(0)
        h = frame(p)
        h.src, h.dst = self.src, self.dst
        p.emit(0)
