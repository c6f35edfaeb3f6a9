"""Batcher's fast path as machine code of this processor, beside the reference interpreter, in packets per second.

The chain is that of examples/batcher.innet before its queue: CheckIPHeader, IPFilter(allow udp port 1500),
IPRewriter(pattern - - 172.16.15.133 - 0 0). Both take the same UDP packets out of memory and leave them in memory;
every packet, counter and table entry is compared first. The two are measured in turn, pair by pair.

    ./innet bench native [--pairs N] [--flows N] [--bytes N] [--json]
"""

import argparse
import ctypes
import json
import statistics
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from innet import ir
from innet.elements.build import build_one
from innet.elements.registry import everything
from innet.ir.interpret import PacketBuffer, State, ones_sum, run
from innet.xdp.graph import Graph, Input
from innet.xdp.native import Batch, NativeGraph, place
from innet.xdp.native_target import MAX_PACKET
from innet.xdp.target import Leave

CHAIN = (
    ("CheckIPHeader", ""),
    ("IPFilter", "allow udp port 1500"),
    ("IPRewriter", "pattern - - 172.16.15.133 - 0 0"),
)
OUT, DIVERT = Leave(100), Leave(32)
BATCHES = (256, 4096)
PAIRS = 20
NATIVE_PACKETS = 400_000
"""Packets of one measurement in machine code, some ten milliseconds."""
INTERPRETED_PACKETS = 500
HEADERS = 28
"""Bytes of IPv4 and UDP."""


def graph() -> Graph:
    """The chain, from its first element to the way out."""
    inputs = [Input(name, 0) for name, _ in CHAIN]
    programs = {
        into: build_one(everything()[name], arguments).trace(0, 1, name)
        for into, (name, arguments) in zip(inputs, CHAIN, strict=True)
    }
    ways = {(one.element, 0): after for one, after in zip(inputs, [*inputs[1:], OUT], strict=True)}
    return Graph(programs, inputs[0], ways)


def packets(count: int, flows: int, size: int) -> list[bytes]:
    """UDP packets of `size` bytes to port 1500, of so many flows in turn."""
    made = []
    for n in range(min(count, flows)):
        head = struct.pack(">BBHHHBBHII", 0x45, 0, size, n & 0xFFFF, 0, 64, 17, 0, 0x0A000000 + n, 0xAC100F01)
        head = head[:10] + struct.pack(">H", ~ones_sum(head) & 0xFFFF) + head[12:]
        udp = struct.pack(">HHHH", 1024 + n % 60_000, 1500, size - 20, 0)
        made.append(head + udp + bytes(size - HEADERS))
    return [made[n % len(made)] for n in range(count)]


class Interpreter:
    """The chain, run by the reference interpreter."""

    def __init__(self, whole: Graph) -> None:
        self.graph, self.state = whole, State()

    def run(self, given: Sequence[bytes]) -> list[bytes]:
        """What leaves for each packet; empty if it was dropped."""
        graph, state, out = self.graph, self.state, []
        assert isinstance(graph.entry, Input)
        for one in given:
            packet, at = PacketBuffer(one), graph.entry
            while isinstance(at, Input):
                verdict = run(graph.programs[at], packet, state).verdict
                if not isinstance(verdict, ir.Emit):
                    break
                way = graph.connections[at.element, verdict.port]
                if way == OUT:
                    break
                assert isinstance(way, Input)
                at = way
            out.append(packet.data if isinstance(verdict, ir.Emit) else b"")
        return out


def check(native: NativeGraph, interpreter: Interpreter, given: Sequence[bytes]) -> None:
    """A figure counts only if both do the same."""
    expected = interpreter.run(given)
    got = [left.data if left.code == OUT.code else b"" for left in native.run(given)]
    rows = {key: table.rows() for key, table in native.tables.items()}
    if got != expected or rows != {key: table.rows for key, table in interpreter.state.tables.items()}:
        raise SystemExit("machine code and interpreter do not agree")


@dataclass(frozen=True)
class Figures:
    """Packets per second of one batch size, measurement by measurement, in pairs."""

    batch: int
    native: list[float]
    interpreted: list[float]

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.native, self.interpreted, strict=True)]

    def json(self) -> dict[str, object]:
        return {
            "batch": self.batch,
            "native_packets_per_s": spread(self.native),
            "interpreter_packets_per_s": spread(self.interpreted),
            "ratio": spread(self.ratios),
            "pairs": len(self.native),
        }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def rate(work: Callable[[], int]) -> float:
    """Packets per second of `work`, which says how many it did."""
    started = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - started)


def measure(
    native: NativeGraph, interpreter: Interpreter, given: Sequence[bytes], size: int, pairs: int
) -> Figures:
    """So many pairs of measurements with batches of `size` packets."""
    longest = max(map(len, given))
    batch = Batch(size, size * (longest + 64) + native.room)
    memory = place(given[:size], batch)
    address = ctypes.addressof(memory)

    def in_machine_code() -> int:
        turns = max(1, NATIVE_PACKETS // size)
        for _ in range(turns):
            if native.run_batch(batch, address, size) != size:
                raise SystemExit("the arena is too small")
        return turns * size

    def interpreted() -> int:
        return len(interpreter.run(given[:INTERPRETED_PACKETS]))

    in_machine_code()
    interpreted()
    figures = [(rate(in_machine_code), rate(interpreted)) for _ in range(pairs)]
    return Figures(size, [a for a, _ in figures], [b for _, b in figures])


def table(results: Sequence[Figures], size: int, flows: int) -> str:
    """The figures as text."""
    lines = [f"{'packets/s':16}{'median':>14}{'least':>14}{'most':>14}{'ns/packet':>12}"]
    for r in results:
        rows = ((f"native, {r.batch}", r.native), ("interpreter", r.interpreted))
        for name, values in rows:
            lines.append(
                f"{name:16}{statistics.median(values):14,.0f}{min(values):14,.0f}{max(values):14,.0f}"
                f"{1e9 / statistics.median(values):12,.1f}"
            )
        s = spread(r.ratios)
        lines.append(f"{'ratio':16}{s['median']:14,.0f}{s['least']:14,.0f}{s['most']:14,.0f}")
    lines.append(
        f"Batcher's fast path, {size}-byte packets of {flows} flows; medians of {len(results[0].native)} interleaved "
        "pairs; packets and tables were compared"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 0 if both did the same."""
    parser = argparse.ArgumentParser(
        prog="innet bench native", description="Packets per second as machine code."
    )
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N", help=f"measurements (default: {PAIRS})"
    )
    parser.add_argument(
        "--flows", type=int, default=1, metavar="N", help="flows in turn, at most a batch (default: 1)"
    )
    parser.add_argument("--bytes", type=int, default=64, metavar="N", help="IPv4 packet length (default: 64)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(arguments)
    if not (HEADERS <= args.bytes <= MAX_PACKET and args.flows >= 1 and args.pairs >= 1):
        parser.error(f"--bytes is {HEADERS} to {MAX_PACKET}; --flows and --pairs are at least 1")
    given = packets(max(BATCHES), args.flows, args.bytes)
    with NativeGraph(graph(), DIVERT) as native:
        interpreter = Interpreter(native.graph)
        check(native, interpreter, given)
        results = [measure(native, interpreter, given, size, args.pairs) for size in BATCHES]
    if args.json:
        out = {"schema": 1, "bench": "native", "bytes": args.bytes, "flows": args.flows}
        print(json.dumps(out | {"batches": [r.json() for r in results]}))
    else:
        print(table(results, args.bytes, args.flows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
