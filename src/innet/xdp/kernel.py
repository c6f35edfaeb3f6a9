"""What lives in the kernel, in one place: maps, programs, links, ring buffers, and a program together with its maps."""

from innet.xdp.closing import Closing
from innet.xdp.compile import Code
from innet.xdp.layout import MapKind, MapSpec
from innet.xdp.links import Link, LinkInfo, NativeModeError
from innet.xdp.maps import Map, possible_cpus
from innet.xdp.programs import (
    XDP_HAS_FRAGS,
    LoadedProgram,
    ProgramInfo,
    TestRun,
    VerifierError,
    jiffies_per_second,
    run_statistics,
    summarise,
)
from innet.xdp.ring import Ring
from innet.xdp.syscall import BPFFS, Resource, bpf, mount_bpffs, unpin


class Installed(Closing):
    """A program with its maps, by symbol; closing it gives everything back."""

    def __init__(self, code: Code, section: str, maps: tuple[MapSpec, ...], statistics: bool = False) -> None:
        self.maps: dict[str, Map] = {}
        try:
            for spec in maps:
                self.maps[spec.symbol] = Map(spec)
            linked = code.linked({symbol: m.fd for symbol, m in self.maps.items()})
            self.program = LoadedProgram(linked, section, statistics=statistics)
        except BaseException:
            for made in self.maps.values():
                made.close()
            raise

    def close(self) -> None:
        self.program.close()
        for made in self.maps.values():
            made.close()


__all__ = [
    "BPFFS",
    "XDP_HAS_FRAGS",
    "Installed",
    "Link",
    "LinkInfo",
    "LoadedProgram",
    "Map",
    "MapKind",
    "NativeModeError",
    "ProgramInfo",
    "Resource",
    "Ring",
    "TestRun",
    "VerifierError",
    "bpf",
    "jiffies_per_second",
    "mount_bpffs",
    "possible_cpus",
    "run_statistics",
    "summarise",
    "unpin",
]
