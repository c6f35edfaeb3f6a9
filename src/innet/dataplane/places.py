"""Places of modules in the kernel: an index for each one (its block, its account, its own programs) and the slots of
programs that several share. What the files say of an agent before this one decides what is free."""

from collections import Counter, deque
from collections.abc import Container
from contextlib import suppress

from innet.dataplane.base import SHAPES, Base, remove_pins
from innet.dataplane.library import Prepared
from innet.dataplane.records import Records
from innet.diagnostics import Diagnostic, PlatformError


class Places:
    """Room for `modules` at once, old versions among them. What is in the kernel and no file tells of is taken out.

    `left` are the modules of an agent before this one that nobody asked for since, by identifier.
    """

    def __init__(self, base: Base, records: Records, modules: int) -> None:
        self.base, self.records, self.modules = base, records, modules
        self.slots = self._read_slots()
        """Slots of shared programs, by digest."""
        self.left = records.modules(modules) if base.adopted else {}
        if not base.adopted:
            records.forget_modules()
        self._tidy()
        used = {one.index for one in self.left.values()}
        self.free = deque(n for n in range(modules) if n not in used)
        self._users = Counter(one.slot for one in self.left.values())
        """How many modules have a program's slot."""

    def _read_slots(self) -> dict[str, int]:
        """Slots of shared programs, by digest; one whose program is gone is none."""
        places = range(2 * self.modules, 2 * (self.modules + SHAPES), 2)
        kept = self.records.slots().items()
        return {digest: slot for digest, slot in kept if slot in places and self.loaded(slot)}

    def loaded(self, slot: int) -> bool:
        return self.base.maps["programs"].lookup(slot.to_bytes(4, "little")) is not None

    def _tidy(self) -> None:
        """Take out of the kernel what no file tells of: an agent died in the middle of something."""
        programs = self.base.maps["programs"]
        by_address = {one.address: one for one in self.left.values()}
        shared = set(self.slots.values())
        for address, index, slot in tuple(self.base.dispatch.items()):
            one = by_address.get(address)
            own = one is not None and (one.index, one.slot) == (index, one.slot if slot is None else slot)
            if not own or slot not in (2 * index, None, *shared):
                self.base.dispatch.clear(address)
        for slot in range(2 * self.modules, 2 * (self.modules + SHAPES)):
            if slot & ~1 not in shared:
                programs.clear_program(slot)
        indices = {one.index for one in self.left.values()}
        for folder in self.base.pins.glob("module-*"):
            index = int(folder.name.removeprefix("module-"))
            if index not in indices:
                self.clear(index)

    def take(self) -> int | None:
        """An index; None if all are taken."""
        return self.free.popleft() if self.free else None

    def slot(self, index: int, prepared: Prepared) -> int:
        """The slot of a module's program: its own, or that of its shape."""
        if not prepared.shape.shared:
            return 2 * index
        digest = prepared.shape.digest
        if digest not in self.slots:
            used = set(self.slots.values())
            free = next(
                (s for s in range(2 * self.modules, 2 * (self.modules + SHAPES), 2) if s not in used), None
            )
            if free is None:
                raise PlatformError(
                    Diagnostic("P323", f"platform '{self.base.name}' has no room for another program")
                )
            self.records.keep_slots(self.slots | {digest: free})
            self.slots[digest] = free
        return self.slots[digest]

    def use(self, slot: int) -> None:
        """A module more has its program there."""
        self._users[slot] += 1

    def release(self, slot: int) -> None:
        """A module less has its program there; if it was a shared one's last, the program goes."""
        self._users[slot] -= 1
        if self._users[slot] > 0:
            return
        del self._users[slot]
        digest = next((digest for digest, at in self.slots.items() if at == slot), None)
        if digest is not None:
            for one in (slot, slot + 1):
                self.base.maps["programs"].clear_program(one)
            del self.slots[digest]
            with suppress(PlatformError):  # a slot that is written down and empty counts as none
                self.records.keep_slots(self.slots)

    def give_back(self, index: int, slot: int) -> None:
        """A module is gone that had these."""
        self.free.append(index)
        self.release(slot)

    def clear(self, index: int) -> None:
        """Take away programs and tables at an index that no packet can reach."""
        for slot in (2 * index, 2 * index + 1):
            self.base.maps["programs"].clear_program(slot)
        remove_pins(self.base.pins / f"module-{index}")

    def forget_left(self, id: str, has_address: Container[int]) -> None:
        """Remove a module of an agent before this one; its address stays with whoever has it now."""
        kept = self.left.pop(id, None)
        if kept is None:
            return
        if kept.address not in has_address:
            self.base.dispatch.clear(kept.address)
        self.clear(kept.index)
        self.give_back(kept.index, kept.slot)
        self.records.forget(id)
