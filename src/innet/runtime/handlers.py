"""Handlers: the values of a running router by name, `ELEMENT.HANDLER` (Click manual, "Handlers").

Every element has `name`, `class`, `ports`, `handlers` and `drops`; the arguments it lists as writable; the statistics
its programs count; and what its holder answers to. A name is looked up from the compound element that mentions it,
outwards, as in the configuration language.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from innet import ir
from innet.diagnostics import InNetError
from innet.elements.base import OUTSIDE, Role
from innet.elements.holder import HandlerError
from innet.ir.uses import statements
from innet.lexical import scoped_names
from innet.runtime.globals import read_global

if TYPE_CHECKING:
    from innet.runtime.router import Node, Router

RESETS = ("reset", "reset_counts", "reset_count")
GENERIC = ("class", "config", "drops", "handlers", "name", "ports")


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

    def readable(self, handler: str) -> bool:
        """Whether `ELEMENT.HANDLER` can be read."""
        try:
            self.read(handler)
        except HandlerError:
            return False
        return True

    def _value(self, node: "Node", name: str, argument: str) -> str | None:
        answer = node.holder.read(name) if node.holder is not None else None
        if answer is not None:
            return answer
        if name in node.element.READS:
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
                element = node.element
                own = (*GENERIC, *element.READS, *element.WRITES, *element.WRITABLE, *statistics(node))
                return "\n".join(dict.fromkeys(own))
            case "ports":
                return "\n".join(_ports(node))
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
        in_holder = node.holder is not None and name in node.holder.WRITABLE
        return name in (*node.element.WRITABLE, *node.element.WRITES, *RESETS) or in_holder

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
        if name in node.element.WRITES:
            changed = node.element.write(name, value, node.context.memory)
            if changed is not None:
                problems = changed.problems(len(node.inputs), len(node.outputs))
                if problems:
                    raise HandlerError(f"'{node.name}.{name}': {problems[0]}")
                node.reconfigure(changed)
        elif name in node.element.WRITABLE:
            self._reconfigure(node, name, value)
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
        node.reconfigure(element)

    def _reset(self, node: "Node") -> None:
        """Statistics start from zero, and the calls that hang on them are armed again."""
        for key in [key for key in self.router.state.statistics if key[0] == node.name]:
            del self.router.state.statistics[key]
        for dropped in [key for key in self.router.drops if key[0] == node.name]:
            del self.router.drops[dropped]
        node.calls = list(node.element.calls())


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
