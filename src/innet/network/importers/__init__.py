"""Real networks: what routers, switches and hosts print of themselves, put together into a network file.

`import_files` takes texts by file name (docs/reference/snapshot-import.md says which) and gives the text of a network
file, which has been loaded once. What is not understood is refused; with `lenient` it is listed, and what it might have
changed is left open in the network itself, so that no answer can be wrongly yes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from innet.diagnostics import Diagnostic, PolicyError, Source, Span, suggest
from innet.network.importers import (
    clickfile,
    frr,
    iosconfig,
    iosmac,
    iosroute,
    linux,
    neutralfile,
    nft,
    ovsflow,
)
from innet.network.importers.assemble import Extras, assemble
from innet.network.importers.device import Device, Reader
from innet.network.importers.report import Ignored, Report
from innet.network.importers.stations import read_links
from innet.network.importers.words import Word
from innet.network.load import load
from innet.network.snapshot import Snapshot
from innet.network.yamltree import Listing, Scalar, parse
from innet.network.yamltree import Mapping as Tree

FORMATS: dict[str, Reader] = {
    "ip-addr.json": linux.read_links,
    "ip-link.json": linux.read_links,
    "ip-route.json": linux.read_routes,
    "frr-route.json": frr.read_routes,
    "ios-route.txt": iosroute.read_routes,
    "ios-config.txt": iosconfig.read_config,
    "ios-mac.txt": iosmac.read_macs,
    "nft.json": nft.read_ruleset,
    "ovs-flows.txt": ovsflow.read_flows,
    "config.click": clickfile.read_click,
}
"""File name, after a device's name, to what reads it; files are read in this order."""
TABLES = ("ip-route.json", "frr-route.json", "ios-route.txt")
WHOLE = ("ovs-flows.txt", "config.click")
"""Files that say all of a device."""
LINKS, EXTRAS, CLICK = "links", "import.yaml", ".click"


@dataclass(frozen=True)
class Imported:
    """The network: its text, the Click files named in it, what it means; and what was ignored or taken for granted."""

    text: str
    files: Mapping[str, str]
    snapshot: Snapshot
    ignored: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()


def import_files(files: Mapping[str, str], *, lenient: bool = False, name: str = "network") -> Imported:
    """The network that these files describe; names are relative to its folder, with '/'.

    Raises `PolicyError` with every mistake found (codes N4xx).
    """
    report = Report(lenient)
    found = _sort(files, report, name)
    whole = [source for source in found.whole if source is not None]
    if whole and (found.devices or len(whole) > 1):
        span = Span(whole[-1], 0, 1)
        report.error(span, "a whole network, and other files beside it", help="import it by itself")
    title = f"Made by `innet snapshot import` of {name}."
    if whole and not report.errors:
        text, more = neutralfile.read_network(whole[0], title)
        return _loaded(text, more, report, name)
    devices = {}
    for device_name, sources in sorted(found.devices.items()):
        device = devices[device_name] = Device(device_name)
        device.span = Span(next(iter(sources.values())), 0, 0)
        tables = [file for file in TABLES if file in sources]
        if len(tables) > 1:
            message = f"'{device_name}' has two routing tables: {' and '.join(tables)}"
            report.error(Span(sources[tables[1]], 0, 1), message, help="keep that of the kernel")
        for file in WHOLE:
            if file in sources and len(sources) > 1:
                message = f"'{device_name}' has other files beside {file}, which is a whole device"
                report.error(Span(sources[file], 0, 1), message, help="keep one of the two")
        for file, reader in FORMATS.items():
            if file in sources:
                try:
                    reader(sources[file], device, report)
                except PolicyError as error:
                    report.errors += error.diagnostics
    links: list[tuple[Word, Word]] = []
    if found.links is not None:
        links += read_links(found.links, report)
    extras = Extras({}) if found.extras is None else _extras(found.extras, report)
    if not devices and not report.errors:
        expected = ", ".join(f"DEVICE/{file}" for file in FORMATS)
        report.errors.append(Diagnostic("N401", f"{name}: there are no files of devices", None, expected))
    if report.errors:
        raise PolicyError(report.errors)
    text, made = assemble(devices, links, extras, report, title)
    return _loaded(text, made, report, name)


def _loaded(text: str, files: Mapping[str, str], report: Report, name: str) -> Imported:
    """What was made, loaded as any network file is."""
    if report.errors:
        raise PolicyError(report.errors)
    snapshot = load(Source(f"{name} (as imported)", text), files.__getitem__)
    return Imported(text, files, snapshot, tuple(report.ignored), tuple(report.notes))


@dataclass
class _Files:
    """The files by what they are for."""

    devices: dict[str, dict[str, Source]]
    links: Source | None = None
    extras: Source | None = None
    whole: tuple[Source, ...] = ()


def _sort(files: Mapping[str, str], report: Report, name: str) -> _Files:
    found = _Files({})
    for path, text in sorted(files.items()):
        source = Source(path, text)
        base = path.rpartition("/")[2]
        if base.startswith(".") or base.lower().startswith("readme"):
            continue
        if path in (LINKS, LINKS + ".txt"):
            found.links = source
            continue
        if path == EXTRAS:
            found.extras = source
            continue
        device, file = _device(path)
        if device:
            found.devices.setdefault(device, {})[file] = source
        elif neutralfile.is_whole(source):
            found.whole = (*found.whole, source)
        else:
            near = suggest(base, [*FORMATS, LINKS, EXTRAS])
            help = f"did you mean '{near}'?" if near else "take it out of the folder"
            report.errors.append(
                Diagnostic(
                    "N401",
                    f"'{path[:120]}' is no file that an import knows",
                    Span(source, 0, 1),
                    f"links, import.yaml, or DEVICE/ followed by one of {', '.join(FORMATS)}",
                    help,
                )
            )
    return found


def _device(path: str) -> tuple[str, str]:
    """Device and format of `DEVICE/FORMAT`, `DEVICE.FORMAT` and `DEVICE.click`; empty if it is neither."""
    for file in FORMATS:
        for sign in "/.":
            device = path.removesuffix(sign + file)
            if device != path and device and "/" not in device:
                return device, file
    device = path.removesuffix(CLICK)
    if device != path and device and "/" not in device:
        return device, "config.click"
    return "", ""


def _extras(source: Source, report: Report) -> Extras:
    """`import.yaml`: nodes, links and the operator's part, as in a network file."""
    try:
        tree = parse(source)
    except PolicyError as error:
        report.errors += error.diagnostics
        return Extras({})
    if not isinstance(tree, Tree):
        report.error(tree.span, "not a mapping", "nodes, links, operator")
        return Extras({})
    for key, _ in tree.pairs:
        if key.text not in ("nodes", "links", "operator"):
            report.error(key.span, f"'{key.text[:40]}' is not understood", "nodes, links or operator")
    nodes = {}
    given = tree.get("nodes")
    for key, value in given.pairs if isinstance(given, Tree) else ():
        if isinstance(value, Tree):
            nodes[key.text] = (key, value)
        else:
            report.error(key.span, f"'{key.text[:40]}' is no node", "NAME: {kind: ..., ...}")
    links = []
    rows = tree.get("links")
    for row in rows.items if isinstance(rows, Listing) else ():
        match row:
            case Listing((Scalar(a, first), Scalar(b, second))):
                links.append((Word(a, first), Word(b, second)))
            case _:
                report.error(row.span, "not a link", "[DEVICE:INTERFACE, DEVICE:INTERFACE]")
    for key, value in tree.pairs:
        if key.text in ("nodes", "operator") and not isinstance(value, Tree):
            report.error(value.span, f"'{key.text}' is not a mapping")
        if key.text == "links" and not isinstance(value, Listing):
            report.error(value.span, "'links' is not a list")
    operator = tree.get("operator")
    return Extras(nodes, tuple(links), operator if isinstance(operator, Tree) else None)


__all__ = ["FORMATS", "Ignored", "Imported", "import_files"]
