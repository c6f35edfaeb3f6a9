"""Maps of a platform beside those that programs use (`innet.xdp.host`), and how their bytes lie."""

import struct
from typing import Final

from innet.xdp.layout import NO_PREALLOC, MapKind, MapSpec

DISPATCH, PROGRAMS, TALLY = "dispatch", "programs", "tally"

KEY: Final = struct.Struct(">I")
"""A module's address, as it lies in packets."""
ENTRY: Final = struct.Struct("<II")
"""A module's index, and the slot of its program in `programs`; slot + 1 has the one that resumes its packets."""
COLD: Final = 0xFFFFFFFF
"""Slot of a module that does not run: the agent gets its packets."""

UNKNOWN, MALFORMED, TO_AGENT, NOT_OURS, NO_PROGRAM = range(0, 40, 8)
TALLY_BYTES: Final = 40
"""Packets of no module: address without module, incomplete header, to the agent, for the host, lost between two
programs."""


def dispatch_maps(modules: int, shapes: int) -> tuple[MapSpec, ...]:
    """The maps of the dispatcher, for so many modules and shared programs."""
    return (
        MapSpec(DISPATCH, MapKind.HASH, KEY.size, ENTRY.size, modules, NO_PREALLOC),
        MapSpec(PROGRAMS, MapKind.PROG_ARRAY, 4, 4, 2 * (modules + shapes)),
        MapSpec(TALLY, MapKind.PERCPU_ARRAY, 4, TALLY_BYTES, 1),
    )
