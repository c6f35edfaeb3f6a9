"""UDPRewriter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Seconds
from innet.elements.rewrite.family import FlowRewriter
from innet.elements.rewrite.portflows import Timeouts, UDPFlows


@dataclass(frozen=True)
class UDPRewriter(FlowRewriter):
    """Rewrite addresses and ports of UDP, TCP and DCCP flows, and the answers back, all by one table.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, as IPRewriter takes it.
                UDP_TIMEOUT or TIMEOUT (300 s), UDP_STREAMING_TIMEOUT or STREAMING_TIMEOUT (the same; answered,
                3 packets), UDP_GUARANTEE or GUARANTEE (5 s): how long a flow stays after its last packet, at most and,
                if the table is full, at least. REAP_INTERVAL, REAP_TIME: no effect.
                MAPPING_CAPACITY or CAPACITY (65536): most flows; the name of a rewriter: as many as that may have.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a flow, whatever its protocol: a TCP packet with the addresses and ports of a UDP
                flow uses that one's mapping.
    Drops:      "not the first fragment of a TCP, UDP or DCCP packet", "no mapping for the flow", "no free port or
                address", "flow table full", "no IP header annotation".
    Checksum:   IPv4, TCP and UDP incremental; a UDP checksum of zero stays zero; DCCP's is left as it was. TCP segments
                of fewer than 18 bytes have none.
    Verifier:   idle times do not pass; an allocated port is any in the range.
    Source:     Click manual, UDPRewriter; RFC 3022.  Differences: as IPRewriter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "pattern 192.0.2.1 2000-2999# - - 0 0",
        "keep 0 0, UDP_TIMEOUT 30, UDP_STREAMING_TIMEOUT 90, REPLY_ANNO PAINT",
        "pattern - - 10.0.0.53 - 0 0, TIMEOUT 1min, DST_ANNO false",
        "mapper",
    )
    COMPANIONS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("mapper", "SourceIPHashMapper", "4 0x1e57ab, - - 10.0.0.11 - 0 0 11, - - 10.0.0.12 - 0 0 12"),
    )

    _: KW_ONLY
    udp_timeout: Annotated[int, Seconds()] = 300
    timeout: Annotated[int | None, Seconds()] = None
    udp_streaming_timeout: Annotated[int | None, Seconds()] = None
    streaming_timeout: Annotated[int | None, Seconds()] = None
    udp_guarantee: Annotated[int | None, Seconds()] = None
    dst_anno: bool = True
    reply_anno: Annotated[int | None, Annotation(1)] = None

    @property
    def flows(self) -> UDPFlows:
        idle_s = self.udp_timeout if self.timeout is None else self.timeout
        given = (self.streaming_timeout, self.udp_streaming_timeout, idle_s)
        return UDPFlows(
            outputs=self.mapped,
            capacity=self.capacity_now,
            guarantee_s=self.guarantee if self.udp_guarantee is None else self.udp_guarantee,
            dst_anno=self.dst_anno,
            reply_anno=self.reply_anno,
            timeouts=Timeouts(
                udp=idle_s, udp_streaming=next(seconds for seconds in given if seconds is not None)
            ),
        )
