"""Packets that show an answer: replayed through the network by the reference interpreter, and held to the statement."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice, pairwise

from innet import ir
from innet.explore.flow import Hop
from innet.explore.modules import ARRIVES, SENDS, Module
from innet.explore.network import Network
from innet.explore.replay import Event, Replay
from innet.explore.witness import Solution, solutions, summary
from innet.ir.interpret import PacketBuffer, evaluate
from innet.ir.nodes import Mark
from innet.messages import Witness
from innet.network import Clients, Host, Internet
from innet.policy import ElementPort, Node, Place, Region, Subnet
from innet.policy.fields import PAYLOAD_STARTS, ConstField
from innet.symbolic import ranges as rs
from innet.symbolic.state import State
from innet.verify.constant import FRAGMENT, PROTO, TOTAL
from innet.verify.crafted import turned
from innet.verify.questions import Progress, Question, Start, at_home_outside, place_names, starts

MAX_SOLUTIONS = 10
"""How many packets of a flow are tried for one that does it."""

MAX_ANSWERED = 3
"""How many packets are tried as answers to another flow."""
ANSWER = "once a packet the other way has passed"

MAX_VISITS = 100
"""At how many visits of the last node, and after how many departures, a packet that goes round is looked at."""

MAX_TURNS = 4
"""How many packets of other flows may have been counted before, where a box gives flows their ways in turn."""
MAX_CHOICES = 4
"""Of so many equal ways each is tried at all routers, where packets do not take those that a proof took."""


def witness_of(
    question: Question,
    network: Network,
    state: State,
    progress: Progress,
    conform: bool,
    most: int = MAX_SOLUTIONS,
) -> Witness | None:
    """A packet that, replayed from empty tables, conforms to the statement (or violates it); `most` are tried."""
    start = progress.origin
    assert start is not None
    for n, found in enumerate(solutions(start.injected, start.injected, state.store)):
        if n >= most:
            return None
        for replay in replays(network, start, found, state):
            sent = start.module is not None and start.output is None
            ways = departures(question, replay, found.frame, sent)
            shows = conforms_concretely if conform else violates_concretely
            if any(shows(question, replay, *way) for way in ways):
                seen = [e for e in replay.events if e.delivered]
                result = f"{summary(seen[-1].packet)}, at {seen[-1].place}" if seen else ""
                return Witness(summary(found.frame), found.frame[14:].hex(), result, True)
    return None


def replays(
    network: Network, start: Start, found: Solution, state: State, inside: bool = False
) -> Iterator[Replay]:
    """What becomes of a packet that starts there, from empty tables; more than once where what was counted before
    decides, or routers have equal ways: first those that `state` took."""
    counted = any(sym.origin.startswith("counter") for sym in found.values)
    story = _story(state)
    for turn in range(MAX_TURNS if counted else 1):
        for choice in range(-1, MAX_CHOICES):
            replay = Replay(network, turn, inside, max(choice, 0), story if choice < 0 else {})
            if start.end is not None:
                replay.send(start.end, found.frame)
            elif start.module is not None and start.output is not None:
                replay.send_output(start.module, *start.output, found.frame)
            elif start.module is not None:
                replay.send_module(start.module, found.frame)
            yield replay
            if replay.equal == 1:
                break


def _story(state: State) -> dict[str, str]:
    """For the places of a path which one came next, when it was there first."""
    hop = state.hop
    assert hop is None or isinstance(hop, Hop)
    places = [one.place for one in hop.story()] if hop is not None else []
    return dict([*pairwise(places)][::-1])


def witness_after_others(
    question: Question, network: Network, state: State, progress: Progress, conform: bool
) -> Witness | None:
    """As `witness_of`, after a packet of another flow: one the other way, from clients or from the internet, which
    boxes that keep flows remember; the packet itself may then be an answer to what arrived of that one."""
    start = progress.origin
    assert start is not None
    if start.end is None:
        return None
    own = start.injected.state.store.domain(start.injected.symbols["ip.src"])
    others = [s for place in (Place.CLIENT, Place.INTERNET) for s in starts(Region(place), network)]
    for found in islice(solutions(start.injected, start.injected, state.store), MAX_ANSWERED):
        for other in others:
            assert other.end is not None
            domain = other.injected.state.store.domain(other.injected.symbols["ip.src"])
            wanted = int.from_bytes(found.frame[30:34], "big")
            source = wanted if rs.contains(domain, wanted) else min(domain[0][0] + 10, domain[0][1])
            opener = turned(found.frame, source)
            first = Replay(network)
            first.send(other.end, opener)
            answers = [found.frame, *(turned(e.packet) for e in first.events if e.delivered)]
            for frame in answers[:MAX_ANSWERED]:
                if not rs.contains(own, int.from_bytes(frame[26:30], "big")):
                    continue
                replay = Replay(network)
                replay.send(other.end, opener)
                replay.events.clear()
                replay.send(start.end, frame)
                shows = conforms_concretely if conform else violates_concretely
                if any(shows(question, replay, *way) for way in departures(question, replay, frame, False)):
                    seen = [e for e in replay.events if e.delivered]
                    result = f"{summary(seen[-1].packet)}, at {seen[-1].place}" if seen else ""
                    before = (opener[14:].hex(),)
                    return Witness(summary(frame), frame[14:].hex(), result, True, before, ANSWER)
    return None


def departures(
    question: Question, replay: Replay, frame: bytes, sent: bool
) -> Iterator[tuple[int, PacketBuffer]]:
    """After which recorded event flows begin that the statement is about (-1: before all), and the packet there. If
    `sent`, it is about what a module sent because of the packet."""
    starts = [(-1, replay.received(frame))]
    if sent:
        sends = ((n, event) for n, event in enumerate(replay.events) if event.place.endswith(SENDS))
        starts = [(n, replay.seen(event)) for n, event in sends]
    found = ((at, packet) for at, packet in starts if evaluate(question.flows[0], packet))
    return islice(found, MAX_VISITS)


def violates_concretely(question: Question, replay: Replay, departs_at: int, departing: PacketBuffer) -> bool:
    """Whether something that comes of the packet gets to the last node of an `always`, any time, and not as it says."""
    last, events = question.hops[-1].node, replay.events
    return any(
        _at(last, events[n], replay.network, None)
        and replay.descent.comes_from(n, departs_at)
        and not conforms_concretely(question, replay, departs_at, departing, n)
        for n in islice(_visits(last, replay), MAX_VISITS)
    )


def conforms_concretely(
    question: Question, replay: Replay, departs_at: int, departing: PacketBuffer, ends_at: int | None = None
) -> bool:
    """Whether the packet's recorded way, from its departure on, conforms to the statement (for `always`: to its hops):
    whether there are visits of its nodes, in order, that do, the last of them at `ends_at` (None: any). Where it was
    copied, one copy has to make all of them.
    """
    network, events, descent = replay.network, replay.events, replay.descent
    failed: set[tuple[int, int, str]] = set()
    visits = [_visits(hop.node, replay) for hop in question.hops]
    if ends_at is not None:
        visits[-1] = [ends_at]

    def rest(index: int, at: int, before: PacketBuffer, module: Module | None) -> bool:
        """Whether hops from `index` on have their visits among what comes of event `at`."""
        if index == len(question.hops):
            return True
        case = (index, at, module.name if module else "")
        if case in failed:
            return False
        hop = question.hops[index]
        for n in visits[index][bisect_right(visits[index], at) :]:
            event = events[n]
            if not (_at(hop.node, event, network, module) and descent.comes_from(n, at)):
                continue
            packet = replay.seen(event)
            if evaluate(question.flows[index + 1], packet) and all(
                _const_value(c, before) == _const_value(c, packet) for c in hop.const
            ):
                passed = module
                if hop.node == Region(Place.MODULE):
                    passed = network.modules.named(event.place.removeprefix(ARRIVES)) or module
                if rest(index + 1, n, packet, passed):
                    return True
        failed.add(case)
        return False

    return rest(0, departs_at, departing, None)


def _visits(node: Node, replay: Replay) -> list[int]:
    """The recorded events at places where a packet may be at `node`."""
    known = replay.descent.visits
    if node not in known:
        names = place_names(node, replay.network)
        known[node] = [n for n, e in enumerate(replay.events) if e.place in names and not e.dropped]
    return known[node]


def _at(node: Node, event: Event, network: Network, module: Module | None) -> bool:
    """Whether a packet at one of the node's places is at the node."""
    dst = int.from_bytes(event.packet[30:34], "big")
    at = network.snapshot.nodes.get(event.place)
    match node:
        case Region(Place.INTERNET):
            return event.delivered
        case Region(Place.CLIENT):
            return event.delivered and (module is None or rs.contains(module.owned, dst))
        case Subnet(address, mask):
            if isinstance(at, Internet):
                return event.delivered and rs.contains(at_home_outside(address, mask, network.snapshot), dst)
            here = event.delivered if isinstance(at, Clients | Host) else True
            return here and dst & mask == address & mask
        case ElementPort(_, _, port):
            return event.port == port
    return True


def _const_value(const: ConstField, packet: PacketBuffer) -> object:
    if const.is_payload:
        net, transport = packet.marks.get(Mark.NET), packet.marks.get(Mark.TRANSPORT)
        if net is None or transport is None:
            return None
        start = 0 if packet.load(FRAGMENT) else PAYLOAD_STARTS.get(packet.load(PROTO), 0)
        end = min(packet.marks[Mark.END], net + packet.load(TOTAL))
        return bytes(packet.bytes[transport + start : max(end, transport + start)])
    places = ((f, f.bit // 8, (f.bit + f.width - 1) // 8) for f in const.fields)
    return tuple(
        (packet.load(f), evaluate(ir.Present(f.mark, first, last - first + 1), packet))
        for f, first, last in places
    )
