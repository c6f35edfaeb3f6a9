"""Who may import whom: the table of docs/architecture.md, and the purity of what proofs are made of."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "innet"

# A package imports only from rows above its own.
LAYERS = [
    "records",
    "diagnostics signals",
    "lexical packet messages",
    "client web",
    "ir",
    "flowspec symbolic xdp",
    "click",
    "elements",
    "network policy manual",
    "runtime explore",
    "verify platform",
    "simplify",
    "dataplane native",
    "controller",
    "emulation",
    "cli",
]
ROW = {package: row for row, packages in enumerate(LAYERS) for package in packages.split()}

# From `packet` to `verify`, all but those whose work is outside: proofs run in plain tests, without a world.
OUTSIDE = {
    "client",
    "web",
    "platform",
    "xdp",
    "manual",
    "dataplane",
}  # `xdp` talks to the kernel; proofs must not import it (below)
PURE = {p for p, row in ROW.items() if ROW["packet"] <= row <= ROW["verify"]} - OUTSIDE
IMPURE_MODULES = {
    "asyncio", "fcntl", "multiprocessing", "os", "select", "selectors", "shutil", "signal", "socket", "ssl",
    "subprocess", "tempfile", "threading", "time",
}  # fmt: skip
# (package, module): why it is harmless. Keep it short.
ALLOWED_IMPURITIES: set[tuple[str, str]] = set()

FILES = sorted(SOURCE.rglob("*.py"))
TREES: dict[Path, ast.Module] = {}


def tree(path: Path) -> ast.Module:
    """A file's syntax, parsed when a test first asks: every worker imports this file, not every one runs its tests."""
    if path not in TREES:
        TREES[path] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return TREES[path]


def package_of(path: Path) -> str:
    """`ir` for ir/nodes.py, `diagnostics` for diagnostics.py, `` for the root's own __init__.py."""
    first = path.relative_to(SOURCE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of all that a file imports; `from innet import ir` is innet.ir."""
    parents = ("innet", *path.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: len(parents) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            if module == "innet":
                yield from ((node.lineno, f"innet.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def sibling_imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, package of ours) for each import of one; a name of the root such as `__version__` is none."""
    for line, name in imports(path):
        match name.split("."):
            case ["innet", package, *_] if not package.startswith("__"):
                yield line, package


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_table_is_the_one_of_the_architecture_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("\n## Layers\n")[1].split("```")[1]
    assert table.split("\n")[1:-1] == LAYERS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_only_from_rows_above(path: Path) -> None:
    package = package_of(path)
    assert not package or package in ROW, f"the package `{package}` has no row in the table"
    wrong = []
    for line, other in sibling_imports(path):
        if other != package and not (package and other in ROW and ROW[other] < ROW[package]):
            wrong.append(f"{where(path, line)}: `{package or 'innet'}` may not import `{other}`")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "path", [p for p in FILES if package_of(p) in PURE], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_proofs_touch_nothing_outside(path: Path) -> None:
    package = package_of(path)
    wrong = [
        f"{where(path, line)}: `{package}` may not import `{name}`: it enters as an argument"
        for line, name in imports(path)
        if (top := name.split(".")[0]) in IMPURE_MODULES and (package, top) not in ALLOWED_IMPURITIES
    ]
    wrong += [
        f"{where(path, node.lineno)}: `{package}` may not open files: a stream enters as an argument"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    ]
    assert not wrong, "\n".join(wrong)


def test_nobody_imports_the_pages_and_the_remote_library_but_what_runs_them() -> None:
    """`client` and `web` stand high in the table because of what they use, not for others to use."""
    wrong = [
        f"{where(path, line)}: `{package_of(path)}` imports `{other}`"
        for path in FILES
        for line, other in sibling_imports(path)
        if other in {"client", "web"} and package_of(path) not in {other, "controller", "emulation", "cli"}
    ]
    assert not wrong, "\n".join(wrong)


def test_proofs_know_no_kernel() -> None:
    """`xdp` may touch the kernel, so nothing that proofs are made of may import it."""
    wrong = [
        f"{where(path, line)}: `{package_of(path)}` imports `xdp`"
        for path in FILES
        for line, other in sibling_imports(path)
        if other == "xdp"
        and package_of(path)
        not in {"xdp", "manual", "platform", "dataplane", "native", "controller", "emulation", "cli"}
    ]
    assert not wrong, "\n".join(wrong)


def test_relative_imports_are_seen() -> None:
    path = SOURCE / "ir" / "imaginary.py"
    TREES[path] = ast.parse(
        "from . import nodes\nfrom ..verify import x\nfrom .. import platform\nimport os.path"
    )
    try:
        assert list(imports(path)) == [
            (1, "innet.ir"), (2, "innet.verify"), (3, "innet.platform"), (4, "os.path"),
        ]  # fmt: skip
    finally:
        del TREES[path]
