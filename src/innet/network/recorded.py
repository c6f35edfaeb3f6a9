"""A snapshot that writes down what is read of it (`innet.network.reads`). Proofs see the network through it.

Every way to read a snapshot is here, so that nothing is read unseen: what has no finer fact of its own counts as
everything.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from innet.network import lpm
from innet.network.model import (
    Clients,
    End,
    Interface,
    Link,
    Middlebox,
    Node,
    Operator,
    Output,
    Platform,
    Route,
    Router,
)
from innet.network.reads import ALL, Fact, Key, Reads
from innet.network.segments import Segment
from innet.network.snapshot import Snapshot
from innet.symbolic.ranges import Ranges, single

EVERYTHING: Fact = ("everything",)


class Recorded(Snapshot):
    """`plain`, seen by proofs. While nobody is `noting`, nothing is written down."""

    def __init__(self, plain: Snapshot) -> None:
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "_reads", None)
        object.__setattr__(self, "_nodes", _Nodes(self))

    plain: Snapshot
    _reads: Reads | None
    _nodes: "_Nodes"

    @contextmanager
    def noting(self) -> Iterator[Reads]:
        """What is read meanwhile; what is noted within another `noting` is not the outer one's."""
        outer, reads = self._reads, Reads()
        object.__setattr__(self, "_reads", reads)
        try:
            yield reads
        finally:
            object.__setattr__(self, "_reads", outer)

    def note(self, *fact: str) -> None:
        """Something is read."""
        if self._reads is not None:
            self._reads.facts.add(fact)

    def note_table(self, key: Key, addresses: Ranges) -> None:
        """A table is asked for addresses."""
        if self._reads is not None:
            self._reads.table(key, addresses)

    def note_all(self, reads: Reads) -> None:
        """What was found out earlier is used now: it hangs on what was read then."""
        if self._reads is not None:
            self._reads.add(reads)

    # ---- the ways to read a snapshot

    @property
    def nodes(self) -> Mapping[str, Node]:
        return self._nodes

    @property
    def links(self) -> tuple[Link, ...]:
        self.note(*EVERYTHING)
        return self.plain.links

    @property
    def operator(self) -> Operator:
        self.note("operator")
        return self.plain.operator

    @property
    def name(self) -> str:
        return self.plain.name

    def names(self, kind: str) -> tuple[str, ...]:
        self.note(*EVERYTHING)
        return self.plain.names(kind)

    @property
    def routers(self) -> tuple[Router, ...]:
        self.note(*EVERYTHING)
        return self.plain.routers

    @property
    def middleboxes(self) -> tuple[Middlebox, ...]:
        self.note(*EVERYTHING)
        return self.plain.middleboxes

    @property
    def platforms(self) -> tuple[Platform, ...]:
        self.note("all", Platform.KIND.value)
        return self.plain.platforms

    @property
    def clients(self) -> tuple[Clients, ...]:
        self.note("all", Clients.KIND.value)
        return self.plain.clients

    def neighbour(self, node: str, interface: str) -> End | None:
        self.note("wire", node, interface)
        return self.plain.neighbour(node, interface)

    def interface(self, end: End) -> Interface:
        self.note("port", *end)
        return self.plain.interface(end)

    def stations_with(self, mac: int) -> tuple[End, ...]:
        self.note("mac", str(mac))
        return self.plain.stations_with(mac)

    def segment(self, node: str, interface: str) -> Segment | None:
        self.note("segment", node, interface)
        return self.plain.segment(node, interface)

    def routes(self, router: str) -> Sequence[Route]:
        self.note(*EVERYTHING)
        return self.plain.routes(router)

    def table(self, router: str) -> lpm.Flat[Output]:
        self.note_table(("table", router), ALL)
        return self.plain.table(router)

    def forward(self, router: str, address: int) -> Output:
        self.note_table(("table", router), single(address))
        return self.plain.forward(router, address)

    def owner(self, address: int) -> End | None:
        self.note_table(("owners",), single(address))
        return self.plain.owner(address)

    def owners(self, low: int, high: int) -> list[tuple[int, int, End]]:
        self.note_table(("owners",), ((low, high),))
        return self.plain.owners(low, high)

    def stations(self, end: End, low: int, high: int, via: int | None) -> list[tuple[int, int, End | None]]:
        self.note(*EVERYTHING)
        return self.plain.stations(end, low, high, via)

    def addressed(self, end: End) -> Mapping[End | None, Ranges]:
        self.note_table(("stations", *end), ALL)
        return self.plain.addressed(end)

    def gateway(self, end: End) -> End | None:
        self.note("gateway", *end)
        return self.plain.gateway(end)

    @property
    def outside(self) -> tuple[End, ...]:
        self.note("outside")
        return self.plain.outside


class _Nodes(Mapping[str, Node]):
    """The nodes by name. Of a router, whether it is there and of which kind is one fact, each of its interfaces another
    one; its routes are not shown at all (`Snapshot.table` has them)."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._routers: dict[str, Router] = {}

    def __getitem__(self, name: str) -> Node:
        recorded = self._recorded
        node = recorded.plain.nodes.get(name)
        if node is None:
            recorded.note("kind", name)
            raise KeyError(name)
        if not isinstance(node, Router):
            recorded.note("node", name)
            return node
        recorded.note("kind", name)
        shown = self._routers.get(name)
        if shown is None:
            shown = self._routers[name] = Router(
                name=name, interfaces=_Interfaces(recorded, node), split_horizon=node.split_horizon
            )
        return shown

    def __contains__(self, name: object) -> bool:
        self._recorded.note("kind", str(name))
        return name in self._recorded.plain.nodes

    def __iter__(self) -> Iterator[str]:
        self._recorded.note(*EVERYTHING)
        return iter(self._recorded.plain.nodes)

    def __len__(self) -> int:
        self._recorded.note(*EVERYTHING)
        return len(self._recorded.plain.nodes)


class _Interfaces(Mapping[str, Interface]):
    """A router's interfaces."""

    def __init__(self, recorded: Recorded, router: Router) -> None:
        self._recorded, self._router = recorded, router

    def __getitem__(self, name: str) -> Interface:
        self._recorded.note("port", self._router.name, name)
        return self._router.interfaces[name]

    def __iter__(self) -> Iterator[str]:
        self._recorded.note("node", self._router.name)
        return iter(self._router.interfaces)

    def __len__(self) -> int:
        self._recorded.note("node", self._router.name)
        return len(self._router.interfaces)


__all__ = ["Recorded"]
