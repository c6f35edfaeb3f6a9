"""ARPQuerier and ARPTable."""

from random import Random

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.build import build_one
from innet.elements.device.todevice import ToDevice
from innet.elements.ethernet.arp import REPLY, REQUEST, message
from innet.elements.ethernet.arpquerier import ARPQuerier
from innet.elements.holder import HandlerError, timestamp_of
from innet.explore.machine import Machine
from innet.explore.replay import BoxState, through
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.symbolic.execute import Emitted, Held, execute
from innet.symbolic.state import Tables, inject_raw
from tests.backends.covering import covers
from tests.backends.forms import STRIPPED, Form, Given, annotations, valuation
from tests.elements.packets import address, buffer, ipv4
from tests.elements.running import SECOND, Running

ME, MY_ETHER = address("10.0.0.1"), 0x0200_0000_0001
HOP, HOP_ETHER = "10.0.0.7", 0x0200_0000_0007
ALL = (1 << 48) - 1
OWN = "10.0.0.1/24, 2:0:0:0:0:1"
TABLE = "10.0.0.7 1 02-00-00-00-00-07 "


def to(hop: str, payload: bytes = b"") -> PacketBuffer:
    """An IPv4 packet whose next hop is `hop`."""
    return buffer(ipv4(payload), dst_ip=address(hop), vlan_tci=0x1234, paint=3, time_s=5)


def framed(payload: bytes = b"", ether: int = HOP_ETHER) -> bytes:
    return ether.to_bytes(6, "big") + MY_ETHER.to_bytes(6, "big") + b"\x08\x00" + ipv4(payload)


def query(hop: str = HOP, ether: int = ALL) -> bytes:
    return message(ether, REQUEST, (MY_ETHER, ME), (0, address(hop))).data


def answer(hop: str = HOP, ether: int = HOP_ETHER, op: int = REPLY) -> bytes:
    return message(MY_ETHER, op, (ether, address(hop)), (MY_ETHER, ME)).data


def running(text: str = OWN, more: str = "") -> Running:
    return Running(f"ARPQuerier({text})", 2, 2, more)


def test_packets_wait_for_the_answer_in_line():
    q = running()
    assert q.push(to(HOP, b"one")) == [(1, query())]
    assert q.push(to(HOP, b"two")) == []
    assert (q.read("length"), q.read("count"), q.read("queries")) == ("2", "1", "1")
    assert q.push(answer(), 1) == [(0, framed(b"one")), (0, framed(b"two"))]
    assert q.push(to(HOP, b"three")) == [(0, framed(b"three"))]
    assert (q.read("length"), q.read("responses")) == ("0", "1")


def test_with_one_output_queries_leave_by_it():
    q = Running(f"ARPQuerier({OWN})", 2, 1)
    assert q.push(to(HOP)) == [(0, query())]


def test_what_leaves_keeps_annotations_and_is_marked():
    q = running()
    node = q.router.by_name["e"]
    ((_, asked),) = q.router.outcome(node, 0, to(HOP))
    assert (asked.annotations[20:22], asked.annotations[16], timestamp_of(asked)) == (
        b"\x12\x34",
        0,
        5 * SECOND,
    )
    assert (asked.marks[Mark.MAC], asked.marks[Mark.NET] - asked.marks[Mark.MAC]) == (
        asked.marks[Mark.DATA],
        14,
    )
    ((_, sent),) = q.router.outcome(node, 1, PacketBuffer(answer()))
    assert (sent.annotations[16], sent.marks[Mark.NET] - sent.marks[Mark.MAC]) == (3, 14)
    assert sent.data == framed()


@pytest.mark.parametrize(
    ("hop", "ether"),
    [
        ("255.255.255.255", ALL),
        ("10.0.0.255", ALL),
        ("224.129.2.3", 0x01005E_010203),
        ("239.255.255.255", 0x01005E_7FFFFF),
    ],
)
def test_broadcast_and_multicast_need_no_query(hop, ether):
    assert running().push(to(hop)) == [(0, framed(ether=ether))]


@pytest.mark.parametrize(
    ("text", "hop", "known"),
    [
        ("10.0.0.1, 2:0:0:0:0:1", "10.0.0.255", False),
        ("10.0.0.1/24, 2:0:0:0:0:1, BROADCAST 10.0.0.9", "10.0.0.9", True),
        ("10.0.0.1/24, 2:0:0:0:0:1, BROADCAST 10.0.0.9", "10.0.0.255", False),
        ("BROADCAST 10.0.0.9, 10.0.0.1/24, 2:0:0:0:0:1", "10.0.0.9", True),
    ],
)
def test_the_broadcast_address(text, hop, known):
    assert running(text).push(to(hop)) == [(0, framed(ether=ALL)) if known else (1, query(hop))]


def test_no_next_hop():
    q = running()
    assert q.push(to("0.0.0.0")) == []
    assert q.drops() == {"no next hop": 1}
    assert q.read("drops") == "1"
    assert running("0.0.0.0, 2:0:0:0:0:1").push(to(HOP)) == []


def test_an_answer_counts_for_any_address_even_unasked():
    q = running()
    assert q.push(answer("8.8.8.8"), 1) == []
    assert q.push(to("8.8.8.8")) == [(0, framed())]
    assert q.push(answer("8.8.8.8", 0x0200_0000_0008), 1) == []
    assert q.push(to("8.8.8.8")) == [(0, framed(ether=0x0200_0000_0008))]


@pytest.mark.parametrize(
    "frame",
    [
        answer(op=REQUEST),
        answer()[:41],
        answer(ether=ALL),
        answer(ether=0x0300_0000_0007),
        answer().replace(b"\x08\x06", b"\x08\x00"),
    ],
    ids=["request", "short", "broadcast", "multicast", "no ARP"],
)
def test_what_is_no_answer(frame):
    q = running()
    q.push(to(HOP))
    assert q.push(frame, 1) == []
    assert (q.read("length"), q.read("responses")) == ("1", str(int(len(frame) >= 42)))
    assert q.drops() == {"no ARP answer": 1}


def test_queries_are_at_most_ten_a_second():
    q = running()
    asked = 0
    for _ in range(9):
        asked += len(q.push(to(HOP)))
        q.wait(0.05)
    assert asked == 5
    for _ in range(20):
        asked += len(q.push(to(HOP)))
        q.wait(0.1)
    assert asked == 10, "after ten without an answer, one in two seconds"
    q.wait(2)
    assert q.push(to(HOP)) == [(1, query())]


def test_answers_hold_for_a_time():
    q = running(f"{OWN}, TIMEOUT 10s, POLL_TIMEOUT 0")
    q.push(answer(), 1)
    q.wait(10)
    assert q.push(to(HOP)) == [(0, framed())]
    q.wait(0.001)
    assert q.push(to(HOP)) == [(1, query())]
    assert q.push(answer(), 1) == [(0, framed())]
    forever = running(f"{OWN}, TIMEOUT 0, POLL_TIMEOUT 0")
    forever.push(answer(), 1)
    forever.wait(1_000_000)
    assert forever.push(to(HOP)) == [(0, framed())]


@pytest.mark.parametrize(("text", "asked"), [("", HOP_ETHER), (", BROADCAST_POLL true", ALL)])
def test_old_answers_are_asked_for_anew(text, asked):
    q = running(OWN + text)
    q.push(answer(), 1)
    q.wait(60)
    assert q.push(to(HOP)) == [(0, framed()), (1, query(ether=asked))]
    assert q.push(to(HOP)) == [(0, framed())]
    q.wait(0.1)
    assert q.push(to(HOP)) == [(0, framed()), (1, query(ether=asked))]
    q.push(answer(), 1)
    assert q.push(to(HOP)) == [(0, framed())]


def test_too_many_packets_for_one_host():
    q = running(f"{OWN}, ENTRY_PACKET_CAPACITY 2")
    for n in range(4):
        q.push(to(HOP, bytes([n])))
    assert q.push(answer(), 1) == [(0, framed(b"\0")), (0, framed(b"\1"))]
    assert q.drops() == {
        "waited too long for an ARP answer": 2,
    }
    assert q.read("stats") == "2 packets killed\n1 ARP queries sent\n"


def test_too_many_packets_in_all():
    q = running(f"{OWN}, CAPACITY 4")
    for n in range(4):
        q.push(to("10.0.0.8" if n < 2 else HOP, bytes([n])))
    q.push(to(HOP, b"\4"))
    assert q.read("length") == "2", "half of the capacity"
    assert q.push(answer(), 1) == [(0, framed(b"\3")), (0, framed(b"\4"))]


def test_too_many_hosts():
    q = running(f"{OWN}, ENTRY_CAPACITY 2")
    q.push(to("10.0.0.8"))
    q.push(answer(), 1)
    q.push(to("10.0.0.9"))
    assert q.read("table").split("\n")[0].startswith(TABLE)
    assert (q.read("count"), q.read("length")) == ("2", "1")
    q.push(to("10.0.0.10"))
    assert q.push(to(HOP)) == [(1, query())], "it was told longest ago"


def test_handlers():
    q = running()
    q.write("insert", "10.0.0.7 2:0:0:0:0:7")
    assert q.push(to(HOP)) == [(0, framed())]
    q.wait(1.5)
    assert q.read("table") == f"{TABLE}1.500000\n"
    q.write("delete", "10.0.0.7")
    assert q.push(to(HOP)) == [(1, query())]
    assert q.read("table").startswith("10.0.0.7 0 FF-FF-FF-FF-FF-FF ")
    q.write("clear")
    assert (q.read("table"), q.read("count"), q.read("queries")) == ("", "0", "0")
    for handler, value in (("insert", "10.0.0.7"), ("delete", "x"), ("ipaddr", "x")):
        with pytest.raises(HandlerError):
            q.write(handler, value)


def test_own_addresses_can_be_changed():
    q = running()
    assert (q.read("ipaddr"), q.read("broadcast")) == ("10.0.0.1", "10.0.0.255")
    q.write("ipaddr", "10.0.0.2")
    asked = message(ALL, REQUEST, (MY_ETHER, address("10.0.0.2")), (0, address(HOP))).data
    assert q.push(to(HOP)) == [(1, asked)]
    assert q.push(to("10.0.0.255")) == [(0, framed(ether=ALL))]
    q.write("broadcast", "10.0.0.3")
    assert q.push(to("10.0.0.3")) == [(0, framed(ether=ALL))]


def test_a_table_of_its_own_is_shared():
    more = f"""t :: ARPTable(TIMEOUT 10s); Idle -> [0] other :: ARPQuerier({OWN}, TABLE t); Idle -> [1] other;
        other -> Discard;"""
    q = Running(f"ARPQuerier({OWN}, TABLE t)", 2, 2, more)
    other = q.router.by_name["other"]
    q.push(to(HOP, b"waits"))
    q.router.push(other, 1, PacketBuffer(answer()))
    assert q.push(to(HOP)) == [(0, framed())]
    handlers = q.router.handlers
    assert (handlers.read("t.count"), handlers.read("t.length"), handlers.read("t.drops")) == ("1", "0", "0")
    assert handlers.read("t.table").startswith(TABLE)
    q.wait(10.1)
    assert q.push(to(HOP)) == [(1, query())], "the table's time counts"
    handlers.write("t.insert", "10.0.0.7 2:0:0:0:0:7")
    assert q.push(to(HOP)) == [(0, framed())]
    handlers.write("t.clear", "")
    assert handlers.read("t.table") == ""


def test_one_name_may_stand_for_both_addresses():
    q = running("me, POLL_TIMEOUT 0", "AddressInfo(me 10.0.0.1/24 2:0:0:0:0:1);")
    assert q.push(to(HOP)) == [(1, query())]
    assert q.push(to("10.0.0.255")) == [(0, framed(ether=ALL))]


@pytest.mark.parametrize(
    ("text", "more", "wrong"),
    [
        ("10.0.0.1", "", "ETH"),
        ("10.0.0.1, 2:0:0:0:0:1, CAPACITY_SLIM_FACTOR 0", "", "CAPACITY_SLIM_FACTOR is 0"),
        ("10.0.0.1, 2:0:0:0:0:1, TABLE q", "q :: Idle; q -> Discard;", "ARPTable is needed"),
        ("10.0.0.1, 2:0:0:0:0:1, TABLE t", "", "no element 't'"),
        ("10.0.0.1, 2:0:0:0:0:1, TIMEOUT 5000000000s", "", "TIMEOUT is too long"),
    ],
)
def test_arguments_that_are_refused(text, more, wrong):
    with pytest.raises(ConfigurationError, match=wrong):
        running(text, more)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("example", ARPQuerier.EXAMPLES)
def test_released_covers_what_comes_of_packets_that_wait(example, outputs):
    """Also of polls, of which the packet itself comes second."""
    element = build_one(ARPQuerier, example)
    rng = Random(example)
    tables, start = Tables(any_state=True), STRIPPED.symbolic()
    released = element.release(0, outputs, "e", 2)
    assert released is not None
    results = [
        result
        for state in start.states
        for held in execute(element.trace(0, outputs, "e", 2), state, tables)
        if isinstance(held, Held)
        for result in execute(released, held.state, tables)
    ]
    q = Running(f"ARPQuerier({example})", 2, outputs)
    node, seen = q.router.by_name["e"], 0
    for n in range(30):
        area = bytearray(annotations(rng, _Corpus(rng)))
        area[:4] = address(f"10.0.0.{n % 5 + 5}").to_bytes(4, "big")
        given = Given(bytes(12) + b"\x08\x00" + ipv4(rng.randbytes(20)), bytes(area))
        packet = STRIPPED.concrete(given)
        values, blobs = valuation(start, given)
        outs = list(q.router.outcome(node, 0, packet))
        outs += q.router.outcome(node, 1, PacketBuffer(answer(f"10.0.0.{n % 5 + 5}")))
        q.wait(rng.choice((0, 61)))
        for port, out in outs:
            seen += 1
            assert any(
                isinstance(r, Emitted) and r.port == port and covers(r, out, values, blobs) for r in results
            )
            out.bytes[out.marks[Mark.DATA] + 6] ^= 1  # its source is not ours
            assert not any(isinstance(r, Emitted) and covers(r, out, values, blobs) for r in results)
    assert seen > 10


class _Corpus:
    """What `annotations` needs of a corpus."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def address(self) -> int:
        return self.rng.getrandbits(32)


def test_packets_that_waited_too_long_are_dropped():
    q = running(f"{OWN}, TIMEOUT 10s")
    q.push(to(HOP))
    q.wait(10)
    assert q.read("length") == "1"
    q.wait(0.1)
    assert (q.read("length"), q.read("count")) == ("0", "0")
    assert q.drops() == {"waited too long for an ARP answer": 1}


def test_a_replay_of_a_proof_gets_its_answer():
    exits = {f"out{n}": ToDevice(f"eth{n}") for n in range(2)}
    wires = [("e", n, f"out{n}", 0) for n in range(2)]
    machine = Machine({"e": build_one(ARPQuerier, OWN), **exits}, wires)
    sent = list(through(machine, "e", 0, to(HOP), BoxState()))
    assert [(name, packet.data) for name, packet in sent] == [
        ("out1", query()),
        ("out0", framed(ether=0x0200_0000_0000 | address(HOP))),
    ]


def test_proofs_know_of_answers():
    """In any state of its table a known host is possible: its frame leaves with the address that was told."""
    element, tables = build_one(ARPQuerier, OWN), Tables(any_state=True)

    def ends(port: int, form: Form) -> list[Emitted]:
        released = element.release(port, 2, "e", 2)
        assert released is not None
        found = [
            r
            for state in form.symbolic().states
            for r in execute(element.trace(port, 2, "e", 2), state, tables)
        ]
        for held in found:
            if isinstance(held, Held):
                list(execute(released, held.state, tables))
        return [r for r in found if isinstance(r, Emitted)]

    before = len(ends(0, STRIPPED))
    assert ends(1, Form("raw", inject_raw)) == []
    assert [len(found) for found in tables.templates.values()] == [1]
    assert len(ends(0, STRIPPED)) > before
