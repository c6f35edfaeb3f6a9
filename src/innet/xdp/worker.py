"""The process that runs LLVM: a back end that gives up ends the process it is in, so it gets one of its own.

Requests and answers on standard input and output: a length (u32, little-endian), then that many bytes. A request is
LLVM IR as text; an answer is `+` and the object file, or `-` and a message.
"""

import os
import signal
import struct
import sys
from typing import IO

import llvmlite.binding as llvm

LENGTH = struct.Struct("<I")
CPU = "v3"
"""The instruction set: with v4 LLVM makes jump tables, which the loader does not take."""
SPEED = 1


def machine() -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple("bpf").create_target_machine(cpu=CPU, opt=2)


def compile_text(target: llvm.TargetMachine, text: str) -> bytes:
    """The ELF object of one module."""
    module = llvm.parse_assembly(text)
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=SPEED)
    tuning.loop_vectorization = tuning.slp_vectorization = False
    tuning.loop_unrolling = tuning.loop_interleaving = False
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(module, builder)
    return bytes(target.emit_object(module))


def read(stream: IO[bytes]) -> bytes | None:
    """One message; None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write(stream: IO[bytes], body: bytes) -> None:
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


def serve() -> None:
    """Answer requests until there are no more, or nobody waits for the answer."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # who started us held signals back for that moment
    target = machine()
    while (request := read(sys.stdin.buffer)) is not None:
        try:
            answer = b"+" + compile_text(target, request.decode())
        except RuntimeError as problem:  # what llvmlite raises for text that LLVM does not accept
            answer = b"-" + str(problem).encode()
        try:
            write(sys.stdout.buffer, answer)
        except BrokenPipeError:  # who asked was stopped meanwhile
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
            return


if __name__ == "__main__":
    serve()
