"""What the printing elements share: a holder that prints a line for each packet, and dumps of bytes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.holder import Context, Holder, Out, handler_bool, show_bool

if TYPE_CHECKING:
    from innet.ir.interpret import PacketBuffer
    from innet.lexical import Text

NONE, HEX, ASCII = "NONE", "HEX", "ASCII"
_WORDS = dict.fromkeys(("0", "false", "no", "f", "n"), NONE) | dict.fromkeys(
    ("1", "true", "yes", "t", "y"), HEX
)


class Contents(ArgumentType[str]):
    """How bytes are printed: NONE, HEX or ASCII in any case; a Boolean means NONE or HEX."""

    def describe(self) -> str:
        return "NONE, HEX or ASCII"

    def parse(self, text: "Text", names: Names) -> str:
        word = self.word(text)
        found = _WORDS.get(word, word.upper())
        if found not in (NONE, HEX, ASCII):
            raise self.refused(text)
        return found


class Printer(Holder):
    """Prints what `line` makes of each packet, to the log or to a file, and hands the packet on."""

    WRITABLE = ("active",)

    def __init__(
        self, line: "Callable[[PacketBuffer], str | None]", active: bool = True, file: BinaryIO | None = None
    ) -> None:
        self.line, self.active, self.file = line, active, file

    def push(self, packet: "PacketBuffer", port: int, context: Context) -> Sequence[Out]:
        text = self.line(packet) if self.active else None
        if text is not None and self.file is not None:
            self.file.write(text.encode("latin-1", "replace") + b"\n")
            self.file.flush()
        elif text is not None:
            context.log(text)
        return ((port, packet),)

    def read(self, handler: str) -> str | None:
        return show_bool(self.active) if handler == "active" else None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "active":
            return False
        self.active = handler_bool(value)
        return True


def dump(data: bytes, contents: str, line: int = 0) -> str:
    """`data` in groups of four bytes (HEX) or eight characters (ASCII).

    With `line`, so many bytes stand on a line of their own, each after two spaces.
    """
    group = 4 if contents == HEX else 8
    out = []
    for n, byte in enumerate(data):
        if line and n % line == 0:
            out.append("\n  ")
        elif n % group == 0 and n:
            out.append(" ")
        if contents == HEX:
            out.append(f"{byte:02x}")
        else:
            out.append(chr(byte) if 32 <= byte <= 126 else ".")
    return "".join(out)
