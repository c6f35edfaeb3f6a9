"""ICMPPingSource: ping a host."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from math import isqrt
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import ByteString, IPAddress, Seconds, Unsigned, read_seconds
from innet.elements.base import Element, Role
from innet.elements.device.source import TimerHolder, write_bytes
from innet.elements.holder import Context, HandlerError, Holder, Io, Out, timestamp, timestamp_of
from innet.ir.interpret import PacketBuffer, ones_sum
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import PROTO_ICMP

IP, ICMP = 20, 8
HEADERS = IP + ICMP
TTL, ECHO, REPLY = 200, 8, 0
WRAP = 0xFFFF
SEQUENCE = ir.Counter("sent", 16, wrap=WRAP)
US = 1000


class PingHolder(TimerHolder):
    """When requests were sent, and how long the answers took, in microseconds."""

    WRITABLE = (*TimerHolder.WRITABLE, "interval")

    def __init__(self, element: "ICMPPingSource", inputs: str, outputs: str) -> None:
        super().__init__(outputs, element.interval_ns, element.limit, element.active, element.stop)
        self.element, self.listens = element, bool(inputs)
        self.forget()

    def forget(self) -> None:
        """No answer came yet."""
        self.sent: dict[int, tuple[int, bool]] = {}
        self.received = self.duplicates = self.least = self.most = self.sum = self.squares = 0

    def make(self, context: Context) -> PacketBuffer | None:
        self.sent[self.count % WRAP + 1] = context.now_ns, False
        return super().make(context)

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        at = packet.marks[Mark.TRANSPORT]
        self.answered(int.from_bytes(packet.bytes[at + 6 : at + 8], "big"), timestamp_of(packet), context)
        if not self.element.mirror:
            context.drop("answer")
            return ()
        packet.set_mark(Mark.DATA, max(packet.marks[Mark.DATA], packet.marks[Mark.NET]))
        self.turn(packet, context)
        return ((0, packet),)

    def answered(self, sequence: int, came_ns: int, context: Context) -> None:
        """An echo reply came."""
        known = self.sent.get(sequence)
        if known is None:
            return
        self.duplicates += known[1]
        self.sent[sequence] = known[0], True
        took = max(0, came_ns - known[0]) // US if came_ns else 0
        if came_ns:
            self.least = took if not self.received else min(self.least, took)
            self.most = max(self.most, took)
            self.sum += took
            self.squares += took * took
        self.received += 1
        if self.element.verbose:
            context.say(f"answer {sequence} after {took // US}.{took % US:03} ms")

    def turn(self, packet: PacketBuffer, context: Context) -> None:
        """Make a reply the next request."""
        number = self.count % WRAP + 1
        self.sent[number] = context.now_ns, False
        self.count += 1
        start, end = packet.marks[Mark.DATA], packet.marks[Mark.END]
        head = self.element.headers(number, end - start)
        body = bytes(packet.bytes[start + HEADERS : min(end, start + HEADERS + len(self.element.data))])
        head[IP + 2 : IP + 4] = (ones_sum(bytes(head[IP:]) + body) ^ 0xFFFF).to_bytes(2, "big")
        packet.bytes[start : start + HEADERS] = head
        packet.marks[Mark.NET], packet.marks[Mark.TRANSPORT] = start, start + IP
        packet.annotations[0:4] = self.element.dst.to_bytes(4, "big")
        timestamp(packet, context.now_ns)

    def summary(self) -> str:
        """As ping says it at its end."""
        text = f"{self.count} packets transmitted, {self.received - self.duplicates} received"
        text += f", +{self.duplicates} duplicates" if self.duplicates else ""
        if self.count:
            text += f", {(self.count - self.received + self.duplicates) * 100 // self.count}% packet loss\n"
        if self.received:
            mean = self.sum // self.received
            spread = isqrt(max(0, self.squares // self.received - mean * mean))
            shown = "/".join(f"{t // US}.{t % US:03}" for t in (self.least, mean, self.most, spread))
            text += f"rtt min/avg/max/mdev = {shown}\n"
        return text

    def read(self, handler: str) -> str | None:
        if self.listens:
            match handler:
                case "summary":
                    return self.summary()
                case "rtt_min":
                    return show_us(self.least)
                case "rtt_avg":
                    return show_us(self.sum // max(1, self.received))
                case "rtt_max":
                    return show_us(self.most)
        return super().read(handler)

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler == "interval":
            interval = read_seconds(value, 9)
            if interval is None:
                raise HandlerError(f"expected a time, not '{value.strip()}'")
            self.interval_ns = interval
            return True
        if handler in ("reset", "reset_counts"):
            self.forget()
        return super().write(handler, value, context)

    def restart(self, context: Context) -> None:
        self.finished = False

    def reconfigured(self, element: Element) -> None:
        assert isinstance(element, ICMPPingSource)
        self.element = element


def show_us(time_us: int) -> str:
    """Microseconds as seconds."""
    return f"{time_us // 10**6}.{time_us % 10**6:06}"


@dataclass(frozen=True)
class ICMPPingSource(Element):
    """Send ICMP echo requests at fixed intervals, and watch for the answers.

    Ports:      in 0 (push, optional): IPv4 packets; answers to these requests count, everything is then dropped.
                out 0: IPv4 packets, marked, the destination annotation set; pushed each INTERVAL, or pulled.
    Arguments:  SRC, DST (IPv4 addresses).  INTERVAL (keyword, seconds to the nanosecond, default 1): also before the
                first; IDENTIFIER (keyword, 0-65535, default 0); DATA (keyword, bytes, default none); LIMIT (keyword,
                packets, default -1: no end); ACTIVE (keyword, bool, default true); VERBOSE (keyword, bool, default
                true): say each answer; STOP (keyword, bool, default false): end the run after the last; MIRROR
                (keyword, bool, default false): send each answer back at once, as the next request.
    State:      `sent`, the number of the next request, which is also its IPv4 identification: 1 to 65535, and round
                again; when each was sent; the times that answers took.
    Drops:      "answer", "not an answer".
    Checksum:   full, of the IPv4 and of the ICMP header.
    Verifier:   the number is any number; so is what a mirrored answer carries.
    Source:     Click manual, ICMPPingSource; RFC 792. The identifier is in network order, also where Click has the
                machine's. After `reset_counts` the numbers go on from where they are.
    """

    PORTS: ClassVar[str] = "0-1/1"
    PROCESSING: ClassVar[str] = "h/a"
    FLOW: ClassVar[str] = "x/y"
    ROLE: ClassVar[Role] = Role.SOURCE
    ALIASES: ClassVar[tuple[str, ...]] = ("ICMPSendPings",)
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "10.0.0.1, 10.0.0.2",
        '10.0.0.1, 10.0.0.2, INTERVAL 0.1, IDENTIFIER 7, DATA "abcde", LIMIT 3',
        "10.0.0.1, 10.0.0.2, IDENTIFIER 7, MIRROR true",
    )
    WRITABLE: ClassVar[Mapping[str, str]] = {"src": "src", "dst": "dst"}

    src: Annotated[int, IPAddress()]
    dst: Annotated[int, IPAddress()]
    _: KW_ONLY
    interval_ns: Annotated[int, Seconds(digits=9)] = 1_000_000_000
    identifier: Annotated[int, Unsigned(16)] = 0
    data: Annotated[bytes, ByteString()] = b""
    limit: int = -1
    active: bool = True
    verbose: bool = True
    stop: bool = False
    mirror: bool = False

    def headers(self, number: int, length: int) -> bytearray:
        """The headers of request `number` in a packet of so many bytes; the ICMP checksum is left out."""
        head = bytearray(HEADERS)
        head[0], head[8], head[9], head[IP] = 0x45, TTL, PROTO_ICMP, ECHO
        head[2:4], head[4:6] = (length % 2**16).to_bytes(2, "big"), number.to_bytes(2, "big")
        head[12:20] = self.src.to_bytes(4, "big") + self.dst.to_bytes(4, "big")
        head[10:12] = (ones_sum(bytes(head[:IP])) ^ 0xFFFF).to_bytes(2, "big")
        head[IP + 4 : HEADERS] = self.identifier.to_bytes(2, "big") + number.to_bytes(2, "big")
        return head

    def originate(self, p: Packet) -> None:
        head = self.headers(0, HEADERS + len(self.data))
        write_bytes(p, bytes(head) + self.data)
        p.set_mark(Mark.NET, Mark.DATA)
        p.set_mark(Mark.TRANSPORT, Mark.NET, IP)
        number = p.bind(p.next(SEQUENCE) + 1)
        ip_sum, icmp_sum = ones_sum(bytes(head[:10] + head[12:IP])), ones_sum(bytes(head[IP:]) + self.data)
        p.ip.id = p.icmp.seq = number
        p.ip.sum = ~number.ones_add(ip_sum)
        p.icmp.sum = ~number.ones_add(icmp_sum)
        p.anno.dst_ip = self.dst
        p.emit(0)

    def push(self, p: Packet, port: int) -> None:
        with p.when(~p.present(Mark.NET, 0, HEADERS)):
            p.drop("not an answer")
        with p.when(~p.present(Mark.TRANSPORT, 0, ICMP)):
            p.drop("not an answer")
        ours = (p.ip.proto == PROTO_ICMP) & (p.icmp.type == REPLY) & (p.icmp.id == self.identifier)
        with p.when(~ours):
            p.drop("not an answer")
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        if not self.mirror:
            p.drop("answer")
            return
        back = p.distance(Mark.DATA, Mark.NET)
        with p.when(back < 0x8000):
            p.set_mark(Mark.DATA, Mark.NET)
        p.set_mark(Mark.NET, Mark.DATA)
        p.set_mark(Mark.TRANSPORT, Mark.NET, IP)
        length = p.length
        p.havoc(Mark.NET, 0, HEADERS)
        head = self.headers(0, 0)
        for at in (0, 6, 8, 12, 14, 16, 18, IP, IP + 4):
            p.set_raw(Mark.NET, at, 2, int.from_bytes(head[at : at + 2], "big"))
        p.ip.len = length
        p.anno.dst_ip = self.dst
        p.anno.time_s, p.anno.time_ns = p.random(32), p.random(32)
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return PingHolder(self, inputs, outputs)
