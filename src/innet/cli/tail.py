"""`innet tail MODULE`: each packet that a module drops, as it happens."""

import argparse
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from innet.cli import codes, files
from innet.cli.top import close, find_platforms, platforms_argument

if TYPE_CHECKING:
    from innet.platform.protocol import DropEvent
    from innet.platform.remote import RemoteAgent, Tailed

NS = 1_000_000_000


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "tail",
        help="the packets that a module drops, as it happens",
        description="Show each packet that a module drops, with the element and the reason, until Ctrl-C.",
    )
    parser.add_argument(
        "module", metavar="MODULE", help="identifier.MODULE, or one of both where only one module has it"
    )
    platforms_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for each drop")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Show until Ctrl-C, or until the module is gone."""
    agents = find_platforms(args)
    try:
        running = [(r.id, name) for name, agent in agents.items() for r in agent.observe().modules]
        id, platform = choose(args.module, running)
    finally:
        close(agents)  # the stream has a connection of its own
    shown = lost = 0
    try:
        for told in following(agents[platform], id):
            shown += len(told.drops)
            lost += told.lost
            show(told, args.json)
            if told.end:
                print(f"innet: {id}: {told.end}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    note = f"; {lost} more could not be shown" if lost else ""
    print(f"innet: {id} on {platform}: {shown} drops shown{note}", file=sys.stderr)
    return codes.YES


def following(agent: "RemoteAgent", id: str) -> "Iterable[Tailed]":
    """The stream; its first item says that it began."""
    for number, told in enumerate(agent.tail(id)):
        if number == 0:
            print(f"innet: watching {id}; Ctrl-C ends", file=sys.stderr, flush=True)
        yield told


def choose(word: str, running: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The module that `word` means, and its platform. Raises ConfigurationError if there is none, or several."""
    from innet.diagnostics import suggest

    known = sorted(running)
    exact = [one for one in known if one[0] == word]
    found = exact or [one for one in known if word in one[0].split(".", 1)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{id} on {platform}" for id, platform in found)
        raise files.problem(
            "B124", f"'{word}' means several modules", names, "name one of them: IDENTIFIER.MODULE"
        )
    words = {part for id, _ in known for part in (id, *id.split(".", 1))}
    near = suggest(word, words)
    raise files.problem(
        "B125",
        f"no module '{word}' is here",
        ", ".join(id for id, _ in known[:8])
        or "nothing: nothing is deployed on the platforms of this machine",
        f"did you mean '{near}'?" if near else "",
    )


def show(told: "Tailed", as_json: bool) -> None:
    """The drops of one item, and how many are missing between them."""
    from innet.cli.output import print_json
    from innet.messages import to_json

    for drop in told.drops:
        if as_json:
            row = to_json(drop)
            assert isinstance(row, dict)
            print_json({**row, "summary": packet(drop)})
        else:
            print(line(drop), flush=True)
    if told.lost:
        if as_json:
            print_json({"not_shown": told.lost})
        else:
            print(f"{'':12}  ... {told.lost} more could not be shown", flush=True)


def line(drop: "DropEvent") -> str:
    """One drop for people; the time is local."""
    whole, part = divmod(drop.time_ns, NS)
    when = time.strftime("%H:%M:%S", time.localtime(whole)) + f".{part // 1_000_000:03d}"
    return f"{when}  {drop.element}: {drop.reason}  {packet(drop)}".rstrip()


def packet(drop: "DropEvent") -> str:
    """A dropped packet in one line; empty if it is not known."""
    from innet.explore.witness import summary

    start = bytes.fromhex(drop.packet)
    if not start or len(start) >= drop.length:
        return summary(start) if start else ""
    ports = 14 + (start[14] & 15) * 4 + 4 if len(start) > 14 else len(start) + 1
    if len(start) < ports:
        return f"{drop.length} bytes, of which only the first {len(start)} are known"
    return summary(start.ljust(min(drop.length, 1 << 16), b"\0"))
