"""The operator's network: `load` reads a network file into a `Snapshot`, which answers who is joined to whom, where a
router sends an address, and who owns one.

No sockets, no clocks, no file access: files named in a network file enter through a function. Longest-prefix tables
are disjoint intervals (`lpm`), so that an exploration branches once per output. `routing` says which routes a snapshot
adds to those of the text. `generate` makes networks of any size for benchmarks.
"""

from innet.network.addresses import (
    Prefix,
    format_address,
    format_mac,
    parse_address,
    parse_mac,
    parse_prefix,
)
from innet.network.load import load
from innet.network.model import (
    DROP,
    SELF,
    Capacity,
    Clients,
    End,
    Host,
    Interface,
    Internet,
    Kind,
    Link,
    Middlebox,
    Node,
    Operator,
    Output,
    Platform,
    Route,
    Router,
    Switch,
)
from innet.network.segments import Segment
from innet.network.snapshot import Snapshot

__all__ = [
    "DROP",
    "SELF",
    "Capacity",
    "Clients",
    "End",
    "Host",
    "Interface",
    "Internet",
    "Kind",
    "Link",
    "Middlebox",
    "Node",
    "Operator",
    "Output",
    "Platform",
    "Prefix",
    "Route",
    "Router",
    "Segment",
    "Snapshot",
    "Switch",
    "format_address",
    "format_mac",
    "load",
    "parse_address",
    "parse_mac",
    "parse_prefix",
]
