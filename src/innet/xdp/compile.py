"""LLVM IR to BPF instructions, in a child process, and the relocations left to do when maps exist."""

import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from innet.diagnostics import Diagnostic, PlatformError
from innet.signals import uninterrupted
from innet.xdp import worker
from innet.xdp.closing import Closing
from innet.xdp.layout import NUMBERS
from innet.xdp.target import MAY_GOTO

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


class Compiler(Closing):
    """The child process, started when first needed and again if it died; use it as a context manager."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

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
            with uninterrupted():
                self._child = subprocess.Popen(
                    [sys.executable, "-P", worker.__file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    process_group=0,  # Ctrl-C is for us; its standard input ends when we do
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


class CompilerError(PlatformError):
    """LLVM did not make instructions of a program."""


def failure(message: str) -> CompilerError:
    return CompilerError(
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
    return Code(patched(bodies[code]), tuple(relocations))


LOAD, STORE, ARITHMETIC, SHORT_ARITHMETIC = 1, 3, 7, 4
"""Classes of instructions: memory into a register, a register into memory, on 64-bit and 32-bit registers."""
CALL, JUMP, MAY_GOTO_CODE = 0x85, 0x05, 0xE5
JUMP_IF_EQUAL, JUMP_IF_NOT_EQUAL = 0x15, 0x55
INSTRUCTION = struct.Struct("<BBhi")


def patched(code: bytes) -> bytes:
    """Calls of `MAY_GOTO`, each with the test of its result, become `may_goto`, which LLVM has no intrinsic for."""
    out = bytearray(code)
    for at in range(0, len(code), INSTRUCTION_BYTES):
        kind, _, _, number = INSTRUCTION.unpack_from(code, at)
        if kind != CALL or number != MAY_GOTO:
            continue
        here = at + INSTRUCTION_BYTES
        moved = (LOAD, STORE, ARITHMETIC, SHORT_ARITHMETIC)
        while code[here] & 7 in moved and (code[here] & 7 == STORE or code[here + 1] & 15):
            out[here - INSTRUCTION_BYTES : here] = code[
                here : here + INSTRUCTION_BYTES
            ]  # what LLVM put between them
            here += INSTRUCTION_BYTES
        test, register, offset, value = INSTRUCTION.unpack_from(code, here)
        if register != 0 or value != 0 or test not in (JUMP_IF_EQUAL, JUMP_IF_NOT_EQUAL):
            raise failure("LLVM put something between a loop's end and its test")
        at = here - INSTRUCTION_BYTES
        if test == JUMP_IF_EQUAL:  # the end of the loop lies `offset` away: jump there, or fall through both
            INSTRUCTION.pack_into(out, at, MAY_GOTO_CODE, 0, offset + 1, 0)
            INSTRUCTION.pack_into(out, at + INSTRUCTION_BYTES, JUMP, 0, 0, 0)
        else:  # it lies right behind
            INSTRUCTION.pack_into(out, at, MAY_GOTO_CODE, 0, 1, 0)
            INSTRUCTION.pack_into(out, at + INSTRUCTION_BYTES, JUMP, 0, offset, 0)
    return bytes(out)
