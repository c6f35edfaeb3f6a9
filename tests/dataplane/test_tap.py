"""TAP devices: frames both ways past XDP programs, bounded queues, and devices that outlive who made them."""

import select
import socket
from collections.abc import Iterator

import pytest

from innet.dataplane.tap import Tap
from innet.diagnostics import PlatformError
from innet.emulation.namespaces import batch, inside
from innet.xdp.compile import Compiler
from innet.xdp.generator import Counter
from innet.xdp.kernel import Link
from tests.xdp.kernel_objects import VETH, XDP_DROP, namespace, program
from tests.xdp.test_generator import template

pytestmark = pytest.mark.kernel

SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
MAC = bytes.fromhex("02000000abcd")


@pytest.fixture
def place() -> Iterator[str]:
    """A namespace, entered."""
    with namespace() as name, inside(name):
        yield name


def devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def sender(device: str) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((device, 0))
    return raw


def test_it_is_as_it_was_asked_for(place: str, open_files: list[str]) -> None:
    with Tap("innettap", MAC, queue=77, mtu=1700) as tap:
        assert tap.index == socket.if_nametoindex("innettap")
        assert (tap.mac, tap.mtu) == (MAC, 1700)
        assert tap.read() is None
        assert tap.read_many(5) == []
    assert "innettap" not in devices()


def test_frames_reach_this_process(place: str) -> None:
    frames = [bytes([n]) * 100 for n in range(10)]
    with Tap("innettap", MAC) as tap, sender("innettap") as raw:
        poll = select.poll()
        poll.register(tap, select.POLLIN)
        assert poll.poll(0) == []
        for frame in frames:
            raw.send(frame)
        assert poll.poll(5000) == [(tap.fd, select.POLLIN)]
        assert tap.read() == frames[0]
        assert tap.read_many(3) == frames[1:4]
        assert tap.read_many(100) == frames[4:]
        assert tap.counters().read == 10


def test_frames_from_this_process_meet_the_program(place: str, compiler: Compiler) -> None:
    with Tap("innettap", MAC) as tap, Counter(compiler) as counter, Link.xdp(counter.program, tap.index):
        assert tap.write(template(60))
        assert all(map(tap.write, [template(60), template(1500)]))
        assert (counter.total().packets, counter.total().bytes) == (3, 1620)
        assert not tap.write(b"short")


def test_the_queue_is_bounded_and_what_is_lost_shows(place: str) -> None:
    with Tap("innettap", MAC, queue=20) as tap, sender("innettap") as raw:
        raw.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)  # nothing waits anywhere else
        for n in range(50):
            try:
                raw.send(bytes([n]) * 60)
            except OSError as problem:
                assert problem.errno == 105  # noqa: PT017  # ENOBUFS: the queue is full
        assert [frame[0] for frame in tap.read_many(100)] == list(range(20))
        assert tap.counters().refused == 30


def test_a_lasting_device_keeps_its_program(place: str, open_files: list[str]) -> None:
    tap = Tap("innettap", MAC, queue=50)
    tap.persist(True)
    with program(XDP_DROP) as one, Link.xdp(one, tap.index) as link:
        number = tap.index
        tap.close()
        assert "innettap" in devices()
        with Tap("innettap") as again:
            assert (again.index, again.mac) == (number, MAC)
            assert link.info().interface == number
            with pytest.raises(PlatformError, match="another process has it open"):
                Tap("innettap")
        assert "innettap" in devices()
        Tap("innettap").remove()
        assert "innettap" not in devices()
        assert link.info().interface == 0


def test_counters_are_those_of_its_namespace_wherever_the_thread_is() -> None:
    with namespace() as name:
        with inside(name):
            tap = Tap("innettap", MAC)
        with tap:
            before = tap.counters()
            assert not tap.write(b"short")
            assert tap.counters().read == before.read


@pytest.mark.parametrize(
    ("name", "text"),
    [("", "1 to 15 characters"), ("a" * 16, "1 to 15 characters"), ("tap%d", "1 to 15 characters"),
     (VETH[0], "take another name"), ("a/b", "take another name")],
)  # fmt: skip
def test_other_names_are_refused(name: str, text: str, place: str, open_files: list[str]) -> None:
    with pytest.raises(PlatformError, match=text):
        Tap(name)


def test_a_device_that_is_not_fully_made_is_gone(place: str, open_files: list[str]) -> None:
    with pytest.raises(PlatformError, match="the TAP device innettap cannot be made"):
        Tap("innettap", mtu=1 << 24)
    with pytest.raises(PlatformError, match="the TAP device innettap cannot be made"):
        Tap("innettap", mac=b"\xff" * 6)
    assert "innettap" not in devices()


def test_a_device_taken_down_or_removed_says_so(place: str) -> None:
    with Tap("innettap", MAC) as tap:
        batch(["link set innettap down"], place)
        with pytest.raises(PlatformError, match="set it up again"):
            tap.write(template(60))
        batch(["link del innettap"], place)
        with pytest.raises(PlatformError, match="is gone"):
            tap.counters()
