"""bpf(2): maps, programs, test runs. Linux on x86-64, as root."""

import ctypes
import os
import re
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp.compile import Code
from innet.xdp.layout import MapKind, MapSpec

SYS_BPF = 321
ATTRIBUTE_BYTES = 160
MAP_CREATE, MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, MAP_GET_NEXT_KEY, PROG_LOAD = range(6)
PROG_TEST_RUN = 10
MAP_LOOKUP_BATCH, MAP_LOOKUP_AND_DELETE_BATCH, MAP_UPDATE_BATCH, MAP_DELETE_BATCH = 24, 25, 26, 27
"""Commands, from the kernel's include/uapi/linux/bpf.h."""
PROGRAM_TYPES = {"tc": 3, "xdp": 6}
LOG_BYTES = 1 << 24
ENOENT = 2
_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attribute: bytes) -> tuple[int, bytes]:
    """The system call: its result and the attribute afterwards; `OSError` if it failed."""
    buffer = ctypes.create_string_buffer(attribute.ljust(ATTRIBUTE_BYTES, b"\0"), ATTRIBUTE_BYTES)
    result = _libc.syscall(SYS_BPF, command, buffer, ATTRIBUTE_BYTES)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result, buffer.raw


class Resource:
    """A file descriptor that is closed at the end."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Give it back; the kernel keeps what is still attached."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> "Resource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Map(Resource):
    """A map: `spec` says how it was made."""

    def __init__(self, spec: MapSpec) -> None:
        attribute = struct.pack(
            "<IIIII", spec.kind.value, spec.key_size, spec.value_size, spec.entries, spec.flags
        )
        try:
            super().__init__(bpf(MAP_CREATE, attribute)[0])
        except OSError as problem:
            raise PlatformError(
                Diagnostic("P302", f"the kernel made no map for {spec.symbol}: {problem.strerror}")
            ) from problem
        self.spec = spec
        for key, value in spec.initial:
            self.update(key, value)

    def _element(self, command: int, key: bytes | None, value: "ctypes.Array[ctypes.c_char] | None") -> None:
        key_buffer = None if key is None else ctypes.create_string_buffer(key, len(key))
        key_at = 0 if key_buffer is None else ctypes.addressof(key_buffer)
        value_at = 0 if value is None else ctypes.addressof(value)
        bpf(command, struct.pack("<IIQQQ", self.fd, 0, key_at, value_at, 0))

    def lookup(self, key: bytes) -> bytes | None:
        """The value of `key`."""
        value = ctypes.create_string_buffer(self.spec.value_size)
        try:
            self._element(MAP_LOOKUP_ELEM, key, value)
        except OSError as problem:
            if problem.errno == ENOENT:
                return None
            raise
        return value.raw

    def update(self, key: bytes, value: bytes) -> None:
        """Set the value of `key`; `OSError` (E2BIG) if the map is full."""
        self._element(MAP_UPDATE_ELEM, key, ctypes.create_string_buffer(value, len(value)))

    def delete(self, key: bytes) -> bool:
        """Remove `key`; whether it was there."""
        try:
            self._element(MAP_DELETE_ELEM, key, None)
        except OSError as problem:
            if problem.errno == ENOENT:
                return False
            raise
        return True

    def keys(self) -> Iterator[bytes]:
        """All keys, one system call each; for many use `dump`."""
        key: bytes | None = None
        while True:
            following = ctypes.create_string_buffer(self.spec.key_size)
            try:
                self._element(MAP_GET_NEXT_KEY, key, following)
            except OSError as problem:
                if problem.errno == ENOENT:
                    return
                raise
            key = following.raw
            yield key

    def dump(self, chunk: int = 4096) -> list[tuple[bytes, bytes]]:
        """All entries, by batches of at least `chunk`, which must be no less than a hash bucket holds."""
        found: list[tuple[bytes, bytes]] = []
        keys = ctypes.create_string_buffer(self.spec.key_size * chunk)
        values = ctypes.create_string_buffer(self.spec.value_size * chunk)
        mark = ctypes.create_string_buffer(max(8, self.spec.key_size))
        started = False
        while True:
            start = ctypes.addressof(mark) if started else 0
            attribute = struct.pack(
                "<QQQQIIQQ", start, ctypes.addressof(mark), ctypes.addressof(keys), ctypes.addressof(values),
                chunk, self.fd, 0, 0,
            )  # fmt: skip
            buffer = ctypes.create_string_buffer(attribute.ljust(ATTRIBUTE_BYTES, b"\0"), ATTRIBUTE_BYTES)
            result = _libc.syscall(SYS_BPF, MAP_LOOKUP_BATCH, buffer, ATTRIBUTE_BYTES)
            number = ctypes.get_errno() if result < 0 else 0
            if number not in (0, ENOENT):
                raise OSError(number, os.strerror(number))
            (count,) = struct.unpack_from("<I", buffer.raw, 32)
            k, v = self.spec.key_size, self.spec.value_size
            found += [(keys.raw[n * k : n * k + k], values.raw[n * v : n * v + v]) for n in range(count)]
            if number == ENOENT:
                return found
            started = True

    def update_all(self, rows: Mapping[bytes, bytes]) -> None:
        """Set many entries by one system call."""
        if not rows:
            return
        keys, values = b"".join(rows), b"".join(rows.values())
        key_buffer, value_buffer = (ctypes.create_string_buffer(b, len(b)) for b in (keys, values))
        attribute = struct.pack(
            "<QQQQIIQQ",
            0,
            0,
            ctypes.addressof(key_buffer),
            ctypes.addressof(value_buffer),
            len(rows),
            self.fd,
            0,
            0,
        )
        bpf(MAP_UPDATE_BATCH, attribute)


class VerifierError(PlatformError):
    """The kernel's verifier refused a program: the line of its log that tells why, and all of it."""

    def __init__(self, summary: str, log: str) -> None:
        super().__init__(Diagnostic("P304", f"the kernel's verifier refused the program: {summary}"))
        self.summary, self.log = summary, log


NOISE = re.compile(
    r"^(processed \d|max_states|verification time|stack depth|\d+: |; |\s*$|R\d+(_w)?=|from \d+ to)"
)


def summarise(log: str) -> str:
    """The telling line of a verifier log, with the instruction it is about."""
    lines = log.rstrip().splitlines()
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


class LoadedProgram(Resource):
    """A program in the kernel; `processed` is how many instructions the verifier walked."""

    def __init__(
        self, instructions: bytes, section: str, name: str = "innet", statistics: bool = False
    ) -> None:
        self.processed = 0
        try:
            super().__init__(_load(instructions, section, name, 0)[0])
        except OSError as problem:
            try:
                _load(instructions, section, name, 1)
            except VerifierError as refused:
                raise refused from problem
            raise PlatformError(
                Diagnostic("P303", f"the kernel did not load the program: {problem.strerror}")
            ) from problem
        if statistics:
            fd, log = _load(instructions, section, name, 4)
            os.close(fd)
            found = re.search(r"processed (\d+) insns", log)
            self.processed = int(found.group(1)) if found else 0

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


def _load(instructions: bytes, section: str, name: str, log_level: int) -> tuple[int, str]:
    code = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(LOG_BYTES if log_level else 1)
    attribute = bytearray(ATTRIBUTE_BYTES)
    struct.pack_into(
        "<IIQQIIQ", attribute, 0, PROGRAM_TYPES[section], len(instructions) // 8, ctypes.addressof(code),
        ctypes.addressof(licence), log_level, LOG_BYTES if log_level else 0,
        ctypes.addressof(log) if log_level else 0,
    )  # fmt: skip
    attribute[48 : 48 + min(len(name), 15)] = name.encode()[:15]
    try:
        return bpf(PROG_LOAD, bytes(attribute))[0], log.value.decode(errors="replace")
    except OSError:
        text = log.value.decode(errors="replace")
        if text:
            raise VerifierError(summarise(text), text) from None
        raise


class Installed:
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

    def __enter__(self) -> "Installed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


KNOWN_RATES = (100, 250, 300, 1000)


def jiffies_per_second() -> int:
    """How fast the kernel's jiffies go: measured with a program that returns them."""
    call, leave = struct.pack("<BBhi", 0x85, 0, 0, 118), struct.pack("<BBhi", 0x95, 0, 0, 0)
    with LoadedProgram(call + leave, "xdp") as program:
        assert isinstance(program, LoadedProgram)
        frame = bytes(64)
        first, began = program.run(frame).verdict, time.monotonic()
        time.sleep(0.1)
        last, ended = program.run(frame).verdict, time.monotonic()
    rate = ((last - first) & 0xFFFFFFFF) / (ended - began)
    return min(KNOWN_RATES, key=lambda known: abs(known - rate))


__all__ = [
    "Installed",
    "LoadedProgram",
    "Map",
    "MapKind",
    "TestRun",
    "VerifierError",
    "bpf",
    "jiffies_per_second",
    "summarise",
]
