"""Port, processing and flow codes of some Click classes, so that the language is tested without the elements."""

from dataclasses import dataclass

from innet.diagnostics import ConfigurationError, Source, render_all


@dataclass(frozen=True)
class Codes:
    """What the language knows of a class."""

    PORTS: str = "1/1"
    PROCESSING: str = "a/a"
    FLOW: str = "x/x"


CODES = {
    "AddressInfo": Codes("0/0"),
    "CheckIPHeader": Codes("1/1-2", "a/ah"),
    "CheckLength": Codes("1/1-2", "a/ah"),
    "CheckPaint": Codes("1/1-2", "a/ah"),
    "Classifier": Codes("1/-", "h/h"),
    "Counter": Codes(),
    "DecIPTTL": Codes("1/1-2", "a/ah"),
    "Discard": Codes("1/0", "a/a"),
    "EtherEncap": Codes(),
    "FromDump": Codes("0/1-2", "a/ah"),
    "FromNetfront": Codes("0/1", "h/h"),
    "IPClassifier": Codes("1/-", "h/h"),
    "IPFilter": Codes("1/-", "h/h"),
    "IPMirror": Codes(),
    "IPRewriter": Codes("1-/1-", "h/h"),
    "Idle": Codes("-/-", "a/a", "x/y"),
    "InfiniteSource": Codes("0/1", "a/a"),
    "Null": Codes(),
    "Pad": Codes(),
    "Paint": Codes(),
    "Print": Codes(),
    "PullNull": Codes("1/1", "l/l"),
    "PushNull": Codes("1/1", "h/h"),
    "Queue": Codes("1/1-2", "h/lh"),
    "RoundRobinSched": Codes("1-/1", "l/l"),
    "RoundRobinSwitch": Codes("1/1-", "h/h"),
    "SetIPAddress": Codes(),
    "StoreData": Codes(),
    "Strip": Codes(),
    "Tee": Codes("1/1-", "h/h"),
    "TimedUnqueue": Codes("1/1", "l/h"),
    "ToDump": Codes("1/0-1", "a/a"),
    "ToNetfront": Codes("1/0-1", "a/h"),
    "Truncate": Codes(),
    "Unqueue": Codes("1/1", "l/h"),
    "Unstrip": Codes(),
    "Wires": Codes("-/=", "a/a", "#/#"),
}


def source(text: str) -> Source:
    return Source("config.click", text)


def mistakes(error: ConfigurationError) -> str:
    """What a person would read."""
    return render_all(error.diagnostics)
