"""How the figures of the proofs grow, as pictures. Needs matplotlib, which the product does not: `./innet bench proof
--plots` sets it up from requirements-plots.lock."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench._figures import Scale

Values = Callable[..., dict[str, list[float]]]


def draw(folder: Path, scale: Scale, values: Values) -> Iterator[Path]:
    """Measure at several sizes and draw; the pictures that were written."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise SystemExit(
            "pictures need matplotlib: ./innet bench proof --plots sets it up (or: pip install 'innet[plots]')"
        ) from None
    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    sizes = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000) if not scale.quick else (100, 200)
    found = {size: values("requests", 3 if size <= 3_000 else 1, size) for size in sizes}
    yield picture(
        folder / "boxes.png",
        "boxes of the network",
        "CPU milliseconds per request",
        {
            "cold": [(size, statistics.median(one["cold"])) for size, one in found.items()],
            "next": [(size, statistics.median(one["next"])) for size, one in found.items()],
        },
    )
    yield picture(
        folder / "memory.png",
        "boxes of the network",
        "megabytes",
        {"the whole process": [(size, max(one["memory"])) for size, one in found.items()]},
    )
    numbers = (10, 100, 1_000, 10_000) if not scale.quick else (3, 10)
    tenants = {number: values("tenants", 1, number) for number in numbers}
    yield picture(
        folder / "tenants.png",
        "modules deployed",
        "CPU milliseconds",
        {
            "one more is planned and deployed": [
                (n, statistics.median(t["next"])) for n, t in tenants.items()
            ],
            "one leaves, and a question": [(n, statistics.median(t["leaves"])) for n, t in tenants.items()],
        },
    )
    counts = (1_000, 10_000, 100_000, 1_000_000) if not scale.quick else (100, 1_000)
    prefixes = {count: values("prefixes", 1, count) for count in counts}
    yield picture(
        folder / "prefixes.png",
        "prefixes of a router",
        "CPU milliseconds",
        {
            "load": [(n, 1e3 * p["load"][0]) for n, p in prefixes.items()],
            "a question": [(n, statistics.median(p["question"])) for n, p in prefixes.items()],
        },
    )


def picture(path: Path, across: str, up: str, lines: dict[str, Sequence[tuple[int, float]]]) -> Path:
    """Lines on two logarithmic scales."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name, points in lines.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
