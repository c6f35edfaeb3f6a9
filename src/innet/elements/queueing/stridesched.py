"""StrideSched: shares by tickets."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest, Unsigned
from innet.elements.holder import Context, Holder, Io, Pulling, handler_int
from innet.elements.queueing.scheduler import PullScheduler
from innet.elements.switching.strideswitch import (
    MAX_TICKETS,
    STRIDE,
    TICKETS,
    ticket_number,
    ticket_problems,
)


@dataclass(slots=True)
class Client:
    """An input that has tickets: it is served when its `passed` is the least, which then grows by its stride."""

    port: int
    tickets: int
    passed: int

    @property
    def stride(self) -> int:
        return STRIDE // self.tickets


class StrideHolder(Holder):
    """The inputs with tickets, in the order in which they are asked."""

    PULLS = True
    WRITABLE = TICKETS

    def __init__(self, tickets: tuple[int, ...]) -> None:
        self.inputs = len(tickets)
        self.queue: list[Client] = []
        for port in reversed(range(len(tickets))):
            if tickets[port]:
                self.insert(Client(port, tickets[port], STRIDE // tickets[port]))

    def insert(self, client: Client) -> None:
        """Put an input into the queue, before its equals."""
        place = (n for n, other in enumerate(self.queue) if client.passed <= other.passed)
        self.queue.insert(next(place, len(self.queue)), client)

    def pull(self, port: int, context: Context) -> Pulling:
        asked, packet = 0, None
        while packet is None and asked < len(self.queue):
            packet = yield self.queue[asked].port
            asked += 1
        served, self.queue = self.queue[:asked], self.queue[asked:]
        for client in served:
            client.passed += client.stride
            self.insert(client)
        return packet

    def number(self, handler: str) -> int | None:
        """The input that `ticketsN` is about."""
        found = ticket_number(handler)
        return found if found is not None and found < self.inputs else None

    def read(self, handler: str) -> str | None:
        port = self.number(handler)
        return None if port is None else str(next((c.tickets for c in self.queue if c.port == port), 0))

    def write(self, handler: str, value: str, context: Context) -> bool:
        port = self.number(handler)
        if port is None:
            return False
        tickets = min(handler_int(value, 0), MAX_TICKETS)
        client = next((c for c in self.queue if c.port == port), None)
        if client is None and tickets:
            passed = self.queue[0].passed + STRIDE // tickets if self.queue else 0
            self.insert(Client(port, tickets, passed))
        elif client is not None and tickets:
            client.tickets = tickets
        elif client is not None:
            self.queue.remove(client)
        return True


@dataclass(frozen=True)
class StrideSched(PullScheduler):
    """Give the inputs shares proportional to their tickets, by stride scheduling.

    Ports:      in 0..n-1 (pull): any.  out 0 (pull): the packet, unchanged.
    Arguments:  TICKETS (0-32768), one for each input; an input without tickets is never asked.
    State:      for each input when its turn comes; handlers `tickets0` and so on change the shares.
    Verifier:   the identity for every input.
    Errors:     as many TICKETS as inputs are needed.
    Source:     Click manual, StrideSched; Waldspurger and Weihl, stride scheduling.  An input that has no packet is
                passed over, and counts as served.
    """

    PORTS: ClassVar[str] = "1-/1"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("1", "3, 1")

    tickets: Annotated[tuple[int, ...], Rest(Unsigned())] = ()

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return ticket_problems(self.tickets, inputs, "input")

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return StrideHolder(self.tickets)
