"""From a graph to a program in the kernel. What the verifier cannot see through in time goes to the slow path too."""

from collections.abc import Sequence
from dataclasses import dataclass

from innet.xdp.compile import Code, Compiler
from innet.xdp.emit import Emitted, emit
from innet.xdp.graph import Graph
from innet.xdp.kernel import Installed, VerifierError
from innet.xdp.target import Leave, Redirect, Target
from innet.xdp.unsupported import WHOLE, Unsupported

TOO_COMPLEX = ("BPF program is too large", "too complex", "sequence of")
"""How the kernel says that a program may be right but takes it too long to see."""


@dataclass(frozen=True)
class InstalledGraph:
    """A graph in the kernel, as far as it goes: see `emitted.slow`."""

    emitted: Emitted
    code: Code
    installed: Installed


def install(
    graph: Graph,
    target: Target,
    divert: Leave | Redirect,
    compiler: Compiler,
    jiffies_per_second: int = 250,
    statistics: bool = False,
    refused: Sequence[Unsupported] = (),
    shared: bool = False,
) -> InstalledGraph:
    """Compile and load `graph`, without the regions `refused` from the start; while it is too complex for the verifier,
    its heaviest region becomes a slow one. Tables are `shared` with who takes the packets of divided regions, or not.

    Raises `VerifierError` if the program is refused for any other reason: that is a mistake of ours.
    """
    while True:
        emitted = emit(graph, target, divert, jiffies_per_second, refused, shared=shared)
        code = compiler.compile(emitted.llvm, emitted.section)
        try:
            return InstalledGraph(emitted, code, Installed(code, emitted.section, emitted.maps, statistics))
        except VerifierError as problem:
            if not emitted.weights or not problem.summary.startswith(TOO_COMPLEX):
                raise
            heaviest = max(emitted.weights, key=lambda region: emitted.weights[region])
            refused = [
                *emitted.slow,
                Unsupported(heaviest.element, heaviest.port, WHOLE, f"too complex: {problem.summary}"),
            ]
