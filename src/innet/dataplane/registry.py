"""The modules that an agent has: by what packets, callers and timers know them."""

from innet.dataplane.instance import Instance


class Registry:
    """Which instance has an identifier, an address, an index. `draining` are versions that others followed and that
    still have packets; they keep their index until they are retired."""

    def __init__(self) -> None:
        self.by_id: dict[str, Instance] = {}
        self.by_address: dict[int, Instance] = {}
        self.by_index: dict[int, Instance] = {}
        self.holders: dict[int, str] = {}
        """What has each address of `by_address`."""
        self.draining: list[Instance] = []
        self._timed: dict[str, Instance] = {}
        """Those of `by_id` that have a slow part."""

    def add(self, one: Instance) -> None:
        """It is what its identifier, address and index mean from now on."""
        id = one.deployment.id
        self.by_id[id] = one
        self._timed.pop(id, None)
        if one.slow is not None:
            self._timed[id] = one
        self.holders[one.address] = id
        self.by_address[one.address] = one
        self.by_index[one.index] = one

    def remove(self, id: str) -> Instance | None:
        """No module has this identifier, nor its address, any more; its index it still has."""
        one = self.by_id.pop(id, None)
        self._timed.pop(id, None)
        if one is not None:
            self.forget_address(one.address)
        return one

    def forget_address(self, address: int) -> None:
        del self.by_address[address], self.holders[address]

    def forget_index(self, one: Instance) -> None:
        if self.by_index.get(one.index) is one:
            del self.by_index[one.index]

    def with_timers(self) -> list[Instance]:
        """Those that have something to do without packets, now or some time."""
        return [*self._timed.values(), *(one for one in self.draining if one.slow is not None)]

    def all(self) -> tuple[Instance, ...]:
        return *self.by_id.values(), *self.draining
