"""LLVM IR to BPF instructions, in a child process, and the relocations left to do when maps exist."""

import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from innet.diagnostics import Diagnostic, PlatformError
from innet.xdp import worker
from innet.xdp.layout import NUMBERS

INSTRUCTION_BYTES = 8
PSEUDO_MAP_FD, PSEUDO_MAP_VALUE = 1, 2
"""Values of src_reg in a 64-bit immediate load (include/uapi/linux/bpf.h)."""
R_BPF_64_64 = 1
SHT_SYMTAB, SHT_REL = 2, 9


@dataclass(frozen=True, slots=True)
class Relocation:
    """The immediate of the instruction at byte `offset` is the map (or the numbers' address) called `symbol`."""

    offset: int
    symbol: str


@dataclass(frozen=True, slots=True)
class Code:
    """BPF instructions with holes for maps."""

    instructions: bytes
    relocations: tuple[Relocation, ...]

    @property
    def length(self) -> int:
        """Instructions, as the kernel counts them."""
        return len(self.instructions) // INSTRUCTION_BYTES

    def linked(self, maps: Mapping[str, int]) -> bytes:
        """The instructions with the file descriptors of `maps` in place."""
        out = bytearray(self.instructions)
        for r in self.relocations:
            kind = PSEUDO_MAP_VALUE if r.symbol == NUMBERS else PSEUDO_MAP_FD
            (addend,) = struct.unpack_from("<i", out, r.offset + 4)
            out[r.offset + 1] = out[r.offset + 1] & 0x0F | kind << 4
            struct.pack_into("<i", out, r.offset + 4, maps[r.symbol])
            struct.pack_into("<i", out, r.offset + 12, addend)
        return bytes(out)


class Compiler:
    """The child process, started when first needed and again if it died; use it as a context manager."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Compiler":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            child, self._child = self._child, None
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()
            child.wait()

    def compile(self, llvm: str, section: str) -> Code:
        """The instructions of `section`; `PlatformError` if LLVM refuses the text or gives up."""
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-P", worker.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            worker.write(self._child.stdin, llvm.encode())
            answer = worker.read(self._child.stdout)
        except BrokenPipeError:
            answer = None
        if answer is None:
            status = self._child.wait()
            self.close()
            raise failure(f"LLVM's BPF back end gave up (exit status {status})")
        if answer[:1] != b"+":
            raise failure(f"LLVM refused the program: {answer[1:].decode()}")
        return read_object(answer[1:], section)


def failure(message: str) -> PlatformError:
    return PlatformError(
        Diagnostic("P301", message, help="this is a mistake of the compiler, not of the module")
    )


def read_object(data: bytes, section: str) -> Code:
    """The code of `section` in an ELF object (64 bit, little-endian), with its relocations."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + n * size) for n in range(count)]
    bodies = [data[h[4] : h[4] + h[5]] for h in headers]

    def text(names: bytes, at: int) -> str:
        return names[at : names.index(b"\0", at)].decode()

    names = [text(bodies[names_at], h[0]) for h in headers]
    if section not in names:
        raise failure(f"LLVM made no section {section}")
    code = names.index(section)
    symbols = next(n for n, h in enumerate(headers) if h[1] == SHT_SYMTAB)
    strings = bodies[headers[symbols][6]]
    relocations = []
    for header, body in zip(headers, bodies, strict=True):
        if header[1] != SHT_REL or header[7] != code:
            continue
        for offset, info in struct.iter_unpack("<QQ", body):
            if info & 0xFFFFFFFF != R_BPF_64_64:
                raise failure(f"LLVM left a relocation of type {info & 0xFFFFFFFF}")
            (name,) = struct.unpack_from("<I", bodies[symbols], (info >> 32) * 24)
            relocations.append(Relocation(offset, text(strings, name)))
    return Code(bodies[code], tuple(relocations))
