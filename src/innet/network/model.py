"""What an operator's network is made of: nodes, their interfaces and routes, and the links between them. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, NamedTuple, TypeAlias

from innet.diagnostics import Span
from innet.network.addresses import Prefix, covering, format_address

Output: TypeAlias = tuple[str, ...]
"""Where a route sends a packet: any one of these interfaces; `DROP` for none; `SELF` for the router itself."""

DROP: Output = ()
SELF: Output = ("self",)


class Kind(Enum):
    """What a node is. INTERNET: everything outside. ROUTER: longest-prefix forwarding. SWITCH: forwarding by
    Ethernet address. MIDDLEBOX: a Click configuration in the wire. PLATFORM: runs modules, which get addresses from
    its pools. CLIENTS: a subnet of the operator's customers. HOST: a single machine."""

    INTERNET = "internet"
    ROUTER = "router"
    SWITCH = "switch"
    MIDDLEBOX = "middlebox"
    PLATFORM = "platform"
    CLIENTS = "clients"
    HOST = "host"


class End(NamedTuple):
    """One interface of one node; written `node:interface`."""

    node: str
    interface: str

    def __str__(self) -> str:
        return f"{self.node}:{self.interface}"


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface: its address and the length of its subnet's prefix (None: unnumbered), and its Ethernet address
    where the snapshot tells it."""

    name: str
    address: int | None = None
    length: int = 32
    mac: int | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def subnet(self) -> Prefix | None:
        """The prefix the interface is in."""
        return None if self.address is None else covering(self.address, self.length)

    def __str__(self) -> str:
        where = "" if self.address is None else f" {format_address(self.address)}/{self.length}"
        return f"{self.name}{where}"


@dataclass(frozen=True, slots=True)
class Route:
    """Packets for `prefix` go to `output`; `via` is the next hop's address where a segment has several.

    `derived` routes are not in the operator's text: see `innet.network.routing`.
    """

    prefix: Prefix
    output: Output
    via: int | None = None
    derived: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much a platform can run: modules, and bytes of memory; None: not limited."""

    modules: int | None = None
    memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class NodeBase:
    """What all nodes have."""

    KIND: ClassVar[Kind]
    name: str
    interfaces: Mapping[str, Interface] = field(default_factory=lambda: MappingProxyType({}))
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        return self.KIND


@dataclass(frozen=True, kw_only=True)
class Internet(NodeBase):
    """All that is outside the operator's network."""

    KIND: ClassVar[Kind] = Kind.INTERNET


@dataclass(frozen=True, kw_only=True)
class Router(NodeBase):
    """Forwards by longest prefix. `routes` are those of the text; `Snapshot.routes` has the derived ones as well. With
    `split_horizon` no packet leaves by the interface that it came in by."""

    KIND: ClassVar[Kind] = Kind.ROUTER
    routes: Sequence[Route] = ()
    split_horizon: bool = False

    def allowed(self, output: Output, entrance: str) -> Output:
        """Those interfaces of a route's output by which a packet that came in by `entrance` may leave."""
        return tuple(name for name in output if name != entrance) if self.split_horizon else output


@dataclass(frozen=True, kw_only=True)
class Switch(NodeBase):
    """Forwards by destination Ethernet address; a frame for an address not in `table` leaves by all other
    interfaces."""

    KIND: ClassVar[Kind] = Kind.SWITCH
    table: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Middlebox(NodeBase):
    """A Click configuration between links: `click` is the file's name, `text` what is in it. Its FromDevice and
    ToDevice names are the interfaces."""

    KIND: ClassVar[Kind] = Kind.MIDDLEBOX
    click: str
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Platform(NodeBase):
    """Runs modules. Each module gets an address of a pool; the snapshot routes the pools to the platform."""

    KIND: ClassVar[Kind] = Kind.PLATFORM
    pools: tuple[Prefix, ...] = ()
    capacity: Capacity = Capacity()


@dataclass(frozen=True, kw_only=True)
class Clients(NodeBase):
    """Customers of the operator: every address of its interfaces' subnets, but for those that other interfaces
    have."""

    KIND: ClassVar[Kind] = Kind.CLIENTS

    @property
    def subnets(self) -> tuple[Prefix, ...]:
        return tuple(i.subnet for i in self.interfaces.values() if i.subnet is not None)


@dataclass(frozen=True, kw_only=True)
class Host(NodeBase):
    """A single machine."""

    KIND: ClassVar[Kind] = Kind.HOST


Node: TypeAlias = Internet | Router | Switch | Middlebox | Platform | Clients | Host


@dataclass(frozen=True, slots=True)
class Link:
    """A wire between two interfaces."""

    a: End
    b: End
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """What the operator says of the whole network: its own prefixes, whether packets from outside that claim a source
    inside are dropped at the edge, and whether modules may send connectionless traffic (UDP) at all."""

    prefixes: tuple[Prefix, ...] = ()
    ingress_filtering: bool = False
    connectionless: bool = True
