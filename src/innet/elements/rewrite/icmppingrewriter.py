"""ICMPPingRewriter."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.rewrite.pingflows import PingFlows
from innet.elements.rewrite.timeouts import OneTimeout


@dataclass(frozen=True)
class ICMPPingRewriter(OneTimeout):
    """Rewrite addresses and identifier of ICMP echo requests, and their replies back.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, as IPRewriter takes it: SADDR DADDR IDENTIFIER, or four words with the identifier in
                place of SPORT. The identifier may be a range: the packet's own if it is in there and free, else a
                random one; with `?` always random, with `#` the one after the last given.
                TIMEOUT (300 s), GUARANTEE (5 s): how long a mapping stays after its last packet, at most and, if the
                table is full, at least. REAP_INTERVAL, REAP_TIME: no effect.
                CAPACITY or MAPPING_CAPACITY (65536): most mappings; the name of a rewriter: as many as that may have.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a request's addresses and identifier. Replies never make one.
    Drops:      "not the first fragment of an ICMP echo request or reply", "no mapping for the flow", "no free port or
                address", "flow table full", "no IP header annotation".
    Checksum:   IPv4 and ICMP incremental; an ICMP message of zeros only gets 0xffff.
    Verifier:   idle times do not pass; an allocated identifier is any in the range.
    Source:     Click manual, ICMPPingRewriter; RFC 3022 section 4.1.  As in Click, the search takes for taken only an
                identifier that the request itself has: with all of a range in use, the older mapping makes room.
                Differences: as IPRewriter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "pattern 192.0.2.1 500-599# - - 0 0",
        "pattern 192.0.2.1 - 0-65535 0 0, REPLY_ANNO PAINT",
        "keep 0 0, TIMEOUT 60, DST_ANNO false",
        "pass",
    )

    FLOWS: ClassVar[type[PingFlows]] = PingFlows
