"""Runs of a configuration: everything that one packet causes, with all its copies, and what it leaves in tables.

Where `flows` follows each packet by itself, a run keeps what belongs together: the packets that leave because of one
packet, in order, under one set of constraints. Runs are exclusive and leave nothing out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from innet.elements.base import Role
from innet.explore.flow import MAX_VISITS, Budget, Hop, hop_to, outcomes, repeated
from innet.explore.machine import Machine
from innet.symbolic.execute import Dropped, Emitted, Held
from innet.symbolic.memory import Memory
from innet.symbolic.state import State, Tables


@dataclass(frozen=True)
class Left:
    """A packet at an exit element, and the way it took."""

    exit: str
    memory: Memory
    hop: Hop


@dataclass(frozen=True)
class Ended:
    """A packet that ended inside: where, why, and the way it took."""

    place: str
    reason: str
    hop: Hop


@dataclass(frozen=True)
class Run:
    """What becomes of a packet. `lost`: why some of it could not be followed; `state` then says only which packets."""

    state: State
    left: tuple[Left, ...] = ()
    ended: tuple[Ended, ...] = ()
    lost: str = ""


Waiting = tuple[str, int, Memory, Hop | None]
"""Element, input port, packet, the way it took."""


class Choice(Protocol):
    """Which outputs of a holder (its scoped name, how many it has) a packet may leave by: paths with the output."""

    def __call__(self, state: State, place: str, outputs: int) -> list[tuple[State, int]]: ...


def any_output(state: State, place: str, outputs: int) -> list[tuple[State, int]]:
    """A holder's packets leave by any output."""
    return [(state.fork(), n) for n in range(outputs)]


class Noted(Protocol):
    """Told that a packet enters a holder that does more than keep packets."""

    def __call__(self, state: State, place: str, port: int) -> None: ...


def unnoted(state: State, place: str, port: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class _Going:
    state: State
    waiting: tuple[Waiting, ...]
    left: tuple[Left, ...] = ()
    ended: tuple[Ended, ...] = ()


def runs(
    machine: Machine,
    start: Iterable[tuple[str, int]],
    state: State,
    tables: Tables,
    budget: Budget,
    scope: str = "",
    choose: Choice = any_output,
    note: Noted = unnoted,
) -> Iterator[Run]:
    """Every run of the packets of `state`, given to each of the inputs `start`; `state` is used up.

    Depth first, as packets are pushed. What holders keep leaves at once, as in `flows`.
    """
    tables.work = state.store.work = budget.work
    first = tuple((element, port, state.memory, None) for element, port in start)
    work = [_Going(state, first)]
    while work:
        now = work.pop()
        if not now.waiting:
            yield Run(now.state, now.left, now.ended)
            continue
        (element, port, memory, before), rest = now.waiting[0], now.waiting[1:]
        budget.spend(scope + element)
        one = now.state
        one.memory, one.hop, one.copies = memory.fork(), before, ()
        hop = hop_to(one, scope + element, port)
        if hop.depth > 40 and repeated(hop) >= MAX_VISITS:
            yield Run(one, now.left, now.ended, f"packets come back to {element} again and again")
            continue
        if machine.released(element, port) is not None:
            note(one, scope + element, port)
        going: list[_Going] = []
        for result in outcomes(machine, element, port, one, tables, scope):
            after = result.state
            copies = after.copies or ()
            if isinstance(result, Emitted | Dropped):
                ways = [
                    (after, (*copies, (result.port, after.memory)) if isinstance(result, Emitted) else copies)
                ]
            elif isinstance(result, Held):
                ways = _held(machine, element, after, copies, scope, choose)
            else:
                yield Run(after, now.left, now.ended, result.reason)
                continue
            left, ended = now.left, now.ended
            if isinstance(result, Held) and machine.elements[element].ROLE is Role.EXIT:
                left = (*left, Left(element, after.memory.fork(), hop))
            if isinstance(result, Dropped):
                ended = (*ended, Ended(element, result.reason, hop))
            for case, leaving in ways:
                waiting = [
                    (target, into, packet, hop)
                    for output, packet in leaving
                    for target, into in machine.next.get((element, output), ())
                ]
                going.append(_Going(case, (*waiting, *rest), left, ended))
        work.extend(reversed(going))


def _held(
    machine: Machine,
    element: str,
    state: State,
    copies: tuple[tuple[int, Memory], ...],
    scope: str,
    choose: Choice,
) -> list[tuple[State, tuple[tuple[int, Memory], ...]]]:
    """By which output a packet leaves that was held; one that an exit sent goes on by its first."""
    outputs = machine.outputs(element)
    if outputs == 0:
        return [(state, copies)]
    if outputs == 1 or machine.elements[element].ROLE is Role.EXIT:
        return [(state, (*copies, (0, state.memory)))]
    return [(case, (*copies, (n, case.memory))) for case, n in choose(state, scope + element, outputs)]


__all__ = ["Ended", "Left", "Run", "any_output", "runs"]
