"""Script: a small program of handler calls and waits."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.argument_names import Names
from innet.elements.argument_types import ArgumentType
from innet.elements.arguments import Rest
from innet.elements.base import Element, Role
from innet.elements.control.instructions import read_script
from innet.elements.control.scriptholder import ScriptHolder
from innet.elements.holder import Holder, Io
from innet.ir.trace import Packet
from innet.lexical import Text, words

TYPES = ("ACTIVE", "PASSIVE", "PACKET", "PROXY", "DRIVER", "SIGNAL")
SIGNALS = ("ABRT", "ALRM", "HUP", "INT", "IO", "PIPE", "QUIT", "TERM", "TSTP", "USR1", "USR2")


class ScriptType(ArgumentType[str]):
    """One of TYPES; PUSH is PACKET; SIGNAL is followed by signals, names or numbers."""

    def describe(self) -> str:
        return "ACTIVE, PASSIVE, PACKET, PUSH, PROXY, DRIVER, or SIGNAL and signals such as INT or 10"

    def parse(self, text: Text, names: Names) -> str:
        parts = [word.value for word in words(text)]
        kind = "PACKET" if parts[:1] == ["PUSH"] else parts[0] if parts else ""
        if kind not in TYPES or (kind == "SIGNAL") != (len(parts) > 1):
            raise self.refused(text)
        for part in parts[1:]:
            if part not in SIGNALS and not (part.isdecimal() and 0 < int(part) < 32):
                raise self.refused(text, f"'{part}' is no signal")
        return " ".join((kind, *parts[1:]))


@dataclass(frozen=True)
class Script(Element):
    """Call handlers in order, with waits in between.

    Ports:      none; a PACKET script: any number, `$input` is the one that a packet came in by.
    Arguments:  one instruction each.  `write H [VALUE]`, `read H` (to standard error), `print [>FILE] TEXT|H`,
                `save H FILE`; `set VAR VALUE`, `init VAR VALUE` (once, at the start), `export VAR VALUE` (also a read
                handler); `wait TIME`, `pause [COUNT]` (for writes of the handler `step`); `label L`, `goto L
                [CONDITION]`, `loop`, `end`, `exit`, `stop`, `return [VALUE]`, `error [TEXT]`. A `q` behind the name
                of an instruction removes quotes (`setq`, `writeq`, ...).
                TYPE (keyword; default PACKET with ports, ACTIVE without): ACTIVE runs from the start; PASSIVE when its
                handler `run` is read or written; PROXY when any handler is ($0 its name, $write whether it is
                written); PACKET (or PUSH) for each packet, which leaves by the output that is returned (`end`: by
                output 0; `exit`: not at all); SIGNAL S... when the process gets a signal; DRIVER as DriverManager.
    State:      where the script stands; its variables. `$VAR`, `$1`, `$args`, `$?` and `$(H ARGUMENTS)` in an
                instruction are replaced. Read handlers with arguments: add, sub, mul, div, idiv, mod, rem, neg, abs,
                min, max, avg, eq, ne, lt, le, gt, ge, not, and, or, nand, nor, if, in, first, nth, length, unquote,
                quote, sprintf, random, now, readable, writable, get, shift, htons, ntohs, htonl, ntohl, run.
    Drops:      "the script's answer": a PACKET script returned no output that there is.
    Errors:     ports with another type than PACKET; a PACKET script without inputs.
    Source:     Click manual, Script. The handlers cat and kill are left out.
    """

    PORTS: ClassVar[str] = "-/-"
    PROCESSING: ClassVar[str] = "ah/ah"
    ROLE: ClassVar[Role] = Role.HOLDER
    KEYWORDS_FIRST: ClassVar[bool] = True
    BARRED: ClassVar[str] = "scripts could change what was proven"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "wait 1s, print q.length, loop",
        "TYPE PASSIVE, stop",
        "TYPE PACKET, goto odd $(eq $(mod $n 2) 1), return 0, label odd, exit",
        "TYPE SIGNAL HUP, print now",
    )

    instructions: Annotated[tuple[str, ...], Rest()] = ()
    _: KW_ONLY
    type: Annotated[str, ScriptType()] = ""

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = list(read_script(self.instructions)[1])
        kind = self.kind(inputs, outputs)
        if kind == "PACKET" and not inputs:
            found.append("a PACKET script needs an input")
        if kind != "PACKET" and (inputs or outputs):
            found.append(f"only PACKET scripts have ports, not '{kind}' ones")
        return tuple(found)

    def kind(self, inputs: int, outputs: int) -> str:
        """Its type."""
        return self.type.partition(" ")[0] or ("PACKET" if inputs or outputs else "ACTIVE")

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        script, kind = read_script(self.instructions)[0], self.kind(len(inputs), len(outputs))
        return ScriptHolder(script, kind, io, tuple(self.type.split()[1:]))
