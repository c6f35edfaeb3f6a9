"""The ring buffer: records as programs leave them, in order, over the end, and when it is full."""

import select
import struct

import pytest

from innet.xdp.kernel import LoadedProgram, Map, MapKind, Ring
from innet.xdp.layout import MapSpec
from tests.xdp.kernel_objects import insn

pytestmark = pytest.mark.kernel

SPEC = MapSpec("ring", MapKind.RINGBUF, 0, 0, 4096)
RINGBUF_OUTPUT, XDP_LOAD_BYTES = 130, 189


def recorder(ring: Map, length: int) -> LoadedProgram:
    """Leaves the first `length` bytes of a frame as a record; its verdict is 0, or what a helper said."""
    code = [
        insn(0xB7, 2), insn(0xBF, 0xA3), insn(0x07, 3, 0, -64), insn(0xB7, 4, 0, length),
        insn(0x85, 0, 0, XDP_LOAD_BYTES),  # to the stack: records cannot be made of the packet itself
        insn(0x15, 0, 1), insn(0x95),  # if r0 != 0 return it
        insn(0x18, 0x11, 0, ring.fd), insn(0),
        insn(0xBF, 0xA2), insn(0x07, 2, 0, -64), insn(0xB7, 3, 0, length), insn(0xB7, 4),
        insn(0x85, 0, 0, RINGBUF_OUTPUT),
        insn(0x95),
    ]  # fmt: skip
    return LoadedProgram(b"".join(code), "xdp")


def frame(n: int) -> bytes:
    return struct.pack("<I", n) + bytes(range(60))


@pytest.mark.parametrize("length", [1, 8, 13, 60])
def test_records_come_in_order_also_over_the_end(length: int) -> None:
    with Map(SPEC) as held, recorder(held, length) as one, Ring(held) as ring:
        assert ring.read() == []
        for first in range(0, 400, 20):
            for n in range(first, first + 20):
                assert one.run(frame(n)).verdict == 0
            assert ring.read() == [frame(n)[:length] for n in range(first, first + 20)]
        assert ring.read() == []


def test_a_full_ring_refuses_until_it_is_read() -> None:
    with Map(SPEC) as held, recorder(held, 56) as one, Ring(held) as ring:
        verdicts = [one.run(frame(n)).verdict for n in range(100)]
        fit = verdicts.count(0)
        assert fit == 4096 // 64 - 1  # one byte at least stays free
        assert all(verdicts[fit:])
        assert ring.read(5) == [frame(n)[:56] for n in range(5)]
        assert [one.run(frame(n)).verdict == 0 for n in range(6)] == [True] * 5 + [False]
        assert ring.read() == [frame(n)[:56] for n in (*range(5, fit), *range(5))]


def test_a_ring_can_be_waited_for_and_opened_again() -> None:
    with Map(SPEC) as held, recorder(held, 8) as one:
        poll = select.poll()
        with Ring(held) as ring:
            poll.register(ring, select.POLLIN)
            assert poll.poll(0) == []
            one.run(frame(1))
            assert poll.poll(0) == [(held.fd, select.POLLIN)]
        with Ring(held) as ring:
            assert ring.read() == [frame(1)[:8]]
            assert poll.poll(0) == []


def test_only_a_ring_buffer_is_read() -> None:
    with (
        Map(MapSpec("m", MapKind.ARRAY, 4, 8, 1)) as held,
        pytest.raises(ValueError, match="not a ring buffer"),
    ):
        Ring(held)
