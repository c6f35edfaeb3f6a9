"""Ethernet headers and tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.ethernet.dropbroadcasts import DropBroadcasts
from innet.elements.ethernet.etherencap import EtherEncap
from innet.elements.ethernet.ethermirror import EtherMirror
from innet.elements.ethernet.etherrewrite import EtherRewrite
from innet.elements.ethernet.ethervlanencap import EtherVLANEncap
from innet.elements.ethernet.hostetherfilter import HostEtherFilter
from innet.elements.ethernet.markmacheader import MarkMACHeader
from innet.elements.ethernet.setvlananno import SetVLANAnno
from innet.elements.ethernet.stripethervlanheader import StripEtherVLANHeader
from innet.elements.ethernet.vlandecap import VLANDecap
from innet.elements.ethernet.vlanencap import VLANEncap
from innet.ir.nodes import Mark
from innet.packet.headers import PacketType
from tests.elements.packets import buffer, send

A, B, ALL = 0x02_00_00_00_00_01, 0x02_00_00_00_00_02, (1 << 48) - 1


def frame(dst: int = A, src: int = B, kind: int = 0x0800, payload: bytes = b"payload") -> bytes:
    return dst.to_bytes(6, "big") + src.to_bytes(6, "big") + kind.to_bytes(2, "big") + payload


def tagged(tci: int, kind: int = 0x0800, payload: bytes = b"payload", tag: int = 0x8100) -> bytes:
    return frame(kind=tag, payload=tci.to_bytes(2, "big") + kind.to_bytes(2, "big") + payload)


def test_EtherEncap():
    done = send(EtherEncap(0x0800, B, A), buffer(b"payload", None))
    assert done.data == frame()
    assert (done.packet.marks[Mark.MAC], done.packet.marks[Mark.NET]) == (0, 14)


@pytest.mark.parametrize(
    ("data", "after"), [(frame(A, B), frame(B, A)), (frame(A, B)[:12], frame(B, A)[:12])]
)
def test_EtherMirror(data, after):
    assert send(EtherMirror(), buffer(data, None)).data == after


def test_EtherMirror_drops_runts():
    assert send(EtherMirror(), buffer(frame()[:11], None)).to == "no Ethernet header"


@pytest.mark.parametrize("mac", [None, 0])
def test_EtherRewrite(mac):
    packet = buffer(frame(ALL, ALL), None)
    if mac is not None:
        packet.marks[Mark.MAC] = mac
    assert send(EtherRewrite(B, A), packet).data == frame(A, B)


@pytest.mark.parametrize(
    ("element", "dst", "src", "to", "kind"),
    [
        (HostEtherFilter(A), A, B, 0, PacketType.HOST),
        (HostEtherFilter(A), ALL, B, 0, PacketType.BROADCAST),
        (HostEtherFilter(A), 0x01_00_5E_00_00_01, B, 0, PacketType.MULTICAST),
        (HostEtherFilter(A), B, B, 1, PacketType.OTHERHOST),
        (HostEtherFilter(A, False, False), B, B, 0, PacketType.OTHERHOST),
        (HostEtherFilter(A, True), ALL, A, 1, 0),
        (HostEtherFilter(A), A, A, 0, PacketType.HOST),
    ],
)
def test_HostEtherFilter(element, dst, src, to, kind):
    done = send(element, buffer(frame(dst, src), None), outputs=2)
    assert (done.to, done["anno.packet_type"]) == (to, kind)


def test_HostEtherFilter_offset():
    assert send(HostEtherFilter(A, offset=2), buffer(b"xx" + frame(B), None)).to == "for another host"


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        (PacketType.HOST, 0),
        (PacketType.BROADCAST, 1),
        (PacketType.MULTICAST, 1),
        (PacketType.OTHERHOST, 0),
    ],
)
def test_DropBroadcasts(kind, to):
    assert send(DropBroadcasts(), buffer(b"", None, packet_type=kind), outputs=2).to == to


def test_MarkMACHeader():
    done = send(MarkMACHeader(2, 14), buffer(b"", None))
    assert (done.packet.marks[Mark.MAC], done.packet.marks[Mark.NET]) == (2, 16)
    assert Mark.NET not in send(MarkMACHeader(), buffer(b"", None)).packet.marks


@pytest.mark.parametrize(
    ("element", "after"),
    [
        (VLANEncap(5, 3), tagged(0x6005)),
        (VLANEncap(0), frame()),
        (VLANEncap(0, native_vlan=-1), tagged(0)),
        (VLANEncap(vlan_id=7, native_vlan=7), frame()),
        (VLANEncap("ANNO"), tagged(0x2009)),
        (VLANEncap(5, ethertype=0x88A8), tagged(5, tag=0x88A8)),
    ],
)
def test_VLANEncap(element, after):
    done = send(element, buffer(frame(), None, vlan_tci=0x2009))
    assert done.data == after
    assert (done.packet.marks[Mark.MAC], len(after) - done.packet.marks[Mark.NET]) == (0, 7)


@pytest.mark.parametrize(
    ("element", "data", "after", "tci"),
    [
        (VLANDecap(), tagged(0x6005), frame(), 0x6005),
        (VLANDecap(), frame(), frame(), 0),
        (VLANDecap(False), tagged(0x6005), frame(), 9),
        (VLANDecap(), tagged(1, tag=0x88A8), tagged(1, tag=0x88A8), 0),
        (VLANDecap(ethertype=0x88A8), tagged(1, tag=0x88A8), frame(), 1),
        (VLANDecap(), tagged(1)[:17], tagged(1)[:17], 0),
    ],
)
def test_VLANDecap(element, data, after, tci):
    done = send(element, buffer(data, None, vlan_tci=9))
    assert (done.data, done["anno.vlan_tci"], done.packet.marks[Mark.MAC]) == (
        after,
        tci,
        len(done.packet.bytes) - len(after),
    )


@given(st.binary(max_size=40), st.integers(1, 0xFFF), st.integers(0, 7))
def test_tag_put_on_comes_off(payload, vlan, priority):
    on = send(VLANEncap(vlan_id=vlan, vlan_pcp=priority), buffer(frame(payload=payload), None))
    off = send(VLANDecap(), on.packet)
    assert (off.data, off["anno.vlan_tci"]) == (frame(payload=payload), vlan | priority << 13)


@pytest.mark.parametrize(
    ("element", "after"),
    [
        (EtherVLANEncap(0x0800, B, A, 5), tagged(5)),
        (EtherVLANEncap(0x0800, B, A, "ANNO"), tagged(0x2009)),
        (EtherVLANEncap(0x0800, B, A, vlan_id=5, native_vlan=5), frame()),
        (EtherVLANEncap(0x0800, B, A, 0), frame()),
        (EtherVLANEncap(0x0800, B, A, 0, native_vlan=-1), tagged(0)),
    ],
)
def test_EtherVLANEncap(element, after):
    assert send(element, buffer(b"payload", None, vlan_tci=0x2009)).data == after


@pytest.mark.parametrize(
    ("element", "data", "to", "tci"),
    [
        (StripEtherVLANHeader(), tagged(5), 0, 5),
        (StripEtherVLANHeader(42), frame(), 0, 42),
        (StripEtherVLANHeader(-1), frame(), 1, 9),
    ],
)
def test_StripEtherVLANHeader(element, data, to, tci):
    done = send(element, buffer(data, None, vlan_tci=9), outputs=2)
    assert (done.to, done["anno.vlan_tci"]) == (to, tci)
    assert done.data == (b"payload" if to == 0 else data)


def test_SetVLANAnno():
    assert send(SetVLANAnno(vlan_id=9, vlan_pcp=3), b"")["anno.vlan_tci"] == 0x6009


@pytest.mark.parametrize("element", [VLANEncap(), VLANEncap(1, vlan_id=1), SetVLANAnno()])
def test_tag_must_be_given_once(element):
    assert element.problems(1, 1)
