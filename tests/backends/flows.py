"""Packets in a row through elements with tables, in both modes of the symbolic executor.

New flow: tables are empty at first, each packet's paths go on from those of the packet before, and what happens must
be exactly one of them. Any state: the tables may hold whatever earlier packets can have put there, and what happens
must be among the paths (at least one covers it).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from innet import ir
from innet.elements.argument_names import NameBook
from innet.elements.base import Role
from innet.elements.build import build_one, companions
from innet.elements.registry import REGISTRY
from innet.flowspec import names
from innet.ir import interpret
from innet.ir.interpret import NS, ones_sum
from innet.ir.nodes import Mark
from innet.symbolic.execute import execute
from innet.symbolic.formulas import all_of, in_atom
from innet.symbolic.state import Entry, State, Tables
from innet.symbolic.store import Store
from innet.symbolic.terms import AtMostZero, Same
from innet.symbolic.work import Work
from tests.backends.campaign import (
    MAX_WORK,
    Blobs,
    Disagreement,
    Explored,
    Report,
    Values,
    bind,
    compare,
    explore,
    interpreted,
)
from tests.backends.corpus import ADDRESSES, PORTS, Corpus
from tests.backends.forms import (
    FRAMED,
    STRIPPED,
    Case,
    Form,
    Given,
    annotations,
    numbered,
    stateful,
    valuation,
)
from tests.elements.packets import ipv4

MAX_ROUNDS = 6
PATIENCE = 3
"""Rounds after which new kinds of entries are widened, as for requests."""
STEPS_NS = (0, 1, NS // 50, NS, 31 * NS, 61 * NS, 301 * NS, 1_000_000 * NS)


@dataclass(frozen=True)
class Instance:
    """The programs of one element instance, by input port."""

    cases: tuple[Case, ...]

    def __str__(self) -> str:
        return str(self.cases[0]).partition("[")[0]

    @property
    def subject(self) -> str:
        """What packets must be about for the element to care."""
        return SUBJECTS.get(type(self.cases[0].element).__name__, "")


SUBJECTS = {"ICMPPingRewriter": "ping", "ICMPRewriter": "error"}


def instances(cases: Sequence[Case]) -> Iterator[Instance]:
    """Instances with tables: the cases of one example together, with as few outputs as it has.

    Elements whose tables they look into are part of them.
    """
    groups: dict[str, list[Case]] = {}
    for case in cases:
        group = groups.setdefault(case.example, [])
        if not group or group[0].program.outputs == case.program.outputs:
            group.append(case)
    for group in groups.values():
        if any(stateful(c.program) for c in group):
            yield Instance((*group, *companions_of(group[0])))


def companions_of(case: Case) -> Iterator[Case]:
    """The programs of the elements that a case's element names, input 0 with one output."""
    every = companions(type(case.element))
    book = NameBook.of(every)
    for one in every:
        if one.name in case.element.references() and REGISTRY[one.class_name].ROLE is not Role.INFORMATION:
            element = build_one(REGISTRY[one.class_name], one.arguments.value, book.at(one.name))
            yield Case(element, case.example, element.trace(0, 1, one.name))


class Talk:
    """Packets of few hosts that talk to each other: new flows, more of them, answers, fragments."""

    def __init__(self, rng: Random, example: str, subject: str = "") -> None:
        self.rng, self.subject = rng, subject
        self.corpus = Corpus(rng, example, 0.05)
        spoken = self.corpus.addresses[len(ADDRESSES) :] or self.corpus.addresses
        self.corpus.addresses = (*rng.sample(ADDRESSES, 2), rng.choice(spoken))
        self.identifiers = (0, 0xFFFF, *self.corpus.ports[len(PORTS) :])
        self.corpus.ports = tuple(rng.sample(self.corpus.ports, 2))
        self.sent: list[bytes] = []
        self.seen: list[bytes] = []
        self.rest: bytes | None = None
        """A later fragment of the packet before, which comes next, by the same port."""
        self.port = 0
        self.pool = self.rivals() if rng.random() < 0.3 else ()
        """Packets of flows that get in each other's way; if there are some, no others are sent."""

    def rivals(self) -> tuple[bytes, ...]:
        """A packet of TCP or UDP, and the same between other hosts."""
        packet = self.ping() if self.subject == "ping" else self.corpus.ip()
        while self.subject != "ping" and (
            packet[9] not in (6, 17) or packet[0] != 0x45 or packet[6:8] != b"\0\0"
        ):
            packet = self.corpus.ip()
        others = [self.corpus.address().to_bytes(4, "big") for _ in range(2)]
        return (
            packet,
            packet[:12] + others[0] + packet[16:],
            packet[:16] + others[1] + packet[20:],
        )

    def choose(self, ports: int) -> int:
        """The port of the next packet."""
        if self.rest is None:
            self.port = self.rng.randrange(ports)
        return self.port

    def next(self) -> bytes:
        """An IPv4 packet: mostly one that has to do with those before."""
        rng = self.rng
        if self.rest is not None:
            packet, self.rest = self.rest, None
            return packet
        packet = rng.choice(self.pool) if self.pool else self.corpus.ip()
        if self.subject and not self.pool and rng.random() < 0.8:
            packet = self.ping() if self.subject == "ping" or rng.random() < 0.5 else packet
        if self.subject == "error" and self.seen and rng.random() < 0.5:
            packet = self.error(rng.choice(self.seen[-3:]))
        elif not self.pool and self.sent and rng.random() < 0.75:
            kind = rng.random()
            answers = kind < 0.5 and self.seen
            packet = answer(rng.choice(self.seen[-3:])) if answers else rng.choice(self.sent[-3:])
            packet = self.varied(packet) if rng.random() < 0.7 else packet
        elif self.pool and self.seen and rng.random() < 0.25:
            packet = answer(rng.choice(self.seen))
        self.sent.append(packet)
        return packet

    def ping(self) -> bytes:
        """An ICMP echo request, or a reply; some have nothing but zeros."""
        rng = self.rng
        identifier = rng.choice(self.identifiers).to_bytes(2, "big")
        rest = rng.choice((bytes(2), rng.randbytes(2), rng.randbytes(20)))
        kind = bytes([rng.choice((8, 8, 8, 0)), 0])
        total = ones_sum(kind + identifier + rest)
        sums = rng.choice((total ^ 0xFFFF, total ^ 0xFFFF, 0)).to_bytes(2, "big")
        source, target = (names.dotted(self.corpus.address()) for _ in range(2))
        return ipv4(kind + sums + identifier + rest, source, target, 1)

    def error(self, packet: bytes) -> bytes:
        """An ICMP error about a packet, from where that went to, which quotes some of it."""
        rng = self.rng
        head = 4 * (packet[0] & 15)
        if rng.random() < 0.3 and head < 60:
            packet = bytes([packet[0] + 1]) + packet[1:head] + bytes([1, 1, 1, 0]) + packet[head:]
            head += 4
        quoted = packet[: rng.choice((head - 1, head, head + 7, head + 8, head + 8, head + 18, len(packet)))]
        start = bytes([rng.choice((3, 4, 5, 11, 12, 3, 3, 13)), 0]) + rng.randbytes(6)
        to = packet[12:16] if rng.random() < 0.8 else self.corpus.address().to_bytes(4, "big")
        whole = ipv4(start + quoted, "8.8.8.8", "10.0.0.1", 1)
        return whole[:12] + packet[16:20] + to + whole[20:]

    def varied(self, packet: bytes) -> bytes:
        """The same flow with other flags or payload, fragments of it, or the same between other hosts."""
        rng, out = self.rng, bytearray(packet)
        head = 4 * (out[0] & 15)
        change = rng.random()
        if out[9] == 6 and change < 0.15:
            return bytes(out[: head + rng.randrange(8, 18)])  # the ports, but not the checksum
        if out[9] == 6 and len(out) > head + 13 and change < 0.6:
            out[head + 13] = rng.choice((0x02, 0x10, 0x11, 0x04, 0x14, 0x12, 0x01))
        elif change < 0.75:
            out[6:8] = rng.choice((0x00B9, 0x20B9, 0)).to_bytes(2, "big")
            self.rest = bytes(out)
            out[6:8] = b"\x20\0"
        elif change < 0.95:
            at = rng.choice((12, 16))  # from another host, or to another
            out[at : at + 4] = self.corpus.address().to_bytes(4, "big")
        else:
            out += rng.randbytes(rng.randrange(1, 5))
        return bytes(out)

    def came_out(self, packet: interpret.PacketBuffer) -> None:
        """Remember what left, for answers."""
        net = packet.marks.get(Mark.NET)
        if net is not None and net >= 0:
            ip = bytes(packet.bytes[net : packet.marks[Mark.END]])
            if len(ip) >= 20 and ip[0] >> 4 == 4 and len(ip) >= 4 * (ip[0] & 15) >= 20:
                self.seen.append(ip)


def answer(packet: bytes) -> bytes:
    """The packet with source and destination, and the ports if there are any, exchanged."""
    head = 4 * (packet[0] & 15)
    out = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
    if packet[9] == 1 and len(packet) > head and packet[head] == 8:
        out = out[:head] + b"\0" + out[head + 1 :]
    if packet[9] in (6, 17) and len(packet) >= head + 4:
        out = out[:head] + out[head + 2 : head + 4] + out[head : head + 2] + out[head + 4 :]
    return out


# ---- new flow


@dataclass
class Past:
    """The one path that the packets so far took: what is known, the entries made, and the values of all symbols."""

    store: Store
    entries: tuple[Entry, ...]
    values: Values
    blobs: Blobs


def new_flow(instance: Instance, reports: Sequence[Report], rng: Random, packets: int = 4) -> None:
    """Some packets in a row, tables empty at first; raises `Disagreement`."""
    form = rng.choice((FRAMED, STRIPPED))
    talk = Talk(rng, instance.cases[0].example, instance.subject)
    state, now = interpret.State(random=Random(rng.getrandbits(32))), [rng.getrandbits(40)]
    state.clock = lambda: now[0]
    past: Past | None = Past(Store(), (), {}, {})
    story: list[str] = []
    for n in range(packets):
        if past is None:
            return
        now[0] += rng.choice(STEPS_NS)
        number = talk.choose(len(instance.cases))
        given = next_packet(form, talk, rng)
        if given is None:
            continue
        story.append(f"[{number}] {given} at {now[0]}")
        try:
            past = one_more(instance.cases[number], form, given, past, state, talk, reports[number], f"p{n}.")
        except Disagreement as e:
            raise Disagreement(f"{instance}, {form.name}: {'; then '.join(story)}: {e}") from None


def next_packet(form: Form, talk: Talk, rng: Random) -> Given | None:
    packet = talk.next()
    data = talk.corpus.link() + packet
    return Given(data, annotations(rng, talk.corpus)) if form.accepts(data) else None


def one_more(
    case: Case,
    form: Form,
    given: Given,
    past: Past,
    state: interpret.State,
    talk: Talk,
    report: Report,
    label: str,
) -> Past | None:
    """One more packet after `past`; None if the engine lost it."""
    start = form.symbolic(label)
    tables = Tables(any_state=False)
    tables.work = Work(MAX_WORK)
    results = []
    for one in start.states:
        store = merged(past.store, one.store)
        results += execute(case.program, State(one.memory, store, entries=past.entries), tables)
    packet = form.concrete(given)
    run = interpreted(case.program, packet, state, report.watch(numbered(case.program)))
    talk.came_out(packet)
    values, blobs = valuation(start, given)
    values |= past.values
    blobs |= past.blobs
    report.packets += 1
    found = compare(results, run, values, blobs, report)
    if found is None:
        return None
    return Past(found.state.store, found.state.entries, bind(found.state, run.env, values), blobs)


def merged(a: Store, b: Store) -> Store:
    """What is known in either of two stores without a symbol in common."""
    out = a.fork()
    known = all_of(
        *(in_atom(atom, domain) for atom, domain in b.domains.items()),
        *(Same(x, y, k, True) for x, (y, k) in b.substitution.items()),
        *(Same(x, y, k, False) for x, y, k in b.unequal),
        *(AtMostZero(linear) for linear in b.inequalities),
        *b.clauses,
    )
    assert out.assume(known)
    return out


# ---- any state


class AnyState:
    """An instance whose tables may hold anything: its paths for each port and form, once their entries are known."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.tables = Tables(any_state=True)
        self.paths: dict[tuple[int, str], Explored] = {}
        for n in range(MAX_ROUNDS):
            known, self.tables.widening = self.tables.noted, n >= PATIENCE
            for number, case in enumerate(instance.cases):
                for form in (FRAMED, STRIPPED):
                    self.paths[number, form.name] = explore(case, form, self.tables)
            if self.tables.noted == known:
                return
        raise AssertionError(f"{instance}: the kinds of entries do not end")

    def run(self, reports: Sequence[Report], rng: Random, packets: int = 12) -> None:
        """Packets in a row, each of which some path must cover; with room for one flow, and for many."""
        cases = self.instance.cases
        programs = [case.program for case in cases]
        if rng.random() < 0.6:
            narrow = rng.random() < 0.7
            programs = [cramped(program, narrow) for program in programs]
        talk = Talk(rng, cases[0].example, self.instance.subject)
        state, now = interpret.State(random=Random(rng.getrandbits(32))), [rng.getrandbits(40)]
        state.clock = lambda: now[0]
        story: list[str] = []
        for _ in range(packets):
            now[0] += rng.choice(STEPS_NS)
            number, form = talk.choose(len(cases)), rng.choice((FRAMED, STRIPPED))
            given = next_packet(form, talk, rng)
            if given is None:
                continue
            explored, report = self.paths[number, form.name], reports[number]
            packet = form.concrete(given)
            run = interpreted(programs[number], packet, state, report.watch(numbered(programs[number])))
            talk.came_out(packet)
            story.append(f"[{number}] {form.name} {given} at {now[0]}")
            report.packets += 1
            values, blobs = valuation(explored.start, given)
            try:
                compare(explored.results, run, values, blobs, report, exact=False)
            except Disagreement as e:
                raise Disagreement(f"{self.instance}, any state: {'; then '.join(story)}: {e}") from None


def cramped(program: ir.Program, narrow: bool) -> ir.Program:
    """The program with room for one flow only, and, if `narrow`, one number to allocate."""

    def table(one: ir.Table) -> ir.Table:
        return one if one.kind is ir.TableKind.PREFIX else replace(one, capacity=1, guarantee_s=3600)

    def block(body: ir.Block) -> ir.Block:
        return tuple(map(stmt, body))

    def stmt(one: ir.Stmt) -> ir.Stmt:
        match one:
            case ir.Branch(condition, then, otherwise):
                return ir.Branch(condition, block(then), block(otherwise))
            case ir.Allocate(low=low):
                return replace(one, table=table(one.table), high=low if narrow else one.high)
            case ir.Lookup() | ir.Insert() | ir.Update() | ir.Delete():
                return replace(one, table=table(one.table))
        return one

    return replace(program, body=block(program.body))
