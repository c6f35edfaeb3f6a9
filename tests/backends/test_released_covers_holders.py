"""What `released` says of packets that an element held covers all that its holder makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from innet import ir
from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.memory import Memory
from innet.elements.registry import REGISTRY
from innet.ir import interpret
from innet.ir.interpret import NS, PacketBuffer
from innet.ir.nodes import Mark
from innet.symbolic.execute import Emitted, Held, Lost, execute
from innet.symbolic.state import Tables
from tests.backends.corpus import Corpus
from tests.backends.covering import covers
from tests.backends.forms import FRAMED, STRIPPED, Form, Given, annotations, valuation
from tests.elements.packets import ipv4

PACKETS = 60


@dataclass
class Crowd:
    """A queue nearby, so full."""

    packets: int

    def holding(self) -> int:
        return self.packets


class World:
    """A `Context` for one holder: time goes on, nobody else is there."""

    def __init__(self, rng: Random, outputs: int) -> None:
        self.state = interpret.State(random=rng)
        self.now_ns = 100 * NS
        self.state.clock = lambda: self.now_ns
        self.random, self.outputs = rng, outputs
        self.memory = Memory(self.state, {}, "e")

    def drop(self, reason: str) -> None:
        pass

    def other(self, element: str) -> None:
        return None

    def say(self, text: str) -> None:
        pass

    def queues(self) -> tuple[Crowd, ...]:
        return (Crowd(self.random.randrange(100)),)


@dataclass
class Kept:
    """A packet that the program held: what it was, and the paths of what it may be when it leaves."""

    given: Given
    data: bytes
    results: list[Emitted]
    form: "Paths"

    def covers(self, port: int, packet: PacketBuffer) -> bool:
        values, blobs = valuation(self.form.start, self.given)
        return any(r.port == port and covers(r, packet, values, blobs) for r in self.results)


class Paths:
    """All packets of a form through an element's program for one input, and through `released` where they are held."""

    def __init__(self, element: Element, form: Form, port: int, inputs: int, outputs: int) -> None:
        self.form, self.program = form, element.trace(port, outputs, "e", inputs)
        released = element.release(port, outputs, "e", inputs)
        assert released is not None
        self.start = form.symbolic()
        self.results: list[Emitted] = []
        tables = Tables(any_state=False)
        for state in self.start.states:
            for held in execute(self.program, state.fork(), tables):
                if isinstance(held, Held):
                    for result in execute(released, held.state, tables):
                        assert not isinstance(result, Lost), result.reason
                        if isinstance(result, Emitted):
                            self.results.append(result)


def traffic(name: str, example: str, rng: Random) -> Iterator[bytes]:
    """IPv4 packets that the element has something to do with."""
    corpus = Corpus(rng, example, 0.6)
    waiting: list[bytes] = []
    while True:
        packet = corpus.ip()
        if name == "IPReassembler" and rng.random() < 0.8:
            if not waiting:
                waiting = fragments(corpus, rng)
            packet = waiting.pop()
        elif rng.random() < 0.7:
            packet = larger(packet, rng)
        yield packet


def larger(packet: bytes, rng: Random) -> bytes:
    """The packet with more payload, its length right again (mostly)."""
    out = bytearray(packet + rng.randbytes(rng.randrange(rng.choice((300, 1400)))))
    if rng.random() < 0.9:
        out[2:4] = len(out).to_bytes(2, "big")
    if rng.random() < 0.5:
        out[6:8] = b"\0\0"
    return bytes(out)


def fragments(corpus: Corpus, rng: Random) -> list[bytes]:
    """Fragments of one packet, in any order, perhaps not all of them, with header fields of their own."""
    source, ident, cuts = rng.choice(corpus.addresses), rng.choice((1, 2)), rng.randrange(1, 4)
    found = []
    for n in range(cuts + 1):
        last = n == cuts
        payload = rng.randbytes(16 if not last else rng.randrange(1, 20))
        options = rng.choice((b"", bytes([7, 7, 4, 0, 0, 0, 0, 0])))
        more = 0 if last else 0x2000
        found.append(
            ipv4(payload, source, ident=ident, off=n * 2 | more, ttl=rng.randrange(256), options=options)
        )
    rng.shuffle(found)
    return found if rng.random() < 0.8 else found[1:]


CASES = [
    (name, example, outputs)
    for name, outputs in (
        ("IPGWOptions", 1),
        ("IPGWOptions", 2),
        ("IPFragmenter", 2),
        ("TCPFragmenter", 1),
        ("IPReassembler", 1),
        ("IPReassembler", 2),
        ("IPOutputCombo", 5),
        ("RandomBitErrors", 1),
        ("RED", 1),
        ("RED", 2),
        ("PI", 2),
        ("IPRateMonitor", 1),
    )
    for example in REGISTRY[name].EXAMPLES
    if "1500" not in example or name == "IPOutputCombo"  # packets are not so long here
]


@pytest.mark.parametrize(("name", "example", "outputs"), CASES)
def test_released_covers_what_the_holder_lets_go(name: str, example: str, outputs: int) -> None:
    rng = Random(f"{name} {example} {outputs}")
    element = build_one(REGISTRY[name], example)
    paths = [Paths(element, form, 0, 1, outputs) for form in (FRAMED, STRIPPED)]
    for path in paths:
        world, kept = World(rng, outputs), []
        holder = element.holder(None, "h", "h" * outputs)  # type: ignore[arg-type]  # none of them needs the world
        assert holder is not None
        for packet in (p for p, _ in zip(traffic(name, example, rng), range(PACKETS), strict=False)):
            corpus = Corpus(rng, example)
            given = Given(corpus.link() + packet, annotations(rng, corpus))
            if not path.form.accepts(given.data):
                continue
            buffer = path.form.concrete(given)
            if not isinstance(interpret.run(path.program, buffer, world.state).verdict, ir.Hold):
                continue
            world.now_ns += rng.choice((0, NS, 40 * NS))
            kept.append(Kept(given, packet, path.results, path))
            for port, out in holder.push(buffer, 0, world):  # type: ignore[arg-type]  # all that they ask for
                causes = [k for k in kept if made_of(k.data, out)] if name == "IPReassembler" else kept[-1:]
                assert causes
                for one in causes:
                    assert one.covers(port, out), (
                        f"{name}({example}), {path.form.name}: {one.given} as {out.data.hex()}"
                    )
        assert kept, "some packets were held"


def made_of(part: bytes, out: PacketBuffer) -> bool:
    """Whether a packet that leaves is of one datagram with `part`."""
    head = bytes(out.bytes[out.marks[Mark.NET] :][:20])
    return all(part[a:b] == head[a:b] for a, b in ((4, 6), (9, 10), (12, 20)))
