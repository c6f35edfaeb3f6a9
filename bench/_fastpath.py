"""What a program costs by itself: the kernel runs it on one packet in its memory, a million times (BPF_PROG_TEST_RUN).

All figures are net of a program that does nothing, measured in turn with it: so much does a run itself take. Both are
called by a program that restores the packet.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace

from bench._figures import Figure, Scale, pairs
from bench._lab import HOST_MAC, NIC_MAC, POOL, Lab, dotted, lab, on_cpu, udp
from innet.dataplane import flows
from innet.dataplane.compose import ENTRY_GATE, EXIT_GATE, SEND, Wire, compose
from innet.dataplane.dispatcher import TAIL_CALL
from innet.dataplane.plane import KernelAgent
from innet.xdp.closing import Closing
from innet.xdp.compile import Compiler
from innet.xdp.generator import FRAME_BOUNDS
from innet.xdp.graph import Destination, Graph, Input
from innet.xdp.host import SCRATCH
from innet.xdp.install import InstalledGraph, install
from innet.xdp.kernel import Installed, LoadedProgram, possible_cpus
from innet.xdp.layout import MapKind, MapSpec
from innet.xdp.target import LAYOUT, Leave, Xdp

TRANSMIT = Leave(3)
RUNS, QUICK_RUNS = 1_000_000, 20_000
BATCHER = (
    "FromNetfront() -> {check}IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)"
    " -> ToNetfront();"
)
CHECKED, UNCHECKED = BATCHER.format(check="CheckIPHeader(OFFSET 14) -> "), BATCHER.format(check="")
TEN = " -> ".join(
    ["Null", "Align(4, 2)", "Paint(1)", "Null", "PushNull", "Null", "Align(4, 2)", "Paint(2)", "Null", "Null"]
)


def graph(text: str, smaller: bool = False) -> Graph:
    """A module without what the platform puts around it; if `smaller`, without what is proven to make no difference
    behind the platform's gate."""
    whole = compose(text, "bench", dotted(POOL), Wire(1, HOST_MAC, NIC_MAC), smaller=smaller).graph
    entry = whole.connections[ENTRY_GATE, 0]
    assert isinstance(entry, Input)

    def target(to: Destination) -> Destination:
        return TRANSMIT if to == SEND else to

    return replace(
        whole,
        programs={at: p for at, p in whole.programs.items() if at.element not in (ENTRY_GATE, EXIT_GATE)},
        entry=entry,
        connections={
            way: target(to) for way, to in whole.connections.items() if way[0] not in (ENTRY_GATE, EXIT_GATE)
        },
        held={name: target(to) for name, to in whole.held.items()},
    )


def alone(text: str, compiler: Compiler, smaller: bool = False) -> InstalledGraph:
    """A module as a program by itself, all of it in the kernel."""
    made = install(graph(text, smaller), Xdp(), Leave(0), compiler)
    if made.emitted.slow:
        raise SystemExit(f"not in the kernel: {made.emitted.slow[0]}")
    return made


def returning(verdict: int) -> LoadedProgram:
    """The program that does nothing."""
    return LoadedProgram(
        struct.pack("<BBhi", 0xB7, 0, 0, verdict) + struct.pack("<BBhi", 0x95, 0, 0, 0), "xdp"
    )


class Restored(Closing):
    """A program that is called on the same packet each time: a test run does not restore what a program has changed, so
    another comes before it, and calls it. It writes words where programs read them: a read of bytes that two writes
    have just made waits for both, which no packet from a wire does.
    """

    def __init__(self, compiler: Compiler, frame: bytes, program: LoadedProgram) -> None:
        spec = MapSpec("programs", MapKind.PROG_ARRAY, 4, 4, 1)
        self._installed = Installed(compiler.compile(restorer(frame), "xdp"), "xdp", (spec,))
        self._installed.maps["programs"].set_program(0, program.fd)
        self.frame, self.run = frame, self._installed.program.run

    def time(self, runs: int, verdict: int | None = None) -> float:
        """Nanoseconds of a run, whose verdict must be this one."""
        done = self.run(self.frame, runs)
        if verdict not in (None, done.verdict):
            raise SystemExit(f"the packet did not go through: verdict {done.verdict}, not {verdict}")
        return done.duration_ns

    def close(self) -> None:
        self._installed.close()


def restorer(frame: bytes) -> str:
    """LLVM IR of a program that writes the headers of `frame` to the packet and calls the program in slot 0."""
    lines = []
    for at, size in ((0, 4), (4, 4), (8, 4), (12, 2), *((at, 4) for at in range(14, 42, 4))):
        word = int.from_bytes(frame[at : at + size], "little")
        lines.append(f"%p{at} = getelementptr i8, ptr %data, i64 {at}")
        lines.append(f"store i{8 * size} {word}, ptr %p{at}, align {size}")
    stores = "\n".join(lines)
    return f"""{LAYOUT}
@programs = external global i8
define i32 @restorer(ptr %ctx) section "xdp" {{
{FRAME_BOUNDS}
%behind = getelementptr i8, ptr %data, i64 42
%short = icmp ugt ptr %behind, %end
br i1 %short, label %lost, label %whole
lost:
ret i32 0
whole:
{stores}
%called = call i64 inttoptr (i64 {TAIL_CALL} to ptr)(ptr %ctx, ptr @programs, i32 0)
ret i32 0
}}
"""


def net(
    program: LoadedProgram, base: LoadedProgram, scale: Scale, verdict: int, compiler: Compiler
) -> tuple[float, ...]:
    """Nanoseconds of a run of `program` beyond one of `base`, by pair; both on the same packet each time."""
    frame, runs = udp(POOL), scale.of(RUNS, QUICK_RUNS)
    with (
        Restored(compiler, frame, program) as whole,
        Restored(compiler, frame, base) as nothing,
        on_cpu(1),
    ):
        taken = pairs(scale.pairs, lambda: whole.time(runs, verdict), lambda: nothing.time(runs))
        return tuple(a - b for a, b in taken)


def fast_path(scale: Scale) -> Iterator[Figure]:
    """Batcher's kernel part by itself, and on a platform."""
    with Compiler() as compiler, returning(2) as empty:
        for text, smaller, what, limit in (
            (CHECKED, False, "Batcher's fast path, flow table kept", 42.0),
            (CHECKED, True, "the same, flow table proven away", 15.0),
            (UNCHECKED, True, "the same without the element CheckIPHeader", None),
        ):
            with alone(text, compiler, smaller).installed as made:
                values = net(made.program, empty, scale, TRANSMIT.code, compiler)
            yield Figure(
                f"{what}, net of the empty program", "ns", values, limit, against="the program by itself"
            )
    with lab() as place, returning(2) as empty:
        agent = place.agent()
        yield Figure(
            "the same on a platform: account, quota, gates",
            "ns",
            net(hosted(place, agent, CHECKED), empty, scale, 4, agent.compiler),
            against="the module's program, without the dispatcher",
        )


def hosted(place: Lab, agent: KernelAgent, text: str) -> LoadedProgram:
    """The program of a running module, as the dispatcher calls it."""
    wanted = place.deployment(text)
    agent.apply(wanted)
    agent.resume(wanted.id)
    one = agent.registry.by_id[wanted.id]
    agent.base.maps[SCRATCH].update(bytes(4), one.index.to_bytes(8, "little") * possible_cpus())
    emitted = one.shape.emitted
    return agent.base.load(one.shape.code, emitted.section, flows.symbols(emitted, one.tables))


def pass_through(scale: Scale) -> Iterator[Figure]:
    """Ten elements that change nothing of a packet's bytes."""
    short, long = "FromNetfront() -> ToNetfront();", f"FromNetfront() -> {TEN} -> ToNetfront();"
    with (
        Compiler() as compiler,
        alone(short, compiler).installed as none,
        alone(long, compiler).installed as ten,
    ):
        values = net(ten.program, none.program, scale, TRANSMIT.code, compiler)
    yield Figure(
        "a chain of ten pass-through elements", "ns", values, 3.0, against="the same chain without them"
    )
