"""What the files about one device say of it, before it becomes nodes of a network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from innet.diagnostics import Source, Span
from innet.network.addresses import Prefix
from innet.network.importers.report import Report

Reader: TypeAlias = "Callable[[Source, Device, Report], None]"
"""What reads one format: it adds to a device what a text says."""


Guard: TypeAlias = "Callable[[Sequence[tuple[str, str, int | None]], Mapping[str, str | None]], str]"
"""(interfaces, as files name them and as the network does, with their addresses; prefixes and the interface that they
lead to, `self`, or None where that depends) -> Click text."""


@dataclass(slots=True)
class Port:
    """An interface: its addresses (with the lengths of their subnets), the first the main one; `is_up` unless the text
    says that it is shut down."""

    name: str
    span: Span
    addresses: list[tuple[int, int]] = field(default_factory=list)
    mac: int | None = None
    is_up: bool = True


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a route leads: an interface, a next hop's address, or both."""

    interface: str | None = None
    via: int | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """A route. No hops: dropped; `is_local`: for the device itself; `is_connected`: the subnet of an interface.
    Of two routes for one prefix the one with the lower metric counts."""

    prefix: Prefix
    hops: tuple[Hop, ...]
    span: Span
    is_local: bool = False
    is_connected: bool = False
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of an access list: packets of `pattern` (IPFilter's language; empty: all) are permitted, or not; None: it
    is not known which."""

    permit: bool | None
    pattern: str
    span: Span


@dataclass(slots=True)
class Device:
    """All that is known of one device. `where` begins the names of its generated files."""

    name: str
    ports: dict[str, Port] = field(default_factory=dict)
    routes: dict[Prefix, Forward] = field(default_factory=dict)
    has_table: bool = False
    """Whether `routes` is a whole routing table, not only what a configuration says."""
    macs: dict[tuple[int, int], str] = field(default_factory=dict)
    """Switch: (VLAN, Ethernet address) to port."""
    vlans: dict[int, dict[str, None]] = field(default_factory=dict)
    """Switch: the ports of each VLAN."""
    lists: dict[str, list[Rule]] = field(default_factory=dict)
    filters: dict[tuple[str, str], tuple[str, Span]] = field(default_factory=dict)
    """(port, `in` or `out`): the access list there."""
    click: str | None = None
    """The Click text that is the whole device, if it is one."""
    box: "Callable[[Sequence[str]], str] | None" = None
    """For a device that is a box: the Click text for these interfaces, those that links name among them."""
    guard: "Guard | None" = None
    """For a router with a packet filter of its own: the Click text of the box around it."""
    opaque: list[str] = field(default_factory=list)
    """Why nothing is known of what it does; empty if all was understood."""
    span: Span | None = None

    def port(self, name: str, span: Span) -> Port:
        """The interface of that name; a new one if there is none yet."""
        return self.ports.setdefault(name, Port(name, span))

    def route(self, route: Forward, report: Report) -> None:
        """Add a route. A second one for the prefix counts if its metric is lower; with the same metric it is a
        mistake, unless it says the same."""
        before = self.routes.get(route.prefix)
        if before is None or route.metric < before.metric:
            self.routes[route.prefix] = route
        elif route.metric == before.metric and (route.hops, route.is_local) != (before.hops, before.is_local):
            report.error(
                route.span,
                f"'{self.name}' has a second route for {route.prefix}",
                help=f"keep one; the first is at {before.span}",
            )

    def unknown(self, report: Report, span: Span, message: str, expected: str = "") -> None:
        """Something that may change what the device does in any way: ignored, it makes the whole device opaque."""
        effect = f"'{self.name}' is opaque: it may send anything anywhere"
        report.unknown(span, message, effect, expected)
        if report.lenient:
            self.opaque.append(f"{message} ({span})")
