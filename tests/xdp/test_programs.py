"""Programs as the kernel holds them: pins, what is told about them, run-time statistics."""

from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.xdp.kernel import XDP_HAS_FRAGS, LoadedProgram, VerifierError, run_statistics
from tests.xdp.kernel_objects import XDP_DROP, XDP_PASS, bpffs, insn, program, returning

pytestmark = pytest.mark.kernel


def test_a_pinned_program_outlives_its_descriptor(tmp_path: Path, open_files: list[str]) -> None:
    with bpffs(tmp_path) as folder:
        with program(XDP_DROP) as one:
            one.pin(folder / "p")
            known = one.info()
        with LoadedProgram.open(folder / "p") as again:
            assert again.info() == known
            assert again.run(bytes(64)).verdict == XDP_DROP
        with pytest.raises(PlatformError, match="No such file"):
            LoadedProgram.open(folder / "q")


def test_a_program_is_asked_again_and_again() -> None:
    with program(XDP_DROP) as one:
        ask = one.verdicts(bytes(64))
        assert [ask() for _ in range(3)] == [XDP_DROP] * 3
    with pytest.raises(OSError, match="Bad file descriptor"):
        ask()


def test_what_the_kernel_tells() -> None:
    with program(XDP_DROP) as one, program(XDP_DROP) as same, program(XDP_PASS) as other:
        info = one.info()
        assert info.name == "verdict1"
        assert info.verified_instructions == 2
        assert info.memory_bytes > 0
        assert info.memory_bytes == one.memory()
        assert len(info.tag) == 16
        assert info.tag == same.info().tag != other.info().tag
        assert info.id != same.info().id
    with LoadedProgram(returning(XDP_PASS), "xdp", "a name-of more than 15", statistics=True) as named:
        assert named.info().name == "a_name_of_more_"
        assert named.processed == 2


def test_runs_are_counted_while_statistics_are_on() -> None:
    with program() as one:
        one.run(bytes(64), 10)
        before = one.info().run_count
        with run_statistics():
            one.run(bytes(64), 1000)
        after = one.info()
        assert after.run_count - before >= 1000
        assert after.run_time_ns > 0


def test_flags_reach_the_kernel() -> None:
    with LoadedProgram(returning(XDP_PASS), "xdp", flags=XDP_HAS_FRAGS) as one:
        assert one.run(bytes(64)).verdict == XDP_PASS
    with pytest.raises(PlatformError, match="did not load the program: Invalid argument"):
        LoadedProgram(returning(XDP_PASS), "xdp", flags=1 << 30)


@pytest.mark.parametrize(
    ("instructions", "error", "text"),
    [
        (insn(0x95), VerifierError, "R0 !read_ok"),
        (insn(0xB7), PlatformError, "did not load|refused"),
        (b"", PlatformError, "did not load the program"),
    ],
)
def test_refused_programs_leave_nothing_behind(
    instructions: bytes, error: type[PlatformError], text: str, open_files: list[str]
) -> None:
    with pytest.raises(error, match=text):
        LoadedProgram(instructions, "xdp")
