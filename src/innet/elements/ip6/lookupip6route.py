"""LookupIP6Route."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import ArgumentType, IP6Address, Rest
from innet.elements.ip.routes import AnyRoute
from innet.elements.ip.routing import NO_ROUTE, RouteTable, leave
from innet.elements.ip6.header6 import halves6
from innet.elements.ip6.routes6 import Route6, Route6Argument
from innet.ir.trace import Packet


@dataclass(frozen=True)
class LookupIP6Route(RouteTable):
    """Route by the IPv6 destination annotation: the most specific route decides.

    Ports:      in 0: packets with the DST_IP6 annotation set.  out 0..n-1: as the routes say.
    Arguments:  `DST[/LEN] [GATEWAY] OUTPUT`, ...: without a length one address; `-` and `::` are no gateway. Where
                there is a gateway, the annotation becomes that.
    Drops:      "no route".
    Errors:     an output that is not in use.
    Source:     Click manual, LookupIP6Route.  Of two routes for one prefix the first stands.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "::/0 0",
        "2001:db8::/32 0, ::/0 2001:db8::1 0",
        "2001:db8::/32 0, 2001:db8::ff00:0/104 fe80::1 0, 2001:db8::1 - 0",
    )
    ROUTE: ClassVar[ArgumentType[AnyRoute]] = Route6Argument()
    ADDRESS: ClassVar[ArgumentType[int]] = IP6Address()

    routes: Annotated[tuple[Route6, ...], Rest(Route6Argument())] = ()

    def given(self) -> tuple[Route6, ...]:
        return self.routes

    def push(self, p: Packet, port: int) -> None:
        routes = self.kept()
        if not routes:
            p.drop(NO_ROUTE)
            return
        entries = tuple((r.address, r.prefix_length or 0, (*halves6(r.gateway), r.output)) for r in routes)
        table = ir.Table("routes", (64, 64), (64, 64, 16), len(entries), ir.TableKind.PREFIX, entries)
        found, (high, low, output) = p.lookup(table, (p.anno.dst_ip6_high, p.anno.dst_ip6_low))
        with p.when(~found):
            p.drop(NO_ROUTE)
        if any(r.gateway for r in routes):
            with p.when((high | low) != 0):
                p.anno.dst_ip6_high, p.anno.dst_ip6_low = high, low
        leave(p, output, sorted({r.output for r in routes}))
