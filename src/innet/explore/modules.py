"""What is put into a network: configurations as boxes, and the modules on its platforms, most of which nobody needs."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from innet.explore.machine import Machine
from innet.ir.nodes import Program
from innet.records import quick
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import Injected, State


@quick
@dataclass(frozen=True, slots=True)
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


@quick
@dataclass(frozen=True, slots=True)
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


@quick
@dataclass(frozen=True, slots=True)
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


@quick
@dataclass(frozen=True, slots=True)
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


@quick
@dataclass(frozen=True, slots=True)
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


MAX_OVER = 64
"""How many modules lie over others before all are put together."""


class Modules:
    """The modules of a network: its own ones, over those of `beneath` that are not `gone`, so that a change of few
    among many takes little. Immutable but for being built when they are first needed."""

    def __init__(self, beneath: "Modules | None" = None, gone: frozenset[int] = frozenset()) -> None:
        self._beneath, self._gone = beneath, gone
        self._by_address: dict[int, Module | Resident] = {}
        self._by_name: dict[str, int] = {}
        self._on: dict[str, list[int]] = {}

    def __len__(self) -> int:
        beneath = 0 if self._beneath is None else len(self._beneath) - len(self._gone)
        return len(self._by_address) + beneath

    def __iter__(self) -> Iterator[Module]:
        """All of them, built: this takes as long as there are many."""
        return iter([self._built(address) for address in self._addresses()])

    def _addresses(self) -> list[int]:
        """The addresses of all, in the order in which they came."""
        beneath = [] if self._beneath is None else self._beneath._addresses()
        return [*(address for address in beneath if address not in self._gone), *self._by_address]

    def changed(self, added: Iterable[Module | Resident] = (), removed: Iterable[int] = ()) -> "Modules":
        """These modules without those at the addresses `removed`, and with those of `added`."""
        added, removed = tuple(added), tuple(removed)
        other = self._flat() if self._over(len(added) + len(removed)) > MAX_OVER else self._open()
        for address in removed:
            other._remove(address)
        for module in added:
            other._add(module)
        return other

    def _over(self, more: int) -> int:
        """How many changes lie over what is beneath, once there are so many more."""
        return more if self._beneath is None else more + len(self._by_address) + len(self._gone)

    def _open(self) -> "Modules":
        """The same, to be changed."""
        return Modules(self) if self._beneath is None else self._copy()

    def _copy(self) -> "Modules":
        other = Modules(self._beneath, self._gone)
        other._by_address, other._by_name = dict(self._by_address), dict(self._by_name)
        other._on = {platform: [*there] for platform, there in self._on.items()}
        return other

    def _flat(self) -> "Modules":
        """The same with nothing beneath."""
        if self._beneath is None:
            return self._copy()
        other = self._beneath._flat()
        for address in self._gone:
            other._remove(address)
        for module in self._by_address.values():
            other._add(module)
        return other

    def _remove(self, address: int) -> None:
        gone = self._by_address.pop(address, None)
        if gone is None:
            if self._find(address) is None:
                raise KeyError(address)
            self._gone |= {address}
            return
        self._on[gone.platform].remove(address)
        if self._by_name.get(gone.name) == address:
            del self._by_name[gone.name]

    def _add(self, module: Module | Resident) -> None:
        if module.address not in self._by_address:
            if self._beneath is not None and self._find(module.address) is not None:
                self._gone |= {module.address}  # the new one is in its place
            insort(self._on.setdefault(module.platform, []), module.address)
        self._by_address[module.address] = module
        if not self.has(module.name):
            self._by_name[module.name] = module.address

    def rebuilt(self, residents: Iterable[Resident]) -> "Modules":
        """The same modules, in another network: each to be built anew."""
        return Modules().changed(residents)

    def _find(self, address: int) -> Module | Resident | None:
        found = self._by_address.get(address)
        if found is None and self._beneath is not None and address not in self._gone:
            return self._beneath._find(address)
        return found

    def _address(self, name: str) -> int | None:
        """The address of the module of that name."""
        found = self._by_name.get(name)
        if found is None and self._beneath is not None:
            found = self._beneath._address(name)
            return None if found in self._gone else found
        return found

    def at(self, address: int) -> Module | None:
        """The module that has the address."""
        return None if self._find(address) is None else self._built(address)

    def named(self, name: str) -> Module | None:
        """The module of that name."""
        address = self._address(name)
        return None if address is None else self._built(address)

    def has(self, name: str) -> bool:
        """Whether there is a module of that name."""
        return self._address(name) is not None

    def on(self, platform: str, addresses: Ranges) -> list[int]:
        """The addresses of modules on a platform that are in a set."""
        there = self._on.get(platform, [])
        found: list[int] = []
        for low, high in addresses:
            n = bisect_left(there, low)
            while n < len(there) and there[n] <= high:
                found.append(there[n])
                n += 1
        if self._beneath is not None:
            others = self._beneath.on(platform, addresses)
            if others:
                found = sorted([*found, *(address for address in others if address not in self._gone)])
        return found

    def _built(self, address: int) -> Module:
        module = self._by_address.get(address)
        if module is None:
            assert self._beneath is not None
            return self._beneath._built(address)
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
