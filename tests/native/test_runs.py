"""Configurations that are machine code in part: what Python does around it comes in the right order."""

import struct
from random import Random

import pytest

from innet.native.chunks import CHUNK
from innet.native.machine import BATCH
from innet.packet.record import MAX_PACKET
from tests.elements.packets import ipv4, udp
from tests.native.both import both, capture

SOURCE = "f :: FromDump(a, STOP true) -> "
NAT = "Strip(14) -> CheckIPHeader -> IPRewriter(pattern 1.0.0.1 - - - 0 0) -> "


def ethernet(packet: bytes) -> bytes:
    return bytes(12) + b"\x08\0" + packet


def frames(count: int, seed: int = 1, flows: int = 7) -> list[bytes]:
    """UDP packets of a few flows, of different lengths."""
    r = Random(seed)
    made = []
    for n in range(count):
        payload = r.randbytes(r.randrange(60))
        flow = n % flows
        datagram = udp(payload, sport=1000 + flow, dport=(1500, 80, 53)[n % 3])
        made.append(ethernet(ipv4(datagram, src=f"10.0.{flow}.1", dst="10.9.9.9")))
    return made


GIVEN = {"a": capture(frames(300)), "b": capture(frames(200, 2, 3), 2 * 10**18)}
FEW = {"a": capture(frames(5))}

TEXTS = {
    "plain": "ToDump(o)",
    "nothing": "Discard",
    "nat": NAT + "ToDump(o, ENCAP IP)",
    "two files in turn": "s :: RoundRobinSwitch; s[0] -> ToDump(o); s[1] -> Strip(3) -> ToDump(p, NANO true)",
    "a file on the way": "ToDump(o) -> Strip(14) -> ToDump(p, SNAPLEN 20, EXTRA_LENGTH false) -> Discard",
    "copies to files": "t :: Tee(3); t[0] -> ToDump(o); t[1] -> Strip(1) -> o2 :: ToDump(p); t[2] -> o2",
    "copies to Python": "t :: Tee(2); t[0] -> Queue -> Unqueue -> o :: ToDump(o); t[1] -> Strip(14) -> o",
    "queue": NAT + "Queue(5) -> Unqueue(2) -> c :: Counter -> ToDump(o)",
    "queue that fills": "Queue(3) -> u :: Unqueue(ACTIVE false) -> ToDump(o); Script(pause, write u.active true)",
    "handler called": "c :: Counter(COUNT_CALL 150 s.switch 1) -> s :: Switch(0); s[0] -> ToDump(o); s[1] -> ToDump(p)",
    "stopped in the middle": "c :: Counter(COUNT_CALL 77 stop) -> ToDump(o)",
    "source set inactive": "c :: Counter(COUNT_CALL 20 f.active false) -> ToDump(o)",
    "counts reset": "d :: Counter -> c :: Counter(COUNT_CALL 50 d.reset) -> ToDump(o)",
    "printed": "c :: IPClassifier(udp port 80, -); c[0] -> Print(web) -> o :: ToDump(o); c[1] -> o",
    "random": "s :: RandomSwitch; s[0] -> ToDump(o); s[1] -> r :: RandomSwitch; r[0] -> Queue -> Unqueue"
    " -> t :: RandomSwitch; t[0] -> p :: ToDump(p); t[1] -> Strip(2) -> p; r[1] -> ToDump(q)",
    "loop": "i :: Strip(1) -> c :: CheckLength(30); c[0] -> ToDump(o); c[1] -> i",
    "loop without end": "Strip(14) -> i :: Null -> Null -> Null -> i",
    "loop that nearly ends": "i :: EtherEncap(0x800, 1:1:1:1:1:1, 2:2:2:2:2:2) -> Null -> c :: CheckLength(17300);"
    " c[0] -> i; c[1] -> Null -> Null -> Null -> ToDump(o, SNAPLEN 0)",
    "loop behind machine code": "Strip(14) -> Null -> i :: Strip(1) -> c :: CheckLength(30); c[0] -> Null"
    " -> ToDump(o); c[1] -> i",
}
HANDLERS = {"handler called": ("c.count", "s.switch"), "counts reset": ("c.count", "d.count", "d.byte_count")}


@pytest.mark.parametrize("name", TEXTS)
def test_it_is_done_in_the_same_order(name: str) -> None:
    given = FEW if name.startswith("loop") else GIVEN
    both(SOURCE + TEXTS[name] + ";", given, ("f.count", *HANDLERS.get(name, ())))


@pytest.mark.parametrize(
    "options",
    [
        "STOP false", "SAMPLE 0.3", "FORCE_IP true", "END_CALL q.reset", "START_AFTER 0.05", "END_AFTER 0.1",
        "INTERVAL 0.02", "TIMING true", "ACTIVE false",
    ],
)  # fmt: skip
def test_which_packets_are_read(options: str) -> None:
    """And when: the clock is theirs with TIMING."""
    both(
        f"f :: FromDump(a, {options}) -> c :: Counter -> q :: Counter -> ToDump(o)",
        GIVEN,
        ("c.count", "q.count"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "FromDump(a) -> o :: ToDump(o); FromDump(b, STOP true) -> Strip(14) -> o",
        "FromDump(a, ACTIVE false, END_CALL b.active true) -> o :: ToDump(o); b :: FromDump(b, STOP true) -> o",
        "a :: FromDump(a, END_CALL b.active true) -> o :: ToDump(o); b :: FromDump(b, STOP true, ACTIVE false) -> o",
        "FromDump(a, TIMING true) -> o :: ToDump(o); FromDump(b, TIMING true) -> o",
        "r :: IPRewriter(pattern 1.0.0.1 - - - 0 1, drop); FromDump(a, FORCE_IP true) -> r;"
        " FromDump(b, FORCE_IP true) -> [1] r; r[0] -> ToDump(o); r[1] -> ToDump(p)",
        "FromDump(a) -> Queue -> u :: Unqueue -> ToDump(o); DriverManager(wait 0.1s, write u.active false, stop)",
        "InfiniteSource(LIMIT 20) -> Strip(3) -> o :: ToDump(o); FromDump(a, TIMING true) -> o",
        "q :: Queue -> ToDump(o); FromDump(a) -> Null -> q; FromDump(b) -> q",
    ],
)
def test_several_tasks(text: str) -> None:
    both(text, GIVEN)


def test_a_script_sees_what_was_counted() -> None:
    text = (
        "f :: FromDump(a, TIMING true) -> c :: Counter -> s :: Switch(0); s[0] -> ToDump(o); s[1] -> ToDump(p);"
        "Script(wait 0.1s, print c.count, write s.switch 1, wait 0.1s, print c.count, write c.reset, wait 0.05s,"
        " print c.count, print f.count)"
    )
    native = both(text, GIVEN, ("c.count", "c.byte_count"))
    assert len(native.printed) == 4


# ---- captures


def test_more_packets_than_are_read_at_once() -> None:
    packets = frames(2 * BATCH + 17)
    both(SOURCE + NAT + "ToDump(o)", {"a": capture(packets)}, ("f.count",))


def test_more_bytes_than_are_read_at_once() -> None:
    packets = [bytes([n % 256]) * (14 + 97 * n % 9000) for n in range(3 * CHUNK // 4500)]
    both(SOURCE + "ToDump(o, SNAPLEN 0)", {"a": capture(packets)})


def test_longer_packets_than_machine_code_takes() -> None:
    """Python runs them, with the tables and random numbers as they are then."""
    long = [ethernet(ipv4(udp(b"x" * 1000))) + bytes(n) for n in (65_000, 70_000, MAX_PACKET - 1042)]
    packets = []
    for n, one in enumerate(frames(40)):
        packets += [one, long[n % 3]] if n % 7 == 3 else [one]
    text = NAT + "r :: RandomSwitch; r[0] -> Discard; r[1] -> t :: Tee; t[0] -> ToDump(o, SNAPLEN 0);"
    text += " t[1] -> Queue -> Unqueue -> Discard"
    both(SOURCE + text, {"a": capture(packets)}, ("f.count",))


def header(order: str, magic: int) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
@pytest.mark.parametrize("order", ["<", ">"])
def test_forms_of_a_capture(order: str, magic: int) -> None:
    """Fractions of more than a second, lengths on the wire of all kinds."""
    data = header(order, magic)
    for n, (fraction, wire) in enumerate(
        [(0, 60), (999_999_999, 0), (2**32 - 1, 2**32 - 1), (1_000_000, 59)] * 3
    ):
        data += (
            struct.pack(order + "IIII", (0, 10**9, 2**32 - 1)[n % 3], fraction, 60, wire) + bytes([n]) * 60
        )
    for nano in ("true", "false"):
        both(SOURCE + f"ToDump(o, NANO {nano}, EXTRA_LENGTH {nano}, SNAPLEN 59)", {"a": data})


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 17, 40, 76, 77])
def test_a_capture_that_was_cut_off(cut: int) -> None:
    whole = capture([bytes([n]) * 60 for n in range(20)])
    both(SOURCE + "ToDump(o)", {"a": whole[: len(whole) - cut]})


def test_a_capture_that_is_damaged() -> None:
    for length in (MAX_PACKET + 1, 2**32 - 1):
        data = bytearray(capture([bytes([n]) * 60 for n in range(20)]))
        at = 24 + 10 * 76 + 8
        data[at : at + 4] = struct.pack("<I", length)
        both(SOURCE + "ToDump(o)", {"a": bytes(data)})


def block(order: str, kind: int, body: bytes) -> bytes:
    """A block of a pcapng file."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str, *options: bytes) -> bytes:
    """The beginning of a section, and interfaces with these options."""
    start = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    return start + b"".join(block(order, 1, struct.pack(order + "HHI", 1, 0, 65535) + one) for one in options)


def packet(order: str, n: int, interface: int = 0, stamp: int | None = None, options: bytes = b"") -> bytes:
    stamp = n * 1000 if stamp is None else stamp
    head = struct.pack(order + "IIIII", interface, stamp >> 32, stamp & 0xFFFF_FFFF, 50 + n % 9, 60)
    return block(order, 6, head + bytes([n]) * (50 + n % 9) + bytes(-(50 + n % 9) % 4) + options)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_capture_of_the_other_format(order: str) -> None:
    """Interfaces with times of all kinds, blocks of other kinds, a second section, a time past all times, an end."""
    other = ">" if order == "<" else "<"
    seconds, halves = struct.pack(order + "HHI", 9, 1, 0), struct.pack(order + "HHBxxx", 9, 1, 0x81)
    nanoseconds = struct.pack(order + "HHBxxx", 9, 1, 9)
    later = struct.pack(order + "HHq", 14, 8, 1000)
    data = section(order, b"", seconds, nanoseconds, later, halves)
    for n in range(60):
        data += packet(order, n, n // 2 % 5, options=bytes(4 * (n % 3)))
        if n % 11 == 5:
            data += block(order, 5, bytes(20)) + block(order, 3, struct.pack(order + "I", 60) + bytes(60))
    data += section(other, b"") + b"".join(packet(other, n) for n in range(40))
    for text in (SOURCE + "ToDump(o, NANO true)", SOURCE + "Queue(10) -> Unqueue -> ToDump(o)"):
        both(text, {"a": data})
        both(text, {"a": data[:-7]})
        both(text, {"a": data + packet(other, 5, 7)})
        both(text, {"a": data + packet(other, 5, 0, (1 << 64) - 1) + packet(other, 6)})
        both(text, {"a": data[:-4] + bytes(4)})
        both(
            text,
            {"a": data + block(other, 6, struct.pack(other + "IIIII", 0, 0, 0, 70_000, 0) + bytes(70_000))},
        )


def test_a_time_that_no_capture_can_hold() -> None:
    """It ends the run, as in the interpreter: what came before is written, in all files."""
    text = (
        "t :: Tee(2); t[0] -> ToDump(o); t[1] -> s :: RoundRobinSwitch; s[0] -> ToDump(p); s[1] -> ToDump(q);"
    )
    data = header("<", 0xA1B23C4D)
    for n in range(20):
        data += struct.pack("<IIII", 2**32 - 1, 2**32 - 1 if n == 13 else 7, 60, 60) + bytes([n]) * 60
    both(SOURCE + text, {"a": data})
