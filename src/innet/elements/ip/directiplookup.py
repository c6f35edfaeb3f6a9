"""DirectIPLookup."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.lookup import IPRouteTable
from innet.elements.ip.routing import RouteTable


@dataclass(frozen=True)
class DirectIPLookup(IPRouteTable):
    """Route by the destination annotation: the most specific route decides.

    Ports:      in 0: packets with the DST_IP annotation set.  out 0..n-1: as the routes say.
    Arguments:  `ADDR[/MASK] [GATEWAY] OUTPUT`, ...: without a mask one address; `-` is no gateway. Where there is a
                gateway, the annotation becomes that.
    Drops:      "no route".
    Errors:     an output that is not in use; a mask that is no prefix.
    Source:     Click manual, DirectIPLookup.
    """

    WRITES: ClassVar[tuple[str, ...]] = (*RouteTable.WRITES, "flush")
