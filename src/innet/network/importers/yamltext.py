"""Networks as the text of a network file, such as `innet.network.load` reads."""

import re
from collections.abc import Iterable, Mapping

from innet.network.yamltree import Listing, Scalar, Tree
from innet.network.yamltree import Mapping as TreeMapping

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./ -]*(?::[A-Za-z0-9_./-]+)*\Z")


def scalar(text: str) -> str:
    """A word for a flow collection: quoted unless it is plain. What reads it takes every word for text."""
    if text and _PLAIN.match(text) and text == text.strip():
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def flow(tree: Tree) -> str:
    """A tree on one line."""
    match tree:
        case Scalar(text):
            return scalar(text)
        case Listing(items):
            return "[" + ", ".join(flow(item) for item in items) + "]"
        case TreeMapping(pairs):
            return "{" + ", ".join(f"{scalar(key.text)}: {flow(value)}" for key, value in pairs) + "}"


class Writer:
    """Puts a network file together: nodes, then links, then the operator's part."""

    def __init__(self, title: str) -> None:
        self.nodes: list[str] = []
        self.links: list[str] = []
        self.operator = ""
        self.title = title

    def node(
        self, name: str, kind: str, interfaces: Mapping[str, str], more: Iterable[tuple[str, str]] = ()
    ) -> None:
        """A node; interfaces by name, each as its value stands in the text."""
        inner = ", ".join(f"{scalar(port)}: {value}" for port, value in interfaces.items())
        rest = "".join(f", {key}: {value}" for key, value in more)
        self.nodes.append(f"  {scalar(name)}: {{kind: {kind}, interfaces: {{{inner}}}{rest}}}")

    def router(
        self,
        name: str,
        interfaces: Mapping[str, str],
        routes: Iterable[tuple[str, str]],
        split_horizon: bool = False,
    ) -> None:
        """A router; its table may be long, so each route has a line."""
        out = [f"  {scalar(name)}:", "    kind: router"]
        if split_horizon:
            out.append("    split_horizon: true")
        out.append("    interfaces:")
        out += [f"      {scalar(port)}: {value}" for port, value in interfaces.items()]
        if not interfaces:
            out[-1] += " {}"
        rows = [f"      {prefix}: {output}" for prefix, output in routes]
        if rows:
            out += ["    routes:", *rows]
        self.nodes.append("\n".join(out))

    def tree(self, name: str, tree: Tree) -> None:
        """A node as another file has it."""
        self.nodes.append(f"  {scalar(name)}: {flow(tree)}")

    def link(self, a: str, b: str) -> None:
        """A wire between two ends."""
        self.links.append(f"  - [{scalar(a)}, {scalar(b)}]")

    def text(self) -> str:
        """The whole file."""
        out = [f"# {self.title}", "nodes:" if self.nodes else "nodes: {}", *self.nodes]
        if self.links:
            out += ["links:", *self.links]
        if self.operator:
            out.append(f"operator: {self.operator}")
        return "\n".join(out) + "\n"
