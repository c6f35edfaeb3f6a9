"""Packets for a configuration: new flows, their answers, fragments, options, tags, wrong sums, and every length."""

from dataclasses import dataclass
from random import Random

from tests.backends.corpus import Corpus
from tests.backends.flows import STEPS_NS, Talk

BOUNDARIES = (0, 1, 13, 14, 15, 17, 18, 19, 33, 34, 35, 37, 38, 41, 42, 43, 53, 54, 59, 60, 61, 64)
"""Lengths at which headers end, and around them."""
LONG = (1400, 1472, 1500)
LONGEST = 1900
"""A test run of the kernel takes frames of one page, with room around them."""


@dataclass(frozen=True)
class Sent:
    """A frame, and when it comes."""

    time_ns: int
    frame: bytes


class Traffic:
    """Frames for a configuration whose arguments speak of `text`; `shortest` is how short they may be."""

    def __init__(self, rng: Random, text: str, shortest: int = 0) -> None:
        self.rng, self.shortest = rng, shortest
        self.corpus = Corpus(rng, text, rng.choice((0.05, 0.2, 0.7)))
        self.talk = Talk(rng, text)
        self.now = rng.getrandbits(40)
        self.hosts = [bytes([2, *rng.randbytes(5)]) for _ in range(3)]
        """Ethernet addresses that talk to each other."""
        self.extra: list[bytes] = []
        """Frames that somebody found worth while; they come in between."""

    def next(self) -> Sent:
        """Another frame."""
        self.now += self.rng.choice(STEPS_NS)
        frame = self.frame()[:LONGEST]
        while len(frame) < self.shortest:
            frame = self.frame()[:LONGEST]
        if len(frame) >= 14 and self.rng.random() < 0.4:
            frame = self.rng.choice(self.hosts) + self.rng.choice(self.hosts) + frame[12:]
        return Sent(self.now, frame)

    def frame(self) -> bytes:
        rng, corpus = self.rng, self.corpus
        kind = rng.random()
        if self.extra and kind < 0.15:
            return self.extra.pop()
        if kind < 0.45:
            return corpus.link() + self.talk.next()
        if kind < 0.75:
            return corpus.frame()
        if kind < 0.85:
            return corpus.any()
        if kind < 0.97:
            return self.bounded()
        return corpus.link() + corpus.ip() + rng.randbytes(rng.choice(LONG))

    def bounded(self) -> bytes:
        """A frame of a length at which something begins or ends, or where its own length field says that it does."""
        rng, corpus = self.rng, self.corpus
        frame = corpus.frame()
        if rng.random() < 0.3:
            tag = rng.choice((0x8100, 0x88A8)).to_bytes(2, "big") + rng.getrandbits(16).to_bytes(2, "big")
            frame = frame[:12] + tag + frame[12:]
        edge = rng.random()
        if edge < 0.7:
            size = rng.choice(BOUNDARIES)
        elif edge < 0.85:
            size = rng.choice(corpus.ports) + rng.choice((-1, 0, 1, 13, 14, 15))
        else:
            size = 14 + int.from_bytes(frame[16:18], "big") + rng.choice((-1, 0, 1))
        size = min(max(size, 0), 3000)
        return frame[:size] + bytes(max(0, size - len(frame))) if rng.random() < 0.8 else frame[:size]
