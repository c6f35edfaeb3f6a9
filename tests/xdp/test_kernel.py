"""bpf(2): maps, verifier messages, clocks."""

import struct

import pytest

from innet.xdp.compile import Compiler
from innet.xdp.kernel import LoadedProgram, Map, VerifierError, jiffies_per_second, summarise
from innet.xdp.layout import NO_PREALLOC, MapKind, MapSpec
from innet.xdp.target import LAYOUT

pytestmark = pytest.mark.kernel


def test_maps_hold_what_is_put_into_them() -> None:
    with Map(MapSpec("m", MapKind.HASH, 4, 8, 1000, NO_PREALLOC)) as held:
        assert isinstance(held, Map)
        rows = {struct.pack("<I", n): struct.pack("<Q", n * n) for n in range(1000)}
        held.update_all(rows)
        assert dict(held.dump()) == rows
        assert held.lookup(b"\1\0\0\0") == struct.pack("<Q", 1)
        assert held.delete(b"\1\0\0\0")
        assert not held.delete(b"\1\0\0\0")
        assert held.lookup(b"\1\0\0\0") is None
        assert len(list(held.keys())) == 999


def test_a_full_map_refuses() -> None:
    with Map(MapSpec("m", MapKind.HASH, 4, 8, 1, NO_PREALLOC)) as held:
        assert isinstance(held, Map)
        held.update(bytes(4), bytes(8))
        with pytest.raises(OSError, match="Argument list too long"):
            held.update(b"\1\0\0\0", bytes(8))


def test_a_refused_program_says_where(compiler: Compiler) -> None:
    text = LAYOUT + (
        'define i32 @program(ptr %ctx) section "xdp" {\n'
        "%d = load volatile i32, ptr %ctx\n%w = zext i32 %d to i64\n%p = inttoptr i64 %w to ptr\n"
        "%v = load i8, ptr %p\n%r = zext i8 %v to i32\nret i32 %r\n}"
    )
    code = compiler.compile(text, "xdp")
    with pytest.raises(VerifierError) as found:
        LoadedProgram(code.instructions, "xdp")
    assert found.value.summary.startswith("R1 offset is outside of the packet")
    assert "*(u8 *)" in found.value.summary
    assert "processed" in found.value.log


@pytest.mark.parametrize(
    ("log", "summary"),
    [
        ("0: (95) exit\nR0 !read_ok\nprocessed 1 insns\n", "R0 !read_ok (at 0: (95) exit)"),
        (
            "BPF program is too large. Processed 9 insn\nprocessed 9 insns\n",
            "BPF program is too large. Processed 9 insn",
        ),
        (
            "6: (07) r6 += 1\n7: (05) goto pc-2 BPF program is too large. Processed 9 insn\nprocessed 9 insns\n",
            "BPF program is too large. Processed 9 insn",
        ),
        ("", "the kernel gave no reason"),
    ],
)
def test_the_telling_line_of_a_log(log: str, summary: str) -> None:
    assert summarise(log) == summary


def test_jiffies() -> None:
    assert jiffies_per_second() in (100, 250, 300, 1000)
