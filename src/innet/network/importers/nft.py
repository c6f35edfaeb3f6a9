"""nftables: reads `nft -j list ruleset` of a router (`innet.network.importers.nftrules`)."""

from collections.abc import Mapping, Sequence

from innet.diagnostics import Source
from innet.network.importers.device import Device
from innet.network.importers.jsonplaces import Document
from innet.network.importers.nftbox import guard_text
from innet.network.importers.nftnat import Side, UnsuitableError
from innet.network.importers.nftrules import FOLLOWED, Ruleset, TooLongError
from innet.network.importers.report import Report


def read_ruleset(source: Source, device: Device, report: Report) -> None:
    """The packet filter; what packets pass it is a box around the router."""
    document = Document(source)
    try:
        ruleset = Ruleset(document)
    except RecursionError:
        report.error(document.place([]), "nested too deep")
        return
    for path, message in ruleset.strange.items():
        device.unknown(report, document.place(path), message)
    for path, message in ruleset.unclear.items():
        report.unknown(document.place(path), message, "any packet may match this rule, or not")
    chains = [chain for hook in FOLLOWED for chain in (*ruleset.hook(hook), *ruleset.hook(hook, "nat"))]
    if not chains or device.opaque or report.errors:
        return

    def guard(names: Sequence[tuple[str, str, int | None]], routes: Mapping[str, str | None]) -> str:
        sides = [Side(*name) for name in names]
        try:
            return guard_text(f"packet filter of {device.name}", ruleset, sides, routes)
        except (UnsuitableError, TooLongError) as why:
            device.unknown(report, document.place([]), str(why))
            return ""

    device.guard = guard
