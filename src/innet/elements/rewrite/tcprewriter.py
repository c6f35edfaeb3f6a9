"""TCPRewriter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Seconds
from innet.elements.holder import Remembered
from innet.elements.rewrite.family import FlowRewriter, lookup
from innet.elements.rewrite.portflows import TCPFlows, Timeouts


@dataclass(frozen=True)
class TCPRewriter(FlowRewriter):
    """Rewrite addresses and ports of TCP flows, and the answers back.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, as IPRewriter takes it.
                TCP_TIMEOUT or TIMEOUT (86400 s), TCP_NODATA_TIMEOUT (300 s; until both sides sent data),
                TCP_DONE_TIMEOUT (240 s), TCP_GUARANTEE or GUARANTEE (5 s): how long a flow stays after its last packet,
                at most and, if the table is full, at least. REAP_INTERVAL, REAP_TIME: no effect.
                MAPPING_CAPACITY or CAPACITY (65536): most flows; the name of a rewriter: as many as that may have.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a flow.
    Drops:      "not the first fragment of a TCP packet", "no mapping for the flow", "no free port or address",
                "flow table full", "no IP header annotation".
    Checksum:   IPv4 and TCP incremental. Segments of fewer than 18 bytes keep their ports.
    Verifier:   idle times do not pass; an allocated port is any in the range.
    Source:     Click manual, TCPRewriter; RFC 3022.  Differences: as IPRewriter.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "pattern 192.0.2.1 2000-2999# - - 0 0",
        "keep 0 0, TCP_TIMEOUT 60, CAPACITY 100",
        "pattern - - 10.0.0.80 8080 0 0, DST_ANNO false, REPLY_ANNO PAINT",
    )

    READS: ClassVar[tuple[str, ...]] = ("lookup", *FlowRewriter.READS)

    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 86400
    tcp_timeout: Annotated[int | None, Seconds()] = None
    tcp_nodata_timeout: Annotated[int, Seconds()] = 300
    tcp_done_timeout: Annotated[int, Seconds()] = 240
    tcp_guarantee: Annotated[int | None, Seconds()] = None
    dst_anno: bool = True
    reply_anno: Annotated[int | None, Annotation(1)] = None

    @property
    def flows(self) -> TCPFlows:
        tcp = self.timeout if self.tcp_timeout is None else self.tcp_timeout
        return TCPFlows(
            outputs=self.mapped,
            capacity=self.capacity_now,
            guarantee_s=self.guarantee if self.tcp_guarantee is None else self.tcp_guarantee,
            dst_anno=self.dst_anno,
            reply_anno=self.reply_anno,
            timeouts=Timeouts(tcp, self.tcp_nodata_timeout, self.tcp_done_timeout),
        )

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler == "lookup":
            return lookup(self.flows, memory, argument)
        return FlowRewriter.read(self, handler, memory, argument)
