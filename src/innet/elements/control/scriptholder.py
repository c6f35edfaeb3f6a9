"""A script under way."""

from collections.abc import Callable, Sequence

from innet.diagnostics import InNetError
from innet.elements.arguments import read_seconds
from innet.elements.control.expansion import expand
from innet.elements.control.functions import FUNCTIONS, random, split, unquoted
from innet.elements.control.instructions import BLOCKING, ENDS, Instruction, find_label
from innet.elements.holder import (
    FALSE,
    TRUE,
    Context,
    HandlerError,
    Holder,
    Io,
    Out,
    handler_int,
    show_bool,
    show_time,
)
from innet.ir.interpret import PacketBuffer
from innet.lexical import Text, shift_word

MAX_JUMPS = 1_000_000
"""Jumps in one go after which a script is given up: it would never wait."""
MAX_NESTED = 24
"""How deep scripts may call each other's handlers."""

PASSIVE_TYPES = ("PASSIVE", "PACKET", "PROXY", "SIGNAL")
GENERIC = ("class", "config", "drops", "handlers", "name", "ports")
"""Handlers that every element has; a PROXY script does not stand in for these."""


class ScriptHolder(Holder):
    """Where a script stands. A driver's script is told of requests to stop, each of which is one step."""

    RUNS = True
    WRITABLE = ("run", "step", "goto", "set")
    READS = (*FUNCTIONS, "get", "now", "random", "readable", "run", "shift", "writable")

    def __init__(
        self, script: Sequence[Instruction], kind: str, io: Io, signals: tuple[str, ...] = ()
    ) -> None:
        self.script, self.kind, self.io, self.signals = script, kind, io, signals
        self.drives = kind == "DRIVER"
        self.exports = {i.word for i in script if i.name.startswith("export")}
        self.variables: dict[str, str] = {}
        self.arguments = self.called = ""
        self.writing = False
        self.status = 0
        self.at = self.steps = self.more = self.nested = 0
        self.over = kind in PASSIVE_TYPES
        self.ended_by: Instruction | None = None
        self.until_ns: int | None = None if self.over else 0
        self.waits = self.running = self.ready = self.signal = False

    # ---- when it runs

    def wake_ns(self, context: Context) -> int | None:
        if self.signal:
            return 0
        return None if self.over else self.until_ns

    def signalled(self) -> None:
        self.signal = True

    def run(self, context: Context) -> bool:
        if self.signal:
            self.signal = False
            self.start("", "run", False, context)
        elif not self.running:
            if self.waits:
                self.at += 1
            self.advance(0, context)
        if self.over and self.drives:
            context.stop()
        return True

    def stopped(self, context: Context) -> bool:
        if not self.over:
            self.advance(1, context)
        return self.over

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        self.variables["input"] = str(port)
        try:
            answer = self.start("", "", False, context)
        except HandlerError as e:
            context.say(str(e))
            answer = ""
        output = int(answer) if answer.isdecimal() else -1
        if not 0 <= output < context.outputs:
            context.drop("the script's answer")
            return ()
        return ((output, packet),)

    def start(self, arguments: str, called: str, writing: bool, context: Context) -> str:
        """Run from the first instruction to the end or a wait; what it returned. Raises HandlerError."""
        self.at, self.steps, self.over, self.ended_by = 0, 0, False, None
        if self.running:  # it called itself: that is a jump
            return ""
        if self.nested >= MAX_NESTED:
            raise HandlerError("scripts call each other without end")
        self.arguments, self.called, self.writing = arguments, called, writing
        self.nested += 1
        try:
            self.advance(0, context)
        finally:
            self.nested -= 1
        return self.answer_of_run()

    def answer_of_run(self) -> str:
        end = self.ended_by
        if end is not None and end.name.startswith("return"):
            return self.variables.get("_", "")
        if end is not None and end.name.startswith("error"):
            raise HandlerError(end.text or "the script ended with an error")
        falls_off = self.over and (end is None or end.name == "end")
        return "0" if self.kind == "PACKET" and falls_off else ""

    def advance(self, steps: int, context: Context) -> None:
        """Go on from where it stands (0 steps), or past so many waits."""
        if self.running:
            self.more += steps
            return
        self.running = True
        self.initialize(context)
        try:
            if not steps:
                self.go_on(context)
            self.more += steps
            while self.more and not self.over:
                self.more -= 1
                if self.pass_wait():
                    self.go_on(context)
            self.more = 0
        finally:
            self.running = False

    def pass_wait(self) -> bool:
        """One step for the instruction that it waits at, if it does; whether it waits no longer."""
        instruction = self.script[self.at] if self.at < len(self.script) else Instruction("end")
        if instruction.name not in BLOCKING:
            return True
        if instruction.name == "pause":
            self.steps += 1
            if self.steps < instruction.number:
                return False
        self.at += 1
        return True

    def go_on(self, context: Context) -> None:
        """Run to the next wait, or to the end."""
        self.steps, self.until_ns, self.waits = 0, None, False
        self.over, self.ended_by = False, None
        jumps = 0
        while self.at < len(self.script) and jumps < MAX_JUMPS:
            instruction = self.script[self.at]
            if instruction.name == "pause" and instruction.number > 0:
                return
            if instruction.name == "wait":
                wait = read_seconds(self.expanded(instruction.text, context), 9)
                if wait is not None:
                    self.until_ns, self.waits = context.now_ns + wait, True
                    return
                context.say(f"'{instruction.text}' is no time to wait")
            before = self.at
            self.at += 1
            end = self.obey(instruction, context)
            if end is not None:
                self.ended_by = end
                break
            jumps += self.at <= before
        if jumps >= MAX_JUMPS:
            context.say("too many jumps without a wait; the script ends")
        self.over = True

    # ---- instructions

    def initialize(self, context: Context) -> None:
        """Give variables the values that `init` and `export` say, once."""
        if self.ready:
            return
        self.ready = True
        for instruction in self.script:
            if instruction.name in ("init", "initq", "export", "exportq"):
                value = self.expanded(instruction.text, context)
                self.variables[instruction.word] = unquoted(value) if instruction.name[-1] == "q" else value

    def obey(self, instruction: Instruction, context: Context) -> Instruction | None:
        """Carry out one instruction that does not wait; what ends the script, if it does."""
        name, text = instruction.name, instruction.text
        try:
            match name:
                case "write" | "writeq":
                    self.write_handler(self.expanded(text, context), name == "writeq", context)
                case "read" | "readq":
                    handler, value = self.read_handler(self.expanded(text, context), name == "readq", context)
                    context.log(f"{handler}:\n{value}")
                case "print" | "printq" | "printn" | "printnq":
                    self.show(name, text, context)
                case "set" | "setq" | "return" | "returnq":
                    value = self.expanded(text, context)
                    self.variables[instruction.word] = unquoted(value) if name[-1] == "q" else value
                    return instruction if name.startswith("return") else None
                case "goto":
                    return self.jump(instruction, context)
                case "error" | "errorq":
                    told = self.expanded(text, context)
                    told = unquoted(told) if name == "errorq" else told
                    if self.nested == 0 and told:
                        context.say(told)
                    return Instruction("error", "", told)
                case "stop":
                    return self.stop(instruction, context)
                case "end" | "exit":
                    return instruction
        except HandlerError as e:
            context.say(str(e))
        except InNetError as e:
            context.say(e.diagnostics[0].message)
        return None

    def stop(self, instruction: Instruction, context: Context) -> Instruction:
        if not self.drives:
            context.stop()
        return instruction

    def jump(self, instruction: Instruction, context: Context) -> Instruction | None:
        condition = self.expanded(instruction.text, context).strip()
        if condition and condition not in TRUE | FALSE:
            raise HandlerError(f"'{condition}' is no condition; expected true or false")
        if condition in FALSE:
            return None
        if instruction.number < 0:
            end = Instruction(ENDS[instruction.number])
            return self.stop(end, context) if end.name == "stop" else end
        self.at = instruction.number
        return None

    def show(self, name: str, text: str, context: Context) -> None:
        """`print`: a handler's value, or words; to a file if it starts with > or >>."""
        file, append = "-", False
        if text.startswith(">"):
            append = text.startswith(">>")
            word, rest = shift_word(Text(text[1 + append :]))
            file, text = unquoted(self.expanded(word.value, context)), rest.value
        if text[:1].isalpha() or text[:1] in ("@", "_"):
            result = self.read_handler(self.expanded(text, context), name[-1] == "q", context)[1]
        else:
            result = unquoted(self.expanded(text, context, quoting=True))
        if not name.startswith("printn") and not result.endswith("\n"):
            result += "\n"
        if file in ("", "-"):
            context.show(result)
            return
        with self.io.create_file(file, append) as stream:
            stream.write(result.encode("latin-1", "replace"))

    # ---- handlers of others

    def write_handler(self, call: str, unquoting: bool, context: Context) -> None:
        handler, _, value = call.strip().partition(" ")
        value = unquoted(value.strip()) if unquoting else value.strip()
        self.status = -1
        if "." not in handler and self.writes(handler):
            self.write(handler, value, context)
        else:
            context.write(handler, value)
        self.status = 0

    def read_handler(self, call: str, unquoting: bool, context: Context) -> tuple[str, str]:
        """The name and the value of a handler of this script or of another element."""
        handler, _, argument = call.strip().partition(" ")
        argument = unquoted(argument.strip()) if unquoting else argument.strip()
        if "." not in handler:
            own = self.answer(handler, argument, context)
            if own is not None:
                return handler, own
        return handler, context.read(f"{handler} {argument}".rstrip())

    # ---- text

    def expanded(self, text: str, context: Context, quoting: bool = False) -> str:
        """`text` with variables and `$(HANDLER)` replaced."""

        def lookup(name: str, is_handler: bool) -> str | None:
            if not is_handler:
                return self.variable(name)
            try:
                return self.read_handler(name, False, context)[1]
            except HandlerError as e:
                context.say(str(e))
                return None

        return expand(text, lookup, quoting)

    def variable(self, name: str) -> str | None:
        if name in self.variables:
            return self.variables[name]
        match name:
            case "?":
                return str(self.status)
            case "args":
                return self.arguments
            case "0":
                return self.called
            case "#":
                return str(len(split(self.arguments)))
            case "write":
                return show_bool(self.writing)
        if name.isdecimal():
            parts = split(self.arguments)
            return parts[int(name) - 1] if int(name) <= len(parts) else ""
        return None

    # ---- its own handlers

    def answer(self, handler: str, argument: str, context: Context) -> str | None:
        function = FUNCTIONS.get(handler)
        if function is not None:
            return function(argument)
        more: dict[str, Callable[[], str]] = {
            "now": lambda: show_time(context.now_ns),
            "random": lambda: random(argument, context.random),
            "run": lambda: self.start(argument, "run", False, context),
            "get": lambda: self.get(argument),
            "shift": lambda: self.shift(argument or "args"),
            "readable": lambda: show_bool(all(context.readable(h) for h in split(argument))),
            "writable": lambda: show_bool(all(context.writable(h) for h in split(argument))),
        }
        if handler in more:
            return more[handler]()
        if handler in self.exports:
            self.initialize(context)
            return self.variables.get(handler, "")
        if self.kind == "PROXY" and handler not in GENERIC:
            return self.start(argument, handler, False, context)
        return None

    def get(self, name: str) -> str:
        value = self.variables.get(name.strip(), self.arguments if name.strip() == "args" else None)
        if value is None:
            raise HandlerError(f"undefined variable '{name.strip()}'")
        return value

    def shift(self, name: str) -> str:
        word, rest = shift_word(Text(self.get(name)))
        if name.strip() == "args":
            self.arguments = rest.value
        else:
            self.variables[name.strip()] = rest.value
        return word.value

    def writes(self, handler: str) -> bool:
        return handler in self.WRITABLE or self.kind == "PROXY"

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "run":
                self.start(value, "run", True, context)
            case "step":
                self.advance(handler_int(value, 0) if value.strip() else 1, context)
            case "goto":
                target = find_label(self.script, value.strip())
                if target is None or target < 0:
                    raise HandlerError(f"no label '{value.strip()}'")
                self.at, self.over = target, False
                self.advance(0, context)
            case "set":
                name, _, rest = value.strip().partition(" ")
                if not name:
                    raise HandlerError("expected VARIABLE VALUE")
                if name == "args":
                    self.arguments = rest.strip()
                else:
                    self.variables[name] = rest.strip()
            case _ if self.kind == "PROXY":
                self.start(value, handler, True, context)
            case _:
                return False
        return True
