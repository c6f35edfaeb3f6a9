"""What differs where programs run on the kernel's own packets: their ends, their bytes at hand, their checksums."""

import ctypes
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet import ir
from innet.ir.check import check
from innet.ir.dump import dump
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, as_value
from innet.xdp import handover
from innet.xdp.compile import Compiler
from innet.xdp.emit import KERNEL, Emitted, emit
from innet.xdp.graph import Input
from innet.xdp.install import InstalledGraph
from innet.xdp.layout import Use
from innet.xdp.syscall import PROG_TEST_RUN, bpf
from innet.xdp.target import Leave
from innet.xdp.tcx import GSO_SIZE, TRAIN
from tests.xdp.differential import DIVERTED, TCX, compare, ethernet, frames, ipv4, load, number, tcp, udp
from tests.xdp.graphs import chain, single
from tests.xdp.programs import Maker

pytestmark = pytest.mark.kernel

FRAME = ethernet(ipv4(udp()))
CONTEXT_BYTES = 192


def traced(p: Packet) -> ir.Program:
    return check(ir.Program(p.scope, 0, p.outputs, p.finish()))


def emitted(p: Packet) -> Emitted:
    return emit(single(traced(p)), TCX, DIVERTED)


def run_train(loaded: InstalledGraph, frame: bytes, segment: int) -> tuple[int, bytes]:
    """Verdict and frame of a run on a train of segments."""
    given_, out = ctypes.create_string_buffer(frame, len(frame)), ctypes.create_string_buffer(4096)
    context = bytearray(CONTEXT_BYTES)
    struct.pack_into("<I", context, GSO_SIZE, segment)
    place = ctypes.create_string_buffer(bytes(context), len(context))
    attribute = struct.pack(
        "<IIIIQQIIIIQQ", loaded.installed.program.fd, 0, len(frame), 4096, ctypes.addressof(given_),
        ctypes.addressof(out), 1, 0, len(context), 0, ctypes.addressof(place), 0,
    )  # fmt: skip
    _, after = bpf(PROG_TEST_RUN, attribute)
    verdict, _, length = struct.unpack_from("<III", after, 4)
    return verdict, out.raw[:length]


@given(seed=st.integers(0, 2**32))
def test_random_programs(seed: int, compiler: Compiler) -> None:
    program = Maker(seed).program()
    try:
        compare(single(program), compiler, frames(seed, 20), target=TCX, immovable=20)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{dump(program)}") from problem


@pytest.mark.parametrize(
    "texts",
    [
        ("FromNetfront", "IPFilter(allow udp port 1500)", "IPRewriter(pattern - - 172.16.15.133 - 0 0)", "ToNetfront"),
        ("FromNetfront", "IPRewriter(pattern 192.0.2.1 1500-1503# - - 0 0)"),
        ("FromNetfront", "CheckIPHeader(14)", "DecIPTTL", "StoreIPAddress(192.0.2.9, dst)"),
        ("FromNetfront", "Strip(14)", "UDPIPEncap(192.0.2.1, 4754, 198.51.100.1, 4755)",
         "EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"),
        ("FromNetfront", "VLANEncap(5, 3)"),
        ("FromNetfront", "Pad(100)"),
    ],
    ids=lambda texts: " -> ".join(texts),
)  # fmt: skip
def test_chains(texts: tuple[str, ...], compiler: Compiler) -> None:
    loaded = compare(chain(*texts), compiler, frames(31, 300), target=TCX)
    assert loaded.emitted.slow == ()


def test_the_front_is_cut_off(compiler: Compiler) -> None:
    texts = ("FromNetfront", "Strip(42)", "EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)")
    tunnelled = [ethernet(ipv4(udp(payload=ipv4(one)))) for one in (udp(), tcp(), udp(payload=bytes(300)))]
    loaded = compare(chain(*texts), compiler, tunnelled, target=TCX)
    assert loaded.emitted.slow == ()


def test_a_packet_for_the_slow_path_has_its_record(compiler: Compiler) -> None:
    graph = chain("FromNetfront", "CheckIPHeader(14)", "Paint(5)", "Queue")
    compare(graph, compiler, frames(3, 100), target=TCX)
    with (loaded := load(graph, compiler, TCX)).installed:
        verdict, frame = run_train(loaded, FRAME, 100)
    handed = handover.read(frame)
    assert verdict == DIVERTED.code
    assert handed is not None
    assert (handed.packet.data, handed.packet.annotations[16]) == (FRAME, 5)


@pytest.mark.parametrize(
    "text",
    ["Strip(14)", "VLANEncap(5, 3)", "Truncate(40)", "Pad(100)", "UDPIPEncap(192.0.2.1, 1, 192.0.2.2, 2)"],
)
def test_the_ends_of_a_train_stay(text: str, compiler: Compiler) -> None:
    with (loaded := load(chain("FromNetfront", text), compiler, TCX)).installed:
        assert loaded.emitted.slow == ()
        assert loaded.installed.program.run(FRAME).verdict == 100
        assert run_train(loaded, FRAME, 20)[0] == TCX.drop
        assert number(loaded, Use.DROP, KERNEL, TRAIN) == 1


def test_a_train_that_stays_as_it_is_passes(compiler: Compiler) -> None:
    texts = ("FromNetfront", "CheckIPHeader(14)", "DecIPTTL", "IPRewriter(pattern - - 172.16.15.133 - 0 0)")
    with (loaded := load(chain(*texts), compiler, TCX)).installed:
        alone = loaded.installed.program.run(FRAME)
        assert run_train(loaded, FRAME, 20) == (alone.verdict, alone.frame) == (100, alone.frame)


def test_no_byte_is_compared_with_the_end_to_learn_whether_it_is_there() -> None:
    """Only the length says so: what is not at hand is no absent byte."""
    p = Packet("e", outputs=2)
    with p.when(p.present(Mark.DATA, 60, 4)):
        p.emit(1)
    p.emit(0)
    before = emitted(p).llvm
    p = Packet("e", outputs=2)
    p.emit(0)
    assert before.count("icmp ule ptr") == emitted(p).llvm.count("icmp ule ptr")


def test_as_many_bytes_are_brought_to_hand_as_are_looked_at() -> None:
    def wanted(byte: int) -> int:
        p = Packet("e")
        with p.when(p.raw(Mark.DATA, byte, 1) == 7):
            p.drop("seven")
        p.emit(0)
        text = emitted(p).llvm
        return int(text.partition("icmp ult i64 ")[2].partition("\n")[0].split(", ")[1])

    assert [wanted(n) for n in (0, 33, 99, 255, 256, 5000)] == [34, 34, 100, 256, 256, 256]


def adjusting(mark: Mark, bit: int, pseudo: int | None) -> Emitted:
    p = Packet("e")
    p.set_mark(Mark.NET, Mark.DATA, 14)
    p.set_mark(Mark.TRANSPORT, Mark.NET, 20)
    part = None if pseudo is None else as_value(pseudo, 16)
    p.adjust(ir.Field(mark, bit, 16), as_value(1, 16), as_value(2, 16), pseudo=part)
    p.emit(0)
    return emitted(p)


def test_a_transport_checksum_follows_only_what_is_known_of_the_pseudo_header() -> None:
    (slow,) = adjusting(Mark.TRANSPORT, 48, None).slow
    assert str(slow) == "e[0]: Adjust: on tcx it must be known what the pseudo header has changed by"
    assert adjusting(Mark.TRANSPORT, 48, 0).slow == ()
    assert adjusting(Mark.NET, 80, None).slow == ()


def test_the_trial_for_begun_checksums_is_made_once() -> None:
    p = Packet("e")
    p.set_mark(Mark.TRANSPORT, Mark.DATA, 34)
    for _ in range(3):
        p.adjust(ir.Field(Mark.TRANSPORT, 48, 16), as_value(1, 16), as_value(2, 16), pseudo=as_value(0, 16))
    p.emit(0)
    assert emitted(p).llvm.count("inttoptr (i64 11 to ptr)") == 1


@pytest.mark.parametrize(
    "text", ["CheckUDPHeader", "CheckTCPHeader", "CheckICMPHeader", "SetUDPChecksum", "SetTCPChecksum"]
)
def test_a_checksum_over_a_segment_is_not_for_tcx(text: str) -> None:
    (slow,) = emit(chain("FromNetfront", text), TCX, DIVERTED).slow
    assert (slow.what, slow.why) == ("Sum", "on tcx a segment's checksum may be yet to finish")


def test_a_header_checksum_is_computed(compiler: Compiler) -> None:
    loaded = compare(
        chain("FromNetfront", "CheckIPHeader(14)", "SetIPChecksum"), compiler, frames(5, 200), target=TCX
    )
    assert loaded.emitted.slow == ()


def test_the_verdicts_are_those_of_traffic_control() -> None:
    text = emit(chain("FromNetfront", "IPFilter(deny -)"), TCX, Leave(0)).llvm
    assert 'section "tc"' in text
    assert f"ret i32 {TCX.drop}" in text
    assert Input("FromNetfront@0", -1) in emit(chain("FromNetfront"), TCX, Leave(0)).regions
