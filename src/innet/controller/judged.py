"""What deployed modules send, kept beside the controller's state: so that a controller that starts again need not judge
all of them anew. A row counts only for the very same module, and for the In-Net whose proofs made it.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import innet
from innet.controller.store import Store
from innet.explore.modules import Gist, Told, Traffic
from innet.symbolic.ranges import Ranges
from innet.verify.world import Deployed


class Judged:
    """`innet.verify.world.Kept`, in a store. What is new is written by `save`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, str] | None = None
        self._new: dict[str, str] = {}
        self._used: set[str] = set()

    def get(self, d: Deployed, interface: str) -> tuple[Gist | None] | None:
        if self._known is None:
            self._known = self._store.judged(version())
        found = self._known.get(key_of(d, interface))
        return None if found is None else (gist_of(json.loads(found)),)

    def put(self, d: Deployed, interface: str, found: tuple[Gist | None]) -> None:
        key = key_of(d, interface)
        self._used.add(key)
        if self._known is not None and key not in self._known:
            self._known[key] = self._new[key] = json.dumps(json_of(found[0]), separators=(",", ":"))

    def save(self) -> None:
        """Write down what is new; forget what other versions found, and much of what nobody has used since."""
        if self._new:
            known = self._known or {}
            stale = known.keys() - self._used if len(known) > 2 * len(self._used) + 1_000 else set()
            self._store.keep_judged(version(), self._new, stale)
            self._new = {}


def key_of(d: Deployed, interface: str) -> str:
    """A number for all that the judgement of a module hangs on."""
    account = d.account
    parts = (interface, d.address, d.text, account.role.value, [list(range_) for range_ in account.owned])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@cache
def version() -> str:
    """A number for In-Net itself: its version, and every line of its programs."""
    total = hashlib.sha256(innet.__version__.encode())
    folder = Path(innet.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        total.update(str(path.relative_to(folder)).encode() + b"\0")
        total.update(path.read_bytes())
    return total.hexdigest()


def json_of(gist: Gist | None) -> object:
    """What a module sends, as JSON."""
    if gist is None:
        return None
    return [
        [t.traffic.destinations, t.traffic.protocols, t.traffic.ports, t.made, t.answers,
         t.protocols, t.sources, t.first, t.second]
        for t in gist
    ]  # fmt: skip


def gist_of(value: Any) -> Gist | None:  # Any: as `json.loads` gives it
    """The other way round."""
    if value is None:
        return None

    def ranges(some: Any) -> Ranges:  # Any: as above
        return tuple((int(low), int(high)) for low, high in some)

    def maybe(some: Any) -> Ranges | None:  # Any: as above
        return None if some is None else ranges(some)

    return tuple(
        Told(
            Traffic(ranges(to), ranges(protocols), ranges(ports)), bool(made), bool(answers),
            ranges(caused_by), ranges(sources), maybe(first), maybe(second),
        )
        for to, protocols, ports, made, answers, caused_by, sources, first, second in value
    )  # fmt: skip


__all__ = ["Judged"]
