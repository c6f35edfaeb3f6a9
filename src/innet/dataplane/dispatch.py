"""Which module has an address: an array over the platform's pools, mapped into the agent, so that an entry is read and
written as one number, and a packet finds it without hashing."""

from collections.abc import Iterator, Sequence

from innet.dataplane.layout import COLD, DISPATCH_BYTES, NOBODY
from innet.diagnostics import Diagnostic, PlatformError
from innet.network import Prefix
from innet.xdp.maps import Map

MAX_ADDRESSES = 1 << 22
"""Addresses of all pools of one platform; eight bytes each."""


def places(pools: Sequence[Prefix]) -> tuple[tuple[Prefix, int], ...]:
    """Where each pool's entries begin."""
    found, at = [], 0
    for pool in pools:
        found.append((pool, at))
        at += pool.size
    return tuple(found)


def addresses(pools: Sequence[Prefix]) -> int:
    """How many entries there are. Raises PlatformError for more than MAX_ADDRESSES."""
    total = sum(pool.size for pool in pools)
    if total > MAX_ADDRESSES:
        raise PlatformError(
            Diagnostic(
                "P325", f"the platform's pools have {total} addresses", expected=f"at most {MAX_ADDRESSES}",
                help="give the platform a smaller pool",
            )
        )  # fmt: skip
    return max(1, total)


class Dispatch:
    """The entries of `held`. An entry is the module's index plus one, and above it the slot of its program."""

    def __init__(self, held: Map, pools: Sequence[Prefix]) -> None:
        self._places = places(pools)
        self._memory = memoryview(held.mapped())
        self._entries = self._memory[: len(self._memory) // DISPATCH_BYTES * DISPATCH_BYTES].cast("Q")

    def _at(self, address: int) -> int:
        for pool, first in self._places:
            if address in pool:
                return first + address - pool.low
        raise KeyError(f"{address:#x} is in no pool")

    def get(self, address: int) -> tuple[int, int | None] | None:
        """The index of the module that has an address, and the slot of its program if it runs."""
        try:
            entry = self._entries[self._at(address)]
        except KeyError:
            return None
        if entry == NOBODY:
            return None
        slot = entry >> 32
        return (entry & 0xFFFFFFFF) - 1, None if slot == COLD else slot

    def set(self, address: int, index: int, slot: int | None) -> None:
        """Send an address's packets to the program at `slot`, or to the agent."""
        self._entries[self._at(address)] = (COLD if slot is None else slot) << 32 | index + 1

    def clear(self, address: int) -> None:
        """Nobody has an address any more."""
        try:
            self._entries[self._at(address)] = NOBODY
        except KeyError:
            return

    def items(self) -> Iterator[tuple[int, int, int | None]]:
        """Address, index and slot of every module."""
        for pool, first in self._places:
            for n in range(pool.size):
                if self._entries[first + n] != NOBODY:
                    found = self.get(pool.low + n)
                    assert found is not None
                    yield pool.low + n, *found

    def close(self) -> None:
        """Unmap it."""
        self._entries.release()
        self._memory.release()
