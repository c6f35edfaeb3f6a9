"""Script: a small program of handler calls and waits."""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import OneOf, Rest, read_seconds
from innet.elements.base import Element, Role
from innet.elements.holder import FALSE, TRUE, Context, HandlerError, Holder, Io
from innet.lexical import Text, unquote

MAX_JUMPS = 1_000_000
"""Jumps in one go after which a script is given up: it would never wait."""

STEPS = frozenset({"pause", "wait_step", "wait_stop"})
TIMES = frozenset({"wait_time", "wait_for"})
JUMP_ENDS = frozenset({"end", "exit"})
SYNONYMS = {"quit": "stop", "wait_pause": "pause", "call": "write"}
_VARIABLE = re.compile(r"\$(?:\((?P<handler>[^()]*)\)|\{(?P<brace>\w+)\}|(?P<name>\w+|\?))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name, what follows, and a number: steps or nanoseconds to wait, or where to jump."""

    name: str
    text: str = ""
    number: int = 0


class ScriptError(Exception):
    """An instruction that is none."""


def read_instruction(argument: str) -> Instruction | None:
    """The instruction written as `argument`; None if it is empty. Raises ScriptError."""
    parts = argument.split(None, 1)
    if not parts:
        return None
    name = SYNONYMS.get(parts[0], parts[0])
    text = parts[1].strip() if len(parts) > 1 else ""
    if name == "wait":
        name = "wait_time" if text else "pause"
    if name in STEPS:
        if text and not text.isdecimal():
            raise ScriptError(f"'{argument}': expected '{parts[0]} [COUNT]'")
        return Instruction("pause", "", int(text or 1))
    if name in TIMES:
        nanoseconds = read_seconds(text, 9)
        if nanoseconds is None:
            raise ScriptError(f"'{argument}': expected a time such as '{parts[0]} 0.1s'")
        return Instruction("wait_time", "", nanoseconds)
    wants_text = {
        "write",
        "writeq",
        "read",
        "readq",
        "set",
        "setq",
        "init",
        "initq",
        "export",
        "label",
        "goto",
    }
    if name in wants_text and not text:
        raise ScriptError(f"'{argument}': '{name}' needs an argument")
    if name in {"stop", "end", "exit", "loop"} and text:
        raise ScriptError(f"'{argument}': '{name}' takes no argument")
    if name not in wants_text | {
        "stop",
        "end",
        "exit",
        "loop",
        "print",
        "printn",
        "return",
        "returnq",
        "error",
    }:
        raise ScriptError(
            f"'{parts[0]}' is no instruction; expected one of pause, wait, write, read, print, set, goto, label, loop, "
            "stop or end"
        )
    return Instruction(name.removesuffix("q"), text)


def read_script(arguments: Sequence[str]) -> tuple[tuple[Instruction, ...], tuple[str, ...]]:
    """The instructions, with their jumps resolved, and what is wrong with them."""
    found: list[Instruction] = []
    problems: list[str] = []
    for argument in arguments:
        try:
            instruction = read_instruction(argument)
        except ScriptError as e:
            problems.append(str(e))
            continue
        if instruction is not None:
            found.append(instruction)
    labels = {"begin": 0} | {i.text: n for n, i in enumerate(found) if i.name == "label"}
    for n, instruction in enumerate(found):
        if instruction.name == "loop":
            found[n] = Instruction("goto")
        elif instruction.name == "goto":
            label, _, condition = instruction.text.partition(" ")
            if label not in labels and label not in JUMP_ENDS:
                problems.append(f"no label '{label}'")
            found[n] = Instruction("goto", condition.strip(), labels.get(label, len(arguments)))
    return tuple(found), tuple(problems)


class ScriptHolder(Holder):
    """Where a script stands. A driver's script is told of requests to stop, each of which is one step."""

    RUNS = True
    WRITABLE = ("run",)

    def __init__(self, script: tuple[Instruction, ...], kind: str) -> None:
        self.script, self.kind = script, kind
        self.drives = kind == "DRIVER"
        self.at = self.steps = 0
        self.waits = False
        self.until_ns: int | None = None if kind == "PASSIVE" else 0
        self.over = kind == "PASSIVE"
        self.variables: dict[str, str] = {}

    def wake_ns(self, context: Context) -> int | None:
        return None if self.over else self.until_ns

    def run(self, context: Context) -> bool:
        if self.waits:
            self.at += 1
        self.go_on(context)
        if self.over and self.drives:
            context.stop()
        return True

    def stopped(self, context: Context) -> bool:
        if not self.over and self.at < len(self.script):
            instruction = self.script[self.at]
            if instruction.name == "pause":
                self.steps += 1
                if self.steps >= instruction.number:
                    self.next_instruction(context)
            elif instruction.name == "wait_time":
                self.next_instruction(context)
        return self.over

    def next_instruction(self, context: Context) -> None:
        """Leave a wait, and go on."""
        self.at += 1
        self.go_on(context)

    def go_on(self, context: Context) -> None:
        """Run to the next wait, or to the end."""
        self.steps, self.until_ns, self.waits = 0, None, False
        jumps = 0
        while self.at < len(self.script) and jumps < MAX_JUMPS:
            instruction = self.script[self.at]
            if instruction.name == "pause":
                return
            if instruction.name == "wait_time":
                self.until_ns, self.waits = context.now_ns + instruction.number, True
                return
            before = self.at
            self.at += 1
            if not self.obey(instruction, context):
                break
            jumps += self.at <= before
        if jumps >= MAX_JUMPS:
            context.say("too many jumps without a wait; the script ends")
        self.over = True

    def obey(self, instruction: Instruction, context: Context) -> bool:
        """Carry out one instruction that does not wait; false if the script ends with it."""
        try:
            text = self.expand(instruction.text, context)
            match instruction.name:
                case "write":
                    handler, _, value = text.partition(" ")
                    context.write(handler, unquote(Text(value.strip())).value)
                case "read":
                    context.say(f"{text}:\n{context.read(text)}")
                case "print" | "printn":
                    self.show(text, instruction.name == "print", context)
                case "set" | "init" | "export" | "return":
                    name, _, value = text.partition(" ")
                    self.variables[name] = unquote(Text(value.strip())).value
                    return instruction.name != "return"
                case "goto":
                    if self.holds(text):
                        self.at = instruction.number
                case "error":
                    context.say(text)
                    return False
                case "stop":
                    if not self.drives:
                        context.stop()
                    return False
                case "end" | "exit":
                    return False
        except HandlerError as e:
            context.say(str(e))
        return True

    def show(self, text: str, line: bool, context: Context) -> None:
        """`print`: a handler's value, or words."""
        is_handler = text[:1].isalpha() or text[:1] in ("@", "_")
        result = context.read(text) if is_handler else unquote(Text(text)).value
        context.show(result + ("\n" if line and not result.endswith("\n") else ""))

    def holds(self, condition: str) -> bool:
        """Whether a jump is taken."""
        if condition in TRUE or not condition:
            return True
        if condition in FALSE:
            return False
        raise HandlerError(f"'{condition}' is no condition; expected true or false")

    def expand(self, text: str, context: Context) -> str:
        """`text` with the script's variables and `$(ELEMENT.HANDLER)` replaced; unknown ones stay."""

        def value(found: re.Match[str]) -> str:
            if found["handler"] is not None:
                return context.read(found["handler"])
            return self.variables.get(found["brace"] or found["name"], found[0])

        return _VARIABLE.sub(value, text)

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "run":
            return False
        self.at, self.over = 0, False
        self.go_on(context)
        return True


@dataclass(frozen=True)
class Script(Element):
    """Call handlers in order, with waits in between.

    Ports:      none.
    Arguments:  one instruction each: `write H [VALUE]`, `read H`, `print TEXT|H`, `wait TIME`, `pause [COUNT]` (wait
                for requests to end the run), `set VAR VALUE`, `label L`, `goto L [CONDITION]`, `loop`, `end`, `stop`.
                TYPE (keyword, default ACTIVE): ACTIVE runs from the start, PASSIVE when its handler `run` is written,
                DRIVER as DriverManager.
    State:      where the script stands; its variables ($VAR; $(H) reads a handler).
    Source:     Click manual, Script. The types PACKET, PUSH, PROXY and SIGNAL and arithmetic are left out.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    KEYWORDS_FIRST: ClassVar[bool] = True
    BARRED: ClassVar[str] = "scripts could change what was proven"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("wait 1s, print q.length, loop", "TYPE PASSIVE, stop")

    instructions: Annotated[tuple[str, ...], Rest()] = ()
    _: KW_ONLY
    type: Annotated[str, OneOf("ACTIVE", "PASSIVE", "DRIVER")] = "ACTIVE"

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return read_script(self.instructions)[1]

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return ScriptHolder(read_script(self.instructions)[0], self.type)
