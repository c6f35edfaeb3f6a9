"""IPRateMonitor: rates of addresses and prefixes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from innet.elements.arguments import FixedPoint, OneOf, Unsigned
from innet.elements.base import Element, Role
from innet.elements.holder import Context, HandlerError, Holder, Io, Out, Pulling
from innet.elements.meter.average import RateAverage
from innet.elements.meter.rateannotations import FWD_RATE, REV_RATE
from innet.flowspec import names as literals
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet

TICK_NS = 8_000_000
SHIFT = 5
LEVELS = 4
ROW_BYTES, TABLE_BYTES = 64, 2112
"""What a counter and a table of 256 take in Click, for MEMORY."""
LEAST_MEMORY = 100
FOLD_NS = 1_000_000_000
ONE = 1 << 16


def rates() -> tuple[RateAverage, RateAverage]:
    """A forward and a reverse rate."""
    return RateAverage(shift=SHIFT, tick_ns=TICK_NS), RateAverage(shift=SHIFT, tick_ns=TICK_NS)


@dataclass(slots=True)
class Prefix:
    """The rates of a prefix, and, once one was high enough, those of the prefixes 8 bits longer."""

    rates: tuple[RateAverage, RateAverage] = field(default_factory=rates)
    below: "dict[int, Prefix] | None" = None
    hidden_until_ns: int = 0


class IPRateMonitorHolder(Holder):
    """The tree of prefixes."""

    PULLS = True
    WRITABLE = ("anno_level", "reset")
    READS = ("look", "thresh", "mem")

    def __init__(self, element: "IPRateMonitor") -> None:
        self.element = element
        self.root: dict[int, Prefix] = {}
        self.started_ns = self.folded_ns = 0
        self.now_ns = 0

    @property
    def threshold(self) -> int:
        """The rate from which on a prefix is looked into."""
        return self.element.thresh * self.element.ratio >> 16

    def memory(self, level: dict[int, Prefix]) -> int:
        """Bytes that Click would use for this table and all below."""
        below = (p.below for p in level.values() if p.below is not None)
        return TABLE_BYTES + ROW_BYTES * len(level) + sum(map(self.memory, below))

    def room(self, wanted: int = 0) -> int:
        """How much of MEMORY is left, less `wanted`."""
        limit = self.element.memory
        return 1 if not limit else max(limit, LEAST_MEMORY) * 1024 - self.memory(self.root) - wanted

    def observe(self, packet: PacketBuffer, port: int, context: Context) -> PacketBuffer:
        """Count `packet`, and note the rates in it."""
        self.now_ns = now = context.now_ns
        at = packet.marks.get(Mark.NET)
        if at is None or at < 0 or at + 20 > packet.marks[Mark.END]:
            return packet
        amount = 1 if self.element.type == "PACKETS" else int.from_bytes(packet.bytes[at + 2 : at + 4], "big")
        address = packet.bytes[at + 12 + 4 * port : at + 16 + 4 * port]
        counts = context.random.getrandbits(16) <= self.element.ratio
        level: dict[int, Prefix] | None = self.root
        path: list[Prefix] = []
        while level is not None:
            byte = address[len(path)]
            if byte not in level:
                if self.room(ROW_BYTES) <= 0:
                    return packet
                level[byte] = Prefix()
            path.append(level[byte])
            level = path[-1].below
        if counts:
            for prefix in path:
                prefix.rates[port].update(amount, now)
        if self.element.anno:
            shown = next((prefix for prefix in path if prefix.hidden_until_ns > now), path[-1])
            for annotation, rate in zip((FWD_RATE, REV_RATE), shown.rates, strict=True):
                packet.annotations[annotation : annotation + 4] = (rate.rate() % 2**32).to_bytes(4, "big")
        self.look_into(path[-1], len(path) - 1, address)
        return packet

    def look_into(self, prefix: Prefix, depth: int, address: Sequence[int]) -> None:
        """Start counting below `prefix` if its rates are high, and stop now and then where they are low."""
        high = any(rate.rate() >= self.threshold for rate in prefix.rates)
        if high and depth < LEVELS - 1 and prefix.below is None and self.room(TABLE_BYTES + ROW_BYTES) > 0:
            child = Prefix()
            for mine, its in zip(prefix.rates, child.rates, strict=True):
                its.tick, its.current, its.average.value = mine.tick, mine.current, mine.average.value
            prefix.below = {address[depth + 1]: child}
        if self.now_ns - self.folded_ns >= FOLD_NS:
            self.folded_ns = self.now_ns
            self.fold(self.root)

    def fold(self, level: dict[int, Prefix]) -> None:
        """Forget what is below prefixes whose rates are low."""
        for prefix in level.values():
            if prefix.below is None:
                continue
            for rate in prefix.rates:
                rate.update(0, self.now_ns)
            if all(rate.rate() < self.threshold for rate in prefix.rates):
                prefix.below = None
            else:
                self.fold(prefix.below)

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        return ((port, self.observe(packet, port, context)),)

    def pull(self, port: int, context: Context) -> Pulling:
        packet = yield port
        return None if packet is None else self.observe(packet, port, context)

    def lines(self, level: dict[int, Prefix], name: str = "") -> Iterator[str]:
        """Each prefix with its rates."""
        for byte, prefix in sorted(level.items()):
            if any(rate.average.value for rate in prefix.rates):
                forward, reverse = (rate.show(self.now_ns) for rate in prefix.rates)
                yield f"{name}{byte}\t{forward}\t{reverse}"
                yield from self.lines(prefix.below or {}, f"\t{name.lstrip()}{byte}.")

    def read(self, handler: str) -> str | None:
        match handler:
            case "look":
                first = str((self.now_ns - self.started_ns) // TICK_NS)
                return "\n".join((first, *self.lines(self.root))) + "\n"
            case "thresh":
                return str(self.threshold)
            case "mem":
                return str(self.memory(self.root))
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        match handler:
            case "reset":
                self.root.clear()
                self.started_ns = self.now_ns = context.now_ns
            case "anno_level":
                self.hide(value, context.now_ns)
            case _:
                return False
        return True

    def hide(self, text: str, now_ns: int) -> None:
        """`ADDRESS LEVEL SECONDS`: note the rates of that many bytes of the address and one more, for so long."""
        words = text.replace(",", " ").split()
        address = literals.address(words[0]) if len(words) == 3 else None
        if address is None or not words[1].isdigit() or not words[2].isdigit() or int(words[1]) >= LEVELS:
            raise HandlerError(f"expected an IPv4 address, a level from 0 to 3 and seconds, not '{text}'")
        level: dict[int, Prefix] | None = self.root
        for depth, byte in enumerate(address.to_bytes(4, "big")):
            prefix = None if level is None else level.get(byte)
            if prefix is None:
                return
            if depth == int(words[1]):
                prefix.hidden_until_ns = now_ns + int(words[2]) * 10**9
                return
            prefix.hidden_until_ns = 0
            level = prefix.below


@dataclass(frozen=True)
class IPRateMonitor(Element):
    """Measure how much comes from and goes to addresses, and note it in the packets.

    Ports:      in 0: IPv4 packets, counted for their source.  out 0: the same, with FWD_RATE and REV_RATE set.
                in 1, out 1 (optional): the same for their destination.  Packets without an IPv4 header just pass.
    Arguments:  TYPE (PACKETS or BYTES); RATIO (0 to 1): how likely a packet counts; THRESH (a second, as if RATIO were
                1).  MEMORY (kilobytes, default 0: no limit, else at least 100).  ANNO (bool, default true): set the
                annotations.
    State:      rates of the first byte of addresses, and of one more byte where a rate reaches THRESH, up to all four;
                what is below a prefix is forgotten when its rate falls. Averages over 8 ms, 1/32 of the way each.
    Verifier:   the annotations become any numbers.
    Errors:     as many outputs as inputs are needed.
    Source:     Click manual, IPRateMonitor.
    """

    PORTS: ClassVar[str] = "1-2/1-2"
    FLOW: ClassVar[str] = "#/#"
    ROLE: ClassVar[Role] = Role.HOLDER
    EXAMPLES: ClassVar[tuple[str, ...]] = ("PACKETS, 1, 100", "BYTES, 0.5, 256, 600, false")
    WRITABLE: ClassVar[Mapping[str, str]] = {"memmax": "memory"}

    type: Annotated[str, OneOf("PACKETS", "BYTES")]
    ratio: Annotated[int, FixedPoint(16, share=True)]
    thresh: Annotated[int, Unsigned()]
    memory: Annotated[int, Unsigned()] = 0
    anno: bool = True

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return (
            () if inputs == outputs else (f"{inputs} inputs need as many outputs, but {outputs} are in use",)
        )

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        if self.anno:
            for annotation in (FWD_RATE, REV_RATE):
                p.set_raw(Mark.ANNOTATION, annotation, 4, p.random(32))
        p.emit(min(port, p.outputs - 1))

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return IPRateMonitorHolder(self)
