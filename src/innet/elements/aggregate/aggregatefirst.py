"""AggregateFirst."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import ElementRef
from innet.elements.base import Element
from innet.elements.holder import Remembered
from innet.elements.times.instants import FOREVER_S
from innet.ir.trace import Packet

SEEN = ir.Table("seen", key=(32,), values=(1,))
AGAIN = "not the first of its aggregate"


@dataclass(frozen=True)
class AggregateFirst(Element):
    """Let the first packet of each aggregate pass.

    Ports:      in 0: packets.  out 0: the first with its AGGREGATE annotation.  out 1 (optional; dropped if
                unconnected): the others, and those of a new aggregate when there are 65536 already.
    Arguments:  NOTIFIER (keyword, an element): accepted, without effect: aggregates are not forgotten.
    State:      the aggregates that were seen; write handler `clear` forgets them.
    Drops:      "not the first of its aggregate".
    Source:     Click manual, AggregateFirst. Click keeps any number of aggregates.
    """

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("",)
    WRITES: ClassVar[tuple[str, ...]] = ("clear",)

    _: KW_ONLY
    notifier: Annotated[str | None, ElementRef()] = None

    def push(self, p: Packet, port: int) -> None:
        aggregate = p.anno.aggregate
        found, _ = p.lookup(SEEN, (aggregate,))
        with p.when(found):
            p.divert(1, AGAIN)
        ok = p.insert(SEEN, (aggregate,), (1,), FOREVER_S)
        with p.when(ok):
            p.emit(0)
        p.divert(1, AGAIN)

    def write(self, handler: str, value: str, memory: Remembered) -> None:
        memory.clear(SEEN)
