"""The figures of the proofs, each beside its target and the paper's.

Every value is the CPU time of a process of its own that does nothing else (proofs wait for nothing, so that on an idle
machine the clock says the same). *Cold*: imports done, snapshot parsed, nothing explored. *Next*: requests of other
shapes and constants on the same snapshot. Answers are checked; a wrong one ends the bench.

    ./innet bench proof [ROW...] [--quick] [--plots] [--json]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the other files of this folder

from bench import _growth, _proofs
from bench._figures import HEAD, Figure, Row, Scale

OUT = Path(__file__).resolve().parent / "out"


def values(name: str, number: int, *more: int) -> dict[str, list[float]]:
    """What `_proofs.MEASURES[name]` measures, each time in a new process: milliseconds (or megabytes) by what."""
    found: dict[str, list[float]] = {}
    for seed in range(number):
        command = [sys.executable, "-P", __file__, "--one", name, "--arguments", json.dumps([seed, *more])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{name}: {done.stderr or done.returncode}")
        for what, some in json.loads(done.stdout).items():
            found.setdefault(what, []).extend(some)
    return found


def ms(found: dict[str, list[float]], what: str) -> tuple[float, ...]:
    return tuple(found[what])


PAPER = "paper: "


def figure3(scale: Scale) -> Iterator[Figure]:
    """One request on the network of Figure 3: that of Figure 4; and of all kinds, each kind for the first time."""
    found = values("figure4", scale.of(21, 2))
    what = "Figure 4's request on Figure 3's network"
    yield Figure(f"{what}, cold", "ms", ms(found, "cold"), 5, against=PAPER + "106 ms")
    yield Figure(f"{what}, next", "ms", ms(found, "next"), 5)
    found = values("requests", scale.of(21, 2), 0)
    yield Figure("any request on Figure 3's network, next", "ms", ms(found, "next"), 5)
    yield Figure("any request on Figure 3's network, next", "ms", ms(found, "next"), 5, statistic="p99")


def boxes(scale: Scale) -> Iterator[Figure]:
    """One request on generated networks; the larger ones on its own."""
    of_1000: float | None = None
    sizes = ((1_000, 14), (10_000, 3), (100_000, 1)) if not scale.quick else ((100, 1), (200, 1))
    for size, number in sizes:
        found = values("requests", number, size)
        first = size == sizes[0][0]
        cold, later = ms(found, "cold"), Figure(f"{size:,} boxes, next", "ms", ms(found, "next"))
        note = f"{max(found['memory']):,.0f} MB"
        yield Figure(
            f"{size:,} boxes, cold", "ms", cold, 150 if first else None, against=PAPER + "1.3 s" if first else "",
            note=note,
        )  # fmt: skip
        if of_1000 is None:
            of_1000 = later.value
            yield Figure(later.what, "ms", later.values, 10)
            yield Figure(later.what, "ms", later.values, 10, statistic="p99")
        else:
            ratio = tuple(value / of_1000 for value in later.values)
            yield later
            yield Figure(f"{size:,} boxes, next, against {sizes[0][0]:,}", "times", ratio, 2)
    yield Figure(f"memory at {size:,} boxes", "MB", ms(found, "memory"), 2_000)


def prefixes(scale: Scale) -> Iterator[Figure]:
    """A router with very many prefixes."""
    for count in (100_000, 1_000_000) if not scale.quick else (1_000,):
        found = values("prefixes", 1, count)
        limit = 2 * count / 100_000
        yield Figure(f"a router with {count:,} prefixes, load", "s", ms(found, "load"), limit)
        yield Figure(f"a router with {count:,} prefixes, a question", "ms", ms(found, "question"), 10)


def rules(scale: Scale) -> Iterator[Figure]:
    """A policy of many rules."""
    size, count = scale.of(1_000, 100), scale.of(100, 10)
    found = values("rules", 1, size, count)
    yield Figure(f"{count} rules on {size:,} boxes, a module added", "ms", ms(found, "next"), 50)
    yield Figure(f"{count} rules on {size:,} boxes, the first", "ms", ms(found, "cold"))


def tenants(scale: Scale) -> Iterator[Figure]:
    """One tenant more, beside few and many."""
    first: float | None = None
    for number in (10, 1_000, 10_000) if not scale.quick else (3, 20):
        found = values("tenants", 1, number)
        one = Figure(f"tenant N+1 at N = {number:,}", "ms", ms(found, "next"))
        yield one
        if first is None:
            first = one.value
        else:
            yield Figure(
                f"tenant N+1 at N = {number:,}, against the first", "times", (one.value / first,), 1.5
            )
        yield Figure(f"one of {number:,} tenants leaves", "ms", ms(found, "leaves"))
        yield Figure(f"{number:,} tenants that nobody has judged, the first request", "ms", ms(found, "cold"))


def stanford(scale: Scale) -> Iterator[Figure]:
    """The Stanford backbone, where its file is found."""
    found = values("stanford", scale.of(5, 1))
    if not found:
        return
    yield Figure("Stanford: all pairs and all loops, from the file", "ms", ms(found, "all"), 1_000)
    yield Figure("Stanford: a question from port to port", "ms", ms(found, "question"), 5)


def internet2(scale: Scale) -> Iterator[Figure]:
    """Nine routers with many routes, generated."""
    found = values("routes", scale.of(3, 1), scale.of(126_900, 900))
    yield Figure("9 routers with 126,900 routes, load", "ms", ms(found, "load"), 1_000)
    yield Figure("9 routers with 126,900 routes, all pairs", "ms", ms(found, "pairs"), 2_000)


def table1(scale: Scale) -> Iterator[Figure]:
    """The paper's Table 1."""
    found = values("table1", scale.of(5, 1))
    yield Figure("Table 1, all 36 cells, cold", "ms", ms(found, "all"), 1_000)


FIGURES: dict[str, Row] = {
    "figure3": figure3,
    "boxes": boxes,
    "prefixes": prefixes,
    "rules": rules,
    "tenants": tenants,
    "stanford": stanford,
    "internet2": internet2,
    "table1": table1,
}
"""What can be measured, by the name that is given on the command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 if every answer was right."""
    parser = argparse.ArgumentParser(
        prog="innet bench proof",
        description="Figures of the proofs, with targets.",
        epilog="rows: " + ", ".join(FIGURES),
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="measure only these (default: all)", default=()
    )
    parser.add_argument(
        "--quick", action="store_true", help="little of everything: whether it works, not how fast"
    )
    parser.add_argument("--plots", action="store_true", help=f"draw how the figures grow, into {OUT}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--one", choices=_proofs.MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--arguments", default="[]", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.one is not None:
        print(json.dumps(_proofs.MEASURES[args.one](*json.loads(args.arguments))))
        return 0
    unknown = [name for name in args.rows if name not in FIGURES]
    if unknown:
        parser.error(f"there is no row '{unknown[0]}'; there are {', '.join(FIGURES)}")
    scale = Scale(quick=args.quick)
    if args.plots:
        for path in _growth.draw(OUT, scale, values):
            print(path)
        return 0
    return measure(args.rows or list(FIGURES), scale, args.json)


def measure(names: Sequence[str], scale: Scale, as_json: bool) -> int:
    """Print each figure as soon as it is there, and how many were reached."""
    found: list[tuple[str, Figure]] = []
    if not as_json:
        print(HEAD)
    for name in names:
        for figure in FIGURES[name](scale):
            found.append((name, figure))
            if not as_json:
                print("\n".join(figure.lines()), flush=True)
    if as_json:
        figures = [{"name": name, **figure.json()} for name, figure in found]
        print(json.dumps({"schema": 1, "bench": "proof", "quick": scale.quick, "figures": figures}))
        return 0
    missed = [figure for _, figure in found if figure.reached is False]
    print(f"\n{sum(figure.reached is True for _, figure in found)} reached, {len(missed)} missed; CPU time")
    for figure in missed:
        print(f"  missed: {figure.what} ({figure.statistic}), target {figure.target} {figure.unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
