"""ARPTable."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds, Unsigned
from innet.elements.base import Element, Role
from innet.elements.ethernet.arpcache import (
    DEFAULT_PACKETS,
    DEFAULT_SLIM,
    DEFAULT_TIMEOUT_MS,
    MS_NS,
    Cache,
    known_hosts,
)
from innet.elements.holder import Context, Holder, Io

MAX_TIMEOUT_MS = 0xFFFF_FFFF * 1000


@dataclass(frozen=True)
class Limits(Element):
    """Base of the elements that have an ARP cache: its arguments."""

    _: KW_ONLY
    capacity: Annotated[int, Unsigned()] = DEFAULT_PACKETS
    entry_capacity: Annotated[int, Unsigned()] = 0
    entry_packet_capacity: Annotated[int, Unsigned()] = 0
    capacity_slim_factor: Annotated[int, Unsigned()] = DEFAULT_SLIM
    timeout_ms: Annotated[int, Seconds(3)] = DEFAULT_TIMEOUT_MS

    def cache(self) -> Cache:
        """An empty cache."""
        return Cache(
            self.capacity,
            self.entry_capacity,
            self.entry_packet_capacity,
            self.capacity_slim_factor,
            self.timeout_ms * MS_NS,
        )

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.capacity_slim_factor == 0:
            found.append("CAPACITY_SLIM_FACTOR is 0; expected at least 1")
        if self.timeout_ms > MAX_TIMEOUT_MS:
            found.append("TIMEOUT is too long; expected fewer than 2^32 seconds, or 0 for ever")
        return tuple(found)


class CacheHolder(Holder):
    """A cache that other elements share."""

    RUNS = True
    WRITABLE = ("insert", "delete", "clear")

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.table = known_hosts("")
        self.context: Context | None = None

    def wake_ns(self, context: Context) -> int | None:
        return self.cache.wake_ns()

    def run(self, context: Context) -> bool:
        return self.cache.expire(context, self.table)

    def holding(self) -> int:
        return self.cache.length

    def read(self, handler: str) -> str | None:
        if handler == "drops":
            return str(self.cache.dropped)
        return self.cache.read(handler, self.context.now_ns if self.context is not None else 0)

    def write(self, handler: str, value: str, context: Context) -> bool:
        self.context = context
        return self.cache.write(handler, value, context, self.table)


@dataclass(frozen=True)
class ARPTable(Limits):
    """Ethernet addresses by IPv4 address, for several ARPQueriers.

    Arguments:  CAPACITY (keyword, packets, default 2048): how many may wait for answers; 0: any number.
                ENTRY_CAPACITY (keyword, hosts, default 0: 65536).
                ENTRY_PACKET_CAPACITY (keyword, packets, default 0: any number): how many may wait for one host.
                CAPACITY_SLIM_FACTOR (keyword, default 2): when too many wait, this part of CAPACITY is dropped.
                TIMEOUT (keyword, time, default 300 s): how long an answer holds; 0: for ever.
    State:      `hosts`.
    Drops:      "waited too long for an ARP answer".
    Source:     Click manual, ARPTable.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "CAPACITY 100, ENTRY_CAPACITY 10, TIMEOUT 60s")

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return CacheHolder(self.cache())
