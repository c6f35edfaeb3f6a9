"""Which ways frames may take through the boxes of a network, by their wiring alone.

Following packets through a configuration is exploring; here only its graph counts. Where all that frames meet are
elements that pass every frame on, copied at most, that is the whole truth; else it is what the box may do at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from innet.diagnostics import Source
from innet.elements.build import load
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.todevice import ToDevice
from innet.network.model import Middlebox

PLAIN = frozenset({"FromDevice", "ToDevice", "Tee", "Discard", "Idle", "Null", "Counter"})
"""Elements that pass every frame on, or none."""
UNKNOWN = frozenset({"Opaque"})
"""Elements that may send anything anywhere."""


@dataclass(frozen=True)
class Through:
    """For each interface those that its frames may leave by. `is_exact`: every frame leaves by all of them, unchanged.
    `is_known`: nothing in the box is unknown."""

    outputs: Mapping[str, tuple[str, ...]]
    is_exact: bool
    is_known: bool


def through(box: Middlebox) -> Through:
    """The ways through a box. Raises ConfigurationError if its text is no configuration."""
    resolved, elements = load(Source(box.click, box.text), variables={}, autoqueue=True)
    after: dict[str, list[str]] = {}
    for wire in resolved.configuration.connections:
        after.setdefault(wire.source, []).append(wire.target)
    kinds = {type(element).__name__ for element in elements.values()}
    outputs: dict[str, dict[str, None]] = {}
    for name, element in elements.items():
        if not isinstance(element, FromDevice):
            continue
        found = outputs.setdefault(element.devname, {})
        seen = {name}
        work = [name]
        while work:
            for target in after.get(work.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    work.append(target)
                    end = elements[target]
                    if isinstance(end, ToDevice):
                        found[end.devname] = None
    exact = kinds <= PLAIN
    return Through({port: tuple(found) for port, found in outputs.items()}, exact, not kinds & UNKNOWN)


__all__ = ["Through", "through"]
