"""`innet run` on a capture: packets per second by machine code and by the reference interpreter, reading and writing
the captures included.

The chief figure is that of Batcher's fast path (examples/batcher.innet before its queue) over a million packets. The
interpreter, which is thousands of times slower, runs the capture's first packets; what both write of these is compared
byte for byte, and the long run's output has to begin with it. The two are measured in turn, pair by pair.

    ./innet bench run [NAME…] [--packets N] [--pairs N] [--json]
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the other files of this folder

from bench._figures import HEAD, Figure, pairs
from innet.cli.progress import terminal
from innet.cli.run import Files
from innet.diagnostics import Source
from innet.ir.interpret import ones_sum
from innet.native.chunks import ChunkIo
from innet.native.router import NativeRouter
from innet.runtime.build import build, build_as

PACKETS, INTERPRETED, PAIRS = 1_000_000, 3_000, 5
WANTED = 1_000_000
"""Packets per second by machine code."""
FRAME = 60
READ, PREFIX, WROTE = "in.pcap", "prefix.pcap", "out.pcap"
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Case:
    """A configuration between the two captures, and how many flows the packets are of."""

    what: str
    elements: str
    flows: int = 100
    wanted: int | None = None

    def text(self, capture: str) -> str:
        return f"FromDump({capture}, STOP true) {self.elements} -> ToDump({WROTE});\n"


RULES = [f"deny src net 172.16.{n}.0/24 && dst port {8000 + n}" for n in range(19)]
CASES = {
    "batcher": Case(
        "Batcher's fast path",
        "-> Strip(14) -> CheckIPHeader -> IPFilter(allow udp port 1500)"
        " -> IPRewriter(pattern - - 172.16.15.133 - 0 0)",
        wanted=WANTED,
    ),
    "forward": Case("nothing between the captures", ""),
    "firewall": Case(
        "a firewall of 20 rules",
        f"-> Strip(14) -> CheckIPHeader -> IPFilter({', '.join(RULES)}, allow udp)",
    ),
    "nat": Case(
        "a NAT with 50,000 flows",
        "-> Strip(14) -> CheckIPHeader -> IPRewriter(pattern 192.0.2.1 10000-65000# - - 0 0)",
        flows=50_000,
    ),
}


def frame(flow: int) -> bytes:
    """An Ethernet frame with a UDP packet to port 1500."""
    size = FRAME - 14
    head = struct.pack(
        ">BBHHHBBHII", 0x45, 0, size, flow & 0xFFFF, 0, 64, 17, 0, 0x0A000000 + flow, 0xAC100F01
    )
    head = head[:10] + struct.pack(">H", ~ones_sum(head) & 0xFFFF) + head[12:]
    udp = struct.pack(">HHHH", 1024 + flow % 60_000, 1500, size - 20, 0)
    return bytes(12) + b"\x08\x00" + head + udp + bytes(size - 28)


def write_capture(path: Path, packets: int, flows: int) -> None:
    """A capture of so many packets, of the flows in turn, a microsecond apart."""
    frames = [frame(flow) for flow in range(min(flows, packets))]
    with path.open("wb") as stream:
        stream.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for start in range(0, packets, 10_000):
            part = bytearray()
            for n in range(start, min(start + 10_000, packets)):
                seconds, micros = divmod(n, 1_000_000)
                part += struct.pack("<IIII", 10**9 + seconds, micros, FRAME, FRAME) + frames[n % len(frames)]
            stream.write(part)


def seconds(case: Case, capture: str, native: bool) -> float:
    """How long a run takes: reading, all elements, writing. The configuration is built and compiled before."""
    files = Files(terminal())
    source = Source(case.what, case.text(capture))
    if native:
        fast, _ = build_as(NativeRouter, source, files.io(ChunkIo))
        if not fast.compile():
            raise SystemExit(f"{case.what}: nothing was compiled")
        router = fast
    else:
        router, _ = build(source, files.io())
    since = time.perf_counter()
    router.run()
    files.close()
    return time.perf_counter() - since


def whole_process(case: Case, native: bool, capture: str) -> float:
    """How long `innet run` takes, from its start to its end."""
    words = ["run", "-e", case.text(capture), "--backend", "native" if native else "interpreter"]
    since = time.perf_counter()
    subprocess.run(
        [sys.executable, "-P", "-m", "innet.cli", *words],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    return time.perf_counter() - since


def check(case: Case) -> None:
    """A figure counts only if both write the same."""
    wrote = Path(WROTE)
    seconds(case, PREFIX, native=False)
    expected = wrote.read_bytes()
    seconds(case, PREFIX, native=True)
    if wrote.read_bytes() != expected:
        raise SystemExit(f"{case.what}: machine code and interpreter do not agree")
    seconds(case, READ, native=True)
    with wrote.open("rb") as stream:
        if stream.read(len(expected)) != expected:
            raise SystemExit(f"{case.what}: the long run does not begin as the short one")


def figures(case: Case, packets: int, count: int) -> Iterator[Figure]:
    """What one configuration reaches, in a folder of its own."""
    few = min(INTERPRETED, packets)
    write_capture(Path(READ), packets, case.flows)
    write_capture(Path(PREFIX), few, case.flows)
    check(case)
    found = pairs(
        count,
        lambda: packets / seconds(case, READ, native=True),
        lambda: few / seconds(case, PREFIX, native=False),
    )
    native, interpreted = (tuple(one) for one in zip(*found, strict=True))
    what = case.what
    yield Figure(f"{what}: machine code", "packets/s", native, case.wanted, at_least=True)
    yield Figure(f"{what}: interpreter", "packets/s", interpreted, note=f"the first {few:,} packets")
    yield Figure(f"{what}: machine code is faster", "times", tuple(a / b for a, b in found))
    spent = pairs(
        max(1, count // 2),
        lambda: whole_process(case, True, READ),
        lambda: whole_process(case, False, PREFIX),
    )
    yield Figure(
        f"{what}: whole, machine code",
        "packets/s",
        tuple(packets / one for one, _ in spent),
        note="from its start to its end, with parser and compiler",
    )
    yield Figure(f"{what}: whole, interpreter", "packets/s", tuple(few / one for _, one in spent))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 0 if both did the same."""
    parser = argparse.ArgumentParser(
        prog="innet bench run", description="Packets per second of `innet run` on captures."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)} (default: all)")
    parser.add_argument(
        "--packets", type=int, default=PACKETS, metavar="N", help=f"in the capture (default: {PACKETS:,})"
    )
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N", help=f"measurements (default: {PAIRS})"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.names if name not in CASES]
    if unknown or args.packets < 1 or args.pairs < 1:
        parser.error(f"names are {', '.join(CASES)}; --packets and --pairs are at least 1")
    found: list[tuple[str, Figure]] = []
    if not args.json:
        print(HEAD)
    before = Path.cwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name in args.names or CASES:
                for figure in figures(CASES[name], args.packets, args.pairs):
                    found.append((name, figure))
                    if not args.json:
                        print("\n".join(figure.lines()), flush=True)
        finally:
            os.chdir(before)
    if args.json:
        out = {"schema": 1, "bench": "run", "packets": args.packets, "pairs": args.pairs}
        print(json.dumps(out | {"figures": [{"name": name, **figure.json()} for name, figure in found]}))
    else:
        print(
            f"\n{args.packets:,} packets of {FRAME} bytes read from a capture and written to one; medians of "
            f"{args.pairs} interleaved pairs; what was written was compared"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
