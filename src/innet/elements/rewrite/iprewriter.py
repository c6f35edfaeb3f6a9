"""IPRewriter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Seconds
from innet.elements.holder import Remembered
from innet.elements.rewrite import rows
from innet.elements.rewrite.family import FlowRewriter, lookup
from innet.elements.rewrite.portflows import PortFlows, Timeouts
from innet.packet.headers import PROTO_TCP, PROTO_UDP


@dataclass(frozen=True)
class IPRewriter(FlowRewriter):
    """Rewrite addresses and ports of TCP and UDP flows, and the answers back: NAT, port forwarding, stateful firewall.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, for packets of flows without a mapping: `drop` (or `discard`); `pass [OUT]` (or
                `passthrough`, `nochange`): out by OUT (0), unchanged; `keep FOUT ROUT`: a mapping that changes nothing;
                `ELEMENT`: a mapping by that RoundRobinIPMapper or SourceIPHashMapper;
                `pattern PATTERN FOUT ROUT` (or `xpattern`): a mapping by PATTERN, which is the name of one from
                IPRewriterPatterns, or SADDR SPORT DADDR DPORT, or SADDR DADDR SPORT, or SADDR DADDR, with `-` for what
                stays. The flow's packets leave by FOUT, the answers by ROUT. SPORT, or in the last form SADDR, may be a
                range: the packet's own port if it is in there and free, else a random one; with `?` always random,
                with `#` the one after the last given. Free means that its answers would be no other flow's.
                A mapping is applied whatever the input and its specification.
                TCP_TIMEOUT (86400 s), TCP_NODATA_TIMEOUT (300 s; until both sides sent data), TCP_DONE_TIMEOUT (240 s),
                UDP_TIMEOUT (300 s), UDP_STREAMING_TIMEOUT (the same; answered, 3 packets), TCP_GUARANTEE and
                UDP_GUARANTEE (5 s): how long a flow stays after its last packet, at most and, if the table is
                full, at least. TIMEOUT and GUARANTEE: the same for TCP. REAP_INTERVAL, REAP_TIME: no effect.
                MAPPING_CAPACITY or CAPACITY (65536): most flows; the name of a rewriter: as many as that may have.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a flow. A new flow whose answers would be an older flow's removes that flow, unless
                it was given its port by search.
    Drops:      "not the first fragment of a TCP or UDP packet", "no mapping for the flow", "no free port or
                address", "flow table full", "no IP header annotation".
    Checksum:   IPv4, TCP and UDP incremental; a UDP checksum of zero stays zero. TCP segments of fewer than 18 bytes
                keep their ports.
    Verifier:   idle times do not pass; an allocated port is any in the range.
    Source:     Click manual, IPRewriter; RFC 3022.  Differences: MAPPING_CAPACITY is never unlimited, and a rewriter
                that takes another's has as much room of its own; the larger of the two guarantees holds for both
                protocols.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "keep 0 0",
        "pattern - - 172.16.15.133 - 0 0",
        "pattern 192.0.2.1 1024-65535# - - 0 0, UDP_TIMEOUT 60, UDP_STREAMING_TIMEOUT 180",
        "pattern 192.0.2.8/29 - 0 0, REPLY_ANNO PAINT",
        "pass",
        "mapper",
    )
    COMPANIONS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        (
            "mapper",
            "RoundRobinIPMapper",
            "- - 10.0.0.11 - 0 0, 192.0.2.1 40000-40002# 10.0.0.13 8080 0 0, 192.0.2.2 5-6# - - 0 0",
        ),
    )

    READS: ClassVar[tuple[str, ...]] = ("tcp_table", "udp_table", "tcp_lookup", *FlowRewriter.READS[1:])

    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 86400
    tcp_timeout: Annotated[int | None, Seconds()] = None
    tcp_nodata_timeout: Annotated[int, Seconds()] = 300
    tcp_done_timeout: Annotated[int, Seconds()] = 240
    tcp_guarantee: Annotated[int | None, Seconds()] = None
    udp_timeout: Annotated[int, Seconds()] = 300
    udp_streaming_timeout: Annotated[int | None, Seconds()] = None
    udp_guarantee: Annotated[int, Seconds()] = 5
    dst_anno: bool = True
    reply_anno: Annotated[int | None, Annotation(1)] = None

    @property
    def flows(self) -> PortFlows:
        streaming = self.udp_timeout if self.udp_streaming_timeout is None else self.udp_streaming_timeout
        tcp = self.timeout if self.tcp_timeout is None else self.tcp_timeout
        guarantee = self.guarantee if self.tcp_guarantee is None else self.tcp_guarantee
        return PortFlows(
            outputs=self.mapped,
            capacity=self.capacity_now,
            guarantee_s=max(guarantee, self.udp_guarantee),
            dst_anno=self.dst_anno,
            reply_anno=self.reply_anno,
            timeouts=Timeouts(
                tcp, self.tcp_nodata_timeout, self.tcp_done_timeout, self.udp_timeout, streaming
            ),
        )

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        match handler:
            case "tcp_table" | "udp_table":
                return rows.lines(self.flows, memory, PROTO_TCP if handler == "tcp_table" else PROTO_UDP)
            case "tcp_lookup":
                return lookup(self.flows, memory, argument, (PROTO_TCP,))
        return FlowRewriter.read(self, handler, memory, argument)
