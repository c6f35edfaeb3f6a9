"""The packet generator and its counter: right headers and checksums, every frame, over a real pair of interfaces."""

import socket
import struct

import pytest

from innet.dataplane.tap import Tap
from innet.emulation.namespaces import inside
from innet.ir.interpret import ones_sum
from innet.xdp.compile import Compiler
from innet.xdp.generator import TCP, UDP, Counter, Generator, Rotation
from innet.xdp.kernel import Link
from tests.xdp.kernel_objects import VETH, namespace

pytestmark = pytest.mark.kernel

SOURCE, DESTINATION = 0x0A000001, 0x0A000002
REDIRECT = 4


def template(size: int, protocol: int = UDP, checksum: bool = True) -> bytes:
    total = size - 14
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, total, 1, 0, 64, protocol, 0, SOURCE, DESTINATION)
    if protocol == UDP:
        head = struct.pack(">HHHH", 1000, 2000, total - 20, int(checksum))
    else:
        head = struct.pack(">HHIIBBHHH", 1000, 2000, 1, 2, 0x50, 16, 100, 0, 0)
    data = bytes(n & 0xFF for n in range(total - 20 - len(head)))
    return bytes.fromhex("0200000000020200000000010800") + ip + head + data


def check_sums(frame: bytes, checked: bool) -> None:
    (total,) = struct.unpack_from(">H", frame, 16)
    segment = frame[34 : 14 + total]
    assert ones_sum(frame[14:34]) == 0xFFFF
    if checked:
        pseudo = frame[26:34] + struct.pack(">HH", frame[23], len(segment))
        assert ones_sum(pseudo + segment) == 0xFFFF
    else:
        assert frame[40:42] == bytes(2)


@pytest.mark.parametrize(
    ("size", "protocol", "checksum"),
    [(42, UDP, True), (60, UDP, True), (60, UDP, False), (61, UDP, True), (501, UDP, True), (54, TCP, True),
     (77, TCP, True)],
)  # fmt: skip
@pytest.mark.parametrize(
    "rotation",
    [
        Rotation(),
        Rotation(address=0x0A0A0000, addresses=1000),
        Rotation(port=5000, ports=7),
        Rotation(0xC0A8FFF0, 3, 65000, 536),
        Rotation(0xFFFFFFFF, 1, 0xFFFF, 1),
    ],
    ids=str,
)
def test_frames_are_right(
    size: int, protocol: int, checksum: bool, rotation: Rotation, compiler: Compiler
) -> None:
    frame = template(size, protocol, checksum)
    spoiled = bytes([0xEE]) * min(size, 64) + frame[64:]
    with Generator(compiler, frame, 1, rotation) as generator:
        for n in range(10):
            made = generator.program.run(spoiled)
            assert made.verdict == REDIRECT
            check_sums(made.frame, checksum or protocol == TCP)
            address, sport = struct.unpack_from(">IH", made.frame, 30)
            wanted = DESTINATION if rotation.address is None else rotation.address + n % rotation.addresses
            assert address == wanted
            turn = n // rotation.addresses % rotation.ports
            assert sport == (1000 if rotation.port is None else rotation.port + turn)
            same = made.frame[:24] + made.frame[26:30] + made.frame[36:40] + made.frame[42:50]
            assert same == frame[:24] + frame[26:30] + frame[36:40] + frame[42:50]
        assert generator.made() == 10
        generator.restart()
        assert generator.made() == 0


def test_what_is_sent_arrives_and_is_counted(compiler: Compiler, open_files: list[str]) -> None:
    with (
        namespace() as name,
        inside(name),
        Counter(compiler, 16) as counter,
        Link.xdp(counter.program, socket.if_nametoindex(VETH[1])),
        Generator(
            compiler, template(100), socket.if_nametoindex(VETH[0]), Rotation(0x0A000010, 10)
        ) as generator,
    ):
        assert generator.send(200) > 0
        assert generator.made() == 200
        assert [c.packets for c in counter.read_all()] == [20] * 10 + [0] * 6
        assert counter.read(3).bytes == 2000
        assert (counter.total().packets, counter.total().bytes) == (200, 20000)
        counter.clear()
        assert counter.total().packets == 0


def test_live_frames_are_whole(compiler: Compiler) -> None:
    with (
        namespace() as name,
        inside(name),
        Tap("innettap", queue=600, mtu=1500) as tap,
        Generator(compiler, template(80), tap.index, Rotation(port=7000, ports=50)) as generator,
    ):
        generator.send(500)
        frames = tap.read_many(1000)
        assert len(frames) == 500
        for n, frame in enumerate(frames):
            check_sums(frame, checked=True)
            assert frame[42:] == template(80)[42:]
            assert struct.unpack_from(">H", frame, 34) == (7000 + n % 50,)


@pytest.mark.parametrize(
    "frame",
    [b"", template(60)[:41], template(60, TCP)[:53], template(60)[:12] + b"\x86\xdd" + template(60)[14:],
     template(60)[:14] + b"\x46" + template(60)[15:], template(60, 1)],
)  # fmt: skip
def test_other_frames_are_refused(frame: bytes, compiler: Compiler) -> None:
    with pytest.raises(ValueError, match=r"a generator takes|not whole"):
        Generator(compiler, frame, 1)


@pytest.mark.parametrize(
    ("address", "addresses", "port", "ports"),
    [(0, 0, 0, 1), (0, 1, 0, 0), (0xFFFFFFFF, 2, 0, 1), (None, 1, 65535, 2), (None, 1, None, 65537)],
)
def test_rotations_stay_inside_their_space(
    address: int | None, addresses: int, port: int | None, ports: int
) -> None:
    with pytest.raises(ValueError, match="a rotation goes over"):
        Rotation(address, addresses, port, ports)


@pytest.mark.parametrize("slots", [0, 3, -1])
def test_slots_are_a_power_of_two(slots: int, compiler: Compiler) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Counter(compiler, slots)
