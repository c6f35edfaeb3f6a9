"""Packets at the kernel's own speed, for benchmarks and tests: a program that makes them, and one that counts them.

The generator is an XDP program run on live frames (BPF_PROG_TEST_RUN): it writes the headers of every frame anew,
because the kernel hands frames back as the receivers left them, and redirects the frame to an interface.
"""

import struct
import time
from dataclasses import dataclass

from innet.ir.interpret import ones_sum
from innet.xdp.closing import Closing
from innet.xdp.compile import Compiler
from innet.xdp.kernel import Installed, LoadedProgram
from innet.xdp.layout import MMAPABLE, NUMBERS, MapKind, MapSpec
from innet.xdp.target import LAYOUT, REDIRECT

ETHERNET, IPV4 = 14, 20
L4 = ETHERNET + IPV4
TCP, UDP = 6, 17
WRITTEN = 64
"""The generator writes this many bytes of each frame anew, or all if it is shorter."""
BURST = 1 << 20
"""Frames in one system call: it can be interrupted between two, and each costs 12 to 28 ms besides."""
SUM_AT = {TCP: 16, UDP: 6}
"""Where the checksum is in the transport header."""
FRAME_BOUNDS = """%d = load volatile i32, ptr %ctx, align 4
%e_at = getelementptr i8, ptr %ctx, i64 4
%e = load volatile i32, ptr %e_at, align 4
%d64 = zext i32 %d to i64
%e64 = zext i32 %e to i64
%data = inttoptr i64 %d64 to ptr
%end = inttoptr i64 %e64 to ptr"""
"""LLVM IR: where the frame of an XDP context begins and ends."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Frame n has destination address `address` + n mod `addresses`, and source port `port` + (n / addresses) mod
    `ports`: all addresses in turn, then all with the next port. None leaves the template's own."""

    address: int | None = None
    addresses: int = 1
    port: int | None = None
    ports: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.addresses <= 1 << 32 or not 1 <= self.ports <= 1 << 16:
            raise ValueError("a rotation goes over 1 to 2^32 addresses and 1 to 2^16 ports")
        if (self.address or 0) + self.addresses > 1 << 32 or (self.port or 0) + self.ports > 1 << 16:
            raise ValueError("a rotation goes over the end of the address or port space")


class Generator(Closing):
    """Sends copies of `frame`, an Ethernet frame with an IPv4 header without options and TCP or UDP, by the interface
    with index `interface` of the network namespace that `send` is called in.

    Checksums are computed for each frame, except that of UDP if the frame has none. The peer of a veth takes what is
    redirected to it only if it has XDP itself or GRO on (`ethtool -K PEER gro on`); what it cannot take is lost.
    """

    def __init__(
        self, compiler: Compiler, frame: bytes, interface: int, rotation: Rotation = Rotation()
    ) -> None:
        if len(frame) < L4 + 8 or frame[12:15] != b"\x08\x00\x45" or frame[23] not in SUM_AT:
            raise ValueError("a generator takes Ethernet frames with IPv4 without options, and TCP or UDP")
        if frame[23] == TCP and len(frame) < L4 + IPV4:
            raise ValueError("the TCP header is not whole")
        self.frame, self.interface, self.rotation = frame, interface, rotation
        spec = MapSpec(NUMBERS, MapKind.ARRAY, 4, 8, 1)
        code = compiler.compile(program_text(frame, interface, rotation), "xdp")
        self._installed = Installed(code, "xdp", (spec,))

    @property
    def program(self) -> LoadedProgram:
        return self._installed.program

    def send(self, count: int, batch: int = 64) -> float:
        """Send `count` frames, the next ones of the rotation; seconds that took. Frames a full queue refuses are lost.

        An `InterruptedError` (a signal) leaves some of them unsent.
        """
        began = time.perf_counter()
        while count > 0:
            burst = min(count, BURST)
            self.program.run_live(self.frame, burst, batch)
            count -= burst
        return time.perf_counter() - began

    def restart(self) -> None:
        """The next frame is the first of the rotation."""
        self._installed.maps[NUMBERS].update(bytes(4), bytes(8))

    def made(self) -> int:
        """How many frames it made since it was loaded or restarted."""
        value = self._installed.maps[NUMBERS].lookup(bytes(4))
        assert value is not None
        return int.from_bytes(value, "little")

    def close(self) -> None:
        self._installed.close()


def program_text(frame: bytes, interface: int, rotation: Rotation) -> str:
    """The generator as LLVM IR."""
    header = bytearray(frame[: min(len(frame), WRITTEN)])
    header[24:26] = bytes(2)
    protocol, sum_at = frame[23], L4 + SUM_AT[frame[23]]
    checked = protocol == TCP or frame[sum_at : sum_at + 2] != bytes(2)
    header[sum_at : sum_at + 2] = bytes(2)
    if rotation.address is not None:
        header[30:34] = bytes(4)
    if rotation.port is not None:
        header[34:36] = bytes(2)
    (total,) = struct.unpack_from(">H", frame, 16)
    segment = bytes(header[L4:]) + frame[len(header) : ETHERNET + total]
    pseudo = bytes(header[26:34]) + struct.pack(">HH", protocol, total - IPV4)
    lines = [
        LAYOUT,
        f"@{NUMBERS} = external global i64",
        'define i32 @generator(ptr %ctx) section "xdp" {',
        FRAME_BOUNDS,
        f"%reach = getelementptr i8, ptr %data, i64 {len(header)}",
        "%short = icmp ugt ptr %reach, %end",
        "br i1 %short, label %lost, label %whole",
        "lost:",
        "ret i32 1",
        "whole:",
        f"%n = atomicrmw add ptr @{NUMBERS}, i64 1 seq_cst",  # with `monotonic` LLVM 22 loses the result
        f"%which = urem i64 %n, {rotation.addresses}",
        f"%address = add i64 %which, {rotation.address or 0}",
        f"%round = udiv i64 %n, {rotation.addresses}",
        f"%turn = urem i64 %round, {rotation.ports}",
        f"%port = add i64 %turn, {rotation.port or 0}",
        "%high = lshr i64 %address, 16",
        "%low = and i64 %address, 65535",
        "%halves = add i64 %high, %low",
    ]
    moved = "0" if rotation.address is None else "%halves"

    def store(name: str, value: str, at: int, bits: int) -> None:
        lines.extend([
            f"%{name}_at = getelementptr i8, ptr %data, i64 {at}",
            f"store i{bits} {value}, ptr %{name}_at, align {bits // 8}",
        ])  # fmt: skip

    def store_swapped(name: str, value: str, at: int) -> None:
        lines.extend([
            f"%{name}_cut = trunc i64 {value} to i16",
            f"%{name}_net = call i16 @llvm.bswap.i16(i16 %{name}_cut)",
        ])  # fmt: skip
        store(name, f"%{name}_net", at, 16)

    def checksum(name: str, begin: str, at: int) -> None:
        lines.extend([
            f"%{name}_a = lshr i64 {begin}, 16",
            f"%{name}_b = and i64 {begin}, 65535",
            f"%{name}_c = add i64 %{name}_a, %{name}_b",
            f"%{name}_d = lshr i64 %{name}_c, 16",
            f"%{name}_e = add i64 %{name}_c, %{name}_d",
            f"%{name}_f = xor i64 %{name}_e, 65535",
        ])  # fmt: skip
        value = f"%{name}_f"
        if name == "l4" and protocol == UDP:  # 0 would say that there is none (RFC 768)
            lines.append(f"%{name}_g = and i64 {value}, 65535")
            lines.append(f"%{name}_h = icmp eq i64 %{name}_g, 0")
            lines.append(f"%{name}_i = select i1 %{name}_h, i64 65535, i64 {value}")
            value = f"%{name}_i"
        store_swapped(name, value, at)

    at = 0
    while at < len(header):
        size = next(s for s in (8, 4, 2, 1) if at + s <= len(header))
        store(f"k{at}", str(int.from_bytes(header[at : at + size], "little")), at, size * 8)
        at += size
    if rotation.address is not None:
        store_swapped("dst_high", "%high", 30)  # halves, because the header lies at an odd multiple of 2
        store_swapped("dst_low", "%low", 32)
    if rotation.port is not None:
        store_swapped("sport", "%port", 34)
    lines.append(f"%ip_sum = add i64 {moved}, {ones_sum(bytes(header[ETHERNET:L4]))}")
    checksum("ip", "%ip_sum", 24)
    if checked:
        lines.append(f"%l4_base = add i64 {moved}, {ones_sum(pseudo) + ones_sum(segment)}")
        lines.append(f"%l4_sum = add i64 %l4_base, {'%port' if rotation.port is not None else '0'}")
        checksum("l4", "%l4_sum", sum_at)
    lines += [
        f"%verdict = call i64 inttoptr (i64 {REDIRECT} to ptr)(i32 {interface}, i64 0)",
        "%code = trunc i64 %verdict to i32",
        "ret i32 %code",
        "}",
        "declare i16 @llvm.bswap.i16(i16)",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Count:
    """Packets, and their bytes from the Ethernet header on."""

    packets: int
    bytes: int


class Counter(Closing):
    """An XDP program that counts frames by the last bits of their destination address, and drops them.

    `slots` is a power of two; anything but IPv4 is not counted, and goes to the stack.
    """

    def __init__(self, compiler: Compiler, slots: int = 1) -> None:
        if slots < 1 or slots & (slots - 1):
            raise ValueError(f"the number of slots is a power of two, not {slots}")
        self.slots = slots
        spec = MapSpec(NUMBERS, MapKind.ARRAY, 4, 16 * slots, 1, MMAPABLE)
        self._installed = Installed(compiler.compile(counter_text(slots), "xdp"), "xdp", (spec,))
        try:
            self._memory = self._installed.maps[NUMBERS].mapped()
        except BaseException:
            self._installed.close()
            raise

    @property
    def program(self) -> LoadedProgram:
        """To be attached by `Link.xdp`."""
        return self._installed.program

    def read(self, slot: int) -> Count:
        """What was counted in one slot."""
        return Count(*struct.unpack_from("<QQ", self._memory, 16 * slot))

    def read_all(self) -> list[Count]:
        """What was counted, by slot."""
        return [Count(*pair) for pair in struct.iter_unpack("<QQ", self._memory[: 16 * self.slots])]

    def total(self) -> Count:
        """What was counted in all slots."""
        found = self.read_all()
        return Count(sum(c.packets for c in found), sum(c.bytes for c in found))

    def clear(self) -> None:
        """Count from zero; a frame that comes meanwhile may be lost to the count."""
        self._memory[: 16 * self.slots] = bytes(16 * self.slots)

    def close(self) -> None:
        self._memory.close()
        self._installed.close()


def counter_text(slots: int) -> str:
    """The counter as LLVM IR."""
    return f"""{LAYOUT}
@{NUMBERS} = external global i64
define i32 @counter(ptr %ctx) section "xdp" {{
{FRAME_BOUNDS}
%reach = getelementptr i8, ptr %data, i64 {L4}
%short = icmp ugt ptr %reach, %end
br i1 %short, label %other, label %whole
whole:
%type_at = getelementptr i8, ptr %data, i64 12
%type = load i16, ptr %type_at, align 2
%ipv4 = icmp eq i16 %type, 8
br i1 %ipv4, label %count, label %other
other:
ret i32 2
count:
%dst_at = getelementptr i8, ptr %data, i64 30
%dst_net = load i32, ptr %dst_at, align 4
%dst = call i32 @llvm.bswap.i32(i32 %dst_net)
%slot = and i32 %dst, {slots - 1}
%index = zext i32 %slot to i64
%offset = shl i64 %index, 4
%packets = getelementptr i8, ptr @{NUMBERS}, i64 %offset
%bytes = getelementptr i8, ptr %packets, i64 8
%length = sub i64 %e64, %d64
%was = atomicrmw add ptr %packets, i64 1 monotonic
%had = atomicrmw add ptr %bytes, i64 %length monotonic
ret i32 1
}}
declare i32 @llvm.bswap.i32(i32)
"""
