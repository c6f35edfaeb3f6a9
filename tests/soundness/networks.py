"""Random small networks with random rules, and what packets in a row really do there.

No box copies packets, so that what a packet does is one row of places; a rule is held against that row by this file's
own reading of the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from innet.diagnostics import ConfigurationError, PolicyError, Source
from innet.explore.flow import BudgetExceeded
from innet.explore.modules import Places
from innet.explore.network import Walk
from innet.explore.replay import Event, Replay
from innet.explore.witness import solutions
from innet.ir.interpret import PacketBuffer, evaluate
from innet.messages import Answer
from innet.network import Clients, End, Host, Internet
from innet.platform.ipv4 import checksum
from innet.policy import ElementPort, Named, Node, Place, Quantifier, Region, Subnet, parse_policy
from innet.symbolic import ranges as rs
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import Tables
from innet.verify.confirm import _const_value as value
from innet.verify.questions import Question, Start, at_home_outside, prepare, starts
from innet.verify.reach import BUDGET, answer
from innet.verify.world import Deployed, World
from tests.adversarial.traffic import header
from tests.verify.networks import CLIENT, PASS, PROVIDER, STATEFUL, chain, inward

WRAP = "Strip(14) -> IPEncap(4, 10.0.0.9, 172.16.9.9) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
UNWRAP = "IPClassifier(proto 4) -> Strip(34) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
WRAP_UDP = WRAP.replace("IPEncap(4, 10.0.0.9, 172.16.9.9)", "UDPIPEncap(10.0.0.9, 53, 172.16.9.9, 80)")
UNWRAP_UDP = UNWRAP.replace("proto 4", "udp dst port 80").replace("Strip(34)", "Strip(42)")
BOXES = (
    PASS, PASS, STATEFUL,
    *map(inward, (
        "IPFilter(allow udp)", "IPFilter(deny dst port 80, allow all)", "IPFilter(allow frag, deny tcp, allow all)",
        "IPClassifier(tcp or icmp type 8)", "IPFilter(allow src net 203.0.113.0/24)", "DecIPTTL",
        "IPRewriter(pattern - - 172.16.7.7 - 0 0)", "IPRewriter(pattern - - 10.9.9.9 - 0 0)",
        "StoreIPAddress(172.16.7.7, dst)", "StoreIPAddress(203.0.113.9, src)", "SetIPDSCP(5)", WRAP, UNWRAP,
        "IPAddrRewriter(pattern - 172.16.7.7 0 0)", "CheckIPHeader(14)", "IPFilter(allow ip hl 5 and ip ttl > 3)",
        "CheckLength(60)", "Queue(4) -> Unqueue", "IPRewriter(pattern 203.0.113.5 1000-1007 - - 0 0)",
        "StoreData(40, \\<0000>)", "StoreData(34, \\<0050>)", "StoreData(50, \\<5555>)", "Truncate(50)", "Truncate(34)",
        "VLANEncap(5)", "VLANDecap -> Classifier(12/0800)", WRAP_UDP, UNWRAP_UDP,
    )),
    """
n :: IPRewriter(pattern 203.0.113.5 1024-1027 - - 0 1, drop);
FromDevice(inside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow udp or tcp) -> [0] n;
FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow dst host 203.0.113.5) -> [1] n;
n [0] -> ToDevice(outside); n [1] -> ToDevice(inside);
""",
)  # fmt: skip
MODULES = (
    "FromNetfront() -> IPMirror -> dst :: ToNetfront();",
    "FromNetfront() -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> dst :: ToNetfront();",
    "FromNetfront() -> IPFilter(allow udp) -> IPRewriter(pattern $ADDR 5000-5003 172.16.7.7 - 0 0) "
    "-> dst :: ToNetfront();",
    "FromNetfront() -> Strip(14) -> CheckIPHeader -> StripIPHeader -> CheckIPHeader -> StoreIPAddress($ADDR, src)"
    " -> dst :: ToNetfront();",
)
MODULE = 0xC6336401
NODES = ("internet", "client", "module", "edge", "access", "first", "second", "172.16.7.7", "172.16.0.0/20",
         "198.51.100.1", "203.0.113.77", "203.0.113.0/24", "10.9.0.0/16", "platform", "M:dst")  # fmt: skip
STARTS = ("internet", "internet", "client", "client", "module", "edge", "access", "172.16.7.7", "203.0.113.77",
          "172.16.0.0/20")  # fmt: skip
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
HOSTS = {"internet": End("edge", "out"), "homes": End("access", "homes")}
ADDRESSES = (0xAC100707, 0xAC100F85, 0xAC100001, MODULE, 0xCB00714D, 0xCB007105, 0xCB007109, 0x0A090909, 0x08080808,
             0xAC100909, 0x0A000009)  # fmt: skip
PORTS = (53, 80, 1000, 1001, 1024, 1025, 1500, 5000, 40000)


@dataclass(frozen=True)
class Row:
    """A packet as it starts, and the places that it came to."""

    end: End
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
    """A network with rules, and their answers."""

    first: str
    second: str
    module: str
    rules: list[str]
    world: World
    questions: list[Question] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it is made of, for a reader."""
        rules = "".join(
            f"{rule}: {found.value}\n" for rule, found in zip(self.rules, self.answers, strict=True)
        )
        return f"// first:\n{self.first}\n// second:\n{self.second}\n// module:\n{self.module}\n{rules}"


def rule(random: Random) -> str:
    """A statement of an operator."""
    word = random.choice(
        ("reach", "reach", "always reach", "always new reach", "never reach", "never new reach")
    )
    hops = [random.choice(NODES) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
    text = f"{word} from {random.choice(STARTS)} {random.choice(FLOWS)}"
    for hop in hops:
        text += f" -> {hop} {random.choice(FLOWS)}{random.choice(CONSTS)}"
    return " ".join(text.split())


def scene(random: Random, count: int = 6) -> Scene:
    """A network of boxes at random, asked."""
    first, second = random.choice(BOXES), random.choice(BOXES)
    module = random.choice(MODULES)
    return asked(first, second, module, [rule(random) for _ in range(count)])


def asked(first: str, second: str, module: str, rules: Sequence[str]) -> Scene:
    """The answers to rules on a network of two boxes and a module. Rules that make no sense are left out."""
    text = module.replace("$ADDR", "198.51.100.1")
    world = chain(first, second)
    account = PROVIDER if "Strip" in module else CLIENT
    world = world.with_deployed((Deployed("M", account, "platform", MODULE, text, "Strip" in module),))
    made = Scene(first, second, module, [], world)
    for one in rules:
        try:
            reach = parse_policy(Source("rules", one)).rules[0]
        except (ConfigurationError, PolicyError):
            continue
        question = prepare(reach, {})
        made.rules.append(one)
        made.questions.append(question)
        made.answers.append(answer(question, world.network, world.tables).holds)
    return made


# ---- packets


def packet(random: Random) -> bytes:
    """A frame that fits these networks, more or less."""
    proto = random.choice((17, 17, 6, 6, 1, 4))
    source, destination = random.choice(ADDRESSES), random.choice(ADDRESSES)
    ports = b"".join(random.choice(PORTS).to_bytes(2, "big") for _ in range(2))
    body = ports + (16).to_bytes(2, "big") + bytes(random.choice((2, 10, 30)))
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
                    solved = next(solutions(start.injected, start.injected, outcome.state.store), None)
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
    ends += [End("edge", "out"), End("access", "homes"), End("access", "homes")]
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
            out.append((random.choice(ends), packet(random)))
        before = len(going.events)
        going.send(*out[-1])
        for event in going.events[before:]:
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


def conforms(question: Question, made: Scene, row: Row, last: int | None = None) -> bool:
    """Whether the row does what the statement says; with `last`, its last hop is that event."""
    first = row.replay.received(row.frame)
    if question.start.node == Region(Place.MODULE) or not isinstance(
        question.start.node, Region | Named | Subnet
    ):
        return False
    if not evaluate(question.flows[0], first):
        return False

    def search(index: int, since: int, before: PacketBuffer, owned: rs.Ranges | None) -> bool:
        if index == len(question.hops):
            return last is None or since == last + 1
        hop = question.hops[index]
        for n in range(since, len(row.events)):
            event = row.events[n]
            if not at(hop.node, event, made, owned):
                continue
            packet = row.replay.seen(event)
            if evaluate(question.flows[index + 1], packet) and all(
                value(c, before) == value(c, packet) for c in hop.const
            ):
                through = next(
                    (m for m in made.world.network.modules if event.place == f"module {m.name}"), None
                )
                mine = through.owned if through is not None and hop.node == Region(Place.MODULE) else owned
                if search(index + 1, n + 1, packet, mine):
                    return True
        return False

    return search(0, 0, first, None)


def starts_there(question: Question, made: Scene, row: Row) -> bool:
    """Whether the packet is one of those that the statement speaks of."""
    source = int.from_bytes(row.frame[26:30], "big")
    return any(
        start.end == row.end and rs.contains(known(start), source)
        for start in starts(question.start.node, made.world.network)
    ) and bool(evaluate(question.flows[0], row.replay.received(row.frame)))


def known(start: Start) -> rs.Ranges:
    """The sources of packets that start there."""
    return start.injected.state.store.domain(start.injected.symbols["ip.src"])


def contradicts(question: Question, holds: Answer, made: Scene, row: Row) -> str:
    """Why a row and an answer cannot both be right; empty if they can."""
    quantifier = question.reach.quantifier
    if not starts_there(question, made, row):
        return ""
    if quantifier is Quantifier.ALWAYS:
        if holds is Answer.YES:
            for n, event in enumerate(row.events):
                if at(question.hops[-1].node, event, made, None) and not conforms(question, made, row, n):
                    return f"it gets to {event.place} otherwise"
        return ""
    none = Answer.YES if quantifier is Quantifier.NEVER else Answer.NO
    return "it does so" if holds is none and conforms(question, made, row) else ""


def examine(made: Scene, sent: Sequence[tuple[End, bytes]]) -> int:
    """Send packets in a row and hold each against every answer; how many rows spoke of a rule."""
    network, spoke = made.world.network, 0
    going = Replay(network)
    for n, (end, frame) in enumerate(sent):
        before = len(going.events)
        going.send(end, frame)
        lasting = Row(end, frame, going.events[before:], going)
        alone = Replay(network)
        alone.send(end, frame)
        fresh = Row(end, frame, alone.events, alone)
        for text, question, holds in zip(made.rules, made.questions, made.answers, strict=True):
            new = question.reach.new or question.reach.quantifier is Quantifier.SOME
            row = fresh if new else lasting
            spoke += starts_there(question, made, row)
            why = contradicts(question, holds, made, row)
            if why:
                places = " ".join(e.place for e in row.events)
                raise Contradiction(
                    f"{text}: {holds.value}, but {why}: {end} {frame.hex()} ({places})", text, n
                )
    return spoke


__all__ = ["Contradiction", "Scene", "asked", "examine", "rule", "scene", "sequence"]
