"""Of very many ways through routers, those that a question is about, found without a look at all others."""

from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import accumulate

from innet.explore.fabric import Way
from innet.network import Clients, Host, Internet, Platform, Snapshot
from innet.network.reads import Reads
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges

ANYWHERE = rs.full(32)

SMALL = 12
"""Up to so many ways are looked at one by one."""

MANY = 16
"""A way to more ranges of destinations than this is looked at whatever destinations are asked for."""


@dataclass(frozen=True)
class Interest:
    """Of the packets that end at a host, flows of interest are among those to `at(host)`. There are some to any
    destination at `nodes` only; at other hosts they are to destinations `among` these."""

    at: Callable[[str], Ranges]
    nodes: frozenset[str]
    among: Ranges


@dataclass(frozen=True)
class _Led:
    """Ways by where they lead, as their numbers among all; in order."""

    hosts: tuple[int, ...]
    going: tuple[int, ...]
    """Those after which packets go on, or may: to boxes, platforms, switches and routers that are watched."""
    elsewhere: tuple[int, ...]
    """Those of them that do not lead to platforms."""
    platforms: Mapping[str, Sequence[Way]]
    """By the platform that they lead to."""
    toward: Mapping[str, Sequence[int]]
    """By the node that they lead to."""
    ended: bool
    """Whether there are others, on which packets end at a router."""


@dataclass(frozen=True)
class _Addressed:
    """Ways to hosts by their destinations: ranges in order of their first address."""

    lows: Sequence[int]
    parts: Sequence[tuple[int, int, int]]
    """First and last address, and the way's number."""
    reach: Sequence[int]
    """The last address of a range and of all before it."""
    wide: Sequence[int]
    """Ways with too many ranges."""

    def to(self, addresses: Ranges) -> set[int]:
        """The ways on which packets to some of the addresses may be."""
        found = set(self.wide)
        for low, high in addresses:
            at = bisect_right(self.lows, high) - 1
            while at >= 0 and self.reach[at] >= low:
                _, last, number = self.parts[at]
                if last >= low:
                    found.add(number)
                at -= 1
        return found


class Ways:
    """All ways of some packets from a router. Immutable but for being sorted by where they lead, when first asked."""

    def __init__(self, found: Iterable[Way], snapshot: Snapshot) -> None:
        self.all = tuple(found)
        self._snapshot = snapshot
        self.stations: Reads | None = None
        """What packets hang on beside that once they are at the platforms, if that was asked for."""

    def __len__(self) -> int:
        return len(self.all)

    def interest_in(self, way: Way, interest: Interest, places: Container[str]) -> Ranges | None:
        """Of the packets that take a way, the destinations that flows of interest may have; None: any."""
        if way.out is None:
            return rs.EMPTY
        peer = self._snapshot.neighbour(*way.out)
        if peer is None or not isinstance(self._snapshot.nodes[peer.node], Internet | Clients | Host):
            return None
        return interest.at(peer.node) if peer.node in places else rs.EMPTY

    def of_interest(self, way: Way, interest: Interest, places: Container[str]) -> Way | None:
        """The way of those packets on it that can be of interest to who asked."""
        among = self.interest_in(way, interest, places)
        return way if among is None or among == ANYWHERE else way.to(among)

    @property
    def platforms(self) -> Mapping[str, Sequence[Way]]:
        """Those that lead to platforms."""
        return self._led.platforms

    def chosen(self, interest: Interest, places: Container[str], platforms: bool = True) -> list[Way]:
        """Those of interest, in order, each with the packets that are. Unless `platforms`, without those that lead to
        platforms."""
        if len(self.all) <= SMALL and platforms:
            some: Iterable[Way] = self.all
        else:
            going = self._led.going if platforms else self._led.elsewhere
            some = (self.all[n] for n in sorted([*going, *self._hosts(interest)]))
        cases = (self.of_interest(way, interest, places) for way in some)
        return [way for way in cases if way is not None]

    def last_first(self, interest: Interest, places: Container[str], platforms: bool = True) -> Iterator[Way]:
        """The same one by one, from the last to the first: those that lead to one of `places` before others."""
        if len(self.all) <= SMALL:
            found = self.chosen(interest, places, platforms)
            found.sort(key=lambda way: self.leads_to(way, places))
            yield from reversed(found)
            return
        led = self._led
        there = sorted(n for name in interest.nodes for n in led.toward.get(name, ()) if name in places)
        hosts = self._hosts(interest)
        leading = {n for n in there if self._goes_on(n)}
        for n in merge(reversed(hosts), sorted(leading, reverse=True), reverse=True):
            way = self.of_interest(self.all[n], interest, places)
            if way is not None:
                yield way
        for n in reversed(led.going if platforms else led.elsewhere):
            if n not in leading:
                yield self.all[n]

    def others(self, interest: Interest, places: Container[str]) -> Iterator[Way]:
        """For each way on which packets end that are not of interest: that of some of them."""
        for way in self.all:
            among = self.interest_in(way, interest, places)
            one = None if among is None else way.example(rs.complement(among, 32))
            if one is not None:
                yield one

    @property
    def may_end(self) -> bool:
        """Whether packets on some of them end."""
        return self._led.ended or bool(self._led.hosts)

    def leads_to(self, way: Way, places: Container[str]) -> bool:
        """Whether a way leads to one of `places`."""
        peer = None if way.out is None else self._snapshot.neighbour(*way.out)
        return peer is not None and peer.node in places

    @cached_property
    def _led(self) -> _Led:
        hosts: list[int] = []
        going: list[int] = []
        elsewhere: list[int] = []
        platforms: dict[str, list[Way]] = {}
        toward: dict[str, list[int]] = {}
        for n, way in enumerate(self.all):
            if way.out is None:
                continue
            peer = self._snapshot.neighbour(*way.out)
            node = None if peer is None else self._snapshot.nodes[peer.node]
            if node is not None:
                toward.setdefault(node.name, []).append(n)
            if isinstance(node, Internet | Clients | Host):
                hosts.append(n)
                continue
            going.append(n)
            if isinstance(node, Platform):
                platforms.setdefault(node.name, []).append(way)
            else:
                elsewhere.append(n)
        ended = len(hosts) + len(going) < len(self.all)
        return _Led(tuple(hosts), tuple(going), tuple(elsewhere), platforms, toward, ended)

    @cached_property
    def _addressed(self) -> _Addressed:
        parts: list[tuple[int, int, int]] = []
        wide: list[int] = []
        for n in self._led.hosts:
            part = self.all[n].part
            if isinstance(part, tuple) and len(part) <= MANY:
                parts += ((low, high, n) for low, high in part)
            else:
                wide.append(n)
        parts.sort()
        return _Addressed([low for low, *_ in parts], parts, [*accumulate((p[1] for p in parts), max)], wide)

    def _goes_on(self, number: int) -> bool:
        """Whether packets may go on from where a way leads to."""
        going = self._led.going
        at = bisect_right(going, number) - 1
        return at >= 0 and going[at] == number

    def _hosts(self, interest: Interest) -> Sequence[int]:
        """The ways to hosts that may be of interest, in order."""
        led = self._led
        if interest.among == ANYWHERE:
            return led.hosts
        named = {n for name in interest.nodes for n in led.toward.get(name, ()) if not self._goes_on(n)}
        return sorted(named | self._addressed.to(interest.among) if interest.among else named)


__all__ = ["Interest", "Ways"]
