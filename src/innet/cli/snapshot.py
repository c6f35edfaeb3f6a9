"""`innet snapshot reach|loops|check|diff|import`: questions about a whole network, for every address at once.

Networks are the operator's YAML files, or JSON as collected networks are passed on (`innet.network.neutral`).
`import` makes such a file of what routers and switches print (`innet.cli.importing`).
"""

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from innet.cli import codes, importing

if TYPE_CHECKING:
    from innet.network.forwarding import Change, Forwarding, Loop
    from innet.network.model import End
    from innet.symbolic.ranges import Ranges

MAX_SHOWN = 40
"""Rows of a table that are shown; `--json` has them all."""


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its own verbs."""
    parser = verbs.add_parser(
        "snapshot",
        help="questions about a whole network",
        description="What a network of routers does with every address. FILE is a network file (YAML), or JSON with "
        "nodes, ports, routes and links.",
    )
    inner = parser.add_subparsers(title="questions", metavar="QUESTION", required=True)

    reach = inner.add_parser("reach", help="how many addresses get from edge port to edge port")
    reach.add_argument("network", metavar="FILE")
    reach.add_argument(
        "statements",
        nargs="*",
        metavar="STATEMENT",
        help="of a network of routers: 'reach from NODE:PORT dst net NET -> NODE:PORT' (each in quotes)",
    )
    reach.add_argument("--all-pairs", action="store_true", help="for every two edge ports (the default)")
    reach.add_argument("--json", action="store_true", help="print one JSON object")
    reach.set_defaults(verb=run_reach)

    loops = inner.add_parser("loops", help="the addresses that go round, and where")
    loops.add_argument("network", metavar="FILE")
    loops.add_argument("--json", action="store_true", help="print one JSON object")
    loops.set_defaults(verb=run_loops)

    check = inner.add_parser("check", help="loops, black holes and platforms that nobody reaches")
    check.add_argument("network", metavar="FILE")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(verb=run_check)

    importing.add_parser(inner)

    diff = inner.add_parser(
        "diff", help="what another version of a network lets through, or does not any more"
    )
    diff.add_argument("before", metavar="A")
    diff.add_argument("after", metavar="B")
    diff.add_argument("--json", action="store_true", help="print one JSON object")
    diff.set_defaults(verb=run_diff)


def read(name: str, bumps: bool = False) -> "Forwarding":
    """The network of a file, as forwarding by destination; with `bumps`, middleboxes are taken to pass all."""
    from innet.cli import files
    from innet.network import load, neutral
    from innet.network.forwarding import of_snapshot

    source = files.read_source(name, "the network file")
    if neutral.is_neutral(source.text):
        return neutral.load(source)
    try:
        return of_snapshot(load(source, files.beside(name)), bumps)
    except ValueError as problem:
        raise files.problem("N310", f"{name}: {problem}", "a network of routers and switches",
                            "`innet trace` and requirements follow packets through middleboxes") from None  # fmt: skip


def rows(found: "Mapping[tuple[End, End], int]") -> list[list[object]]:
    """Pairs as data: node, port, node, port, addresses."""
    return [[a.node, a.interface, b.node, b.interface, count] for (a, b), count in found.items()]


def loop_rows(found: "tuple[Loop, ...]") -> list[dict[str, object]]:
    """Loops as data."""
    from innet.network import format_address

    return [
        {
            "class": loop.addresses.number,
            "example": format_address(loop.addresses.example),
            "addresses": loop.addresses.addresses,
            "cycles": [[[place.node, place.interface] for place in cycle] for cycle in loop.cycles],
        }
        for loop in found
    ]


def run_reach(args: argparse.Namespace) -> int:
    """Print the pairs, or what statements are answered."""
    from innet.cli.output import print_json
    from innet.network.forwarding import pairs

    network = read(args.network)
    if args.statements:
        return run_statements(network, args.statements, args.json)
    found = pairs(network)
    if args.json:
        print_json({"name": network.name, "edge_ports": len(network.edges), "pairs": rows(found)})
        return codes.YES
    edges = len(network.edges)
    print(
        f"{len(found):,} of {edges * (edges - 1):,} pairs of {edges} edge ports, by the addresses that get through"
    )
    for (a, b), count in list(found.items())[:MAX_SHOWN]:
        print(f"  {a!s:30} -> {b!s:30} {count:>13,}")
    if len(found) > MAX_SHOWN:
        print(f"  ... {len(found) - MAX_SHOWN:,} more: --json has them all")
    return codes.YES


def run_statements(network: "Forwarding", statements: list[str], as_json: bool) -> int:
    """Print whether each statement holds; exit code 1 if one does not."""
    from innet.cli.output import print_json
    from innet.diagnostics import Source
    from innet.messages import Answer, to_json
    from innet.policy import parse_policy
    from innet.verify.forwarded import Collected
    from innet.verify.world import PARSE

    asked = [rule for text in statements for rule in parse_policy(Source("statement", text)).rules]
    collected = Collected(network, PARSE)
    found = [collected.answer(reach) for reach in asked]
    if as_json:
        print_json({"name": network.name, "answers": [to_json(check) for check in found]})
    else:
        for check in found:
            print(f"{check.holds.value:9} {check.text}" + (f": {check.reason}" if check.reason else ""))
            if check.witness is not None:
                print(f"          {check.witness.summary}")
                print("          " + " -> ".join(step.place for step in check.trace))
    answers = {check.holds for check in found}
    if Answer.NO in answers:
        return codes.REFUSED
    return codes.UNDECIDED if Answer.UNDECIDED in answers else codes.YES


def run_loops(args: argparse.Namespace) -> int:
    """Print the loops; exit code 1 if there are any."""
    from innet.cli.output import print_json
    from innet.network.forwarding import loops

    network = read(args.network)
    found = loops(network)
    if args.json:
        print_json({"name": network.name, "loops": loop_rows(found)})
    else:
        for line in loop_lines(found):
            print(line)
    return codes.REFUSED if found else codes.YES


def loop_lines(found: "tuple[Loop, ...]") -> Iterator[str]:
    """Loops for people."""
    from innet.network import format_address

    cycles = len({cycle for loop in found for cycle in loop.cycles})
    addresses = sum(loop.addresses.addresses for loop in found)
    yield f"{addresses:,} addresses go round, in {cycles} loops" if found else "no address goes round"
    for loop in found:
        one = loop.addresses
        more = f" and {one.addresses - 1:,} more" if one.addresses > 1 else ""
        yield f"  {format_address(one.example)}{more}"
        for cycle in loop.cycles:
            yield "    " + " -> ".join(str(place) for place in (*cycle, cycle[0]))


def run_check(args: argparse.Namespace) -> int:
    """Print what is wrong; exit code 1 if anything is, 3 if nothing is but some box is not known."""
    from innet.cli.output import print_json
    from innet.network import format_address
    from innet.network.forwarding import black_holes, loops

    network = read(args.network, bumps=True)
    found, holes = loops(network), black_holes(network)
    lost = unreached(args.network)
    passed, unknown = boxes(args.network)
    if args.json:
        print_json({
            "name": network.name,
            "loops": loop_rows(found),
            "black_holes": [
                {"node": h.node, "example": format_address(h.example), "addresses": h.addresses} for h in holes
            ],
            "unreachable_platforms": lost,
            "taken_to_pass_everything": passed,
            "unknown": unknown,
        })  # fmt: skip
    else:
        for line in loop_lines(found):
            print(line)
        print(
            "no black holes"
            if not holes
            else "black holes: routed by a neighbour to a router without a route"
        )
        for hole in holes[:MAX_SHOWN]:
            print(f"  {hole.node}: {hole.addresses:,} addresses, such as {format_address(hole.example)}")
        for name in lost:
            print(f"nobody outside reaches platform '{name}'")
        if passed:
            print(f"taken to pass everything: {', '.join(passed[:MAX_SHOWN])}")
        for name in unknown[:MAX_SHOWN]:
            print(f"undecided: nobody knows what '{name}' does")
    if found or holes or lost:
        return codes.REFUSED
    return codes.UNDECIDED if unknown else codes.YES


def boxes(name: str) -> tuple[list[str], list[str]]:
    """The middleboxes of a YAML network that the check took to pass everything, and those with unknown parts."""
    from innet.cli import files
    from innet.network import neutral
    from innet.network.through import through

    if neutral.is_neutral(files.read_source(name, "the network file").text):
        return [], []
    found = {box.name: through(box) for box in files.read_network(name).middleboxes}
    passed = [box for box, ways in found.items() if ways.is_known and not ways.is_exact]
    return passed, [box for box, ways in found.items() if not ways.is_known]


def unreached(name: str) -> list[str]:
    """The platforms of a YAML network to whose pools no packet from outside or from clients gets."""
    from innet.cli import files
    from innet.explore.fabric import platforms_from
    from innet.network import Clients, neutral
    from innet.symbolic.prefixes import outcomes
    from innet.symbolic.ranges import intersect

    source = files.read_source(name, "the network file")
    if neutral.is_neutral(source.text):
        return []
    snapshot = files.read_network(name)
    tables = {}
    for router in snapshot.routers:
        routes = ((r.prefix.address, r.prefix.length, r.output) for r in snapshot.routes(router.name))
        tables[router.name] = tuple(outcomes(routes).items())

    def outputs(router: str, destinations: "Ranges") -> "Iterator[tuple[tuple[str, ...], Ranges]]":
        for output, some in tables[router]:
            if part := intersect(destinations, some):
                yield output, part

    ends = list(snapshot.outside)
    for node in snapshot.nodes.values():
        if isinstance(node, Clients):
            ends += [
                end for port in node.interfaces if (end := snapshot.neighbour(node.name, port)) is not None
            ]
    reached = platforms_from(snapshot, outputs, ends)
    return sorted({p.name for p in snapshot.platforms} - reached)


def change_json(one: "Change") -> dict[str, object]:
    """A change as data."""
    from innet.network import format_address

    return {
        "from": list(one.source),
        "to": list(one.target),
        "gained": one.gained,
        "lost": one.lost,
        "example_gained": None if one.example_gained is None else format_address(one.example_gained),
        "example_lost": None if one.example_lost is None else format_address(one.example_lost),
    }


def run_diff(args: argparse.Namespace) -> int:
    """Print what changed between two versions; exit code 1 if anything did."""
    from innet.cli.output import print_json
    from innet.network import format_address
    from innet.network.forwarding import changes

    found = changes(read(args.before), read(args.after))
    if args.json:
        print_json({"changes": [change_json(one) for one in found]})
        return codes.REFUSED if found else codes.YES
    print(f"{len(found):,} pairs of edge ports differ" if found else "every address fares the same")
    for c in found[:MAX_SHOWN]:
        parts = []
        if c.gained:
            parts.append(f"+{c.gained:,} such as {format_address(c.example_gained or 0)}")
        if c.lost:
            parts.append(f"-{c.lost:,} such as {format_address(c.example_lost or 0)}")
        print(f"  {c.source!s:30} -> {c.target!s:30} {', '.join(parts)}")
    if len(found) > MAX_SHOWN:
        print(f"  ... {len(found) - MAX_SHOWN:,} more: --json has them all")
    return codes.REFUSED if found else codes.YES
