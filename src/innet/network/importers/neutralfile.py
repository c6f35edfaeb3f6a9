"""A whole network in one JSON file (`innet.network.neutral`), as a network file.

Its links lead one way, from a port to all that hear it. Two ports that hear each other and nobody else are a link;
other groups of ports become a box that passes frames on just so. A route to several ports goes to all of them there;
here to any of them, which for what may arrive where is the same. No router sends back by the port that a packet came in
by: each has a split horizon.
"""

from innet.diagnostics import Diagnostic, PolicyError, Source
from innet.network import neutral
from innet.network.addresses import prefixes
from innet.network.forwarding import Forwarding
from innet.network.importers import boxes
from innet.network.importers.stations import clean
from innet.network.importers.yamltext import Writer
from innet.network.model import SELF, End
from innet.network.reader import NAME


def is_whole(source: Source) -> bool:
    """Whether it is a JSON file with nodes of its own."""
    return neutral.is_neutral(source.text) and '"nodes"' in source.text


def read_network(source: Source, title: str) -> tuple[str, dict[str, str]]:
    """The text of the network file, and the Click files named in it."""
    network = neutral.load(source)
    found: list[Diagnostic] = []
    names = _names(network, source, found)
    writer = Writer(title)
    files: dict[str, str] = {}
    used: dict[str, set[str]] = {}
    for node, table in network.tables.items():
        rows = []
        for low, high, output in table:
            if "self" in output and output != SELF:
                message = f"{source.name}: nodes.{node}: a route to 'self' and to others"
                found.append(Diagnostic("N401", message, None, "one of the two"))
            outs = [names[End(node, port)] for port in output if port != "self"]
            used.setdefault(node, set()).update(output)
            text = "self" if output == SELF else "drop" if not outs else outs[0]
            if len(outs) > 1:
                text = "[" + ", ".join(outs) + "]"
            rows += [(str(prefix), text) for prefix in prefixes(low, high)]
        interfaces = {names[End(node, port)]: "{}" for port in network.ports[node]}
        writer.router(node, interfaces, rows, split_horizon=True)
    for end in network.edges:
        if end.interface in used.get(end.node, ()):
            name = clean(f"edge.{end.node}.{names[end]}")
            if name in network.tables or len(name) > 60:
                found.append(Diagnostic("N401", f"{source.name}: {end}: no name is left for what is there"))
            writer.node(name, "host", {"nic": "{}"})
            writer.link(f"{end.node}:{names[end]}", name)
    for group in _groups(network):
        ends = [f"{end.node}:{names[end]}" for end in group]
        if len(group) == 2 and all(network.wires.get(end) for end in group):
            writer.link(*ends)
            continue
        name = f"wires{len(files) + 1}"
        inner = {end: f"p{n}" for n, end in enumerate(group)}
        wires = [
            (inner[end], [inner[one] for one in network.wires[end]]) for end in group if end in network.wires
        ]
        files[f"{name}.click"] = boxes.wiring_text("who hears whom: " + ", ".join(ends), wires)
        writer.node(name, "middlebox", dict.fromkeys(inner.values(), "{}"), [("click", f"{name}.click")])
        for text, port in zip(ends, inner.values(), strict=True):
            writer.link(text, f"{name}:{port}")
    if found:
        raise PolicyError(found[:20])
    return writer.text(), files


def _names(network: Forwarding, source: Source, found: list[Diagnostic]) -> dict[End, str]:
    """Interface names that a network file may have."""
    names: dict[End, str] = {}
    for node, ports in network.ports.items():
        if not NAME.match(node) or node in ("client", "module", "internet"):
            found.append(Diagnostic("N401", f"{source.name}: '{node[:70]}' cannot be the name of a node"))
        taken: dict[str, str] = {}
        for port in ports:
            name = names[End(node, port)] = clean(port)
            if taken.setdefault(name, port) != port:
                message = f"{source.name}: nodes.{node}: '{port}' and '{taken[name]}' would both be '{name}'"
                found.append(Diagnostic("N401", message))
    return names


def _groups(network: Forwarding) -> list[list[End]]:
    """The ports that are joined in any way, in the order of the text."""
    near: dict[End, dict[End, None]] = {}
    for end, heard in network.wires.items():
        for other in heard:
            near.setdefault(end, {})[other] = None
            near.setdefault(other, {})[end] = None
    groups: list[list[End]] = []
    seen: set[End] = set()
    for start in near:
        if start in seen:
            continue
        group, work = [], [start]
        seen.add(start)
        while work:
            end = work.pop()
            group.append(end)
            for other in near[end]:
                if other not in seen:
                    seen.add(other)
                    work.append(other)
        groups.append(group)
    return groups
