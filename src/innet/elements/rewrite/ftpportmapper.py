"""FTPPortMapper."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

from innet import ir
from innet.elements.argument_names import Names
from innet.elements.arguments import ArgumentType, Signed
from innet.elements.base import Element
from innet.elements.holder import Context, Holder, Io, Out, Remembered
from innet.elements.ip.header import IP_CHECKSUM, first_fragment
from innet.elements.neighbours import neighbour
from innet.elements.rewrite.family import FlowRewriter
from innet.elements.rewrite.flows import TCP_CHECKSUM, Entry, Visit
from innet.elements.rewrite.patterns import Flow
from innet.elements.rewrite.portflows import PortFlows, UDPFlows, swapped
from innet.elements.rewrite.shiftedflows import COLUMNS, MODULUS, SEQUENCE, Shifts, flow_numbers, header_bytes
from innet.elements.rewrite.specs import NO_MAPPING, Discard, Pass
from innet.elements.rewrite.tcprewriter import TCPRewriter
from innet.ir.check import check
from innet.ir.interpret import PacketBuffer, fold, ones_sum
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, as_value
from innet.lexical import Text
from innet.packet.headers import PROTO_TCP

COMMAND = re.compile(rb"port +((\d*),(\d*),(\d*),(\d*),(\d*),(\d*))[\r\n]", re.IGNORECASE)


class Rewriter(NamedTuple):
    """A rewriter that an argument names."""

    name: str
    element: FlowRewriter

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class RewriterName(ArgumentType[Rewriter]):
    """The name of a rewriter of flows with ports; only a TCPRewriter if so."""

    tcp: bool = False

    def describe(self) -> str:
        return f"the name of {'a TCPRewriter' if self.tcp else 'an IPRewriter, TCPRewriter or UDPRewriter'}"

    def parse(self, text: Text, names: Names) -> Rewriter:
        self.word(text)
        name, element = neighbour(names, text)
        wanted = TCPRewriter if self.tcp else FlowRewriter
        if isinstance(element, wanted) and isinstance(element.flows, PortFlows):
            return Rewriter(name, element)
        raise self.refused(text, f"'{text}' is of class {type(element).__name__}")


@dataclass(frozen=True)
class FTPPortMapper(Element):
    """Let FTP clients behind an address translator say where their data connections come in.

    Ports:      in 0: IPv4 with its header marked, on its way to CONTROL_REWRITER.  out 0: the same.
    Arguments:  CONTROL_REWRITER (a TCPRewriter): where packets of control connections go from here.
                DATA_REWRITER (an IPRewriter, TCPRewriter or UDPRewriter) and INPUT (a number): where data connections
                will come back, and which specification maps them.
    State:      a line `PORT a,b,c,d,e,f` of a control connection that CONTROL_REWRITER knows makes a mapping in
                DATA_REWRITER, as if a packet had come to INPUT from a.b.c.d:(256 e + f) to the server's port before
                the one of the control connection. The line then says what that was mapped to, and CONTROL_REWRITER
                moves sequence numbers behind it.
    Checksum:   of changed packets IPv4 incremental, TCP full.
    Verifier:   what is behind the TCP header may become anything, of any length; the data connection's source is any.
    Source:     Click manual, FTPPortMapper; RFC 959 section 5.3.  A line is changed only if it begins the segment.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ("control, data, 0",)
    COMPANIONS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("control", "TCPRewriter", "pattern 192.0.2.1 2000-2999# - - 0 0"),
        ("data", "IPRewriter", "pattern 192.0.2.1 3000-3999# - - 0 0"),
        ("mapper", "FTPPortMapper", "control, data, 0"),
    )

    control_rewriter: Annotated[Rewriter, RewriterName(tcp=True)]
    data_rewriter: Annotated[Rewriter, RewriterName()]
    data_rewriter_input: Annotated[int, Signed(0, 255)]

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        count = len(self.data_rewriter.element.specs)
        if self.data_rewriter_input < count:
            return ()
        return (f"'{self.data_rewriter.name}' has {count} inputs, so none is {self.data_rewriter_input}",)

    def references(self) -> dict[str, type[Element]]:
        return {self.control_rewriter.name: TCPRewriter, self.data_rewriter.name: FlowRewriter}

    def push(self, p: Packet, port: int) -> None:
        with p.when(~(p.ip.present(20) & (p.ip.proto == PROTO_TCP) & first_fragment(p))):
            p.emit(0)
        with p.when(~(p.tcp.present(20) & (p.tcp.off >= 5))):
            p.emit(0)
        p.set_mark(Mark.AUX, Mark.TRANSPORT, 0, header_bytes(p))
        said = (p.raw(Mark.AUX, 0, 4) | 0x20202020) == int.from_bytes(b"port", "big")
        with p.when(~(p.present(Mark.AUX, 0, 5) & said & (p.raw(Mark.AUX, 4, 1) == 0x20))):
            p.emit(0)
        flows = self.control
        found, _ = p.lookup(flows.table, flows.key(p.ip.proto, flow_of(p)))
        with p.when(found):
            p.hold()
        p.emit(0)

    @property
    def control(self) -> PortFlows:
        return named(self.control_rewriter)

    def holder(self, io: Io, inputs: str, outputs: str) -> "PortLines":
        return PortLines(self)

    def released(self, p: Packet, port: int) -> None:
        flows = self.control
        self.shift(p, flows, tuple(p.random(width) for width in COLUMNS))
        data = named(self.data_rewriter)
        mapped = Flow(p.random(32), p.random(16), p.ip.dst, p.tcp.dport - 1)
        with p.when(p.random(1)):
            if data.reply_anno is not None:
                p.set_raw(Mark.ANNOTATION, data.reply_anno, 1, p.random(8))
            self.connect(p, data, mapped)
        with p.when(p.random(1)):
            p.set_mark(Mark.END, Mark.TRANSPORT, 20, p.random(16))
            p.havoc(Mark.TRANSPORT, 20)
            p.ip.len = p.random(16)
            p.set_raw(Mark.NET, 10, 2, p.random(16))
            p.set_raw(Mark.TRANSPORT, 16, 2, p.random(16))
        p.emit(0)

    def shift(self, p: Packet, flows: PortFlows, shifts: Sequence[Value]) -> None:
        """Write what the packet's direction moves by into both entries of its flow."""
        flow = flow_of(p)
        found, row = p.lookup(flows.table, flows.key(p.ip.proto, flow))
        entry = flows.entry(row)
        assert entry.state is not None
        with p.when(found):
            own = replace(entry, shifts=(*shifts, *entry.shifts[len(COLUMNS) :]))
            idle_s = flows.tcp_idle(entry.state)
            p.update(flows.table, flows.key(p.ip.proto, flow), flows.row(own), idle_s)
            partner = own.partner(flow, swapped(entry.state))
            p.update(flows.table, flows.reply_key(p.ip.proto, entry.new), flows.row(partner), idle_s)

    def connect(self, p: Packet, flows: PortFlows, flow: Flow) -> Entry:
        """The entry of a data connection in the data rewriter's table, made if there is none; or the packet ends."""
        spec, port = self.data_rewriter.element.specs[self.data_rewriter_input], self.data_rewriter_input
        protocol = as_value(PROTO_TCP, 8)
        found, row = p.lookup(flows.table, flows.key(protocol, flow))
        entry = flows.entry(row)
        with p.when(~found):
            if isinstance(spec, Discard | Pass):
                p.drop(NO_MAPPING)
            else:
                flows.create(p, spec, port, protocol, flow, entry)
                visit = Visit(protocol, flow, found, entry, creates=True)
                idle_s = flows.timeouts.udp if isinstance(flows, UDPFlows) else flows.timeouts.tcp_nodata
                flows.insert(p, visit, entry.state, entry.state, idle_s)
        return entry


class PortLines(Holder):
    """Reads the lines, makes the mappings and rewrites the packets."""

    def __init__(self, element: FTPPortMapper) -> None:
        self.element = element

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, FTPPortMapper)
        self.element = element

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        start = packet.marks[Mark.TRANSPORT] + 4 * packet.load(ir.Field(Mark.TRANSPORT, 96, 4))
        line = bytes(packet.bytes[start : packet.marks[Mark.END]])
        said = COMMAND.match(line)
        numbers = [int(number[-12:] or 0) for number in said.groups()[1:]] if said is not None else []
        if said is None or any(number > 255 for number in numbers):
            return ((0, packet),)
        mapped = self.mapped(packet, numbers, context.memory)
        if mapped is not None:
            text = ",".join(str(byte) for byte in mapped).encode()
            self.move_numbers(packet, len(line), len(text) - len(said[1]), context.memory)
            replace_text(packet, start + said.start(1), start + said.end(1), text)
        return ((0, packet),)

    def mapped(self, packet: PacketBuffer, numbers: list[int], memory: Remembered) -> bytes | None:
        """Address and port that the data connection is given, as they stand in a line; None if there is none."""
        element = self.element
        name, flows = element.data_rewriter.name, element.data_rewriter.element.flows
        assert isinstance(flows, PortFlows)
        opening = PacketBuffer(bytes(40))
        opening.marks[Mark.NET], opening.marks[Mark.TRANSPORT] = 0, 20
        opening.annotations[:] = packet.annotations
        opening.bytes[12:16] = bytes(numbers[:4])
        opening.bytes[16:20] = packet.load(ir.Field(Mark.NET, 128, 32)).to_bytes(4, "big")
        server = packet.load(ir.Field(Mark.TRANSPORT, 16, 16)) - 1 & 0xFFFF
        opening.bytes[20:24] = bytes(numbers[4:]) + server.to_bytes(2, "big")
        p = Packet(f"{name}[data]")
        entry = element.connect(p, flows, flow_of(p))
        p.ip.src, p.tcp.sport = entry.new.saddr, entry.new.sport
        p.emit(0)
        if not isinstance(memory.run(check(ir.Program(name, 0, 1, p.finish())), opening), ir.Emit):
            return None
        return bytes(opening.bytes[12:16] + opening.bytes[20:22])

    def move_numbers(self, packet: PacketBuffer, length: int, grows: int, memory: Remembered) -> None:
        """What comes behind the packet's `length` bytes moves by what the line grows."""
        flows = self.element.control
        row = memory.rows(flows.table)[flow_numbers(packet)]
        half = len(COLUMNS)
        behind = (packet.load(SEQUENCE) + length) % MODULUS
        shifts = Shifts.of(row[-2 * half : -half]).grown(behind, grows)
        p = Packet("shifts")
        values = [as_value(number, width) for number, width in zip(shifts.columns(), COLUMNS, strict=True)]
        self.element.shift(p, flows, values)
        p.emit(0)
        memory.run(check(ir.Program(self.element.control_rewriter.name, 0, 1, p.finish())), packet)


def replace_text(packet: PacketBuffer, first: int, end: int, text: bytes) -> None:
    """Put `text` where bytes `first` to `end` were; lengths and checksums follow."""
    packet.bytes[first:end] = text
    packet.marks[Mark.END] += len(text) - (end - first)
    net, at, last = (packet.marks[mark] for mark in (Mark.NET, Mark.TRANSPORT, Mark.END))
    old, new = packet.load(ir.Field(Mark.NET, 16, 16)), last - net & 0xFFFF
    packet.store(ir.Field(Mark.NET, 16, 16), new)
    left = ~packet.load(IP_CHECKSUM) & 0xFFFF
    packet.store(IP_CHECKSUM, ~fold(left + (~old & 0xFFFF) + new) & 0xFFFF)
    packet.store(TCP_CHECKSUM, 0)
    pseudo = (
        bytes(packet.bytes[net + 12 : net + 20])
        + bytes((0, PROTO_TCP))
        + (last - at & 0xFFFF).to_bytes(2, "big")
    )
    packet.store(TCP_CHECKSUM, ~ones_sum(pseudo + bytes(packet.bytes[at:last])) & 0xFFFF)


def named(rewriter: Rewriter) -> PortFlows:
    """A rewriter's flow table, as others see it."""
    flows = rewriter.element.flows
    assert isinstance(flows, PortFlows)
    return replace(flows, owner=rewriter.name)


def flow_of(p: Packet) -> Flow:
    return Flow(p.ip.src, p.tcp.sport, p.ip.dst, p.tcp.dport)
