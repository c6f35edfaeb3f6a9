"""A device that is a Click configuration: a middlebox, whose interfaces its FromDevice and ToDevice elements name."""

from innet.diagnostics import ConfigurationError, PolicyError, Source, Span
from innet.elements.build import load
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.todevice import ToDevice
from innet.network.importers.device import Device
from innet.network.importers.report import Report
from innet.network.reader import NAME


def read_click(source: Source, device: Device, report: Report) -> None:
    """Its interfaces; a configuration with mistakes is refused with all of them."""
    try:
        _, elements = load(source, variables={}, autoqueue=True)
    except ConfigurationError as error:
        raise PolicyError(error.diagnostics) from None
    device.click = source.text
    for element in elements.values():
        if isinstance(element, FromDevice | ToDevice):
            name = element.devname
            at = max(source.text.find(name), 0)
            span = Span(source, at, at + len(name))
            if not NAME.match(name):
                report.error(span, f"'{name[:40]}' cannot be the name of an interface", "letters and digits")
            device.port(name, span)
    if not device.ports:
        report.error(Span(source, 0, 1), "it has no FromDevice and no ToDevice", "the interfaces of the box")
