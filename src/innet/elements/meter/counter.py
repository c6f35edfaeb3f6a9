"""Counter."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import CountCall
from innet.elements.base import Element
from innet.elements.holder import Call
from innet.ir.trace import Packet


@dataclass(frozen=True)
class Counter(Element):
    """Count packets and bytes.

    Ports:      in 0: any packet.  out 0: the same.
    Arguments:  COUNT_CALL (keyword, `N HANDLER [VALUE]`): write VALUE to HANDLER when the N-th packet comes, once,
                before it is passed on.  BYTE_COUNT_CALL: the same when N bytes or more have come.
    State:      `count` and `byte_count`, which handlers of these names read; `rate`, `byte_rate` and `bit_rate` are
                moving averages of them a second, which go 1/16 of the way each millisecond.
    Source:     Click manual, Counter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "COUNT_CALL 100 stop", "BYTE_COUNT_CALL 6000 sw.switch 2")
    RATES: ClassVar[Mapping[str, tuple[str, int, int]]] = {
        "rate": ("count", 10, 1),
        "byte_rate": ("byte_count", 4, 1),
        "bit_rate": ("byte_count", 4, 8),
    }
    WRITABLE: ClassVar[Mapping[str, str]] = {name: name for name in ("count_call", "byte_count_call")}

    _: KW_ONLY
    count_call: Annotated[tuple[int, str, str] | None, CountCall()] = None
    byte_count_call: Annotated[tuple[int, str, str] | None, CountCall()] = None

    def calls(self) -> tuple[Call, ...]:
        found = []
        if self.count_call is not None:
            found.append(Call("count", *self.count_call))
        if self.byte_count_call is not None:
            found.append(Call("byte_count", *self.byte_count_call, exact=False))
        return tuple(found)

    def push(self, p: Packet, port: int) -> None:
        p.count("count")
        p.count("byte_count", p.length)
        p.emit(0)
