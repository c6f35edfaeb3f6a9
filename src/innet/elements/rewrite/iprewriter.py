"""IPRewriter."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Key, Rest, Seconds, Signed
from innet.elements.base import Element
from innet.elements.rewrite.flows import FlowTable, Timeouts
from innet.elements.rewrite.specs import InputSpec, InputSpecification, Pass, outputs_of
from innet.ir.trace import Packet

KEYWORDS = (
    "TCP_TIMEOUT", "TCP_NODATA_TIMEOUT", "TCP_DONE_TIMEOUT", "TCP_GUARANTEE", "UDP_TIMEOUT", "UDP_STREAMING_TIMEOUT",
    "UDP_GUARANTEE", "REAP_INTERVAL", "MAPPING_CAPACITY", "DST_ANNO", "REPLY_ANNO",
)  # fmt: skip
DEFAULT_CAPACITY, MAX_CAPACITY = 65536, (1 << 31) - 1


@dataclass(frozen=True)
class IPRewriter(Element):
    """Rewrite addresses and ports of TCP and UDP flows, and the answers back: NAT, port forwarding, stateful firewall.

    Ports:      one input a specification.  outputs: as many as the specifications name.
    Arguments:  SPEC, one an input, for packets of flows without a mapping: `drop` (or `discard`); `pass [OUT]` (or
                `passthrough`, `nochange`): out by OUT (0), unchanged; `keep FOUT ROUT`: a mapping that changes nothing;
                `pattern PATTERN FOUT ROUT` (or `xpattern`): a mapping by PATTERN, which is the name of one from
                IPRewriterPatterns, or SADDR SPORT DADDR DPORT, or SADDR DADDR SPORT, or SADDR DADDR, with `-` for what
                stays. The flow's packets leave by FOUT, the answers by ROUT. SPORT, or in the last form SADDR, may be a
                range: the packet's own port if it is in there and free, else a random one; with `?` always random,
                with `#` the one after the last given. Free means that its answers would be no other flow's.
                A mapping is applied whatever the input and its specification.
                TCP_TIMEOUT (86400 s), TCP_NODATA_TIMEOUT (300 s; until both sides sent data), TCP_DONE_TIMEOUT (240 s),
                UDP_TIMEOUT (300 s), UDP_STREAMING_TIMEOUT (the same; answered, 3 packets), TCP_GUARANTEE and
                UDP_GUARANTEE (5 s): how long a flow stays after its last packet, at most and, if the table is
                full, at least. MAPPING_CAPACITY (65536 flows). REAP_INTERVAL (900 s) has no effect.
                DST_ANNO (true): the DST_IP annotation becomes the new destination.
                REPLY_ANNO: annotation byte that answers get back from the packet that made the mapping.
    State:      `flows`, two entries a flow. A new flow whose answers would be an older flow's removes that flow, unless
                it was given its port by search.
    Drops:      "not the first fragment of a TCP or UDP packet", "no mapping for the flow", "no free port or
                address", "flow table full", "no IP header annotation".
    Checksum:   IPv4, TCP and UDP incremental; a UDP checksum of zero stays zero. TCP segments of fewer than 18 bytes
                keep their ports.
    Verifier:   idle times do not pass; an allocated port is any in the range.
    Source:     Click manual, IPRewriter; RFC 3022.  Differences: MAPPING_CAPACITY is never unlimited and cannot name
                another rewriter; the larger of the two guarantees holds for both protocols.
    """

    PORTS: ClassVar[str] = "1-/1-"
    PROCESSING: ClassVar[str] = "h/h"
    KEYWORDS_FIRST: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "keep 0 0",
        "pattern - - 172.16.15.133 - 0 0",
        "pattern 192.0.2.1 1024-65535# - - 0 0, UDP_TIMEOUT 60, UDP_STREAMING_TIMEOUT 180",
        "pattern 192.0.2.8/29 - 0 0, REPLY_ANNO PAINT",
        "pass",
    )

    specs: Annotated[tuple[InputSpec, ...], Rest(InputSpecification(KEYWORDS)), Key("SPEC")]
    _: KW_ONLY
    tcp_timeout: Annotated[int, Seconds()] = 86400
    tcp_nodata_timeout: Annotated[int, Seconds()] = 300
    tcp_done_timeout: Annotated[int, Seconds()] = 240
    tcp_guarantee: Annotated[int, Seconds()] = 5
    udp_timeout: Annotated[int, Seconds()] = 300
    udp_streaming_timeout: Annotated[int | None, Seconds()] = None
    udp_guarantee: Annotated[int, Seconds()] = 5
    reap_interval: Annotated[int, Seconds()] = 900
    mapping_capacity: Annotated[int, Signed(1, MAX_CAPACITY)] = DEFAULT_CAPACITY
    dst_anno: bool = True
    reply_anno: Annotated[int | None, Annotation(1)] = None

    @property
    def flows(self) -> FlowTable:
        """The flow table and its rules."""
        mapped = {output for spec in self.specs if not isinstance(spec, Pass) for output in outputs_of(spec)}
        streaming = self.udp_timeout if self.udp_streaming_timeout is None else self.udp_streaming_timeout
        return FlowTable(
            outputs=tuple(sorted(mapped)),
            timeouts=Timeouts(
                self.tcp_timeout, self.tcp_nodata_timeout, self.tcp_done_timeout, self.udp_timeout, streaming
            ),
            capacity=self.mapping_capacity,
            guarantee_s=max(self.tcp_guarantee, self.udp_guarantee),
            dst_anno=self.dst_anno,
            reply_anno=self.reply_anno,
        )

    def push(self, p: Packet, port: int) -> None:
        self.flows.push(p, self.specs[port], port)

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if inputs != len(self.specs):
            found.append(
                f"{len(self.specs)} input specifications for {inputs} inputs: one is needed for each"
            )
        for number, spec in enumerate(self.specs):
            found += [
                f"input specification {number} names output {output}, but the element has {outputs}"
                for output in sorted(outputs_of(spec))
                if output >= outputs
            ]
        return tuple(found)
