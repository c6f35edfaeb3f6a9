"""The compiler process: what LLVM refuses, and what makes it give up, are errors and no more."""

import struct

import pytest

from innet.diagnostics import PlatformError
from innet.xdp.compile import Compiler
from innet.xdp.layout import record
from innet.xdp.target import LAYOUT

HEAD = LAYOUT + 'define i32 @program(ptr %ctx) section "xdp" {\n'


def test_instructions(compiler: Compiler) -> None:
    code = compiler.compile(HEAD + "ret i32 2\n}", "xdp")
    assert code.instructions == struct.pack("<BBhiBBhi", 0xB4, 0, 0, 2, 0x95, 0, 0, 0)
    assert code.length == 2


def test_text_that_is_no_ir(compiler: Compiler) -> None:
    with pytest.raises(PlatformError, match="LLVM refused"):
        compiler.compile(HEAD + "ret i33 2\n}", "xdp")


def test_a_back_end_that_gives_up_does_not_take_us_along(compiler: Compiler) -> None:
    """Signed division does not exist on this instruction set: LLVM ends the process."""
    body = "%a = load i32, ptr %ctx\n%b = sdiv i32 7, %a\nret i32 %b\n}"
    with pytest.raises(PlatformError, match="gave up"):
        compiler.compile(HEAD + body, "xdp")
    assert compiler.compile(HEAD + "ret i32 1\n}", "xdp").length == 2


def test_relocations_keep_their_addend(compiler: Compiler) -> None:
    text = LAYOUT + "@numbers = external global i8\n" + 'define i32 @program(ptr %ctx) section "xdp" {\n'
    code = compiler.compile(
        text + "%p = getelementptr i8, ptr @numbers, i64 8\n"
        "%v = load i32, ptr %p\n%i = ptrtoint ptr %p to i64\n%t = trunc i64 %i to i32\n"
        "%s = add i32 %v, %t\nret i32 %s\n}",
        "xdp",
    )
    assert [r.symbol for r in code.relocations] == ["numbers"] * len(code.relocations)
    at = code.relocations[0].offset
    linked = code.linked({"numbers": 77})
    assert linked[at + 1] >> 4 == 2
    assert struct.unpack_from("<i", linked, at + 4) == (77,)


@pytest.mark.parametrize("widths", [(8, 32, 16, 32, 16), (1,), (48, 4, 64), (16, 16)])
def test_records_have_no_gaps_and_read_back(widths: tuple[int, ...]) -> None:
    layout = record(widths)
    values = tuple((1 << w) - 1 - n for n, w in enumerate(widths))
    assert layout.unpack(layout.pack(values)) == values
    assert layout.size <= -(-sum(c.size for c in layout.columns) // 8) * 8
    assert all(c.offset % c.size == 0 for c in layout.columns)
