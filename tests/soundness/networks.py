"""Random small networks with random rules, and what packets in a row really do there.

What a packet does is a row of places, each with the one that it comes from; a rule is held against that row by this
file's own reading of the words.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import TypeAlias

from innet.diagnostics import ConfigurationError, PolicyError, Source
from innet.explore.flow import BudgetExceeded
from innet.explore.modules import ARRIVES, SENDS, Places
from innet.explore.network import Network, Walk
from innet.explore.replay import MAX_STEPS, Event, Replay
from innet.explore.witness import solutions
from innet.ir.interpret import PacketBuffer, evaluate
from innet.messages import Answer
from innet.network import Clients, End, Host, Internet
from innet.packet.headers import PROTO_TCP
from innet.platform.ipv4 import checksum
from innet.policy import ElementPort, Named, Node, Place, Quantifier, Region, Subnet, parse_policy
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import member
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import Tables
from innet.verify.confirm import _const_value as value
from innet.verify.questions import Question, Start, at_home_outside, prepare, starts
from innet.verify.reach import BUDGET, answer
from innet.verify.world import World
from tests.adversarial.traffic import header
from tests.agreement.mutants import Patch
from tests.soundness.places import BOXES, MODULES, PLATFORMS, Guest, Shape, deployed, guests, network, shape

NODES = ("internet", "internet", "client", "client", "module", "module", "edge", "access", "172.16.7.7",
         "172.16.0.0/20", "172.16.128.0/17", "198.51.100.1", "198.51.101.1", "203.0.113.77", "203.0.113.0/24",
         "10.9.0.0/16", "M:dst", "N:dst")  # fmt: skip
STARTS = ("internet", "internet", "client", "client", "module", "module", "module", "edge", "access", "172.16.7.7",
          "203.0.113.77", "172.16.0.0/20", "198.51.100.1", "198.51.101.0/24")  # fmt: skip
FLOWS = ("", "", "udp", "tcp", "tcp dst port 80", "udp and src port 53", "dst host 172.16.7.7",
         "src net 203.0.113.0/24",
         "dst port 1500", "icmp", "ip[8] > 5", "src host 203.0.113.5", "not tcp", "dst net 172.16.0.0/16",
         "ip[6:2] & 0x1fff = 0", "dst host 198.51.100.1", "vlan", "vlan 5 and udp", "not vlan", "len <= 40",
         "ip[2:2] > 40",
         "tcp[13] & 2 = 0", "udp[((ip[0] & 0xf) - 4):1] = 0", "udp[4:2] % 3 = 0", "src port not 80")  # fmt: skip
CONSTS = (
    "",
    "",
    "",
    " const src host",
    " const dst port",
    " const payload",
    " const proto && src port",
    " const ttl",
    " const payload && len",
    " const host && port",
    " const tcp flags && udp[8:2]",
)
MODULE = 0xC6336401
HOSTS = {"internet": End("edge", "out"), "homes": End("access", "homes"), "flats": End("other", "homes")}
ADDRESSES = (
    0xAC100707, 0xAC100F85, 0xAC100001, 0xAC10C809, MODULE, 0xC6336402, 0xC6336501, 0xC6336601, 0xCB00714D, 0xCB007105,
    0xCB007109, 0x0A090909, 0x08080808, 0xAC100909, 0x0A000009,
)  # fmt: skip
NATIVE = {
    HOSTS["internet"]: (0xCB00714D, 0xCB007105, 0xCB007109, 0x08080808),
    HOSTS["homes"]: (0xAC100707, 0xAC100F85, 0xAC100001, 0xAC100909),
    HOSTS["flats"]: (0xAC10C809, 0xAC10FF01),
}
"""Sources that packets have at these places, where they are not spoofed."""
TCP_FLAGS = (0x02, 0x12, 0x10, 0x18, 0x11, 0x04)
SPENT = MAX_STEPS - 250
"""Steps of a replay that count as made: where copies make copies, the first ones are enough."""
STEPS, WORK = 1_500, 120_000
"""What a question may cost."""
PORTS = (53, 80, 1000, 1001, 1024, 1025, 1500, 5000, 40000)


@dataclass(frozen=True)
class Row:
    """A packet as it starts (`end` None: handed to a module), and the places that it came to."""

    end: End | None
    frame: bytes
    events: Sequence[Event]
    replay: Replay


class Contradiction(Exception):  # noqa: N818 - a finding
    """A packet does what a rule's answer says none does."""

    def __init__(self, words: str, rule: str, at: int) -> None:
        super().__init__(words)
        self.rule, self.at = rule, at


@dataclass
class Scene:
    """A network with modules and rules, and the answers. `stepwise`: it was asked each time that a module came."""

    shape: Shape
    guests: Sequence[Guest]
    rules: list[str]
    world: World
    stepwise: bool = False
    questions: list[Question] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


def names_of(made: Shape) -> tuple[str, ...]:
    """The nodes that only some networks have."""
    others = ("other", "flats") if len(made.boxes) > 1 else ()
    return (*made.names, *PLATFORMS[: len(made.platforms)], *others)


def rule(random: Random, made: Shape) -> str:
    """A statement of an operator."""
    word = random.choice(
        ("reach", "reach", "always reach", "always new reach", "never reach", "never new reach")
    )
    some = names_of(made)
    hops = [random.choice((*NODES, *some)) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
    text = f"{word} from {random.choice((*STARTS, *some))} {random.choice(FLOWS)}"
    for hop in hops:
        text += f" -> {hop} {random.choice(FLOWS)}{random.choice(CONSTS)}"
    return " ".join(text.split())


def scene(random: Random, count: int = 6) -> Scene:
    """A network at random with modules at random, asked."""
    made = shape(random)
    some = guests(random, made)
    return asked(made, some, [rule(random, made) for _ in range(count)], random.random() < 0.5)


def asked(made: Shape, some: Sequence[Guest], rules: Sequence[str], stepwise: bool = False) -> Scene:
    """The answers to rules on a network with modules. Rules that make no sense are left out. `stepwise`: the modules
    come one after another, and the answers are those that are kept and carried on."""
    there = deployed(some)
    found = Scene(made, some, [], network(made), stepwise)
    for one in rules:
        try:
            reach = parse_policy(Source("rules", one)).rules[0]
        except (ConfigurationError, PolicyError):
            continue
        found.rules.append(one)
        found.questions.append(prepare(reach, {}))
    with limited():
        for n in range(len(there) + 1) if stepwise else (len(there),):
            found.world = world = found.world.with_deployed(there[:n])
            base = (world.base(q.reach) if stepwise else None for q in found.questions)
            found.answers = [
                answer(question, world.network, world.tables, known).holds
                for question, known in zip(found.questions, base, strict=True)
            ]
    return found


@contextmanager
def limited() -> Iterator[None]:
    """Questions may cost less than those of a request: here many are asked, and what is undecided says nothing."""
    patch, budget = Patch(), Network.budget
    patch.setattr(
        Network, "budget", lambda self, steps, work=WORK: budget(self, min(steps, STEPS), min(work, WORK))
    )
    try:
        yield
    finally:
        patch.undo()


# ---- packets


def packet(random: Random, made: Scene, end: End) -> bytes:
    """A frame that fits these networks, more or less, and comes in at `end`; to a module often."""
    proto = random.choice((17, 17, 6, 6, 1, 4))
    source, destination = random.choice(ADDRESSES), random.choice(ADDRESSES)
    if random.random() < 0.6:
        source = random.choice(NATIVE.get(end, ADDRESSES))
    if made.guests and random.random() < 0.3:
        destination = random.choice(made.guests).address
    ports = b"".join(random.choice(PORTS).to_bytes(2, "big") for _ in range(2))
    body = ports + (16).to_bytes(2, "big") + bytes(random.choice((2, 10, 30, 30, 1700)))
    if proto == 6:
        body = ports + bytes(8) + bytes((0x50, random.choice(TCP_FLAGS))) + body[4:]
    if proto == 1:
        body = b"\x08" + body[1:]
    if proto == 4:
        body = header(random, random.choice(ADDRESSES), random.choice(ADDRESSES), 17, body)
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x00" + header(random, source, destination, proto, body)


def ways(made: Scene) -> list[tuple[End, bytes]]:
    """Packets solved from where the proof engine sees them go, tables empty."""
    found: list[tuple[End, bytes]] = []
    network = made.world.network
    for question in made.questions:
        for start in starts(question.start.node, network):
            if start.end is None:
                continue
            tables = Tables(False)
            walk = Walk(
                network,
                tables,
                network.budget(BUDGET // 10, 200_000),
                lambda p, n, s, g: ((s, g),),
                Places(),
            )
            try:
                for n, (outcome, _) in enumerate(
                    walk.from_wire(start.end, start.injected.state.fork(), None)
                ):
                    tcp = outcome.state.store.fork()
                    proto = member(start.injected.symbols["ip.proto"], rs.single(PROTO_TCP))
                    for store in (outcome.state.store, *((tcp,) if tcp.assume(proto) else ())):
                        solved = next(solutions(start.injected, start.injected, store), None)
                        if solved is not None:
                            found.append((start.end, solved.frame))
                    if n >= 6:
                        break
            except (BudgetExceeded, Imprecise, Split):
                continue
    return found


def answering(frame: bytes) -> bytes:
    """The packet that would answer this one."""
    size = 14 + (frame[14] & 15) * 4
    out = frame[:22] + b"\x40" + frame[23:26] + frame[30:34] + frame[26:30] + frame[34:size]
    out = out[:24] + b"\0\0" + out[26:]
    out = out[:24] + checksum(out[14:size]).to_bytes(2, "big") + out[26:]
    return out + frame[size + 2 : size + 4] + frame[size : size + 2] + frame[size + 4 :]


def sequence(random: Random, made: Scene, packets: int) -> list[tuple[End, bytes]]:
    """Packets in a row, each at an interface of the network where some rule's packets start."""
    network = made.world.network
    ends = list(dict.fromkeys(
        start.end for q in made.questions for start in starts(q.start.node, network) if start.end is not None
    ))  # fmt: skip
    ends += [end for name, end in HOSTS.items() if name in network.snapshot.nodes]
    solved, going = ways(made), Replay(network)
    out: list[tuple[End, bytes]] = []
    came: list[tuple[End, bytes]] = []
    """Packets that hosts got, and where their answers go in."""
    for n in range(packets):
        if n < len(solved):
            out.append(solved[n])
        elif came and random.random() < 0.4:
            end, frame = random.choice(came[-5:])
            out.append((end, answering(frame)))
        elif solved and random.random() < 0.3:
            end, frame = random.choice(solved)
            port = random.choice(PORTS).to_bytes(2, "big")
            out.append((end, frame[:34] + port + frame[36:] if frame[14] == 0x45 else frame))
        else:
            end = random.choice(ends)
            out.append((end, packet(random, made, end)))
        going.events.clear()
        going.steps = SPENT
        going.send(*out[-1])
        for event in going.events:
            if event.delivered and event.place in HOSTS:
                came.append((HOSTS[event.place], event.packet))
    return out


# ---- what a row of places means


def at(node: Node, event: Event, made: Scene, owned: rs.Ranges | None) -> bool:
    """Whether a packet that is at a place is at a node."""
    if event.dropped:
        return False
    station = made.world.snapshot.nodes.get(event.place)
    destination = int.from_bytes(event.packet[30:34], "big")
    here = event.place.startswith("module ")
    match node:
        case Region(Place.INTERNET):
            return isinstance(station, Internet) and event.delivered
        case Region(Place.CLIENT):
            mine = owned is None or rs.contains(owned, destination)
            return isinstance(station, Clients) and event.delivered and mine
        case Region(Place.MODULE):
            return here
        case Subnet(address, mask):
            if isinstance(station, Internet):
                outside = at_home_outside(address, mask, made.world.snapshot)
                return event.delivered and rs.contains(outside, destination)
            there = isinstance(station, Clients | Host) and event.delivered
            return (here or there) and destination & mask == address & mask
        case ElementPort(module, element, port):
            return event.place == f"{module}:{element}" and event.port == port
        case Named(name):
            return event.place == name
    return False


def departures(question: Question, made: Scene, row: Row) -> list[tuple[int, PacketBuffer]]:
    """The packets of the row that the statement speaks of: after which event they start, and what they are there."""
    found: list[tuple[int, PacketBuffer]] = []
    source = int.from_bytes(row.frame[26:30], "big")
    for start in starts(question.start.node, made.world.network, question.longest):
        if start.end is not None and start.end == row.end and rs.contains(known(start), source):
            found.append((-1, row.replay.received(row.frame)))
        elif start.module is not None and start.output is None:
            sends = start.module.name + SENDS
            found += ((n, row.replay.seen(e)) for n, e in enumerate(row.events) if e.place == sends)
    return [(at, packet) for at, packet in found if evaluate(question.flows[0], packet)]


def conforms(
    question: Question, made: Scene, row: Row, since: int, first: PacketBuffer, last: int | None = None
) -> bool:
    """Whether what comes of a packet of the row does what the statement says; with `last`, its last hop is that
    event. One copy has to do all of it."""

    def search(index: int, since: int, before: PacketBuffer, owned: rs.Ranges | None) -> bool:
        if index == len(question.hops):
            return last is None or since == last
        hop = question.hops[index]
        for n in range(since + 1, len(row.events)):
            event = row.events[n]
            if not (at(hop.node, event, made, owned) and line(row.events, n, since)):
                continue
            packet = row.replay.seen(event)
            if evaluate(question.flows[index + 1], packet) and all(
                value(c, before) == value(c, packet) for c in hop.const
            ):
                through = next(
                    (m for m in made.world.network.modules if event.place == f"module {m.name}"), None
                )
                mine = through.owned if through is not None and hop.node == Region(Place.MODULE) else owned
                if search(index + 1, n, packet, mine):
                    return True
        return False

    return search(0, since, first, None)


def line(events: Sequence[Event], n: int, earlier: int) -> bool:
    """Whether an event is what became of the packet of an earlier one, by this file's own count."""
    way = {n}
    while n >= 0:
        n = events[n].after
        way.add(n)
    return earlier in way


def known(start: Start) -> rs.Ranges:
    """The sources of packets that start there."""
    return start.injected.state.store.domain(start.injected.symbols["ip.src"])


Departures: TypeAlias = Sequence[tuple[int, PacketBuffer]]


def contradicts(question: Question, holds: Answer, made: Scene, row: Row, speaks: Departures) -> str:
    """Why a row and an answer cannot both be right; empty if they can."""
    quantifier = question.reach.quantifier
    none = Answer.YES if quantifier is Quantifier.NEVER else Answer.NO
    for since, first in speaks:
        if quantifier is not Quantifier.ALWAYS:
            if holds is none and conforms(question, made, row, since, first):
                return "it does so"
        elif holds is Answer.YES:
            for n, event in enumerate(row.events):
                there = at(question.hops[-1].node, event, made, None) and line(row.events, n, since)
                if there and not conforms(question, made, row, since, first, n):
                    return f"it gets to {event.place} otherwise"
    return ""


def examine(made: Scene, sent: Sequence[tuple[End, bytes]]) -> int:
    """Send packets in a row and hold each against every answer; how many rows spoke of a rule."""
    network, spoke = made.world.network, 0
    rules = [*zip(made.rules, made.questions, made.answers, strict=True)]
    going = Replay(network)
    for n, (end, frame) in enumerate(sent):
        going.events.clear()
        going.steps = SPENT
        going.send(end, frame)
        lasting = Row(end, frame, going.events, going)
        fresh = [*alone(network, lasting)]
        for text, question, holds in rules:
            new = question.reach.new or question.reach.quantifier is Quantifier.SOME
            for row in fresh if new else (lasting,):
                speaks = departures(question, made, row)
                spoke += len(speaks)
                why = contradicts(question, holds, made, row, speaks)
                if why:
                    places = " ".join(e.place for e in row.events)
                    words = f"{text}: {holds.value}, but {why}: {end} {frame.hex()} ({places})"
                    raise Contradiction(words, text, n)
    return spoke


def alone(network: Network, row: Row) -> Iterator[Row]:
    """The packet when all tables are empty; then what modules get of it, when they are empty there."""
    assert row.end is not None
    replay = Replay(network, steps=SPENT)
    replay.send(row.end, row.frame)
    yield Row(row.end, row.frame, replay.events, replay)
    for event in islice((e for e in replay.events if e.place.startswith(ARRIVES)), 3):
        module = network.modules.named(event.place.removeprefix(ARRIVES))
        if module is not None:
            there = Replay(network, steps=SPENT)
            there.send_module(module, event.packet)
            yield Row(None, event.packet, there.events, there)


__all__ = ["BOXES", "MODULES", "Contradiction", "Scene", "asked", "examine", "rule", "scene", "sequence"]
