"""Packets that show an answer: replayed through the network by the reference interpreter, and held to the statement."""

from innet import ir
from innet.explore.network import Module, Network
from innet.explore.replay import Event, Replay
from innet.explore.witness import solutions, summary
from innet.ir.interpret import PacketBuffer, evaluate
from innet.ir.nodes import Mark
from innet.messages import Witness
from innet.network import Clients, Host, Internet
from innet.policy import ElementPort, Node, Place, Region, Subnet
from innet.policy.fields import ConstField
from innet.symbolic import ranges as rs
from innet.symbolic.state import State
from innet.verify.questions import Progress, Question, place_names

MAX_SOLUTIONS = 10
"""How many packets of a flow are tried for one that does it."""


def packet_of(state: State, progress: Progress) -> bytes | None:
    start = progress.origin
    assert start is not None
    first = next(solutions(start.injected, start.injected, state.store), None)
    return first.frame if first is not None else None


def witness_of(
    question: Question, network: Network, state: State, progress: Progress, conform: bool
) -> Witness | None:
    """A packet that, replayed from empty tables, conforms to the statement (or violates it)."""
    start = progress.origin
    assert start is not None
    for n, found in enumerate(solutions(start.injected, start.injected, state.store)):
        if n >= MAX_SOLUTIONS:
            return None
        replay = Replay(network)
        if start.end is not None:
            replay.send(start.end, found.frame)
        elif start.module is not None and start.output is not None:
            replay.send_output(start.module, *start.output, found.frame)
        elif start.module is not None:
            replay.send_module(start.module, found.frame)
        arrived = conform or any(_at(question.hops[-1].node, e, network, None) for e in replay.events)
        if arrived and conforms_concretely(question, network, replay.events, found.frame) is conform:
            seen = [e for e in replay.events if e.delivered]
            result = f"{summary(seen[-1].packet)}, at {seen[-1].place}" if seen else ""
            return Witness(summary(found.frame), found.frame[14:].hex(), result, True)
    return None


def conforms_concretely(question: Question, network: Network, events: list[Event], frame: bytes) -> bool:
    """Whether the packet's recorded way conforms to the statement (for `always`: to its hops)."""
    departs_at = 0
    before = frame
    if question.start.node == Region(Place.MODULE):
        sends = next((n for n, e in enumerate(events) if e.place.endswith(" sends")), None)
        if sends is None:
            return False
        departs_at, before = sends, events[sends].packet
    if not _flow_holds(question.flows[0], before):
        return False
    at = departs_at
    module: Module | None = None
    for index, hop in enumerate(question.hops):
        found = None
        for n in range(at, len(events)):
            event = events[n]
            if event.dropped or not _at(hop.node, event, network, module):
                continue
            if _flow_holds(question.flows[index + 1], event.packet) and all(
                _const_value(c, before) == _const_value(c, event.packet) for c in hop.const
            ):
                found = n
                break
        if found is None:
            return False
        at, before = found, events[found].packet
        if hop.node == Region(Place.MODULE):
            module = next((m for m in network.modules if events[found].place == f"module {m.name}"), module)
    return True


def _at(node: Node, event: Event, network: Network, module: Module | None) -> bool:
    names = place_names(node, network)
    if event.place not in names:
        return False
    dst = int.from_bytes(event.packet[30:34], "big")
    at = network.snapshot.nodes.get(event.place)
    match node:
        case Region(Place.INTERNET):
            return event.delivered
        case Region(Place.CLIENT):
            return event.delivered and (module is None or rs.contains(module.owned, dst))
        case Subnet(address, mask):
            here = event.delivered if isinstance(at, Clients | Host | Internet) else True
            return here and dst & mask == address & mask
        case ElementPort(_, _, port):
            return event.port == port
    return True


def marked(frame: bytes) -> PacketBuffer:
    """A packet with its header marks: a frame, or a bare IPv4 packet."""
    packet = PacketBuffer(frame)
    net = 14 if frame[12:14] == b"\x08\x00" and len(frame) > 14 and frame[14] >> 4 == 4 else 0
    if len(frame) >= net + 20:
        packet.marks[Mark.NET] = net
        packet.marks[Mark.TRANSPORT] = net + 4 * (frame[net] & 15)
    return packet


def _flow_holds(condition: ir.Expr, frame: bytes) -> bool:
    return bool(evaluate(condition, marked(frame)))


def _const_value(const: ConstField, frame: bytes) -> object:
    packet = marked(frame)
    if const.is_payload:
        transport = packet.marks.get(Mark.TRANSPORT, 0)
        size = 20 if packet.load(ir.Field(Mark.NET, 72, 8)) == 6 else 8
        return bytes(packet.bytes[transport + size : packet.marks[Mark.END]])
    return tuple(packet.load(f) for f in const.fields)
