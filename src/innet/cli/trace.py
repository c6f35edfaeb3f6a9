"""`innet trace FLOW --from NODE`: what becomes of a flow in the network, as the paper's Figure 2b tells it."""

import argparse
from collections import Counter

from innet.cli import codes

DELIVERED = "delivered"
"""What the last step of a path that arrives says."""


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "trace",
        help="the story of a flow in the network",
        description="Send all packets of a flow (in tcpdump's words; '' for any) into the network at a node, and tell "
        "where they go and what becomes of their fields.",
    )
    parser.add_argument("flow", metavar="FLOW", help="such as 'udp dst port 1500'")
    parser.add_argument("--from", required=True, dest="node", metavar="NODE", help="a node of the network")
    parser.add_argument("--network", required=True, metavar="FILE", help="the operator's network")
    parser.add_argument("--all", action="store_true", help="tell also the paths that arrive nowhere")
    parser.add_argument(
        "--table", action="store_true", help="one table for each path: its nodes, and what changes where"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Print the paths: those that arrive in full, of the others where and why they end. Exit code 1 if none arrives."""
    from innet.cli import files

    snapshot = files.read_network(args.network)

    from innet.cli.output import Style, print_json, step_json, trace_lines, trace_table
    from innet.policy import Policy
    from innet.verify.trace import trace_flow
    from innet.verify.world import World

    paths = trace_flow(args.flow, args.node, World(snapshot, Policy(())))
    arriving = [path for path in paths if path[-1].note == DELIVERED]
    code = codes.YES if arriving else codes.REFUSED
    if args.json:
        print_json(
            {"delivered": len(arriving), "paths": [[step_json(step) for step in path] for path in paths]}
        )
        return code
    style = Style()
    shown = paths if args.all else arriving
    for number, path in enumerate(shown, 1):
        print(style.title(f"path {number} of {len(shown)}"))
        for line in trace_table(path) if args.table else trace_lines(path, style):
            print(line)
    if not arriving:
        print("no packet of this flow arrives anywhere")
    others = Counter((path[-1].place, path[-1].note) for path in paths if path[-1].note != DELIVERED)
    if others and not args.all:
        print(style.title("not delivered") + " (--all tells each path)")
        for (place, note), count in others.items():
            print(f"  {place}: {note}" + (f" ({count} paths)" if count > 1 else ""))
    return code
