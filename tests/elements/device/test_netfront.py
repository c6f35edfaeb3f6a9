"""FromNetfront, FromDevice, ToNetfront, ToDevice: marks and what may leave."""

import pytest

from innet import ir
from innet.elements.base import OUTSIDE, Element
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.device.todevice import ToDevice
from innet.elements.device.tonetfront import ToNetfront
from innet.elements.framing.strip import Strip
from innet.elements.switching.discard import Discard
from innet.ir.interpret import PacketBuffer, State, run
from innet.ir.nodes import Mark
from innet.packet.headers import PacketType
from innet.runtime.graph import chain, graph
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

HOST, BROADCAST, GROUP = bytes(6), b"\xff" * 6, b"\x01\x00\x5e\x00\x00\x01"


def frame(ip: bytes, to: bytes = HOST, kind: int = 0x0800) -> bytes:
    return to + bytes(6) + kind.to_bytes(2, "big") + ip


def ipv4(first: int = 0x45, length: int = 20) -> bytes:
    return (bytes([first]) + bytes(15) + b"\x0a\x01\x02\x03" + bytes(60))[:length]


def received(element: Element, data: bytes, outputs: int = 1) -> tuple[ir.Verdict, PacketBuffer]:
    packet = PacketBuffer(data)
    return run(element.trace(OUTSIDE, outputs), packet, State()).verdict, packet


@pytest.mark.parametrize(
    ("data", "net", "transport"),
    [
        (frame(ipv4()), 14, 34),
        (frame(ipv4(0x46, 24)), 14, 38),
        (frame(ipv4(0x4F, 60)), 14, 74),
        (frame(ipv4(0x4F, 59)), None, None),
        (frame(ipv4(0x45, 19)), None, None),
        (frame(ipv4(0x44)), None, None),
        (frame(ipv4(0x65)), None, None),
        (frame(ipv4(), kind=0x0806), None, None),
        (frame(b""), None, None),
        (b"\x00" * 13, None, None),
        (b"", None, None),
    ],
)
def test_FromNetfront_marks_complete_ipv4_headers(
    data: bytes, net: int | None, transport: int | None
) -> None:
    verdict, packet = received(FromNetfront(), data)
    assert verdict == ir.Emit(0)
    assert packet.data == data
    assert packet.marks[Mark.MAC] == 0
    assert (packet.marks.get(Mark.NET), packet.marks.get(Mark.TRANSPORT)) == (net, transport)
    assert packet.annotations[:4] == (b"\x0a\x01\x02\x03" if net else bytes(4))


@pytest.mark.parametrize(
    ("to", "kind"),
    [(HOST, PacketType.HOST), (BROADCAST, PacketType.BROADCAST), (GROUP, PacketType.MULTICAST)],
)
def test_FromNetfront_tells_the_packet_type(to: bytes, kind: int) -> None:
    assert received(FromNetfront(), frame(ipv4(), to))[1].annotations[48] == kind


def test_FromDevice_cuts_to_the_snapshot_length() -> None:
    _, packet = received(FromDevice("eth0", False, 20), frame(ipv4()))
    assert packet.data == frame(ipv4())[:20]
    assert packet.annotations[28:32] == (14).to_bytes(4, "big")
    assert Mark.NET not in packet.marks


@pytest.mark.parametrize(("outputs", "verdict"), [(1, ir.Drop("not IPv4")), (2, ir.Emit(1))])
def test_FromDevice_FORCE_IP_turns_others_away(outputs: int, verdict: ir.Verdict) -> None:
    element = FromDevice("eth0", force_ip=True)
    assert received(element, frame(ipv4()), outputs)[0] == ir.Emit(0)
    assert received(element, frame(ipv4(), kind=0x86DD), outputs)[0] == verdict
    assert received(element, frame(ipv4(0x44)), outputs)[0] == verdict


@pytest.mark.parametrize("element", [ToNetfront(), ToDevice("0")])
@pytest.mark.parametrize(
    ("strip", "sent"),
    [(0, [(frame(ipv4()), True)]), (14, [(ipv4(), False)]), (4, []), (20, [])],
)
def test_what_may_leave_starts_with_an_ethernet_or_an_ip_header(
    element: Element, strip: int, sent: list[tuple[bytes, bool]]
) -> None:
    io = MemoryIo()
    router = Router(chain({"f": FromNetfront(), "s": Strip(strip), "t": element}), io)
    router.deliver("0", frame(ipv4()))
    assert io.devices["0"].sent == sent
    assert router.drops["t", "bad frame"] == (not sent)
    assert router.handlers.read("t.count") == str(len(sent))


def test_bytes_without_any_mark_do_not_leave() -> None:
    packet = PacketBuffer(frame(ipv4()))
    assert run(ToNetfront().trace(0, 0), packet, State()).verdict == ir.Drop("bad frame")


@pytest.mark.parametrize(("outputs", "left"), [(0, 0), (1, 0), (2, 1)])
def test_a_failed_send_leaves_by_output_1(outputs: int, left: int) -> None:
    io = MemoryIo()
    elements: dict[str, Element] = {
        "f": FromNetfront(),
        "t": ToDevice("eth0"),
        "d": Discard(),
        "e": Discard(),
    }
    links = [("f", 0, "t", 0), ("t", 0, "d", 0), ("t", 1, "e", 0)][: 1 + outputs]
    router = Router(graph(elements, links), io)
    io.devices["eth0"].works = False
    router.deliver("0", frame(ipv4()))
    assert router.drops["e", "discarded"] == left
    assert router.drops["t", "sending failed"] == 1 - left
    assert router.handlers.read("t.drops") == "1"
