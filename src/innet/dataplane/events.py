"""Drops of modules as they happen, told to who asked for them: of the kernel's ring, and of the agent's own part."""

from collections import Counter, deque
from collections.abc import Callable

from innet.dataplane.instance import Instance
from innet.dataplane.registry import Registry
from innet.platform.module import watched
from innet.platform.protocol import DropEvent, DropEvents
from innet.xdp import handover
from innet.xdp.host import EVENT, EVENT_PACKET
from innet.xdp.ring import Ring

MAX_EVENTS = 4096


class Events:
    """What was dropped since it was last asked for. `frame` says what the agent looks at now; `blocks` are those of the
    modules."""

    def __init__(
        self,
        registry: Registry,
        blocks: memoryview,
        ring: Ring,
        clock: Callable[[], int],
        frame: Callable[[], bytes],
    ) -> None:
        self.registry, self.blocks, self.ring = registry, blocks, ring
        self._clock, self._frame = clock, frame
        self._events: deque[DropEvent] = deque()
        self._lost: Counter[str] = Counter()

    def watch(self, one: Instance, on: bool) -> None:
        """Have each drop told: those in the kernel, those of the slow part and the agent's own."""

        def tell(key: tuple[str, str]) -> None:
            frame = self._frame()
            packet = frame if handover.read(frame) is None else frame[handover.RECORD_BYTES :]
            self._tell(one, *key, packet[:EVENT_PACKET], len(packet))

        one.watch(self.blocks, on)
        one.drops = watched(one.drops, tell if on else None)
        if one.slow is not None:
            one.slow.router.drops = watched(one.slow.router.drops, tell if on else None)

    def _tell(self, one: Instance, element: str, reason: str, packet: bytes, length: int) -> None:
        id = one.deployment.id
        if len(self._events) >= MAX_EVENTS:
            self._lost[id] += 1
        else:
            self._events.append(DropEvent(self._clock(), id, element, reason, packet.hex(), length))

    def read(self) -> None:
        """Take what the kernel told."""
        for record in self.ring.read():
            index, offset, length, packet, have = EVENT.unpack(record)
            one = self.registry.by_index.get(index)
            if one is not None and one.watched:
                self._tell(one, *one.reason_at(offset), packet[:have], length)

    def taken(self) -> DropEvents:
        """What was dropped since the last call, and how many could not be told."""
        self.read()
        for one in self.registry.by_id.values():
            if one.watched:
                self._lost[one.deployment.id] += one.lost_events(self.blocks)
        found = DropEvents(tuple(self._events), tuple((id, n) for id, n in sorted(self._lost.items()) if n))
        self._events.clear()
        self._lost.clear()
        return found
