"""Packets that came to platforms where no module has their address, and wait there for one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Generic, TypeVar, cast

from innet.explore.fabric import Way
from innet.explore.flow import Budget
from innet.explore.modules import Places
from innet.explore.network import NO_MODULE, Aside, Network, Walk
from innet.network import Router
from innet.symbolic.state import State, Tables

P = TypeVar("P")

STEPS = 1_000
"""Hops that packets may take from a router to one platform: one way each, and one arrival."""


class Waiting(Generic[P]):
    """By platform: packets, and how far a question is with them. Those put aside are followed when they are asked for,
    in `network`: any in which all is the same that they hang on."""

    def __init__(self, network: Network, beneath: "Waiting[P] | None" = None) -> None:
        """With those of `beneath`."""
        self.network, self._beneath = network, beneath
        self._there: dict[str, list[tuple[State, P]]] = {}
        self._aside: list[Aside] = []
        self._followed: dict[str, list[tuple[State, P]]] = {}

    def add(self, platform: str, packets: Iterable[tuple[State, P]]) -> None:
        """Some more packets came to a platform."""
        self._there.setdefault(platform, []).extend(packets)

    def put_aside(self, aside: Aside) -> None:
        """Some more packets will come to platforms, if they are asked for."""
        self._aside.append(aside)

    def __bool__(self) -> bool:
        return bool(self._there or self._aside or self._beneath)

    def at(self, platform: str) -> Sequence[tuple[State, P]]:
        """The packets at a platform."""
        beneath = () if self._beneath is None else self._beneath.at(platform)
        there = self._there.get(platform, ())
        followed = self._follow(platform) if self._aside else ()
        return [*beneath, *there, *followed] if beneath or followed else there

    def items(self) -> Iterator[tuple[str, list[tuple[State, P]]]]:
        """All that are there already, by platform."""
        return chain(() if self._beneath is None else self._beneath.items(), self._there.items())

    def aside(self) -> Iterator[Aside]:
        """All others."""
        return chain(() if self._beneath is None else self._beneath.aside(), self._aside)

    def _follow(self, platform: str) -> Sequence[tuple[State, P]]:
        known = self._followed.get(platform)
        if known is None:
            known = self._followed[platform] = []
            for aside in self._aside:
                for way in aside.ways.get(platform, ()):
                    if way is not aside.but:
                        progress = cast(P, aside.progress)
                        known += ((state, progress) for state in followed(self.network, aside, way))
        return known


def followed(network: Network, aside: Aside, way: Way) -> Iterator[State]:
    """Packets that were put aside, at the platform that a way leads to."""
    walk = Walk(network, Tables(False), Budget(STEPS), _pass, Places())
    node = network.snapshot.nodes[aside.router]
    assert isinstance(node, Router)
    for outcome, _ in chain(walk.along([way], node, aside.state.fork(), None), walk.rest()):
        if outcome.reason is NO_MODULE:
            yield outcome.state


def _pass(place: str, port: int, state: State, progress: object) -> Iterable[tuple[State, object]]:
    return ((state, progress),)


__all__ = ["Waiting"]
