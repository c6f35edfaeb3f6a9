"""What the differential tests run: every program of every element, on every way in which packets come to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from innet import ir
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import build_one
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.framing.strip import Strip
from innet.ir import interpret
from innet.ir.check import check
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.ir.uses import variables_read
from innet.symbolic.execute import Emitted, execute
from innet.symbolic.memory import ANNOTATIONS, Memory
from innet.symbolic.state import LENGTH_BITS, MAX_PAYLOAD, Injected, State, Tables, inject_ip, inject_raw
from innet.symbolic.store import Store
from innet.symbolic.terms import Blob, Sym
from tests.backends.corpus import Corpus
from tests.elements.test_registry import shapes

# ---- programs


@dataclass(frozen=True)
class Case:
    """One program of one element: what a test is about."""

    element: Element
    example: str
    program: ir.Program

    def __str__(self) -> str:
        port = "out" if self.program.port == OUTSIDE else self.program.port
        return f"{type(self.element).__name__}({self.example})[{port}] -> {self.program.outputs}"


def cases(cls: type[Element], examples: tuple[str, ...] = ()) -> Iterator[Case]:
    """Every different program of an element's examples: each input, with the fewest outputs, more and many."""
    seen: set[tuple[int, ir.Block]] = set()
    for example in (*cls.EXAMPLES, *examples):
        element = build_one(cls, example)
        fitting = [(i, o) for i, o in shapes(cls) if not element.problems(i, o)]
        few, many = min(o for _, o in fitting), max(o for _, o in fitting)
        used = next((one for one in fitting if one[0]), None)
        as_many = cls.PORTS.partition("/")[2].startswith("=")
        if as_many and used and stateful(element.trace(0, used[1], "e", used[0])):
            many = few  # an instance with tables has one number of ports, and sees packets on all of them
        for outputs in sorted({few, min(many, max(few, 2)), min(many, 4)}):
            counts = [i for i, o in fitting if o == outputs]
            if not counts:
                continue
            ports = list(range(counts[-1]))
            if element.ROLE in (Role.ENTRY, Role.SOURCE):
                ports.append(OUTSIDE)
            for port in ports:
                program = element.trace(port, outputs, "e", counts[-1])
                if (outputs, program.body) not in seen:
                    seen.add((outputs, program.body))
                    yield Case(element, example, program)


def branches(block: ir.Block) -> Iterator[ir.Branch]:
    """The branches of a program, in order."""
    return (stmt for stmt in statements(block) if isinstance(stmt, ir.Branch))


def statements(block: ir.Block) -> Iterator[ir.Stmt]:
    """The statements of a program, in order."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, ir.Branch):
            yield from statements(stmt.then)
            yield from statements(stmt.otherwise)


def numbered(program: ir.Program) -> dict[int, int]:
    """The number of each branch by its identity, for the interpreter's `watch`."""
    return facts(program)[1]


def read(program: ir.Program) -> frozenset[str]:
    """The variables that something reads."""
    return facts(program)[2]


def counters(program: ir.Program) -> tuple[ir.Counter, ...]:
    """The counters that it asks for their next numbers, in order."""
    return facts(program)[3]


Facts = tuple[ir.Program, dict[int, int], frozenset[str], tuple[ir.Counter, ...]]
_facts: dict[int, Facts] = {}


def facts(program: ir.Program) -> Facts:
    """What is asked of a program with every packet; programs are told apart by identity."""
    found = _facts.get(id(program))
    if found is None:
        places = {id(branch): n for n, branch in enumerate(branches(program.body))}
        asked = tuple(stmt.counter for stmt in statements(program.body) if isinstance(stmt, ir.Next))
        found = _facts[id(program)] = (program, places, variables_read(program.body), asked)
    return found


def stateful(program: ir.Program) -> bool:
    """Whether the program keeps entries in tables."""
    return any(
        isinstance(s, ir.Insert | ir.Update | ir.Delete | ir.Allocate) or looks_up(s)
        for s in statements(program.body)
    )


def looks_up(stmt: ir.Stmt) -> bool:
    """Whether it asks a table that packets fill."""
    return isinstance(stmt, ir.Lookup) and stmt.table.kind is not ir.TableKind.PREFIX


# ---- packets, symbolic and concrete


@dataclass(frozen=True)
class Given:
    """A concrete packet: its bytes as injected, and its annotations."""

    data: bytes
    annotations: bytes = bytes(64)

    def __str__(self) -> str:
        return f"{self.data.hex() or 'empty'} with annotations {self.annotations.hex().rstrip('0') or 'zero'}"


@dataclass(frozen=True)
class Start:
    """All packets of a form: as injected, as the program meets them, and the symbols of their annotations by byte."""

    injected: Injected
    states: tuple[State, ...]
    symbols: dict[int, Sym]


@dataclass(frozen=True)
class Form:
    """One way to inject: the packets as they are, and what was done to them before the program runs."""

    name: str
    inject: Callable[[str], Injected]
    before: tuple[ir.Program, ...] = ()

    def symbolic(self, label: str = "") -> Start:
        """Every packet of the form, with any annotations."""
        injected = self.inject(label)
        state = injected.state
        symbols: dict[int, Sym] = {}
        for byte in range(0, 64, 4):
            symbols[byte] = Sym(f"{label}anno[{byte}]", 32)
            state.memory.write(ANNOTATIONS, 8 * byte, 32, symbols[byte], None, state.store)
        origin = Injected(state.fork(), injected.symbols, injected.payload, injected.options)
        states = [state]
        for program in self.before:
            results = [r for one in states for r in execute(program, one, Tables(False))]
            states = [r.state for r in results if isinstance(r, Emitted)]
            assert len(states) == len(results), f"{self.name}: some packets do not pass {program.element}"
        for one in states:
            one.env = {}
        return Start(origin, tuple(states), symbols)

    def concrete(self, given: Given) -> PacketBuffer:
        """One packet as the program meets it."""
        packet = PacketBuffer(given.data)
        packet.annotations[:] = given.annotations
        for program in self.before:
            assert isinstance(interpret.run(program, packet, interpret.State()).verdict, ir.Emit)
        return packet

    def accepts(self, data: bytes) -> bool:
        """Whether the packet is one of those injected."""
        if self.inject is empty:
            return not data
        if self.inject is inject_raw:
            return len(data) < 1 << LENGTH_BITS
        if self.inject is framed and data[12:14] != b"\x08\x00":
            return False
        ip = data[14:] if self.inject is framed else data
        head = 4 * (ip[0] & 15) if ip else 0
        return len(ip) >= 20 and ip[0] >> 4 == 4 and head >= 20 and 0 <= len(ip) - head <= MAX_PAYLOAD

    def packet(self, corpus: Corpus) -> bytes:
        """A random packet; not every one is accepted."""
        if self.inject is empty:
            return b""
        if self.inject is inject_raw:
            return corpus.any()
        return corpus.frame() if self.inject is framed else corpus.ip()


def framed(label: str) -> Injected:
    """IPv4 packets in Ethernet frames."""
    return inject_ip(label)


def bare(label: str) -> Injected:
    """IPv4 packets without a link header."""
    return inject_ip(label, link=False)


def empty(label: str) -> Injected:
    """The packet that an element is given to make one of."""
    memory = Memory()
    memory.marks[Mark.DATA] = (memory.add_region((0, ()), None), 0)
    nothing = Blob(f"{label}nothing", (0, ()))
    return Injected(State(memory, Store()), {}, nothing, nothing)


def placed(data: int) -> ir.Program:
    """Put all marks where frames have their headers, whatever the packet is, the transport mark 4 bytes too far; data
    starts `data` bytes after the packet's start."""
    p = Packet("placed")
    p.set_mark(Mark.MAC, Mark.DATA)
    p.set_mark(Mark.NET, Mark.DATA, 14)
    p.set_mark(Mark.TRANSPORT, Mark.DATA, 38)
    p.strip(data)
    p.emit(0)
    return check(ir.Program("placed", 0, 1, p.finish()))


NETFRONT = FromNetfront().trace(OUTSIDE, 1, "front")
FRAMED = Form("framed", framed, (NETFRONT,))
STRIPPED = Form("stripped", framed, (NETFRONT, Strip(14).trace(0, 1, "strip")))
FORMS = (
    Form("raw", inject_raw),
    Form("bare", bare),
    FRAMED,
    STRIPPED,
    Form("placed", inject_raw, (placed(0),)),
    Form("inside", inject_raw, (placed(16),)),
)


def forms_of(case: Case) -> tuple[Form, ...]:
    """The ways in which packets come to the program."""
    if case.program.port != OUTSIDE:
        return FORMS
    if case.element.ROLE is Role.SOURCE:
        return (Form("empty", empty),)
    return Form("raw", inject_raw), Form("frame", framed)


def valuation(start: Start, given: Given) -> tuple[dict[Sym, int], dict[Blob, bytes]]:
    """What the symbols of an injected packet are for one packet."""
    injected, data = start.injected, given.data
    named = injected.symbols
    values = {sym: int.from_bytes(given.annotations[n : n + 4], "big") for n, sym in start.symbols.items()}
    if injected.payload is injected.options:
        return values | {sym: len(data) for sym in named.values()}, {injected.payload: data}
    if "ether.dst" in named:
        values[named["ether.dst"]] = int.from_bytes(data[:6], "big")
        values[named["ether.src"]] = int.from_bytes(data[6:12], "big")
        data = data[14:]
    head = 4 * (data[0] & 15)
    number = int.from_bytes(data[:20], "big")
    for name, bit, width in (
        ("ip.hl", 4, 4), ("ip.tos", 8, 8), ("ip.len", 16, 16), ("ip.id", 32, 16), ("ip.flags", 48, 3),
        ("ip.fragment", 51, 13), ("ip.ttl", 64, 8), ("ip.proto", 72, 8), ("ip.sum", 80, 16), ("ip.src", 96, 32),
        ("ip.dst", 128, 32),
    ):  # fmt: skip
        values[named[name]] = number >> 160 - bit - width & (1 << width) - 1
    values[named["length"]] = len(data) - head
    return values, {injected.options: data[20:head], injected.payload: data[head:]}


# ---- the world around a packet


def annotations(rng: Random, corpus: Corpus) -> bytes:
    """Annotations: none, or some that elements look at."""
    area = bytearray(64)
    if rng.random() < 0.7:
        for byte in range(64):
            if rng.random() < 0.5:
                area[byte] = rng.choice((0, 1, 2, 5, 7, 20, 24, 0x80, 0xFF))
        area[:4] = corpus.address().to_bytes(4, "big")
        if rng.random() < 0.7:
            area[28:31] = bytes(3)  # EXTRA_LENGTH, mostly small
    return bytes(area)


def world(program: ir.Program, rng: Random) -> interpret.State:
    """A state with empty tables, counters anywhere, and some time."""
    state = interpret.State(random=Random(rng.getrandbits(32)))
    now = rng.choice((0, rng.getrandbits(40), rng.getrandbits(63)))
    state.clock = lambda: now
    for counter in counters(program):
        at = ("" if counter.shared else program.element, counter.name)
        state.counters[at] = rng.randrange(counter.wrap or 1 << counter.width)
    return state
