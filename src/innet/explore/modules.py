"""What is put into a network: configurations as boxes, and the modules on its platforms, most of which nobody needs."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from innet.explore.machine import Machine
from innet.ir.nodes import Program
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import Injected, State


@dataclass(frozen=True)
class Box:
    """A configuration in the network: `entries` and `exits` are element names by interface."""

    name: str
    machine: Machine
    entries: Mapping[str, tuple[str, ...]]
    exits: Mapping[str, str]
    """Which interface each exit element sends on."""
    mark: str = "/"
    """What follows its name in those of its elements: "/" for a middlebox, ":" for a module, so that a tenant's module
    is never taken for an operator's box, whatever it is called."""

    @property
    def scope(self) -> str:
        """What the names of its elements begin with, in traces and tables."""
        return self.name + self.mark


@dataclass(frozen=True)
class Enforcer:
    """A ChangeEnforcer around a module: its programs for what comes in (input 0) and what goes out (input 1)."""

    inward: Program
    outward: Program


@dataclass(frozen=True)
class Module:
    """A module on a platform: it gets what is addressed to it, and nothing else."""

    name: str
    account: str
    owned: Ranges
    """The addresses of its account, for rules that ask whose module was passed."""
    platform: str
    address: int
    box: Box
    enforcer: Enforcer | None = None
    """The sandbox around it, if it has one."""
    sent: "Sent | None" = None
    """What it sends on any packets, if that is known already."""


@dataclass(frozen=True)
class Traffic:
    """IPv4 packets by what is in their headers; `ports` are source ports, where packets are long enough to have one."""

    destinations: Ranges
    protocols: Ranges
    ports: Ranges

    def joined(self, other: "Traffic") -> "Traffic":
        """These packets and the others, and maybe more."""
        return Traffic(
            rs.union(self.destinations, other.destinations),
            rs.union(self.protocols, other.protocols),
            rs.union(self.ports, other.ports),
        )


NOTHING = Traffic(rs.EMPTY, rs.EMPTY, rs.EMPTY)


@dataclass(frozen=True)
class SentFlow:
    """Packets at an exit element, and what they are on the wire: no more than `traffic`. `made`: the module makes them
    by itself."""

    element: str
    state: State
    traffic: Traffic
    made: bool
    answers: bool
    """Whether it goes to the source of the packet that caused it."""


@dataclass(frozen=True)
class Sent:
    """What a module sends, outside a sandbox, on any packets that it gets, whatever is in its tables."""

    injected: Injected
    flows: tuple[SentFlow, ...]

    @cached_property
    def gist(self) -> "Gist":
        """The same in numbers."""
        return tuple(self._told(flow) for flow in self.flows)

    def _told(self, flow: SentFlow) -> "Told":
        symbols, carved, store = self.injected.symbols, self.injected.payload.carved, flow.state.store
        first, second = (carved.get((bit, 16)) for bit in (0, 16))
        return Told(
            flow.traffic,
            flow.made,
            flow.answers,
            store.domain(symbols["ip.proto"]),
            store.domain(symbols["ip.src"]),
            None if first is None else store.domain(first),
            None if second is None else store.domain(second),
        )


@dataclass(frozen=True)
class Told:
    """A `SentFlow` without its path: no more than `traffic`, because of packets with protocols among `protocols`,
    sources among `sources`, and the first two 16-bit fields behind the IPv4 header among `first` and `second` (None:
    any)."""

    traffic: Traffic
    made: bool
    answers: bool
    protocols: Ranges
    sources: Ranges
    first: Ranges | None
    second: Ranges | None


Gist: TypeAlias = tuple[Told, ...]
"""What a module sends, in numbers: enough to tell that it does no harm. It may be written down."""


@dataclass(frozen=True)
class Resident:
    """A module that is there; `build` makes it ready for exploring, when packets come to it."""

    name: str
    platform: str
    address: int
    build: Callable[[], Module]


class Modules:
    """The modules of a network. Immutable but for being built when they are first needed."""

    def __init__(self) -> None:
        self._by_address: dict[int, Module | Resident] = {}
        self._by_name: dict[str, int] = {}
        self._on: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Module]:
        """All of them, built: this takes as long as there are many."""
        return iter([self._built(address) for address in self._by_address])

    def changed(self, added: Iterable[Module | Resident] = (), removed: Iterable[int] = ()) -> "Modules":
        """These modules without those at the addresses `removed`, and with those of `added`."""
        other = Modules()
        other._by_address, other._by_name = dict(self._by_address), dict(self._by_name)
        other._on = dict(self._on)
        own: set[str] = set()

        def addresses(platform: str) -> list[int]:
            if platform not in own:
                own.add(platform)
                other._on[platform] = [*other._on.get(platform, ())]
            return other._on[platform]

        for address in removed:
            gone = other._by_address.pop(address)
            addresses(gone.platform).remove(address)
            if other._by_name.get(gone.name) == address:
                del other._by_name[gone.name]
        for module in added:
            if module.address not in other._by_address:
                insort(addresses(module.platform), module.address)
            other._by_address[module.address] = module
            other._by_name.setdefault(module.name, module.address)
        return other

    def rebuilt(self, residents: Iterable[Resident]) -> "Modules":
        """The same modules, in another network: each to be built anew."""
        other = Modules()
        other._by_address = {one.address: one for one in residents}
        other._by_name, other._on = self._by_name, self._on
        return other

    def at(self, address: int) -> Module | None:
        """The module that has the address."""
        return self._built(address) if address in self._by_address else None

    def named(self, name: str) -> Module | None:
        """The module of that name."""
        address = self._by_name.get(name)
        return None if address is None else self._built(address)

    def has(self, name: str) -> bool:
        """Whether there is a module of that name."""
        return name in self._by_name

    def on(self, platform: str, addresses: Ranges) -> list[int]:
        """The addresses of modules on a platform that are in a set."""
        there = self._on.get(platform, [])
        found: list[int] = []
        for low, high in addresses:
            n = bisect_left(there, low)
            while n < len(there) and there[n] <= high:
                found.append(there[n])
                n += 1
        return found

    def _built(self, address: int) -> Module:
        module = self._by_address[address]
        if isinstance(module, Resident):
            module = self._by_address[address] = module.build()
        return module


@dataclass(frozen=True)
class Places:
    """Names of nodes and elements, and of `hosts`, of which there may be very many; `arrivals`: wherever packets come
    to a module, too, `sends`: wherever one leaves."""

    names: frozenset[str] = frozenset()
    arrivals: bool = False
    sends: bool = False
    hosts: frozenset[str] = frozenset()

    def __contains__(self, place: object) -> bool:
        return (
            place in self.names
            or place in self.hosts
            or (
                isinstance(place, str)
                and ((self.arrivals and place.startswith(ARRIVES)) or (self.sends and place.endswith(SENDS)))
            )
        )

    def under(self, scope: str) -> bool:
        """Whether an element of that configuration is one of them."""
        return any(name.startswith(scope) for name in self.names)

    def __or__(self, other: "Places") -> "Places":
        hosts = self.hosts or other.hosts
        if self.hosts and other.hosts and self.hosts is not other.hosts:
            hosts = self.hosts | other.hosts
        names, arrivals = self.names | other.names, self.arrivals or other.arrivals
        return Places(names, arrivals, self.sends or other.sends, hosts)


ARRIVES, SENDS = "module ", " sends"
"""How the places are called where packets come to a module and where they leave it: before and after its name."""
