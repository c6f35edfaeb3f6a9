"""Packet programs in the kernel: IR -> LLVM IR -> BPF instructions -> a loaded program with its maps.

`emit` compiles a graph of programs for a `Target`, and names what has to run on the slow path and why; `compile` runs
LLVM in a child process; `kernel` is bpf(2); `install` goes all the way; `layout` says how state lies in maps;
`handover` reads what the kernel gives to the slow path. The reference interpreter (`innet.ir.interpret`) says what is
right: every element is compared with it in the kernel. See docs/decisions/0003-ir-and-the-kernel.md.
"""
