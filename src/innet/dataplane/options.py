"""How a platform treats its modules, where its operator may choose."""

from dataclasses import dataclass

from innet.dataplane.dispatcher import XDP
from innet.dataplane.limits import IDLE_S, TABLE_MIB
from innet.xdp.target import Xdp


@dataclass(frozen=True, slots=True)
class Quota:
    """Packets a second that a module may receive, and how many at once."""

    packets_per_second: int
    burst: int


@dataclass(frozen=True)
class Options:
    """How a platform treats its modules: kernel memory for one's tables, when an idle one is suspended (seconds; None:
    never), quota (None: no limit), and where programs run: XDP, or tcx on an interface that carries TCP with offloads.
    """

    table_bytes: int = TABLE_MIB << 20
    idle_s: float | None = IDLE_S
    quota: Quota | None = None
    target: Xdp = XDP
