"""Switches, tees, sinks and identities."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.elements.switching.discard import Discard
from innet.elements.switching.hashswitch import HashSwitch
from innet.elements.switching.idle import Idle
from innet.elements.switching.null import Null
from innet.elements.switching.paintswitch import PaintSwitch
from innet.elements.switching.pullnull import PullNull
from innet.elements.switching.pushnull import PushNull
from innet.elements.switching.randomswitch import RandomSwitch
from innet.elements.switching.roundrobinswitch import RoundRobinSwitch
from innet.elements.switching.staticswitch import StaticSwitch
from innet.elements.switching.strideswitch import StrideSwitch, schedule
from innet.elements.switching.switch import Switch
from innet.elements.switching.tee import Tee
from innet.ir.interpret import State
from tests.elements.packets import buffer, send


@pytest.mark.parametrize(
    ("element", "outputs", "to"),
    [
        (Discard(), 0, "discarded"),
        (Idle(), 0, "idle"),
        (Idle(), 2, "idle"),
        (Null(), 1, 0),
        (PushNull(), 1, 0),
        (PullNull(), 1, 0),
        (Switch(), 2, 0),
        (Switch(1), 2, 1),
        (Switch(-1), 2, "switched off"),
        (StaticSwitch(1), 2, 1),
        (StaticSwitch(2), 2, "switched off"),
        (StaticSwitch(-1), 2, "switched off"),
        (RoundRobinSwitch(), 1, 0),
        (StrideSwitch((0, 5)), 2, 1),
        (StrideSwitch((0, 0)), 2, "no tickets"),
    ],
)
def test_where_a_packet_goes(element, outputs, to):
    done = send(element, b"abc", outputs)
    assert (done.to, done.data, done.copies) == (to, b"abc", [])


def test_discarded_packets_are_counted():
    state = State()
    send(Discard(), b"", 0, state)
    assert state.statistics == {("e", "count"): 1}


def test_Switch_needs_its_output():
    assert Switch(2).problems(1, 2) == ("OUTPUT is 2, but only outputs 0 to 1 are in use",)


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_Tee(outputs):
    done = send(Tee(), b"abc", outputs)
    assert done.to == outputs - 1
    assert [(port, copy.data) for port, copy in done.copies] == [(n, b"abc") for n in range(outputs - 1)]


def test_Tee_counts_its_outputs():
    assert Tee(3).problems(1, 2) == ("N is 3, but only outputs 0 to 1 are in use",)
    assert Tee(2).problems(1, 2) == ()


@pytest.mark.parametrize(
    ("color", "to", "copies"),
    [
        (0, 0, 0),
        (2, 2, 0),
        (3, "no output of that color", 0),
        (254, "no output of that color", 0),
        (255, 2, 2),
    ],
)
def test_PaintSwitch(color, to, copies):
    done = send(PaintSwitch(), buffer(b"", None, paint=color), outputs=3)
    assert (done.to, len(done.copies)) == (to, copies)


@pytest.mark.parametrize("outputs", [2, 3, 8])
def test_RoundRobinSwitch(outputs):
    state = State()
    found = [send(RoundRobinSwitch(), b"", outputs, state).to for _ in range(20)]
    assert found == [n % outputs for n in range(20)]


def test_RandomSwitch_uses_every_output():
    state = State()
    assert {send(RandomSwitch(), b"", 3, state).to for _ in range(200)} == {0, 1, 2}


@given(st.binary(max_size=12), st.integers(1, 20))
def test_HashSwitch(data, outputs):
    total = sum(data[2:8])
    if len(data) < 8 or outputs == 1:
        expected = 0
    elif outputs in (2, 4, 8):
        expected = (total ^ total >> 4) & outputs - 1
    else:
        expected = total % outputs
    assert send(HashSwitch(2, 6), data, outputs).to == expected


@pytest.mark.parametrize("length", [0, 1025])
def test_HashSwitch_length(length):
    assert HashSwitch(0, length).problems(1, 2)


def stride(tickets: tuple[int, ...]):
    """Click's scheduler: a list sorted by pass; who is inserted stands before its equals."""
    clients = [[65536 // t, n, 65536 // t] for n, t in enumerate(tickets) if t]
    queue: list[list[int]] = []
    for client in reversed(clients):
        queue.insert(next((n for n, c in enumerate(queue) if client[0] <= c[0]), len(queue)), client)
    while True:
        client = queue.pop(0)
        yield client[1]
        client[0] += client[2]
        queue.insert(next((n for n, c in enumerate(queue) if client[0] <= c[0]), len(queue)), client)


@given(
    st.lists(st.integers(0, 40), min_size=2, max_size=5).filter(lambda tickets: sum(map(bool, tickets)) > 1)
)
def test_stride_schedule_is_clicks(tickets):
    turns = schedule(tuple(tickets))
    count = min(len(turns), 300)
    assert list(turns[:count]) == list(islice(stride(tuple(tickets)), count))


def test_StrideSwitch_starts_over():
    state = State()
    found = [send(StrideSwitch((2, 1)), b"", 2, state).to for _ in range(9)]
    assert found == list(islice(stride((2, 1)), 9))
    assert sorted(found) == [0] * 6 + [1] * 3


def test_StrideSwitch_problems():
    assert len(StrideSwitch((1, 40000)).problems(1, 3)) == 2
