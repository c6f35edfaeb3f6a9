"""What one proof may take of this machine, beside the work that proofs count themselves."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from innet.symbolic.work import Stop

STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """The memory of this process that is in use; 0 where the system does not tell."""
    try:
        return int(STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@dataclass(frozen=True)
class Limits:
    """Seconds that a proof may take, and bytes that the process may grow by meanwhile. Over them the answer is
    `undecided`."""

    seconds: float = 60.0
    memory: int = 4 << 30

    def watch(
        self, clock: Callable[[], float] = monotonic, resident: Callable[[], int] = resident_bytes
    ) -> Stop:
        """What a proof that begins now asks from time to time: why it is to stop, if it is."""
        began, before = clock(), resident()

        def stop() -> str:
            if clock() - began > self.seconds:
                return f"it took more than {self.seconds:g} s (--max-seconds)"
            if resident() - before > self.memory:
                return f"it took more than {self.memory >> 20:,} MiB of memory (--max-memory)"
            return ""

        return stop


__all__ = ["Limits", "resident_bytes"]
