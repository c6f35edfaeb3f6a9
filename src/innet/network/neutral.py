"""Networks as JSON, nodes with ports and routes and directed links: the form in which collected ones are passed on.

    {"name": "...", "nodes": {NODE: {"kind": "router", "ports": [PORT, ...], "routes": [[PREFIX, [PORT, ...]], ...]}},
     "links": [[NODE, PORT, NODE, PORT], ...]}

A route to several ports sends to all of them; to the port `self`: to the router itself; to none: drops. What a router
has no route for is dropped. Several links from one port are a segment: all its ports hear what is sent. A packet does
not leave by the port it came in by. Other keys than these (`source` and `notes` aside) are mistakes: what is not
understood is never passed over.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from innet.diagnostics import Diagnostic, PolicyError, Source, Span
from innet.network.addresses import Prefix
from innet.network.forwarding import Forwarding
from innet.network.lpm import flatten
from innet.network.model import End, Output

TOP = {"name", "nodes", "links", "source", "notes"}
NODE = {"kind", "ports", "routes"}
MAX_MISTAKES = 20
SELF = "self"


def is_neutral(text: str) -> bool:
    """Whether a network file is of this form, not YAML."""
    return text.lstrip()[:1] == "{"


def load(source: Source) -> Forwarding:
    """The network that `source` describes. Raises PolicyError with its mistakes (codes N30x)."""
    try:
        tree = json.loads(source.text, object_pairs_hook=_unique)
    except _TwiceError as twice:
        message = f"{source.name}: '{str(twice)[:80]}' is in one object twice"
        raise PolicyError(Diagnostic("N301", message, None, "each key once", "keep one of the two")) from None
    except json.JSONDecodeError as error:
        span = Span(source, error.pos, min(error.pos + 1, len(source.text)))
        raise PolicyError(Diagnostic("N300", f"not JSON: {error.msg}", span)) from None
    except RecursionError:
        raise PolicyError(Diagnostic("N300", f"{source.name}: not a network: nested too deep")) from None
    reader = _Reader(source.name)
    network = reader.network(tree)
    if reader.found or network is None:
        raise PolicyError(reader.found[:MAX_MISTAKES])
    return network


class _TwiceError(Exception):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for n, key in enumerate(keys) if key in keys[:n]))
    return found


class _Reader:
    """Carries the mistakes through one load. Places are told by keys: JSON's parser keeps no positions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[Diagnostic] = []
        self.prefixes: dict[str, tuple[int, int]] = {}
        """Those that have been read: routers share most of them."""

    def fail(self, where: str, message: str, expected: str = "", help: str = "") -> None:
        self.found.append(Diagnostic("N301", f"{self.name}: {where}: {message}", None, expected, help))

    def network(self, tree: Any) -> Forwarding | None:
        if not isinstance(tree, dict) or not isinstance(tree.get("nodes"), dict):
            self.fail("the top", "there are no nodes", 'an object with "nodes" and "links"')
            return None
        self.unknown("the top", tree, TOP)
        tables: dict[str, list[tuple[int, int, Output]]] = {}
        ports: dict[str, tuple[str, ...]] = {}
        for name, node in tree["nodes"].items():
            where = f"nodes.{name}"
            if not isinstance(node, dict):
                self.fail(where, "not an object", '{"kind": "router", "ports": [...], "routes": [...]}')
                continue
            self.unknown(where, node, NODE)
            if node.get("kind") != "router":
                kind = f"kind {node['kind']!r}" if "kind" in node else "no 'kind'"
                self.fail(where, kind, "'router'")
                continue
            ports[name] = tuple(
                port for port in self.names(f"{where}.ports", node.get("ports")) if port != SELF
            )
            known = {*ports[name], SELF}
            tables[name] = list(self.routes(f"{where}.routes", node.get("routes"), known))
            self.contradictions(f"{where}.routes", tables[name])
        wires = self.links(tree.get("links"), ports)
        if self.found:
            return None
        flat = {name: flatten(rows) for name, rows in tables.items()}
        return Forwarding(flat, ports, wires, str(tree.get("name", self.name)))

    def unknown(self, where: str, given: dict[str, Any], known: set[str]) -> None:
        for key in given:
            if key not in known:
                self.fail(where, f"'{key}' is not understood", ", ".join(sorted(known)))

    def names(self, where: str, given: Any) -> list[str]:
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            self.fail(where, "not a list of names", '["eth0", "eth1"]')
            return []
        return given

    def routes(self, where: str, given: Any, known: set[str]) -> Iterator[tuple[int, int, Output]]:
        if not isinstance(given, list):
            self.fail(where, "not a list", '[["10.0.0.0/8", ["eth0"]], ...]')
            return
        usual: dict[tuple[object, ...], Output] = {}
        for n, row in enumerate(given):
            if row.__class__ is list and len(row) == 2 and row[1].__class__ is list:  # what nearly all are
                text, outputs = row
                words = text.__class__ is str and all(one.__class__ is str for one in outputs)
                prefix = self.prefixes.get(text) if words else None
                output = usual.get(tuple(outputs)) if words else None
                if prefix is not None and output is not None:
                    yield (*prefix, output)
                    continue
            match row:
                case [str(text), list(outputs)]:
                    prefix = read_prefix(text)
                    if prefix is None:
                        self.fail(f"{where}[{n}]", f"'{text}' is not a prefix", "such as 10.0.0.0/8")
                        continue
                    strange = [one for one in outputs if not isinstance(one, str) or one not in known]
                    if strange:
                        self.fail(
                            f"{where}[{n}]",
                            f"there is no port {strange[0]!r}",
                            "a port of the node, or 'self'",
                        )
                        continue
                    self.prefixes[text] = prefix
                    usual[tuple(outputs)] = tuple(dict.fromkeys(outputs))
                    yield (*prefix, usual[tuple(outputs)])
                case _:
                    self.fail(f"{where}[{n}]", "not a route", '["10.0.0.0/8", ["eth0"]]')

    def contradictions(self, where: str, table: list[tuple[int, int, Output]]) -> None:
        """Two routes for one prefix that do not lead to the same ports."""
        known: dict[tuple[int, int], Output] = {}
        for low, length, output in table:
            if set(known.setdefault((low, length), output)) != set(output):
                prefix = Prefix(low, length)
                self.fail(where, f"two routes for {prefix}", "one, with all its ports", "keep one of them")

    def links(self, given: Any, ports: dict[str, tuple[str, ...]]) -> dict[End, tuple[End, ...]]:
        wires: dict[End, dict[End, None]] = {}
        if not isinstance(given, list):
            self.fail("links", "not a list", '[["a", "eth0", "b", "eth1"], ...]')
            return {}
        known = {node: set(names) for node, names in ports.items()}
        for n, row in enumerate(given):
            match row:
                case [str(a), str(p), str(b), str(q)]:
                    for node, port in ((a, p), (b, q)):
                        if port not in known.get(node, ()):
                            self.fail(
                                f"links[{n}]", f"there is no port {node}:{port}", "ports that nodes have"
                            )
                    wires.setdefault(End(a, p), {})[End(b, q)] = None
                case _:
                    self.fail(f"links[{n}]", "not a link", '["a", "eth0", "b", "eth1"], from port to port')
        return {end: tuple(ends) for end, ends in wires.items()}


def read_prefix(text: str) -> tuple[int, int] | None:
    """Address and length of `10.0.0.0/8`; None if it is none. A network may have a million of them."""
    read = _PREFIX.fullmatch(text)
    if read is None:
        return None
    a, b, c, d, bits = map(int, read.groups())
    number = a << 24 | b << 16 | c << 8 | d
    if a > 255 or b > 255 or c > 255 or d > 255 or bits > 32 or number & (0xFFFFFFFF >> bits):
        return None
    return number, bits


_PREFIX = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})/([0-9]{1,2})")


__all__ = ["is_neutral", "load"]
