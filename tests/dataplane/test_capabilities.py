"""What a process may do after it gave up the rest: each case in a child process."""

import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import pytest

from innet.dataplane.capabilities import AGENT, Capability, held, keep
from innet.dataplane.tap import Tap
from innet.diagnostics import PlatformError
from innet.emulation.namespaces import inside
from innet.xdp.compile import Code, Compiler
from innet.xdp.emit import emit
from innet.xdp.kernel import Installed, Link, LoadedProgram, Map, MapKind, unpin
from innet.xdp.layout import MMAPABLE, NO_PREALLOC, MapSpec
from innet.xdp.target import Leave, Xdp
from tests.xdp.graphs import chain
from tests.xdp.kernel_objects import VETH, bpffs, namespace

pytestmark = pytest.mark.kernel

SPEC = MapSpec("m", MapKind.HASH, 4, 8, 10, NO_PREALLOC)


def in_child(work: Callable[[], None]) -> bool:
    """Whether `work` ran to its end in a child process; what it raises is printed."""
    child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def without(capabilities: Iterable[Capability], work: Callable[[], None]) -> bool:
    """Whether `work` succeeds with these capabilities only."""

    def limited() -> None:
        keep(capabilities)
        work()

    return in_child(limited)


@pytest.fixture(scope="module")
def compiled() -> tuple[Code, tuple[MapSpec, ...]]:
    """A module with flow state, compiled: its code spills and compares pointers."""
    graph = chain("CheckIPHeader", "IPRewriter(keep 0 0)")
    emitted = emit(graph, Xdp(), Leave(32), 250, [])
    with Compiler() as compiler:
        return compiler.compile(emitted.llvm, emitted.section), emitted.maps


def run_data_plane(code: Code, maps: tuple[MapSpec, ...], folder: Path) -> None:
    """All the data plane does: maps, programs, links, pins, the TAP device."""
    made = Map(SPEC)
    made.pin(folder / "m")
    Map.open(folder / "m", SPEC).close()
    with Map(MapSpec("a", MapKind.ARRAY, 4, 8, 1, MMAPABLE)) as shared:
        shared.mapped().close()
    with (
        Installed(code, "xdp", maps) as installed,
        Map(MapSpec("p", MapKind.PROG_ARRAY, 4, 4, 1)) as programs,
    ):
        programs.set_program(0, installed.program.fd)
        installed.program.pin(folder / "p")
        with LoadedProgram.open(folder / "p") as again:
            assert again.info().memory_bytes > 0
        with Link.xdp(installed.program, socket.if_nametoindex(VETH[0])) as link:
            link.pin(folder / "l")
            link.update(installed.program)
        with Link.open(folder / "l") as again:
            again.detach()
    tap = Tap("innettap", bytes.fromhex("020000000001"), queue=100, mtu=1700)
    tap.persist(True)
    assert tap.write(bytes(60))
    tap.read_many(10)
    tap.counters()
    tap.remove()
    for name in "mpl":
        assert unpin(folder / name)


def test_three_capabilities_do_for_the_data_plane(
    compiled: tuple[Code, tuple[MapSpec, ...]], tmp_path: Path
) -> None:
    with bpffs(tmp_path) as folder, namespace() as name, inside(name):
        assert without(AGENT, lambda: run_data_plane(*compiled, folder))


@pytest.mark.parametrize("fewer", list(combinations(sorted(AGENT), 2)), ids=str)
def test_and_none_of_them_is_too_many(
    fewer: tuple[Capability, ...],
    compiled: tuple[Code, tuple[MapSpec, ...]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with bpffs(tmp_path) as folder, namespace() as name, inside(name):
        assert not without(fewer, lambda: run_data_plane(*compiled, folder))
        for pin in "mpl":
            unpin(folder / pin)
    assert "error[P3" in capfd.readouterr().err


def test_what_was_given_up_does_not_come_back() -> None:
    def work() -> None:
        keep([Capability.NET_ADMIN])
        assert held() == {Capability.NET_ADMIN}
        with pytest.raises(PlatformError, match="this process lacks CAP_BPF, CAP_NET_RAW"):
            keep([Capability.NET_RAW, Capability.BPF, Capability.NET_ADMIN])
        status = Path("/proc/self/status").read_text(encoding="ascii")
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        only = f"{1 << Capability.NET_ADMIN:016x}"
        assert [lines[name] for name in ("CapPrm", "CapEff", "CapBnd")] == [only] * 3
        assert lines["CapInh"] == lines["CapAmb"] == "0" * 16
        assert lines["NoNewPrivs"] == "1"
        run = [sys.executable, "-c", "import os; print(open('/proc/self/status').read())"]
        said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        assert f"CapEff:\t{only}" in said
        keep([Capability.NET_ADMIN])
        keep([])
        assert held() == frozenset()

    assert in_child(work)


def test_threads_must_come_later() -> None:
    def work() -> None:
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        before = held()
        with pytest.raises(PlatformError, match="2 threads already"):
            keep([])
        assert held() == before
        stop.set()
        thread.join()
        keep([])

    assert in_child(work)
