"""Random configurations that are well typed: any elements, push and pull, every output connected to an exit of its own.

What is made is Click text, which anybody can run: the campaign itself knows of a configuration only what the text says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import Element, Role
from innet.elements.build import build_one, load
from innet.elements.ports import shapes
from innet.elements.registry import REGISTRY
from innet.lexical import Text
from innet.lexical import arguments as arguments_of
from innet.runtime.build import graph_of
from innet.runtime.router import Router
from tests.agreement.nowhere import Nowhere

EXIT = "exit"
"""Exits are called so, and a number."""
ENTRY = "in"
MAX_ELEMENTS = 8
MAX_OUTPUTS, MAX_INPUTS = 4, 3
LEFT_OUT = (Role.INFORMATION, Role.ENTRY, Role.SOURCE)
"""Roles that do not stand in the middle of a configuration."""
ENTRIES = (("FromNetfront", ""), ("FromDevice", "eth0"), ("FromDump", "in0.pcap"))
BEFORE: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("Strip", "14"),),
    (("Strip", "14"), ("CheckIPHeader", "")),
    (("MarkIPHeader", "14"),),
    (("CheckIPHeader", "14"),),
    (("Strip", "14"), ("MarkIPHeader", "")),
    (("Classifier", "12/0800"), ("Strip", "14"), ("CheckIPHeader", ""), ("GetIPAddress", "16")),
    (("SetVLANAnno", "5, 3"),),
    (("Paint", "1"), ("Strip", "14")),
    (("Strip", "34"),),
)
"""What may come first, so that elements meet the packets that they are made for."""
QUEUES = ("Queue", "SimpleQueue", "FrontDropQueue", "QuickNoteQueue")
UNQUEUES = (("Unqueue", ""), ("Unqueue", "4"), ("TimedUnqueue", "0.2"), ("Burster", "0.1, 4"))
NUMBER = re.compile(r"(?<![\w.:/])\d{1,4}(?![\w.:/])")
HANDLER = re.compile(r"([A-Za-z_]\w*)\.([a-z_]+)")
NEAR = (0, 1, 2, 3, 4, 7, 14, 20, 28, 60, 255, 1500)


class NotFound(Exception):  # noqa: N818 - not an error
    """Nothing right was found: the element wants others that are not made here."""


@dataclass(frozen=True)
class Part:
    """An element of a configuration."""

    name: str
    cls: str
    arguments: str

    def __str__(self) -> str:
        return f"{self.name} :: {self.cls}({self.arguments});"


@dataclass(frozen=True)
class Wire:
    """Output `output` of `source` leads to input `into` of `target`."""

    source: str
    output: int
    target: str
    into: int

    def __str__(self) -> str:
        return f"{self.source} [{self.output}] -> [{self.into}] {self.target};"


@dataclass(frozen=True)
class Configuration:
    """Elements and connections."""

    parts: tuple[Part, ...]
    wires: tuple[Wire, ...]

    @property
    def text(self) -> str:
        """As Click text."""
        return "".join(f"{one}\n" for one in (*self.parts, *self.wires))

    @property
    def spoken(self) -> str:
        """What the elements' arguments speak of."""
        return " ; ".join(one.arguments for one in self.parts if not one.name.startswith(EXIT))

    def right(self) -> bool:
        """Whether Click's rules allow it."""
        return fault(self.text) is None


def parsed(text: str) -> Configuration:
    """The configuration of a text, which is right."""
    resolved, _ = load(Source("agree", text))
    parts = tuple(Part(e.name, e.class_name, e.arguments.value) for e in resolved.configuration.elements)
    wires = tuple(Wire(c.source, c.output, c.target, c.input) for c in resolved.configuration.connections)
    return Configuration(parts, wires)


def fault(text: str) -> str | None:
    """Why a text is no configuration."""
    try:
        Router(graph_of(*load(Source("agree", text))), Nowhere())
    except ConfigurationError as error:
        return error.diagnostics[0].message
    return None


def stands(cls: type[Element], arguments: str) -> bool:
    """Whether packets come to an element with these arguments."""
    try:
        element = build_one(cls, arguments)
    except ConfigurationError:
        return False
    return any(into and not element.problems(into, out) for into, out in shapes(cls))


@cache
def middle() -> tuple[type[Element], ...]:
    """The classes that stand between an entry and the exits."""
    return tuple(c for c in REGISTRY.classes() if any(c is REGISTRY[name] for name, _ in focuses()))


@cache
def focuses() -> tuple[tuple[str, str], ...]:
    """Every class with each of its examples to which packets come."""
    return tuple(
        (c.__name__, example)
        for c in REGISTRY.classes()
        if c.ROLE not in LEFT_OUT
        for example in c.EXAMPLES
        if stands(c, example)
    )


def kind(code: str, port: int) -> str:
    """The letter of a port in half of a processing code."""
    return code[min(port, len(code) - 1)]


class _Builder:
    """A configuration that grows from its entry."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.parts: list[Part] = []
        self.wires: list[Wire] = []
        self.open: list[tuple[str, int, str]] = []
        """Outputs that lead nowhere yet: element, port, `h` or `l`."""

    def add(self, cls: str, arguments: str, name: str = "") -> str:
        name = name or f"e{len(self.parts)}"
        self.parts.append(Part(name, cls, arguments))
        return name

    def take(self, wanted: str) -> tuple[str, int, str]:
        """An open output that an input of this kind may have; one is made if there is none."""
        fitting = [one for one in self.open if wanted in ("a", one[2])]
        if not fitting:
            between = (self.rng.choice(QUEUES), "") if wanted == "l" else self.rng.choice(UNQUEUES)
            self.place(*between, 1, 1)
            return self.take(wanted)
        one = fitting[-1] if self.rng.random() < 0.6 else self.rng.choice(fitting)
        self.open.remove(one)
        return one

    def place(self, cls: str, arguments: str, inputs: int, outputs: int) -> None:
        """An element behind what is open."""
        into, _, out = REGISTRY[cls].PROCESSING.partition("/")
        if inputs:
            source, output, context = self.take(kind(into, 0))
        else:
            context = "h"
        name = self.add(cls, arguments)
        if inputs:
            self.wires.append(Wire(source, output, name, 0))
        for port in range(1, inputs):
            wanted = kind(into, port)
            wanted = context if wanted == "a" else wanted
            fitting = [one for one in self.open if one[2] == wanted]
            if fitting and self.rng.random() < 0.8:
                one = self.rng.choice(fitting)
                self.open.remove(one)
                self.wires.append(Wire(one[0], one[1], name, port))
            else:
                self.wires.append(Wire(self.add("Idle", ""), 0, name, port))
        for port in range(outputs):
            letter = kind(out, port)
            self.open.append((name, port, context if letter == "a" else letter))

    def random(self, cls: type[Element], arguments: str, outputs: int | None = None) -> None:
        """An element with some number of ports that suits it."""
        try:
            element = build_one(cls, arguments)
        except ConfigurationError:
            return
        fitting = [(i, o) for i, o in shapes(cls) if i and not element.problems(i, o)]
        fitting = [
            (i, o) for i, o in fitting
            if (i <= MAX_INPUTS or i == fitting[0][0]) and (o <= MAX_OUTPUTS or o == fitting[0][1])
        ]  # fmt: skip
        fitting = [one for one in fitting if outputs is None or one[1] == outputs]
        if fitting:
            self.mentioned(arguments)
            self.referred(element)
            few = [one for one in fitting if one[0] == fitting[0][0]]
            self.place(cls.__name__, arguments, *self.rng.choice(few if self.rng.random() < 0.6 else fitting))

    def mentioned(self, arguments: str) -> None:
        """Elements whose handlers the arguments write."""
        for name, handler in HANDLER.findall(arguments):
            takes = [c for c in middle() if handler in c.WRITABLE and c.PORTS.startswith("1/")]
            if takes and all(part.name != name for part in self.parts):
                cls = self.rng.choice(takes)
                self.place(cls.__name__, self.rng.choice(cls.EXAMPLES), 1, 1)
                part = self.parts.pop()
                self.rename(part.name, name)
                self.parts.append(replace(part, name=name))

    def referred(self, element: Element) -> None:
        """Elements that the arguments name; those with ports stand before this one."""
        for name, wanted in element.references().items():
            fitting = [c for c in REGISTRY.classes() if issubclass(c, wanted) and c.EXAMPLES]
            fitting = [c for c in fitting if c.PORTS == "0/0"] or fitting
            if not fitting or any(part.name == name for part in self.parts):
                continue
            cls = self.rng.choice(fitting)
            example = self.rng.choice(cls.EXAMPLES)
            if cls.PORTS == "0/0":
                self.add(cls.__name__, example, name)
                continue
            one = build_one(cls, example)
            ports = [(i, o) for i, o in shapes(cls) if i and not one.problems(i, o)]
            self.place(cls.__name__, example, *self.rng.choice(ports[:3]))
            last = max(n for n, part in enumerate(self.parts) if part.cls == cls.__name__)
            self.rename(self.parts[last].name, name)
            self.parts[last] = replace(self.parts[last], name=name)

    def rename(self, old: str, new: str) -> None:
        self.wires = [
            replace(
                w, source=new if w.source == old else w.source, target=new if w.target == old else w.target
            )
            for w in self.wires
        ]
        self.open = [(new, *one[1:]) if one[0] == old else one for one in self.open]

    def join(self) -> None:
        """Sometimes two ways meet at one input."""
        order = {part.name: n for n, part in enumerate(self.parts)}
        for one in list(self.open):
            if one[2] != "h" or self.rng.random() > 0.15:
                continue
            inputs = sorted({(w.target, w.into) for w in self.wires if order[w.target] > order[one[0]]})
            inputs = [i for i in inputs if self.pushed(*i)]
            if inputs:
                self.open.remove(one)
                self.wires.append(Wire(one[0], one[1], *self.rng.choice(inputs)))

    def pushed(self, target: str, into: int) -> bool:
        """Whether packets are pushed to the input, as far as the element's own code tells."""
        part = next(p for p in self.parts if p.name == target)
        return kind(REGISTRY[part.cls].PROCESSING.partition("/")[0], into) == "h"

    def close(self) -> Configuration:
        """Everything that is open gets its exit."""
        n = 0
        while self.open:
            source, output, context = self.open.pop(0)
            if context == "l":
                name = self.add(*self.rng.choice(UNQUEUES))
                self.wires.append(Wire(source, output, name, 0))
                source, output = name, 0
            exit_ = self.add("Discard", "", f"{EXIT}{n}")
            self.wires.append(Wire(source, output, exit_, 0))
            n += 1
        return Configuration(tuple(self.parts), tuple(self.wires))


def varied(rng: Random, cls: type[Element], arguments: str) -> str:
    """The arguments, or others near them that the class takes too."""
    if rng.random() < 0.65:
        return arguments
    found = list(NUMBER.finditer(arguments))
    if not found:
        return arguments
    one = rng.choice(found)
    value = int(one[0])
    new = rng.choice((*NEAR, value + 1, max(value - 1, 0), rng.randrange(4096)))
    text = arguments[: one.start()] + str(new) + arguments[one.end() :]
    try:
        element = build_one(cls, text)
    except ConfigurationError:
        return arguments
    return text if any(not element.problems(i, o) for i, o in shapes(cls)) else arguments


def configuration(
    rng: Random, focus: tuple[str, str] | None = None, alone: bool = False, outputs: int | None = None
) -> Configuration:
    """A random configuration that has `focus` in it, with so many outputs; `alone`: and little else."""
    for _ in range(50):
        builder = _Builder(rng)
        cls, arguments = rng.choices(ENTRIES, (8, 1, 1))[0]
        builder.add(cls, arguments, ENTRY)
        builder.open.append((ENTRY, 0, "h"))
        for one in rng.choice(BEFORE):
            builder.place(*one, 1, 1)
        if focus is not None:
            builder.random(REGISTRY[focus[0]], focus[1], outputs)
        size = 0 if alone else rng.choice((0, 1, 1, 2, 2, 3, 4, 5))
        for _ in range(size):
            if len(builder.parts) >= MAX_ELEMENTS or not builder.open:
                break
            cls_ = rng.choice(middle())
            builder.random(cls_, varied(rng, cls_, rng.choice(cls_.EXAMPLES)))
        builder.join()
        found = builder.close()
        if found.right():
            return found
    raise NotFound(f"no configuration with {focus} was found")


# ---- smaller ones


def smaller(whole: Configuration) -> Iterator[Configuration]:
    """Right configurations with an element less, its outputs led to where they may go; then with plainer arguments."""
    for part in whole.parts:
        if part.name == ENTRY or part.name.startswith(EXIT):
            continue
        for kept in range(4):
            one = without(whole, part.name, kept)
            if one is not None and one.right():
                yield one
    for n, part in enumerate(whole.parts):
        if part.name.startswith(EXIT):
            continue
        for arguments in plainer(part.arguments):
            one = replace(
                whole, parts=(*whole.parts[:n], replace(part, arguments=arguments), *whole.parts[n + 1 :])
            )
            if one.right():
                yield one


def without(whole: Configuration, name: str, kept: int) -> Configuration | None:
    """The configuration without one element: what came to it goes where its output `kept` led."""
    after = next((w for w in whole.wires if w.source == name and w.output == kept), None)
    if after is None:
        return None
    wires = []
    for wire in whole.wires:
        if wire.source == name:
            continue
        if wire.target == name:
            wire = Wire(wire.source, wire.output, after.target, after.into)
        wires.append(wire)
    return pruned(tuple(p for p in whole.parts if p.name != name), tuple(wires))


def pruned(parts: Sequence[Part], wires: Sequence[Wire]) -> Configuration:
    """What packets from the entry come to; inputs that nothing leads to any more get an Idle."""
    reached, work = {ENTRY}, [ENTRY]
    while work:
        name = work.pop()
        for wire in wires:
            if wire.source == name and wire.target not in reached:
                reached.add(wire.target)
                work.append(wire.target)
    kept = [p for p in parts if p.name in reached]
    left = [w for w in wires if w.source in reached]
    for n, (target, into) in enumerate(sorted({(w.target, w.into) for w in wires if w.target in reached})):
        if not any((w.target, w.into) == (target, into) for w in left):
            idle = f"idle{n}"
            kept.append(Part(idle, "Idle", ""))
            left.append(Wire(idle, 0, target, into))
    return Configuration(tuple(kept), tuple(left))


def plainer(arguments: str) -> Iterator[str]:
    """Shorter arguments."""
    found = [one.value for one in arguments_of(Text(arguments))]
    for n in range(len(found)):
        yield ", ".join(found[:n] + found[n + 1 :])
