"""Packets that are copied on their way, replayed: each copy has a way of its own."""

from random import Random

from innet.explore.replay import ETHERNET, Descent, Event, Replay
from innet.messages import Answer
from innet.network import End
from innet.verify.confirm import conforms_concretely
from innet.verify.crafted import udp
from innet.verify.questions import prepare
from tests.verify.networks import ask, chain, policy

COPIES = """
FromDevice(outside) -> t :: Tee -> ToDevice(inside);
t [1] -> MarkIPHeader(14) -> mirror :: IPMirror -> EtherMirror -> back :: ToDevice(outside);
FromDevice(inside) -> back;
"""
HOME, OUTSIDE = 0xAC100707, 0xCB00714D


def test_every_event_says_what_it_comes_from() -> None:
    replay = Replay(chain(COPIES).network, inside=True)
    replay.send(End("edge", "out"), ETHERNET + udp(OUTSIDE, HOME, bytes(8)))
    places = [event.place for event in replay.events]
    home = next(n for n, e in enumerate(replay.events) if e.place == "homes" and e.delivered)
    away = next(n for n, e in enumerate(replay.events) if e.place == "internet" and e.delivered)
    mirror, tee = places.index("first/mirror"), places.index("first/t")
    assert replay.descent.comes_from(away, mirror)
    assert not replay.descent.comes_from(home, mirror)
    assert replay.descent.comes_from(home, tee)
    assert replay.descent.comes_from(away, tee)
    assert replay.descent.comes_from(home, -1)
    assert not replay.descent.comes_from(tee, home)


def test_what_two_copies_do_none_of_them_does() -> None:
    world, frame = chain(COPIES), ETHERNET + udp(OUTSIDE, HOME, bytes(8))
    replay = Replay(world.network)
    replay.send(End("edge", "out"), frame)
    for hops, holds in (("-> client", True), ("-> internet", True), ("-> client -> internet", False),
                        ("-> internet -> client", False), ("-> first -> client", True)):  # fmt: skip
        statement = f"reach from internet {hops}"
        (rule,) = policy(statement).rules
        found = conforms_concretely(prepare(rule, {}), replay, -1, replay.received(frame))
        assert found is holds, statement
        assert (ask(world, statement).holds is Answer.YES) is holds


def test_descent_is_what_the_rows_of_events_say() -> None:
    random = Random(7)
    for size in (0, 1, 2, 30, 200):
        events = [
            Event("here", 0, b"", after=-1 if n == 0 else random.randrange(max(-1, n - 9), n))
            for n in range(size)
        ]
        found = Descent(events)
        for n in range(size):
            row = {n}
            while n >= 0:
                n = events[n].after
                row.add(n)
            last = max(row)
            assert {e for e in range(-1, size) if found.comes_from(last, e)} == row
