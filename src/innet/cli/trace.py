"""`innet trace FLOW --from NODE`: what becomes of a flow in the network, as the paper's Figure 2b tells it."""

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from innet.cli import codes

if TYPE_CHECKING:
    from innet.verify.trace import Path
    from innet.verify.world import World

DELIVERED = "delivered"
"""What the last step of a path that arrives says."""


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "trace",
        help="the story of a flow in the network",
        description="Send all packets of a flow (in tcpdump's words; '' for any) into the network at a node, and tell "
        "where they go and what becomes of their fields. Exit code 1 if none arrives anywhere, 3 if none is "
        "known to and some could not be followed to their ends.",
    )
    parser.add_argument("flow", metavar="FLOW", help="such as 'udp dst port 1500'")
    parser.add_argument("--from", required=True, dest="node", metavar="NODE", help="a node of the network")
    parser.add_argument("--network", required=True, metavar="FILE", help="the operator's network")
    parser.add_argument("--all", action="store_true", help="tell also the paths that arrive nowhere")
    parser.add_argument(
        "--table", action="store_true", help="one table for each path: its nodes, and what changes where"
    )
    parser.add_argument("--pcap", metavar="FILE", help="write a packet of each path that is told to FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Print the paths: those that arrive in full, of the others where and why they end. Exit code 1 if none arrives, 3
    if none is known to and some were not followed to their ends."""
    from innet.cli import files

    snapshot = files.read_network(args.network)

    from innet.cli.output import Style, print_json, step_json, trace_lines, trace_table
    from innet.policy import Policy
    from innet.verify.trace import trace_flow
    from innet.verify.world import World

    world = World(snapshot, Policy(()))
    paths = trace_flow(args.flow, args.node, world)
    arriving = [path for path in paths if path.steps[-1].note == DELIVERED]
    open_ended = any(path.open_ended for path in paths)
    code = codes.YES if arriving else codes.UNDECIDED if open_ended else codes.REFUSED
    shown = paths if args.all or args.json else arriving
    examples = {} if args.pcap is None else write_examples(args.pcap, shown, world)
    if args.json:
        answer: dict[str, object] = {
            "delivered": len(arriving),
            "paths": [[step_json(step) for step in path.steps] for path in paths],
        }
        if args.pcap is not None:
            answer["packets"] = [examples.get(number) for number, _ in enumerate(shown)]
        print_json(answer)
        return code
    style = Style()
    for number, path in enumerate(shown):
        print(style.title(f"path {number + 1} of {len(shown)}"))
        for line in trace_table(path.steps) if args.table else trace_lines(path.steps, style):
            print(line)
        if number in examples:
            print(f"  pcap: packet {examples[number]['capture']}: {examples[number]['packet']}")
        elif args.pcap is not None:
            print("  pcap: none of the packets that were tried took this path")
    if not arriving:
        print(
            "no packet of this flow is known to arrive anywhere; not all could be followed to their ends"
            if open_ended
            else "no packet of this flow arrives anywhere"
        )
    ends = [path.steps[-1] for path in paths if path.steps[-1].note != DELIVERED]
    others = Counter((end.place, end.note) for end in ends)
    if others and not args.all:
        print(style.title("not delivered") + " (--all tells each path)")
        for (place, note), count in others.items():
            print(f"  {place}: {note}" + (f" ({count} paths)" if count > 1 else ""))
    return code


def write_examples(name: str, paths: "Sequence[Path]", world: "World") -> dict[int, dict[str, object]]:
    """Write a packet of each path to a capture, in their order; by the path's number, which packet of the capture it
    is and what it is, where one took the path when it was replayed."""
    from innet.cli.captures import write_capture
    from innet.explore.witness import summary
    from innet.verify.crafted import ETHERNET

    frames = {number: path.example(world.network) for number, path in enumerate(paths)}
    found = {number: ETHERNET + frame[14:] for number, frame in frames.items() if frame is not None}
    numbers = write_capture(name, ([frame] for frame in found.values()))
    return {
        number: {"capture": at, "packet": summary(frame), "bytes": frame[14:].hex()}
        for (number, frame), (at, _) in zip(found.items(), numbers, strict=True)
    }
