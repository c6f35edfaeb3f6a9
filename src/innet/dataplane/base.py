"""What a platform has in the kernel whatever runs on it: maps, the TAP device, the dispatchers on both interfaces.

All of it is pinned under one folder of bpffs and outlives the agent; a second agent finds it again and goes on. What is
found incomplete (its maker died) is removed and made anew.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from innet.dataplane.dispatch import Dispatch, addresses
from innet.dataplane.dispatcher import XDP, dispatcher
from innet.dataplane.layout import DISPATCH, dispatch_maps
from innet.dataplane.tap import Tap
from innet.network import Prefix
from innet.xdp.compile import Code, Compiler
from innet.xdp.emit import Emitted
from innet.xdp.host import BLOCK_BYTES, platform_maps
from innet.xdp.links import Link, NativeModeError
from innet.xdp.maps import Map
from innet.xdp.programs import LoadedProgram
from innet.xdp.syscall import BPFFS, mount_bpffs, unpin
from innet.xdp.target import Xdp
from innet.xdp.tcx import SchedCls

PINS = Path(BPFFS, "innet")
TAP_QUEUE = 16384
"""Frames that wait for the agent; more are dropped and counted."""
ROOM_FOR_RECORD = 128
LONGEST_FRAME = 4096
"""Modules may make frames longer before they are handed to the agent; XDP's lie in one page."""
JIFFIES64 = 118
SHAPES = 1024
"""Shared programs there may be at once, beside one for each module."""


@dataclass(frozen=True, slots=True)
class Nic:
    """The platform's interface in the current network namespace, and the next router's Ethernet address."""

    name: str
    index: int
    mac: int
    peer_mac: int
    mtu: int = 1500


def tap_name(platform: str) -> str:
    """The name of a platform's TAP device: the kernel's names have 15 bytes."""
    return f"innet{zlib.crc32(platform.encode()):08x}"


class Base:
    """The kernel side of the platform `name`, with room for `modules`, whose programs are for `target`. Make it in the
    network namespace of `nic`. What was made for another target is made anew.

    Raises PlatformError if the kernel refuses something; then nothing is left that was not there before.
    """

    def __init__(
        self,
        name: str,
        nic: Nic,
        pools: Sequence[Prefix],
        modules: int,
        compiler: Compiler,
        pins: Path = PINS,
        target: Xdp = XDP,
    ) -> None:
        self.target = target
        self.name, self.nic, self.modules, self.pins = name, nic, modules, pins / name
        self.maps: dict[str, Map] = {}
        self.links: list[Link] = []
        self._clock: list[LoadedProgram] = []
        self._ticks: list[Callable[[], int]] = []
        self._dispatch: Dispatch | None = None
        self.generic = False
        mount_bpffs()
        self.specs = {
            s.symbol: s for s in (*platform_maps(modules), *dispatch_maps(modules, SHAPES, addresses(pools)))
        }
        self.adopted = self._whole()
        self._tap = Tap(
            tap_name(name),
            mac=nic.mac.to_bytes(6, "big"),
            queue=TAP_QUEUE,
            mtu=max(nic.mtu, LONGEST_FRAME) + ROOM_FOR_RECORD,
        )
        try:
            if self.adopted:
                self._open()
                self.adopted = self._attached()
            if not self.adopted:
                self._forget()
                self._make(pools, compiler)
            self._dispatch = Dispatch(self.maps[DISPATCH], pools)
            self._clock = [_clock_program(shift) for shift in (0, 32)]
            self._ticks = [one.verdicts(bytes(64)) for one in self._clock]
        except BaseException:
            if self.adopted:
                self.close()
            else:
                self.down()
            raise

    @property
    def dispatch(self) -> Dispatch:
        """Who has which address."""
        assert self._dispatch is not None, "closed"
        return self._dispatch

    @property
    def tap(self) -> Tap:
        return self._tap

    def _whole(self) -> bool:
        """Whether an agent before this one left everything in place."""
        wanted = [*self.specs, *self._link_names()]
        return all((self.pins / one).exists() for one in wanted)

    def _link_names(self) -> tuple[str, str]:
        """Under what names the links on the interface and on the TAP device are pinned."""
        kind = "link-tcx" if isinstance(self.target, SchedCls) else "link"
        return f"{kind}-nic", f"{kind}-tap"

    def _open(self) -> None:
        for symbol, spec in self.specs.items():
            self.maps[symbol] = Map.open(self.pins / symbol, spec)
        self.links = [Link.open(self.pins / one) for one in self._link_names()]

    def _attached(self) -> bool:
        """Whether the links are on the interfaces there are: either may have been made anew."""
        return [one.info().interface for one in self.links] == [self.nic.index, self._tap.index]

    def _forget(self) -> None:
        """Remove what another agent left behind incomplete."""
        for one in (*self.links, *self.maps.values()):
            one.close()
        self.links, self.maps = [], {}
        remove_pins(self.pins)

    def _make(self, pools: Sequence[Prefix], compiler: Compiler) -> None:
        self.pins.mkdir(parents=True, exist_ok=True)
        for symbol, spec in self.specs.items():
            self.maps[symbol] = Map(spec)
            self.maps[symbol].pin(self.pins / symbol)
        self._tap.persist(True)
        nic, tap = self._link_names()
        section = self.target.section
        for name, interface in ((tap, self._tap.index), (nic, self.nic.index)):
            resumes = interface == self._tap.index
            text = dispatcher(self.nic.mac, pools, self._tap.index, resumes, 2 * self.modules, self.target)
            with self.load(compiler.compile(text, section), section) as program:
                self.links.append(self._attach(program, interface))
            self.links[-1].pin(self.pins / name)

    def _attach(self, program: LoadedProgram, interface: int) -> Link:
        if isinstance(self.target, SchedCls):
            return Link.tcx(program, interface)
        try:
            return Link.xdp(program, interface)
        except NativeModeError:
            self.generic = True
            return Link.xdp(program, interface, generic=True)

    def load(self, code: Code, section: str, maps: dict[str, int] | None = None) -> LoadedProgram:
        """Load code with the platform's maps, and a module's own besides."""
        known = {symbol: one.fd for symbol, one in self.maps.items()} | (maps or {})
        return LoadedProgram(code.linked(known), section)

    def check(self, emitted: Emitted, code: Code) -> None:
        """Load code once, with tables of the least size. Raises VerifierError if the kernel refuses it."""
        maps: dict[str, Map] = {}
        try:
            for spec in emitted.maps:
                maps[spec.symbol] = Map(spec)
            with self.load(code, emitted.section, {symbol: one.fd for symbol, one in maps.items()}):
                pass
        finally:
            for one in maps.values():
                one.close()

    def jiffies(self) -> int:
        """The kernel's clock that entries' times are told in."""
        low, high = self._ticks
        while True:
            before, now = high(), low()
            if high() == before:
                return before << 32 | now

    def block(self) -> memoryview:
        """All blocks, as bytes; module n has BLOCK_BYTES from n * BLOCK_BYTES on."""
        return memoryview(self.maps["blocks"].mapped())[: self.modules * BLOCK_BYTES]

    def close(self) -> None:
        """Give descriptors back; everything goes on in the kernel."""
        self._close()
        self._tap.close()

    def _close(self) -> None:
        if self._dispatch is not None:
            self._dispatch.close()
            self._dispatch = None
        for one in (*self.links, *self.maps.values(), *self._clock):
            one.close()
        self.links, self.maps, self._clock, self._ticks = [], {}, [], []

    def down(self) -> None:
        """Remove all of it."""
        remove_pins(self.pins)
        with suppress(OSError):  # other platforms have theirs there
            self.pins.parent.rmdir()
        self._close()
        self._tap.remove()


def remove_pins(folder: Path) -> None:
    """Take everything under a folder of bpffs away, links first: with them the programs stop."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("link-*")):
        unpin(path)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            unpin(path)
    folder.rmdir()


def _clock_program(shift: int) -> LoadedProgram:
    """A program that returns 32 bits of the kernel's jiffies."""
    code = struct.pack("<BBhi", 0x85, 0, 0, JIFFIES64)
    if shift:
        code += struct.pack("<BBhi", 0x77, 0, 0, shift)
    return LoadedProgram(code + struct.pack("<BBhi", 0x95, 0, 0, 0), XDP.section)
