"""IPAddrRewriter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Seconds
from innet.elements.rewrite.addressflows import AddressFlows
from innet.elements.rewrite.family import FlowRewriter


@dataclass(frozen=True)
class IPAddrRewriter(FlowRewriter):
    """Give each source address another one, and packets to that one their way back: address translation without ports.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, as IPRewriter takes it; a pattern may set the source only: SADDR -, where SADDR is
                an address, a range A-B or a prefix (without its first and last address, unless it is a /31). In a range
                the search starts anywhere; with `#`, after the last given.
                A packet is looked up by its source first, then by its destination, whatever the input.
                TIMEOUT (7200 s), GUARANTEE (5 s): how long a mapping stays after its last packet, at most and, if the
                table is full, at least. REAP_INTERVAL, REAP_TIME: no effect.
                CAPACITY or MAPPING_CAPACITY (65536): most mappings; the name of a rewriter: as many as that may have.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a source address.
    Drops:      "no mapping for the flow", "no free port or address", "a pattern that sets more than this rewriter can",
                "flow table full", "no IP header annotation".
    Checksum:   IPv4 incremental; TCP and UDP too in first fragments that have it, but not UDP's zero.
    Verifier:   idle times do not pass; an allocated address is any in the range.
    Source:     Click manual, IPAddrRewriter; RFC 3022.  Any protocol, fragments too. The DST_IP annotation changes with
                the destination, that is in answers only. Differences: as IPRewriter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "pattern 192.0.2.10-192.0.2.60# - 0 0",
        "pattern 192.0.2.0/27 - 0 0, REPLY_ANNO PAINT",
        "keep 0 0, TIMEOUT 60, CAPACITY 10",
        "pass",
    )

    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 7200
    reply_anno: Annotated[int | None, Annotation(1)] = None

    @property
    def flows(self) -> AddressFlows:
        return AddressFlows(
            outputs=self.mapped,
            capacity=self.capacity_now,
            guarantee_s=self.guarantee,
            dst_anno=True,
            reply_anno=self.reply_anno,
            idle_s=self.timeout,
        )
