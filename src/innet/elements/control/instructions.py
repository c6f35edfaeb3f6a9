"""The instructions of scripts, read from their text."""

from collections.abc import Sequence
from dataclasses import dataclass

from innet.diagnostics import suggest
from innet.elements.arguments import read_seconds
from innet.lexical import Text, shift_word

BLOCKING = frozenset({"pause", "wait"})
_STEPS = frozenset({"pause", "wait_step", "wait_stop", "wait_pause"})
_TIMES = frozenset({"wait_time", "wait_for"})
_VARIABLES = frozenset({"set", "setq", "init", "initq", "export", "exportq"})
_TEXTS = frozenset(
    {"write", "writeq", "call", "read", "readq", "goto", "label", "save", "append"} | _VARIABLES
)
_BARE = frozenset({"end", "exit", "stop", "quit", "loop"})
_FREE = frozenset({"print", "printq", "printn", "printnq", "return", "returnq", "error", "errorq"})
_ALL = _STEPS | _TIMES | _TEXTS | _BARE | _FREE | {"wait"}
_SYNONYMS = {"quit": "stop", "call": "write"}
ENDS = ("exit", "end", "stop", "error")
"""Labels that every script has: its end, of one kind or another."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name, a word (variable, label, file), what follows, and a number.

    The number is of steps to wait for, or where to jump; a negative one is a place in ENDS, from the back.
    """

    name: str
    word: str = ""
    text: str = ""
    number: int = 0


class ScriptError(Exception):
    """An instruction that is none."""


def read_instruction(argument: str) -> Instruction | None:
    """The instruction written as `argument`; None if it is empty. Raises ScriptError."""
    first, rest = shift_word(Text(argument))
    name, text = first.value, rest.value
    if not name:
        return None
    if name not in _ALL:
        near = suggest(name, _ALL)
        told = (
            f"did you mean '{near}'?"
            if near
            else "expected one of print, read, write, set, wait, pause, goto, stop"
        )
        raise ScriptError(f"'{name}' is no instruction; {told}")
    if name in _STEPS or (name == "wait" and not text):
        if text and not text.isdecimal():
            raise ScriptError(f"'{argument}': expected '{name} [COUNT]'")
        return Instruction("pause", "", "", int(text or 1))
    if name in _TIMES or name == "wait":
        if "$" not in text and read_seconds(text, 9) is None:
            raise ScriptError(f"'{argument}': expected a time such as '{name} 0.1s'")
        return Instruction("wait", "", text)
    if name in _TEXTS and not text:
        raise ScriptError(f"'{argument}': '{name}' needs an argument")
    if name in _BARE and text:
        raise ScriptError(f"'{argument}': '{name}' takes no argument")
    name = _SYNONYMS.get(name, name)
    if name in _VARIABLES | {"label", "goto", "save", "append"}:
        word, after = shift_word(rest)
        if name in ("set", "setq") and not after.value:
            raise ScriptError(f"'{argument}': expected '{name} VARIABLE VALUE'")
        if name == "label" and after.value:
            raise ScriptError(f"'{argument}': expected 'label NAME'")
        return _saved(name, word.value, after.value)
    if name.startswith("return"):
        return Instruction(name, "_", text)
    return Instruction(name, "", text)


def _saved(name: str, word: str, text: str) -> Instruction:
    """`save HANDLER [FILE]` is a print to a file."""
    if name in ("save", "append"):
        return Instruction("print", "", f"{'>' if name == 'save' else '>>'}{text or '-'} {word}")
    return Instruction(name, word, text)


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
    for n, instruction in enumerate(found):
        if instruction.name == "loop":
            found[n] = Instruction("goto", "begin")
        elif instruction.name == "goto":
            target = find_label(found, instruction.word)
            if target is None:
                problems.append(f"no label '{instruction.word}'")
            found[n] = Instruction("goto", instruction.word, instruction.text, target or 0)
    return tuple(found), tuple(problems)


def find_label(script: Sequence[Instruction], label: str) -> int | None:
    """Where `label` is; negative: an end of the script."""
    for n, instruction in enumerate(script):
        if instruction.name == "label" and instruction.word == label:
            return n
    if label in ENDS:
        return ENDS.index(label) - len(ENDS)
    return 0 if label in ("begin", "loop") else None
