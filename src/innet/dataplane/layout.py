"""Maps of a platform beside those that programs use (`innet.xdp.host`), and how their bytes lie."""

from typing import Final

from innet.xdp.layout import MMAPABLE, MapKind, MapSpec

DISPATCH, PROGRAMS, TALLY = "dispatch", "programs", "tally"

DISPATCH_BYTES: Final = 8
"""Of an entry: a module's index plus one (u32), and the slot of its program in `programs` (u32); slot + 1 has the one
that resumes its packets."""
NOBODY: Final = 0
COLD: Final = 0xFFFFFFFF
"""Slot of a module that does not run: the agent gets its packets."""

UNKNOWN, MALFORMED, TO_AGENT, NOT_OURS, NO_PROGRAM = range(0, 40, 8)
TALLY_BYTES: Final = 40
"""Packets of no module: address without module, incomplete header, to the agent, for the host, lost between two
programs."""


def dispatch_maps(modules: int, shapes: int, addresses: int) -> tuple[MapSpec, ...]:
    """The maps of the dispatcher, for so many modules, shared programs, and addresses of pools."""
    return (
        MapSpec(DISPATCH, MapKind.ARRAY, 4, DISPATCH_BYTES, addresses, MMAPABLE),
        MapSpec(PROGRAMS, MapKind.PROG_ARRAY, 4, 4, 2 * (modules + shapes)),
        MapSpec(TALLY, MapKind.PERCPU_ARRAY, 4, TALLY_BYTES, 1),
    )
