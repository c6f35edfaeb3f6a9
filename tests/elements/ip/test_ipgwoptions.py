"""IPGWOptions."""

import pytest

from innet.ir.interpret import ones_sum
from tests.elements.packets import address, buffer, ipv4
from tests.elements.running import Running

ME = address("10.0.0.254").to_bytes(4, "big")
OTHER = address("10.0.1.254").to_bytes(4, "big")
STRANGER = address("8.8.8.8").to_bytes(4, "big")
START_S = 86_400 + 3_661
NOW = (3_661_000).to_bytes(4, "big")
"""Milliseconds since midnight."""


def router(outputs: int = 2) -> Running:
    return Running("IPGWOptions(10.0.0.254, 10.0.1.254)", 1, outputs, start_s=START_S)


def padded(options: bytes) -> bytes:
    return options + bytes(-len(options) % 4)


def after(options: bytes, **fields: int) -> tuple[int, bytes]:
    """The output that a packet with these options leaves by, and the options it has then."""
    ((out, data),) = router().push(buffer(ipv4(b"payload", options=padded(options), **fields)))
    if out == 0:
        assert ones_sum(data[: data[0] % 16 * 4]) == 0xFFFF or "checksum" in fields
    return out, data[20 : 20 + len(options)]


@pytest.mark.parametrize(
    ("options", "then"),
    [
        (bytes([7, 7, 4]) + bytes(4), bytes([7, 7, 8]) + ME),
        (bytes([7, 11, 8]) + STRANGER + bytes(4), bytes([7, 11, 12]) + STRANGER + ME),
        (bytes([7, 7, 8]) + STRANGER, bytes([7, 7, 8]) + STRANGER),
        (bytes([7, 8, 5]) + bytes(5), bytes([7, 8, 9, 0]) + ME),
        (bytes([1, 1, 7, 7, 4]) + bytes(4), bytes([1, 1, 7, 7, 8]) + ME),
        (bytes([0, 7, 7, 4]) + bytes(4), bytes([0, 7, 7, 4]) + bytes(4)),
        (bytes([131, 7, 4]) + STRANGER, bytes([131, 7, 4]) + STRANGER),
        (bytes([131, 3, 4, 7, 7, 4]) + bytes(4), bytes([131, 3, 4, 7, 7, 8]) + ME),
        (bytes([68, 8, 5, 0]) + bytes(4), bytes([68, 8, 9, 0]) + NOW),
        (bytes([68, 12, 5, 1]) + bytes(8), bytes([68, 12, 13, 1]) + ME + NOW),
        (bytes([68, 12, 5, 3]) + ME + bytes(4), bytes([68, 12, 13, 3]) + ME + NOW),
        (bytes([68, 12, 5, 3]) + OTHER + bytes(4), bytes([68, 12, 13, 3]) + OTHER + NOW),
        (bytes([68, 12, 5, 3]) + STRANGER + bytes(4), bytes([68, 12, 5, 3]) + STRANGER + bytes(4)),
        (bytes([68, 8, 9, 0]) + NOW, bytes([68, 8, 9, 0x10]) + NOW),
        (bytes([68, 8, 9, 0xE1]) + NOW, bytes([68, 8, 9, 0xF1]) + NOW),
        (bytes([68, 8, 5, 1]) + NOW, bytes([68, 8, 5, 0x11]) + NOW),
    ],
)
def test_options_that_are_in_order(options, then):
    assert after(options) == (0, then)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (bytes([7, 1, 4]), 21),
        (bytes([7, 0, 4]), 21),
        (bytes([7, 13, 4, 0]), 21),
        (bytes([1, 1, 1, 7]), 24),
        (bytes([131, 9, 4, 0]), 21),
        (bytes([7, 7, 3]) + bytes(4), 22),
        (bytes([7, 7, 5]) + bytes(4), 22),
        (bytes([7, 7, 9]) + bytes(4), 22),
        (bytes([68, 8, 4, 0]) + bytes(4), 22),
        (bytes([68, 8, 9, 0xF0]) + NOW, 23),
        (bytes([68, 8, 5, 3]) + ME, 23),
        (bytes([68, 8, 5, 2]) + bytes(4), 23),
        (bytes([1, 68, 8, 4, 0]) + bytes(4), 23),
        (bytes([1, 1, 7, 2]), 24),
        (bytes([1, 68, 3, 5]), 24),
    ],
)
def test_bad_options_go_aside_and_are_pointed_at(options, problem):
    running = router()
    (out,) = running.router.outcome(running.router.by_name["e"], 0, buffer(ipv4(options=padded(options))))
    assert (out[0], out[1].annotations[17]) == (1, problem)
    assert out[1].data == ipv4(options=padded(options))
    assert running.read("drops") == "1"


def test_options_before_a_bad_one_are_changed_but_not_summed_up():
    options = bytes([7, 7, 4]) + bytes(4) + bytes([7, 1, 0, 0, 0])
    ((out, data),) = router().push(buffer(ipv4(options=options)))
    assert (out, data[20:27]) == (1, bytes([7, 7, 8]) + ME)
    assert data[10:12] == ipv4(options=options)[10:12]


def test_bad_options_without_output_1():
    running = router(1)
    assert running.push(buffer(ipv4(options=bytes([7, 1, 4, 0])))) == []
    assert running.drops() == {"bad IP option": 1}


@pytest.mark.parametrize("options", [b"", bytes([1, 1, 1, 0]), bytes([131, 4, 4, 0])])
def test_what_is_not_changed_keeps_a_wrong_checksum(options):
    packet = ipv4(options=options, checksum=7)
    assert router().push(buffer(packet)) == [(0, packet)]


def test_what_is_worked_on_gets_a_right_checksum():
    full = bytes([7, 7, 8]) + STRANGER + b"\0"
    ((_, data),) = router().push(buffer(ipv4(options=full, checksum=7)))
    assert data == ipv4(options=full)


def test_the_header_may_begin_later():
    packet = ipv4(options=bytes([7, 7, 4]) + bytes(5))
    ((_, data),) = router().push(buffer(b"front" + packet, 5))
    assert data == b"front" + ipv4(options=bytes([7, 7, 8]) + ME + b"\0")


def test_packets_without_a_marked_header_are_dropped():
    running = router()
    assert running.push(buffer(ipv4(), None)) == []
    assert running.drops() == {"no IP header annotation": 1}
