"""Programs: loaded, pinned, opened again, run on packets by hand; and what the verifier said about them."""

import ctypes
import os
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.syscall import (
    ATTRIBUTE_BYTES,
    ENABLE_STATS,
    PROG_LOAD,
    PROG_TEST_RUN,
    SYS_BPF,
    Resource,
    bpf,
    last_error,
    object_info,
    object_name,
    open_pinned,
    syscall,
)

PROGRAM_TYPES = {"tc": 3, "xdp": 6}
LOG_BYTES = 1 << 24
XDP_HAS_FRAGS = 1 << 5
"""BPF_F_XDP_HAS_FRAGS: the program takes frames of several buffers, so the device may have a large MTU. All programs
of one PROG_ARRAY have it or none."""
NAME_AT, ATTACH_TYPE_AT, FLAGS_AT = 48, 68, 44
"""Places in the attribute of PROG_LOAD."""
LIVE_FRAMES = 1 << 1
"""BPF_F_TEST_XDP_LIVE_FRAMES."""


class VerifierError(PlatformError):
    """The kernel's verifier refused a program: the line of its log that tells why, and all of it."""

    def __init__(self, summary: str, log: str) -> None:
        super().__init__(Diagnostic("P304", f"the kernel's verifier refused the program: {summary}"))
        self.summary, self.log = summary, log


NOISE = re.compile(
    r"^(processed \d|max_states|verification time|stack depth|\d+: |; |\s*$|R\d+(_w)?=|from \d+ to)"
)

TOO_LARGE = re.compile(r"BPF program is too large[^\n]*")
"""It stands behind the instruction that was one too many, on the same line."""


def summarise(log: str) -> str:
    """The telling line of a verifier log, with the instruction it is about."""
    lines = log.rstrip().splitlines()
    if too_large := TOO_LARGE.search(log):
        return too_large[0]
    for n in range(len(lines) - 1, -1, -1):
        if not NOISE.match(lines[n]):
            before = next((line for line in reversed(lines[:n]) if re.match(r"^\d+: \(", line)), "")
            return f"{lines[n].strip()} (at {before.strip()})" if before else lines[n].strip()
    return lines[-1] if lines else "the kernel gave no reason"


@dataclass(frozen=True, slots=True)
class TestRun:
    """What a program did with a packet: its verdict, the frame afterwards, and nanoseconds per run."""

    __test__ = False
    verdict: int
    frame: bytes
    duration_ns: int


@dataclass(frozen=True, slots=True)
class ProgramInfo:
    """What the kernel tells about a program; `tag` is a hash of its instructions, `memory_bytes` what it accounts.

    `run_time_ns` and `run_count` stand still unless statistics are on (`run_statistics`).
    """

    id: int
    name: str
    tag: str
    run_time_ns: int
    run_count: int
    verified_instructions: int
    memory_bytes: int


class LoadedProgram(Resource):
    """A program in the kernel; `processed` is how many instructions the verifier walked, if `statistics` were wanted.

    `flags` are those of BPF_PROG_LOAD, `attach_type` its expected_attach_type. Raises `VerifierError` if the verifier
    refuses the program, `PlatformError` if it is not loaded for another reason.
    """

    def __init__(
        self,
        instructions: bytes,
        section: str,
        name: str = "innet",
        statistics: bool = False,
        flags: int = 0,
        attach_type: int = 0,
    ) -> None:
        self.processed = 0
        try:
            super().__init__(_load(instructions, section, name, 0, flags, attach_type)[0])
        except OSError as problem:
            try:
                os.close(_load(instructions, section, name, 1, flags, attach_type)[0])
            except VerifierError as refused:
                raise refused from problem
            except OSError:
                pass
            raise PlatformError(
                Diagnostic("P303", f"the kernel did not load the program: {problem.strerror}")
            ) from problem
        if statistics:
            try:
                self.processed = self.info().verified_instructions
            except BaseException:
                self.close()
                raise

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The program pinned at `path`; `PlatformError` if there is none."""
        held = cls.__new__(cls)
        held.processed = 0
        Resource.__init__(held, open_pinned(path, "prog"))
        return held

    def info(self) -> ProgramInfo:
        """What the kernel tells about it now."""
        data = object_info(self.fd, 224)
        run_time, run_count, _, verified = struct.unpack_from("<QQQI", data, 192)
        return ProgramInfo(
            struct.unpack_from("<I", data, 4)[0],
            data[64:80].rstrip(b"\0").decode(),
            data[8:16].hex(),
            run_time,
            run_count,
            verified,
            self.memory(),
        )

    def run(self, frame: bytes, repeat: int = 1) -> TestRun:
        """Run it on `frame` (at least 14 bytes)."""
        size = 1 << 14
        given, out = ctypes.create_string_buffer(frame, len(frame)), ctypes.create_string_buffer(size)
        attribute = struct.pack(
            "<IIIIQQII",
            self.fd,
            0,
            len(frame),
            size,
            ctypes.addressof(given),
            ctypes.addressof(out),
            repeat,
            0,
        )
        _, after = bpf(PROG_TEST_RUN, attribute)
        verdict, _, length = struct.unpack_from("<III", after, 4)
        (duration,) = struct.unpack_from("<I", after, 36)
        return TestRun(verdict, out.raw[:length], duration)

    def verdicts(self, frame: bytes) -> Callable[[], int]:
        """A function that runs it on `frame` (at least 14 bytes) and says its verdict, as cheaply as can be."""
        given = ctypes.create_string_buffer(frame, len(frame))
        data = struct.pack("<IIIIQQII", self.fd, 0, len(frame), 0, ctypes.addressof(given), 0, 1, 0)
        attribute = ctypes.create_string_buffer(data, ATTRIBUTE_BYTES)
        verdict = ctypes.c_uint32.from_buffer(attribute, 4)

        def run(_: object = given) -> int:
            if syscall(SYS_BPF, PROG_TEST_RUN, attribute, ATTRIBUTE_BYTES) < 0:
                raise last_error()
            return verdict.value

        return run

    def run_live(self, frame: bytes, count: int, batch: int = 64) -> int:
        """Run it `count` times on copies of `frame` as if they had come in; verdicts are carried out. Nanoseconds for
        each, without the call's own costs and without other processes' turns.

        Interfaces are those of this thread's network namespace. The kernel reuses the copies of frames that are gone,
        as they were left: the program must write every byte it relies on. A call with `count` above 1 costs some
        12 to 28 ms besides, and ends with `InterruptedError` at a signal.
        """
        given = ctypes.create_string_buffer(frame, len(frame))
        attribute = bytearray(ATTRIBUTE_BYTES)
        struct.pack_into(
            "<IIIIQQI", attribute, 0, self.fd, 0, len(frame), 0, ctypes.addressof(given), 0, count
        )
        struct.pack_into("<III", attribute, 64, LIVE_FRAMES, 0, batch if count > 1 else 0)
        _, after = bpf(PROG_TEST_RUN, bytes(attribute))
        return int(struct.unpack_from("<I", after, 36)[0])


def _load(
    instructions: bytes, section: str, name: str, log_level: int, flags: int, attach_type: int
) -> tuple[int, str]:
    code = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(LOG_BYTES if log_level else 1)
    attribute = bytearray(ATTRIBUTE_BYTES)
    struct.pack_into(
        "<IIQQIIQ", attribute, 0, PROGRAM_TYPES[section], len(instructions) // 8, ctypes.addressof(code),
        ctypes.addressof(licence), log_level, LOG_BYTES if log_level else 0,
        ctypes.addressof(log) if log_level else 0,
    )  # fmt: skip
    struct.pack_into("<I", attribute, FLAGS_AT, flags)
    struct.pack_into("<I", attribute, ATTACH_TYPE_AT, attach_type)
    text = object_name(name)
    attribute[NAME_AT : NAME_AT + len(text)] = text
    try:
        return bpf(PROG_LOAD, bytes(attribute))[0], log.value.decode(errors="replace")
    except OSError:
        said = log.value.decode(errors="replace")
        if said:
            raise VerifierError(summarise(said), said) from None
        raise


def run_statistics() -> Resource:
    """Let the kernel count runs and run time of all programs until the result is closed (costs each run some ns)."""
    try:
        return Resource(bpf(ENABLE_STATS, struct.pack("<I", 0))[0])
    except OSError as problem:
        raise PlatformError(
            Diagnostic(
                "P305", f"the kernel does not time programs: {problem.strerror}", help="run it as root"
            )
        ) from problem


KNOWN_RATES = (100, 250, 300, 1000)


@cache
def jiffies_per_second() -> int:
    """How fast the kernel's jiffies go: measured once, with a program that returns them."""
    call, leave = struct.pack("<BBhi", 0x85, 0, 0, 118), struct.pack("<BBhi", 0x95, 0, 0, 0)
    with LoadedProgram(call + leave, "xdp") as program:
        frame = bytes(64)
        first, began = program.run(frame).verdict, time.monotonic()
        time.sleep(0.1)
        last, ended = program.run(frame).verdict, time.monotonic()
    rate = ((last - first) & 0xFFFFFFFF) / (ended - began)
    return min(KNOWN_RATES, key=lambda known: abs(known - rate))
