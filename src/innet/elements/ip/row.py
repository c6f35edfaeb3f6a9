"""Several elements in one: their own programs, one after the other."""

from collections.abc import Callable
from typing import TypeAlias

from innet import ir
from innet.elements.base import Element
from innet.ir.trace import Packet

Way: TypeAlias = int | Callable[[], None]
"""Where an output leads: an output of the whole, or what happens next."""


class Part(Packet):
    """The packet as one element of a row sees it: what it does is recorded in the program of the whole.

    `ways[n]` is where its output `n` leads. An output that it copies to must be one of the whole.
    """

    def __init__(self, whole: Packet, element: Element, *ways: Way) -> None:
        super().__init__(whole.scope, 1, len(ways), element.CHECKSUM)
        self.whole, self.ways = whole, ways
        self._open = whole._open

    def var(self, width: int) -> ir.Var:
        return self.whole.var(width)

    def copy(self, port: int) -> None:
        way = self.ways[port]
        assert isinstance(way, int), "copies go to outputs of the whole"
        self.whole.copy(way)

    def emit(self, port: int) -> None:
        way = self.ways[port]
        if isinstance(way, int):
            self.whole.emit(way)
        else:
            way()


def run(p: Packet, element: Element, *ways: Way) -> None:
    """What `element` does to the packet; its output `n` leads to `ways[n]`."""
    element.push(Part(p, element, *ways), 0)


def run_released(p: Packet, element: Element, *ways: Way) -> None:
    """What `element` may let go of a packet that it held."""
    element.released(Part(p, element, *ways), 0)
