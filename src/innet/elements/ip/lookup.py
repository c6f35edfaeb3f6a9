"""What the route lookup elements share: routes, and longest prefix match on the destination annotation."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import ArgumentType, IPAddress, Rest
from innet.elements.ip.routes import ALL_ONES, AnyRoute, Route, RouteArgument
from innet.elements.ip.routing import NO_ROUTE, RouteTable, leave
from innet.ir.trace import Packet, Value


@dataclass(frozen=True)
class IPRouteTable(RouteTable):
    """Base of the IPv4 route lookup elements."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "0/0 0",
        "10.0.0.0/8 0, 0/0 192.0.2.1 0",
        "10.0.0.0/255.255.0.0 0, 10.1.2.3 - 0",
    )
    ANY_MASK: ClassVar[bool] = False
    """Whether masks that are no prefixes are understood."""
    ROUTE: ClassVar[ArgumentType[AnyRoute]] = RouteArgument()
    ADDRESS: ClassVar[ArgumentType[int]] = IPAddress()

    routes: Annotated[tuple[Route, ...], Rest(RouteArgument())] = ()

    def given(self) -> tuple[Route, ...]:
        if all(r.address & r.mask == r.address for r in self.routes):
            return self.routes
        return tuple(replace(r, address=r.address & r.mask) for r in self.routes)

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = super().problems(inputs, outputs)
        if not self.ANY_MASK:
            found += tuple(
                f"the mask of route {n} is no prefix, which {type(self).__name__} needs; LinearIPLookup takes any mask"
                for n, r in enumerate(self.routes, 1)
                if r.prefix_length is None
            )
        return found

    def push(self, p: Packet, port: int) -> None:
        routes = self.kept()
        if not routes:
            p.drop(NO_ROUTE)
            return
        if all(r.prefix_length is not None for r in routes):
            found, gateway, output = self.longest_prefix(p, routes)
        else:
            found, gateway, output = self.most_specific(p, routes)
        with p.when(~found):
            p.drop(NO_ROUTE)
        if any(r.gateway for r in routes):
            with p.when(gateway != 0):
                p.anno.dst_ip = gateway
        leave(p, output, sorted({r.output for r in routes}))

    def longest_prefix(self, p: Packet, routes: Iterable[AnyRoute]) -> tuple[Value, Value, Value]:
        """Whether there is a route, its gateway and its output: by a prefix table."""
        entries = tuple((r.address, r.prefix_length or 0, (r.gateway, r.output)) for r in routes)
        table = ir.Table("routes", (32,), (32, 16), max(1, len(entries)), ir.TableKind.PREFIX, entries)
        found, (gateway, output) = p.lookup(table, (p.anno.dst_ip,))
        return found, gateway, output

    def most_specific(self, p: Packet, routes: tuple[AnyRoute, ...]) -> tuple[Value, Value, Value]:
        """The same for masks that are no prefixes, route by route, as Click's LinearIPLookup does.

        A later match replaces an earlier one only if its mask has all the ones of that one's.
        """
        dst = p.anno.dst_ip
        found, mask, gateway, output = p.local(0), p.local(0, 32), p.local(0, 32), p.local(0)
        masks: set[int] = set()
        for r in routes:
            better = (dst & r.mask) == r.address
            if any(earlier & ~r.mask for earlier in masks):
                better = better & ((mask.value & (ALL_ONES ^ r.mask)) == 0)
            masks.add(r.mask)
            with p.when(better):
                found.set(1)
                mask.set(r.mask)
                gateway.set(r.gateway)
                output.set(r.output)
        return p.bind(found.value != 0), gateway.value, output.value
