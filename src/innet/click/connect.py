"""Which output goes to which input when lists of elements and ports stand on both sides of an arrow."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from innet.click import syntax
from innet.click.report import Report
from innet.diagnostics import Span


class PortList(NamedTuple):
    """The ports written for one side of an element (none: port 0); `open` ones go on behind the last."""

    ports: tuple[int, ...] = ()
    open: bool = False

    @property
    def least(self) -> int:
        """How many ports there are at least."""
        return max(len(self.ports), 1)

    def grown(self, more: int) -> Iterator[int]:
        """The ports, and `more` behind the last."""
        yield from self.ports or (0,)
        last = self.ports[-1] if self.ports else 0
        yield from range(last + 1, last + 1 + more)


NO_PORTS = PortList()


class End(NamedTuple):
    """One element of a list: its number in its body, and the ports written before and behind it."""

    element: int
    inputs: PortList
    outputs: PortList
    span: Span


Pair = tuple[End, int, End, int]


def port_list(ports: syntax.Ports | None) -> PortList:
    """The numbers that a port specification lists; of an open-ended range the first."""
    if ports is None:
        return NO_PORTS
    numbers: list[int] = []
    for item in ports.ranges:
        numbers.extend(range(item.first, (item.first if item.last is None else item.last) + 1))
    return PortList(tuple(numbers), ports.ranges[-1].last is None)


def width(ports: syntax.Ports | None) -> int:
    """How many numbers `port_list` would give."""
    return 0 if ports is None else sum((item.last or item.first) - item.first + 1 for item in ports.ranges)


def connect(left: Sequence[End], right: Sequence[End], arrow: str, span: Span, report: Report) -> list[Pair]:
    """The connections that `left arrow right` makes.

    One side of `->` may be a single port, which is repeated. `=>` pairs port by port; an open-ended list grows to
    the length of the other side, and so does, with `=>`, a single element without ports.
    """
    if len(left) == len(right) == 1:  # by far the most frequent
        outputs_, inputs_ = left[0].outputs, right[0].inputs
        if len(outputs_.ports) < 2 > len(inputs_.ports) and not (outputs_.open or inputs_.open):
            port, input_port = (ports.ports[0] if ports.ports else 0 for ports in (outputs_, inputs_))
            return [(left[0], port, right[0], input_port)]
    sides = ([end.outputs for end in left], [end.inputs for end in right])
    least = [sum(ports.least for ports in side) for side in sides]
    growing = [sum(ports.open for ports in side) for side in sides]
    if sum(growing) > 1:
        report.error(
            "C132",
            "more than one open-ended list of ports in one connection",
            span,
            "at most one of [N-], [N,] and []",
        )
        growing = [0, 0]
    if arrow == "=>":
        for side in (0, 1):
            if least[side] == 1 and least[1 - side] > 1 and not sides[side][0].ports:
                growing[side] = 1
    many = [least[side] > 1 or growing[side] > 0 for side in (0, 1)]
    if all(many):
        if arrow != "=>":
            report.error(
                "C130",
                f"{least[0]} outputs cannot be connected to {least[1]} inputs with '->'",
                span,
                "'=>' between lists, which connects them in order",
                "write '=>' in place of '->'",
            )
        if not _fits(least, growing):
            more = ["or more " if grows else "" for grows in growing]
            message = f"{least[0]} {more[0]}outputs connected to {least[1]} {more[1]}inputs"
            report.error("C131", message, span, "equally many ports on both sides")
    growth = [max(least[1 - side] - least[side], 0) if growing[side] else 0 for side in (0, 1)]
    outputs = list(_expanded(left, sides[0], growth[0]))
    inputs = list(_expanded(right, sides[1], growth[1]))
    if not many[0]:
        outputs *= len(inputs)
    elif not many[1]:
        inputs *= len(outputs)
    return [
        (source, output, target, input_)
        for (source, output), (target, input_) in zip(outputs, inputs, strict=False)
    ]


def _fits(least: Sequence[int], growing: Sequence[int]) -> bool:
    if least[0] == least[1]:
        return True
    return growing[0] > 0 if least[0] < least[1] else growing[1] > 0


def _expanded(ends: Sequence[End], side: Sequence[PortList], growth: int) -> Iterator[tuple[End, int]]:
    """Every port of the list in order; what grows is the open-ended element, or the only one."""
    for end, ports in zip(ends, side, strict=True):
        more = growth if ports.open or (len(ends) == 1 and not ports.ports) else 0
        for port in ports.grown(more):
            yield end, port
