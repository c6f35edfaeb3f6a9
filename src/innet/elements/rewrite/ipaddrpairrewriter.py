"""IPAddrPairRewriter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Seconds
from innet.elements.rewrite.addressflows import PairFlows
from innet.elements.rewrite.timeouts import OneTimeout


@dataclass(frozen=True)
class IPAddrPairRewriter(OneTimeout):
    """Rewrite source and destination addresses of packets from one host to another, and the answers back.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, as IPRewriter takes it; a pattern may set addresses only: SADDR DADDR, where SADDR
                may be a range A-B or a prefix (without its first and last address, unless it is a /31). In a range the
                search starts anywhere; with `#`, after the last given.
                TIMEOUT (7200 s), GUARANTEE (5 s): how long a mapping stays after its last packet, at most and, if the
                table is full, at least. REAP_INTERVAL, REAP_TIME: no effect.
                CAPACITY or MAPPING_CAPACITY (65536): most mappings; the name of a rewriter: as many as that may have.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a pair of addresses.
    Drops:      "no mapping for the flow", "no free port or address", "a pattern that sets more than this rewriter can",
                "flow table full", "no IP header annotation".
    Checksum:   IPv4 incremental; TCP and UDP too in first fragments that have it, but not UDP's zero.
    Verifier:   idle times do not pass; an allocated address is any in the range.
    Source:     Click manual, IPAddrPairRewriter; RFC 3022.  Any protocol, fragments too. Differences: as IPRewriter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "pattern 192.0.2.1 - 0 0",
        "pattern 192.0.2.1-192.0.2.30# 10.0.0.99 0 0, REPLY_ANNO PAINT",
        "keep 0 0, TIMEOUT 60, DST_ANNO false",
        "mapper",
        "pattern 192.0.2.1 80 - - 0 0",
    )
    COMPANIONS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("mapper", "RoundRobinIPMapper", "192.0.2.1 - 0 0, 192.0.2.2 80 - - 0 0"),
    )

    FLOWS: ClassVar[type[PairFlows]] = PairFlows

    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 7200
