"""StaticIPLookup."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ip.lookup import IPRouteTable


@dataclass(frozen=True)
class StaticIPLookup(IPRouteTable):
    """Route by the destination annotation: the most specific route decides.

    Ports:      in 0: packets with the DST_IP annotation set.  out 0..n-1: as the routes say.
    Arguments:  `ADDR[/MASK] [GATEWAY] OUTPUT`, ...: without a mask one address; `-` is no gateway. Where there is a
                gateway, the annotation becomes that.
    Drops:      "no route".
    Errors:     an output that is not in use.
    Source:     Click manual, StaticIPLookup; LookupIPRoute is its old name.
    """

    ANY_MASK: ClassVar[bool] = True
    WRITES: ClassVar[tuple[str, ...]] = ()
    ALIASES: ClassVar[tuple[str, ...]] = ("LookupIPRoute",)
