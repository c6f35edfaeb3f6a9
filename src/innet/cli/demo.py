"""`innet demo`: the paper's section 4.5 from request to packets, on the example network."""

import argparse

DEFAULT_INTERVAL_S = 1.0


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "demo",
        help="the paper's example, from request to packets",
        description="Build the paper's Figure 3, submit the request of its Figure 4 and three others, send packets, "
        "clean up. As root: real packets in network namespaces; otherwise in this process.",
    )
    parser.add_argument(
        "--simulate", action="store_true", help="run the network in this process, also as root"
    )
    parser.add_argument(
        "--interval",
        type=seconds,
        default=DEFAULT_INTERVAL_S,
        metavar="SECONDS",
        help="time between two batches (default: 1; the paper's is 120)",
    )
    parser.add_argument(
        "--examples", metavar="FOLDER", help="where the examples are (default: the project's own)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object at the end, and the story to stderr"
    )
    parser.set_defaults(verb=run)


def seconds(word: str) -> float:
    """A time for `--interval`."""
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"'{word}' is not a number of seconds from 0.1 to 3600")
    return value


def run(args: argparse.Namespace) -> int:
    """Tell the story; the exit code says whether everything went as it should."""
    from innet.cli.story import tell

    return tell(args)
