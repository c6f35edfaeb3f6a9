"""The figures of the kernel data plane, each beside its target and what it is compared with.

Needs root: network namespaces, XDP programs. Ratios are from interleaved pairs in one run. Everything that is made is
removed at the end, also at Ctrl-C.

    ./innet bench platform [FIGURE...] [--pairs N] [--quick] [--json]
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the other files of this folder

from bench import _fastpath, _flood, _forwarding, _latency, _memory
from bench._figures import HEAD, Figure, Row, Scale
from bench._lab import interruptible
from innet.diagnostics import PlatformError

PAIRS = 20
QUICK_PAIRS = 2


def nat(scale: Scale) -> Iterator[Figure]:
    """iperf3 TCP through a NAT module against the kernel's forwarding, all offloads on."""
    from bench import _traffic

    found = _traffic.nat_against_kernel(scale.pairs, 1)
    gigabits = [sorted(one)[len(one) // 2] / 1e9 for one in (found.module, found.kernel)]
    yield Figure(
        "iperf3 TCP through a NAT module on tcx", "%", tuple(100 * ratio for ratio in found.ratios), 80, True,
        against="kernel forwarding, all offloads on", note="{:.1f} against {:.1f} Gb/s".format(*gigabits),
    )  # fmt: skip


FIGURES: dict[str, Row] = {
    "fast-path": _fastpath.fast_path,
    "pass-through": _fastpath.pass_through,
    "forwarding": _forwarding.forwarding,
    "nat": nat,
    "tenants": _forwarding.tenants,
    "shapes": _forwarding.shapes,
    "memory": _memory.memory,
    "capacity": _memory.capacity,
    "flood": _flood.flood,
    "first-packet": _latency.first_packet,
    "first-packets": _latency.many_first_packets,
    "suspend": _latency.suspend,
    "sandbox": _forwarding.sandbox,
    "slow-path": _latency.slow_path,
}
"""What can be measured, by the name that is given on the command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 if all of it could be measured."""
    parser = argparse.ArgumentParser(
        prog="innet bench platform",
        description="Figures of the kernel data plane, with targets and comparisons.",
        epilog="figures: " + ", ".join(FIGURES),
    )
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE", help="measure only these (default: all)", default=()
    )
    parser.add_argument(
        "--pairs",
        type=int,
        default=None,
        metavar="N",
        help=f"interleaved pairs for a ratio (default: {PAIRS})",
    )
    parser.add_argument(
        "--quick", action="store_true", help="little of everything: whether it works, not how fast"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.figures if name not in FIGURES]
    if unknown:
        parser.error(f"there is no figure '{unknown[0]}'; there are {', '.join(FIGURES)}")
    if args.pairs is not None and args.pairs < 1:
        parser.error("--pairs is at least 1")
    scale = Scale(args.pairs or (QUICK_PAIRS if args.quick else PAIRS), args.quick)
    interruptible()
    return measure(args.figures or list(FIGURES), scale, args.json)


def measure(names: Sequence[str], scale: Scale, as_json: bool) -> int:
    """Print each figure as soon as it is there, and what was reached and missed."""
    found: list[tuple[str, Figure]] = []
    failed: dict[str, str] = {}
    if not as_json:
        print(HEAD)
    for name in names:
        try:
            for figure in FIGURES[name](scale):
                found.append((name, figure))
                if not as_json:
                    print("\n".join(figure.lines()), flush=True)
        except (PlatformError, SystemExit) as problem:
            failed[name] = str(problem)
            if not as_json:
                print(f"{name}: could not be measured: {problem}", flush=True)
    reached = [figure for _, figure in found if figure.reached]
    missed = [figure for _, figure in found if figure.reached is False]
    if as_json:
        print(json.dumps({
            "schema": 1, "bench": "platform", "pairs": scale.pairs, "quick": scale.quick,
            "figures": [{"name": name, **figure.json()} for name, figure in found], "failed": failed,
        }))  # fmt: skip
    else:
        print(
            f"\n{len(reached)} reached, {len(missed)} missed, {len(failed)} not measured; {circumstances()}"
        )
        for figure in missed:
            print(f"  missed: {figure.what} ({figure.statistic}), target {figure.target} {figure.unit}")
        if scale.quick:
            print("  --quick measures too little for any of this to mean much")
    return 1 if failed else 0


def circumstances() -> str:
    """What else this machine was doing."""
    with contextlib.suppress(OSError):
        return f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    return f"{os.cpu_count()} CPUs"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; what was made is removed")
