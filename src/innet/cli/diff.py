"""`innet diff A B`: which packets two versions of a module treat differently, or that none are."""

import argparse
import re
from typing import TYPE_CHECKING

from innet.cli import codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from innet.cli.output import Style
    from innet.diagnostics import Source
    from innet.explore.machine import Machine
    from innet.verify.diff import Comparison, Difference

ADDRESS = "198.51.100.1"
"""What `$ADDR` is in both versions, if nothing else is said."""
OUTSIDE = "203.0.113.77"
"""The module's address where it is on the internet."""
SAYS = {
    "none": "no packet is treated differently",
    "different": "some packets are treated differently",
    "undecided": "no difference was found, and none is proven not to be there",
}


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb and its arguments."""
    parser = verbs.add_parser(
        "diff",
        help="what two versions treat differently",
        description="Which packets two versions of a module treat differently, with an example of each, or that none "
        "are. Versions are request files (modules of one name are compared) or Click files. With --network and --at "
        "twice: what becomes of packets to the module of A at one place, and at the other.",
        epilog="exit codes: 0 no packet is treated differently, 1 some are, 2 bad input, 3 undecided",
    )
    parser.add_argument("first", metavar="A", help="a request, or a Click configuration")
    parser.add_argument("second", metavar="B", nargs="?", help="the other version")
    parser.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help="a value for ${NAME-default}, in both"
    )
    parser.add_argument(
        "--address",
        default=ADDRESS,
        metavar="ADDRESS",
        help=f"the module's own address, $ADDR (default: {ADDRESS})",
    )
    parser.add_argument(
        "--network", metavar="FILE", help="the operator's network, to compare two placements of A"
    )
    parser.add_argument(
        "--at", action="append", default=[], metavar="NODE", help="a platform, or 'internet' (give it twice)"
    )
    parser.add_argument(
        "--flow", metavar="FLOW", help="the packets to compare placements for, in tcpdump's words"
    )
    parser.add_argument("--pcap", metavar="FILE", help="write the example packets to FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(verb=run)


def run(args: argparse.Namespace) -> int:
    """Print the comparison of each module; the exit code says whether any packet is treated differently."""
    from innet.cli.captures import write_capture
    from innet.cli.output import Style, print_json
    from innet.verify.diff import compare

    compared: dict[str, Comparison] = {}
    if args.network is not None or args.at:
        compared = placements(args)
    else:
        for name, (first, second, address) in pairs(args).items():
            compared[name] = compare(first, second, address)
    found = [(name, difference) for name, answer in compared.items() for difference in answer.differences]
    numbers: list[tuple[int, int]] = []
    if args.pcap is not None:
        numbers = write_capture(args.pcap, ((*d.before, d.frame) for _, d in found))
    verdict = overall([answer.verdict.value for answer in compared.values()])
    if args.json:
        print_json({"verdict": verdict, "modules": [answer_json(n, a) for n, a in compared.items()]})
    else:
        places = dict(zip((id(d) for _, d in found), numbers, strict=False))
        style = Style()
        for name, answer in compared.items():
            for line in lines(name, answer, style, places):
                print(line)
    return {"none": codes.YES, "different": codes.REFUSED, "undecided": codes.UNDECIDED}[verdict]


def overall(verdicts: list[str]) -> str:
    """The verdict on all modules together."""
    return next((word for word in ("different", "undecided") if word in verdicts), "none")


# ---- two placements


def placements(args: argparse.Namespace) -> "dict[str, Comparison]":
    """The comparison of one module at two places of a network."""
    from innet.cli.files import parameters, problem, read_network, read_source
    from innet.flowspec import lower, parse_flow
    from innet.network import Internet, Platform, parse_address
    from innet.policy import Policy
    from innet.verify.moves import compare_placements
    from innet.verify.world import World, module_box, placed

    values = {} if args.second is None else parameters([args.second])
    values |= parameters(args.parameters)
    if args.network is None or len(args.at) != 2:
        raise problem("B111", "two placements are asked for", "--network FILE --at NODE --at NODE")
    versions = modules(read_source(args.first, "the request"), values)
    if len(versions) != 1:
        raise problem("B112", f"'{args.first}' has {len(versions)} modules", "one module")
    ((name, version),) = versions.items()
    world = World(read_network(args.network), Policy(()))
    nodes = world.snapshot.nodes
    made = []
    for word in args.at:
        node = nodes.get(word) or next(
            (n for n in nodes.values() if isinstance(n, Internet) and word == "internet"), None
        )
        if not isinstance(node, Platform | Internet):
            known = [n.name for n in nodes.values() if isinstance(n, Platform)]
            raise problem("B113", f"--at: '{word}' is no place for a module", ", ".join([*known, "internet"]))
        number = world.free_address(node.name) if isinstance(node, Platform) else parse_address(OUTSIDE)
        if number is None:
            raise problem("B114", f"platform '{word}' has no free address", "a platform with room")
        configuration = machine(version, name, {name: number}, values)
        box = module_box("Module", configuration, next(iter(node.interfaces), "0"))
        made.append(placed(name, node.name, number, box))
    title = f"{name} at {args.at[0]} (A) and at {args.at[1]} (B)"
    condition = lower(parse_flow(args.flow or "").predicate)
    return {title: compare_placements(world.network, made[0], made[1], condition)}


# ---- what is compared


def pairs(args: argparse.Namespace) -> "Mapping[str, tuple[Machine, Machine, int]]":
    """The modules to be compared, by name: both versions, and the address that both have."""
    from innet.cli.files import parameters, problem, read_source
    from innet.network import parse_address

    values = parameters(args.parameters)
    try:
        address = parse_address(args.address)
    except ValueError as error:
        raise problem("B109", f"--address: {error}", "an address") from None
    if args.second is None:
        raise problem("B115", "one version is named", "two, or --network FILE --at NODE --at NODE")
    first, second = (read_source(name, "the version") for name in (args.first, args.second))
    mine, others = (modules(source, values) for source in (first, second))
    if len(mine) == len(others) == 1:
        (name,), (other,) = mine, others
        if other != name:
            mine = {f"{name} and {other}": mine[name]}
            others = {f"{name} and {other}": others[other]}
    if mine.keys() != others.keys():
        lone = [f"'{n}' is in A only" for n in mine if n not in others]
        lone += [f"'{n}' is in B only" for n in others if n not in mine]
        raise problem(
            "B110", f"the versions have different modules: {', '.join(lone)}", "modules of the same names"
        )
    numbers = {name: address + n for n, name in enumerate(mine)}
    return {
        name: (
            machine(mine[name], name, numbers, values),
            machine(others[name], name, numbers, values),
            numbers[name],
        )
        for name in mine
    }


def modules(source: "Source", values: "Mapping[str, str]") -> "dict[str, object]":
    """The modules of a request, by name, or the one configuration of a Click file."""
    from innet.cli.files import problem, warn
    from innet.policy import parse_request

    if not re.search(r"^[A-Za-z_][\w@/.-]* module:", source.text, re.MULTILINE):
        return {"the module": source}
    request = parse_request(source, values)
    warn(request.warnings)
    for module in request.modules:
        if module.stock is not None:
            raise problem("V301", f"there is no stock module '{module.stock.name}'", "a Click configuration")
    return {module.name: module for module in request.modules}


def machine(
    version: object, name: str, numbers: "Mapping[str, int]", values: "Mapping[str, str]"
) -> "Machine":
    """A version made ready for comparing."""
    from innet.diagnostics import Source
    from innet.network import format_address
    from innet.policy import Module
    from innet.verify.texts import deployed
    from innet.verify.world import machine_of

    addresses = {module: format_address(number) for module, number in numbers.items()}
    if isinstance(version, Module):
        names = dict.fromkeys([version.name])
        return machine_of(deployed(version, values, addresses | dict.fromkeys(names, addresses[name])))
    assert isinstance(version, Source)
    return machine_of(version, {"ADDR": addresses[name], **values})


# ---- how it is told


def answer_json(name: str, answer: "Comparison") -> dict[str, object]:
    """One module's comparison."""
    return {
        "module": name,
        "verdict": answer.verdict.value,
        "differences": [difference_json(d) for d in answer.differences],
        "open": list(answer.open_questions),
        "notes": list(answer.notes),
    }


def difference_json(d: "Difference") -> dict[str, object]:
    """A difference: frames in hexadecimal, and what leaves each version because of the last one."""
    return {
        "packets": d.packets,
        "kind": d.way,
        "before": [frame.hex() for frame in d.before],
        "packet": d.frame.hex(),
        "results": {
            name: {
                "text": result.text,
                "packets": [{"interface": device, "bytes": data.hex()} for device, data in result.packets],
            }
            for name, result in (("A", d.first), ("B", d.second))
        },
    }


def lines(
    name: str, answer: "Comparison", style: "Style", places: "Mapping[int, tuple[int, int]]"
) -> "Iterator[str]":
    """A module's comparison to be read."""
    from innet.cli.captures import packets_text
    from innet.explore.witness import summary

    word = answer.verdict.value
    yield f"{style.title(name)}: {style.word(word)} ({SAYS[word]})"
    for number, d in enumerate(answer.differences, 1):
        yield f"\n  {number}. {d.way}: {d.packets}"
        for n, frame in enumerate(d.before):
            yield f"     {'first:' if n == 0 else 'then: '}   {summary(frame)}"
        yield f"     {'then: ' if d.before else 'packet:'}{'  ' if d.before else ' '} {summary(d.frame)}"
        yield f"     A:       {d.first.text}"
        yield f"     B:       {d.second.text}"
        if id(d) in places:
            yield f"     pcap:    {packets_text(places[id(d)])}"
    if answer.open_questions:
        more = "there may be more: " if answer.differences else ""
        yield ""
        for question in answer.open_questions:
            yield f"  not proven: {more}{question}"
    yield ""
    for note in answer.notes:
        yield f"  {note}"
