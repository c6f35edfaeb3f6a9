"""Segments: which interfaces that speak IP hear one another, through wires, switches and middleboxes.

A middlebox with two interfaces in use is a bump in the wire. One with more decides by its configuration who gets a
frame, so a segment with such a middlebox is not `plain`: who can be reached there is known only by running it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from innet.network.model import End, Middlebox, Switch

if TYPE_CHECKING:
    from innet.network.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Segment:
    """A broadcast domain: its stations (interfaces of all nodes but switches and middleboxes), and what joins them."""

    stations: tuple[End, ...]
    switches: tuple[str, ...]
    middleboxes: tuple[str, ...]
    plain: bool
    """Whether every middlebox in it has at most two interfaces in use."""

    def others(self, end: End) -> tuple[End, ...]:
        """The stations but for `end`."""
        return tuple(station for station in self.stations if station != end)


def segments(snapshot: "Snapshot") -> Mapping[End, Segment]:
    """The segment of every station that is plugged in; linear in the number of links."""
    nodes = snapshot.nodes
    done: dict[End, Segment] = {}
    for link in snapshot.links:
        for start in (link.a, link.b):
            if start in done or isinstance(nodes[start.node], Switch | Middlebox):
                continue
            segment = _walk(snapshot, start)
            done.update(dict.fromkeys(segment.stations, segment))
    return done


def _walk(snapshot: "Snapshot", start: End) -> Segment:
    """The segment around the station `start`: depth first, in the order of the text."""
    stations: dict[End, None] = {}
    joined: dict[str, int] = {}
    todo = [start]
    while todo:
        end = todo.pop()
        node = snapshot.nodes[end.node]
        if isinstance(node, Switch | Middlebox):
            if end.node in joined:
                continue
            ends = [End(end.node, name) for name in node.interfaces]
        else:
            if end in stations:
                continue
            stations[end] = None
            ends = [end]
        others = [other for one in ends if (other := snapshot.neighbour(*one)) is not None]
        if isinstance(node, Switch | Middlebox):
            joined[end.node] = len(others)
        todo.extend(reversed(others))
    boxes = tuple(name for name in joined if isinstance(snapshot.nodes[name], Middlebox))
    return Segment(
        tuple(stations),
        tuple(name for name in joined if isinstance(snapshot.nodes[name], Switch)),
        boxes,
        all(joined[name] <= 2 for name in boxes),
    )
