"""Handlers: the values of a running router by name, `ELEMENT.HANDLER` (Click manual, "Handlers").

Every element has `name`, `class`, `config`, `ports`, `handlers` and `drops`; the arguments it lists as writable; the
statistics its programs count; what it computes from its tables; and what its holder answers to. A name is looked up
from the compound element that mentions it, outwards, as in the configuration language.

In a router that is `frozen`, a write may change what is counted and kept, but no element's arguments.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from innet import ir
from innet.diagnostics import InNetError
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.holder import HandlerError, show_bool
from innet.ir.uses import statements
from innet.lexical import Text, scoped_names
from innet.runtime.globals import read_global

if TYPE_CHECKING:
    from innet.runtime.node import Node
    from innet.runtime.router import Router

RESETS = ("reset", "reset_counts", "reset_count")
GENERIC = ("class", "config", "drops", "handlers", "name", "ports")
TASK = ("scheduled", "tickets")


class Handlers:
    """The handlers of one router."""

    def __init__(self, router: "Router") -> None:
        self.router = router

    def find(self, element: str, scope: str = "") -> "Node":
        """The element that `element` means inside the compound in which element `scope` stands."""
        for name in scoped_names(scope, element):
            node = self.router.by_name.get(name)
            if node is not None:
                return node
        raise HandlerError(f"no element '{element}'")

    def read(self, handler: str, scope: str = "") -> str:
        """The value of `ELEMENT.HANDLER [ARGUMENT]` (or of the global `list`); HandlerError if there is none."""
        called, _, argument = handler.strip().partition(" ")
        element, dot, name = called.rpartition(".")
        if not dot:
            return read_global(self.router, name)
        node = self.find(element, scope)
        value = self._value(node, name, argument.strip())
        if value is None:
            raise HandlerError(f"no read handler '{node.name}.{name}'")
        return value

    def readable(self, handler: str, scope: str = "") -> bool:
        """Whether `ELEMENT.HANDLER` can be read."""
        try:
            self.read(handler, scope)
        except HandlerError:
            return False
        return True

    def _value(self, node: "Node", name: str, argument: str) -> str | None:
        answer = node.holder.answer(name, argument, node.context) if node.holder is not None else None
        if answer is not None:
            return answer
        if name in node.rates:
            return node.rates[name].show(self.router.clock(), node.element.RATES[name][2])
        if name in node.element.reads():
            return node.element.read(name, node.context.memory, argument)
        if name in node.element.WRITABLE:
            from innet.elements.arguments import shown

            return shown(node.element, node.element.WRITABLE[name])
        if name in statistics(node):
            return str(self.router.state.statistics.get((node.name, name), 0))
        return self._generic(node, name)

    def _generic(self, node: "Node", name: str) -> str | None:
        match name:
            case "name":
                return node.name
            case "class":
                return type(node.element).__name__
            case "config":
                return node.config
            case "drops":
                return str(sum(n for (element, _), n in self.router.drops.items() if element == node.name))
            case "handlers":
                return "".join(f"{one}\t{flags}\n" for one, flags in listed(node))
            case "ports":
                return "\n".join(_ports(node))
            case "scheduled" if node.runs:
                return show_bool(scheduled(node))
            case "tickets" if node.runs:
                return "1024"
        return None

    def writable(self, handler: str, scope: str = "") -> bool:
        """Whether `ELEMENT.HANDLER` exists and may be written; used to check a configuration before it runs."""
        element, dot, name = handler.strip().rpartition(".")
        if not dot:
            return name == "stop"
        try:
            node = self.find(element, scope)
        except HandlerError:
            return False
        in_holder = node.holder is not None and node.holder.writes(name)
        own = (*node.element.WRITABLE, *node.element.writes(), *node.element.SAVES, *RESETS)
        return name in own or in_holder or (name == "config" and reconfigurable(node))

    def write(self, handler: str, value: str, scope: str = "") -> None:
        """Write `ELEMENT.HANDLER` (or the global `stop`); HandlerError if that cannot be."""
        element, dot, name = handler.strip().rpartition(".")
        if not dot:
            if name != "stop":
                raise HandlerError(f"no write handler '{handler}'")
            self.router.stop()
            return
        node = self.find(element, scope)
        if node.holder is not None and node.holder.write(name, value, node.context):
            return
        if name in node.element.writes():
            changed = node.element.write(name, value, node.context.memory)
            if changed is not None:
                self._become(node, name, changed)
            if name in RESETS:
                self._reset(node)
        elif name in node.element.WRITABLE:
            self._reconfigure(node, name, value)
        elif name in node.element.SAVES:
            self._save(node, node.element.SAVES[name], value.strip())
        elif name == "config" and reconfigurable(node):
            self._configure(node, value)
        elif name in RESETS:
            self._reset(node)
        else:
            raise HandlerError(f"no write handler '{node.name}.{name}'")

    def _reconfigure(self, node: "Node", name: str, value: str) -> None:
        from innet.elements.arguments import with_argument

        try:
            element = with_argument(node.element, node.element.WRITABLE[name], value)
        except InNetError as e:
            raise HandlerError(f"'{node.name}.{name}': {e.diagnostics[0].message}") from e
        self._become(node, name, element)

    def _save(self, node: "Node", handler: str, file: str) -> None:
        """Write a read handler's value to a file, or (`-`) to the standard output of the run."""
        text = self._value(node, handler, "") or ""
        if file in ("", "-"):
            self.router.show(text)
            return
        try:
            with self.router.io.create_file(file) as stream:
                stream.write(text.encode("latin-1", "replace"))
        except InNetError as e:
            raise HandlerError(e.diagnostics[0].message) from e

    def _configure(self, node: "Node", value: str) -> None:
        """A new configuration string: all of it is taken, or nothing."""
        from innet.elements.arguments import NO_NAMES, bind

        book = self.router.names
        names = NO_NAMES if book is None else book.at(node.name)
        try:
            element = bind(type(node.element), Text(value.strip()), names)
        except InNetError as e:
            raise HandlerError(f"'{node.name}.config': {e.diagnostics[0].message}") from e
        self._become(node, "config", element)
        node.config = value.strip()

    def _become(self, node: "Node", handler: str, element: Element) -> None:
        if self.router.frozen:
            raise HandlerError(
                f"'{node.name}.{handler}' cannot be written here: what was proven must not change"
            )
        element = element.fitted(len(node.inputs), len(node.outputs))
        problems = element.problems(len(node.inputs), len(node.outputs))
        if problems:
            raise HandlerError(f"'{node.name}.{handler}': {problems[0]}")
        node.reconfigure(element)

    def _reset(self, node: "Node") -> None:
        """Statistics start from zero, and the calls that hang on them are armed again."""
        for key in [key for key in self.router.state.statistics if key[0] == node.name]:
            del self.router.state.statistics[key]
        for dropped in [key for key in self.router.drops if key[0] == node.name]:
            del self.router.drops[dropped]
        node.calls = list(node.element.calls())


def reconfigurable(node: "Node") -> bool:
    """Whether the element may get a new configuration as it runs: if all that it is stands in its programs."""
    return node.holder is None and node.element.ROLE is Role.TRANSFORM


def scheduled(node: "Node") -> bool:
    """Whether the element's task wants to run, now or later."""
    if node.holder is None or not node.holder.RUNS:
        return bool(getattr(node.element, "active", True))
    return node.holder.wake_ns(node.context) is not None


def listed(node: "Node") -> Iterator[tuple[str, str]]:
    """All handlers of an element, and Click's letters for what can be done with them."""
    element, holder = node.element, node.holder
    reads = dict.fromkeys((*GENERIC, *(TASK if node.runs else ())))
    reads |= dict.fromkeys((*element.reads(), *element.RATES, *element.WRITABLE, *statistics(node)))
    writes = dict.fromkeys((*element.WRITABLE, *element.writes(), *element.SAVES))
    if reconfigurable(node):
        writes["config"] = None
    if holder is not None:
        reads |= dict.fromkeys(holder.READS)
        reads |= dict.fromkeys(name for name in holder.WRITABLE if holder.read(name) is not None)
        writes |= dict.fromkeys(holder.WRITABLE)
    if statistics(node) and not any(name in writes for name in RESETS):
        writes["reset_counts"] = None
    for name in reads | writes:
        yield name, "r" * (name in reads) + "w" * (name in writes)


def statistics(node: "Node") -> tuple[str, ...]:
    """The statistics that the programs of `node` count."""
    ports = list(range(len(node.inputs)))
    if node.element.ROLE in (Role.ENTRY, Role.SOURCE):
        ports.append(OUTSIDE)
    return tuple(dict.fromkeys(name for port in ports for name in _counted(node.program(port).body)))


def _counted(block: ir.Block) -> Iterator[str]:
    return (stmt.name for stmt in statements(block) if isinstance(stmt, ir.Count))


def _ports(node: "Node") -> Iterator[str]:
    """Click's table of ports: how many, then for each its kind and its neighbour."""
    kinds = {"h": "push", "l": "pull"}
    yield f"{len(node.inputs)} input{'s' * (len(node.inputs) != 1)}"
    for letter, source in zip(node.inputs, node.sources, strict=True):
        yield f"{kinds[letter]}~\t-\t" + (f"{source[0].name} [{source[1]}]" if source else "")
    yield f"{len(node.outputs)} output{'s' * (len(node.outputs) != 1)}"
    for letter, target in zip(node.outputs, node.targets, strict=True):
        yield f"{kinds[letter]}\t-\t" + (f"[{target[1]}] {target[0].name}" if target else "")
