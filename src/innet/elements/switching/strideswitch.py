"""StrideSwitch."""

from dataclasses import dataclass, replace
from math import gcd
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import Rest, Unsigned
from innet.elements.base import Element
from innet.elements.holder import Remembered, handler_int
from innet.elements.switching.outputs import emit_by_number
from innet.elements.wording import in_use
from innet.ir.trace import Packet

STRIDE, MAX_TICKETS, MAX_PERIOD = 1 << 16, 1 << 15, 4096
TICKETS = tuple(f"tickets{n}" for n in range(64))
"""Handlers for one port's tickets each."""


@dataclass(frozen=True)
class StrideSwitch(Element):
    """Send packets to the outputs by stride scheduling: each gets a share proportional to its tickets.

    Ports:      in 0: any packet.  out 0..n-1: their shares; an output without tickets gets nothing.
    Arguments:  TICKETS (0-32768), one for each output.
    State:      `turn`, how many packets of the current period have passed. Handlers `tickets0` and so on change the
                shares.
    Drops:      "no tickets", if no output has one.
    Verifier:   any output with tickets is possible for any packet.
    Errors:     as many TICKETS as outputs are needed.
    Source:     Click manual, StrideSwitch; Waldspurger and Weihl, stride scheduling.  The order is Click's, but starts
                over after at most 4096 packets, where Click lets rounding errors of the strides add up.
    """

    PORTS: ClassVar[str] = "1/1-"
    PROCESSING: ClassVar[str] = "h/h"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1",)

    tickets: Annotated[tuple[int, ...], Rest(Unsigned())] = ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return ticket_problems(self.tickets, outputs, "output")

    def reads(self) -> tuple[str, ...]:
        return TICKETS[: len(self.tickets)]

    def writes(self) -> tuple[str, ...]:
        return TICKETS[: len(self.tickets)]

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        return str(self.tickets[TICKETS.index(handler)])

    def write(self, handler: str, value: str, memory: Remembered) -> "StrideSwitch":
        tickets = list(self.tickets)
        tickets[TICKETS.index(handler)] = min(handler_int(value, 0), MAX_TICKETS)
        return replace(self, tickets=tuple(tickets))

    def push(self, p: Packet, port: int) -> None:
        turns = schedule(self.tickets)
        used = sorted(set(turns))
        if not used:
            p.drop("no tickets")
        elif len(used) == 1:
            p.emit(used[0])
        else:
            entries = tuple((n, 32, (output,)) for n, output in enumerate(turns))
            table = ir.Table("schedule", (32,), (16,), len(entries), ir.TableKind.PREFIX, entries)
            _, (output,) = p.lookup(table, (p.next(ir.Counter("turn", 32, wrap=len(turns))),))
            emit_by_number(p, output)


def ticket_problems(tickets: tuple[int, ...], ports: int, kind: str) -> tuple[str, ...]:
    """What is wrong with these numbers of tickets for so many ports of a kind."""
    found = [f"{t} tickets are too many: at most {MAX_TICKETS}" for t in tickets if t > MAX_TICKETS]
    if len(tickets) != ports:
        found.append(f"TICKETS are given for {len(tickets)} {kind}s, but {in_use(ports, kind)}")
    return tuple(found)


def ticket_number(handler: str) -> int | None:
    """The port that a handler `ticketsN` is about."""
    return TICKETS.index(handler) if handler in TICKETS else None


def schedule(tickets: tuple[int, ...]) -> tuple[int, ...]:
    """The outputs in the order in which they are served, for one period.

    The output with the least pass is served and its pass grows by its stride; of equals, the one served last goes
    first. The period ends when all is as it was at the start, or at a multiple of the tickets' sum.
    """
    queue = [(STRIDE // t, output) for output, t in enumerate(tickets) if t]
    queue.sort(key=lambda entry: entry[0])
    if len(queue) < 2:
        return tuple(output for _, output in queue)
    turns: list[int] = []
    start = relative(queue)
    divisor = gcd(*tickets)
    round_ = sum(tickets) // divisor
    while len(turns) < max(round_, MAX_PERIOD - MAX_PERIOD % round_):
        passed, output = queue.pop(0)
        turns.append(output)
        passed += STRIDE // tickets[output]
        place = next((n for n, (other, _) in enumerate(queue) if passed <= other), len(queue))
        queue.insert(place, (passed, output))
        if relative(queue) == start:
            break
    return tuple(turns)


def relative(queue: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The queue with passes counted from the first one's."""
    return [(passed - queue[0][0], output) for passed, output in queue]
