"""TCPRewriter."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Annotated, ClassVar, Self

from innet import ir
from innet.elements.argument_names import Declared, Names
from innet.elements.arguments import Annotation, Seconds
from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io, Out, Remembered
from innet.elements.rewrite.family import FlowRewriter, lookup
from innet.elements.rewrite.portflows import TCPFlows, Timeouts
from innet.elements.rewrite.shiftedflows import COLUMNS, ShiftedFlows, Shifts, flow_numbers, move_sack
from innet.ir.check import check
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.lexical import arguments, unquote


class Acknowledgements(Holder):
    """Moves the selective acknowledgements of segments, and lets them go on as others do."""

    def __init__(self, element: "TCPRewriter", inputs: int) -> None:
        self.element, self.inputs = element, inputs

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, TCPRewriter)
        self.element = element

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        memory, flows = context.memory, self.element.flows
        row = memory.rows(flows.table).get(flow_numbers(packet))
        if row is not None:
            move_sack(packet, Shifts.of(row[-len(COLUMNS) :]))
        p = Packet(f"{memory.element}[acknowledgements {port}]", self.inputs, context.outputs)
        self.element.plain(p, port)
        verdict = memory.run(check(ir.Program(memory.element, port, context.outputs, p.finish())), packet)
        match verdict:
            case ir.Emit(output):
                return ((output, packet),)
            case ir.Drop(reason):
                context.drop(reason)
        return ()


def control_of(mapper: Declared, names: Names) -> str | None:
    """The full name of the rewriter that an FTPPortMapper's first argument names."""
    given = arguments(mapper.arguments)
    return names.at(mapper.name).element_named(unquote(given[0]).value) if given else None


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
    State:      `flows`, two entries a flow. If an FTPPortMapper names this element, what sequence numbers and the
                other direction's acknowledgements, selective ones too, move by: the last 8 changes of a direction.
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

    shifted: bool = field(default=False, metadata={"argument": False})
    """Whether an FTPPortMapper names this element, and so may move its sequence numbers."""

    def among(self, names: Names) -> Self:
        mappers = (one for one in names.book.declared.values() if one.class_name == "FTPPortMapper")
        return replace(self, shifted=any(names.element == control_of(one, names) for one in mappers))

    def released(self, p: Packet, port: int) -> None:
        """Options, where selective acknowledgements may be, are not followed."""
        p.havoc(Mark.TRANSPORT, 20, 40)
        p.tcp.sum = p.random(16)
        self.plain(p, port)

    def plain(self, p: Packet, port: int) -> None:
        """What happens to a segment whose selective acknowledgements have been moved."""
        flows = self.flows
        if isinstance(flows, ShiftedFlows):
            flows = replace(flows, holds=False)
        flows.push(p, self.specs[port], port)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder | None:
        return Acknowledgements(self, len(inputs)) if self.shifted else None

    @property
    def flows(self) -> TCPFlows:
        kind = ShiftedFlows if self.shifted else TCPFlows
        tcp = self.timeout if self.tcp_timeout is None else self.tcp_timeout
        return kind(
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
