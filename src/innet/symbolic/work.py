"""How much a proof may do. Work is counted, not timed, so that the same question ends at the same place everywhere.

Whoever has a clock, or sees how much memory is in use, passes `stop`; what that ends is not a property of the question,
so nothing is remembered of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

MAX_WORK = 3_000_000
"""Units that one question may cost: some seconds. A unit is about as much as looking at one condition."""

STATEMENT = 20
"""Units that a statement of a packet program costs beside what it asks."""

OPERATION = 3
"""Units that an operation on terms costs."""

TEMPLATE = 15
"""Units that looking at one kind of table entries costs beside what it asks of the store."""

BETWEEN = 20_000
"""Units after which `stop` is asked again."""

QUESTION = 1_000
"""Units that each question counts at least, among those that are asked together."""

UNLIMITED = 1 << 62

TOO_MUCH = "its questions take more work together than one request may cost"

Stop: TypeAlias = Callable[[], str]
"""Why to stop now; empty to go on."""


def never() -> str:
    """No limit but the count."""
    return ""


class BudgetExceeded(Exception):  # noqa: N818 - an answer (undecided), no error
    """The exploration took more steps than it may; the answer is undecided."""


class Stopped(Exception):  # noqa: N818 - an answer (undecided), no error
    """Whoever asked wants no answer any more, for the reason given: time is up, or memory is."""


class Guard:
    """Who may tell all proofs on one network to stop, while there is somebody; and what they may cost together."""

    __slots__ = ("left", "stop", "unasked")

    def __init__(self) -> None:
        self.stop: Stop = never
        self.left = UNLIMITED
        self.unasked = 0

    def begin(self, stop: Stop, units: int) -> None:
        """Somebody asks questions that may cost `units` together."""
        self.stop, self.left = stop, units

    def end(self) -> None:
        """Whoever asked has got an answer."""
        self.stop, self.left = never, UNLIMITED

    @contextmanager
    def uncharged(self) -> Iterator[None]:
        """What is done meanwhile is not what was asked for; it may be stopped all the same."""
        left, self.left = self.left, UNLIMITED
        try:
            yield
        finally:
            self.left = left

    def question(self) -> None:
        """One more question is asked. Raises `Stopped` if there were too many."""
        self.left -= QUESTION
        if self.left < 0:
            raise Stopped(TOO_MUCH)

    def spend(self, units: int) -> None:
        """Note work that belongs to no question. Raises `Stopped` if that is too much, or if it is told to stop."""
        self.left -= units
        self.unasked += units
        if self.left < 0:
            raise Stopped(TOO_MUCH)
        if self.unasked >= BETWEEN:
            self.unasked = 0
            if why := self.stop():
                raise Stopped(why)

    def asked(self) -> str:
        """Why to stop; asked after each `BETWEEN` units."""
        self.left -= BETWEEN
        return TOO_MUCH if self.left < 0 else self.stop()


class Work:
    """What is left of the work that may be done for one question; shared by all that do it."""

    __slots__ = ("left", "limit", "pause", "stop")

    def __init__(self, limit: int = MAX_WORK, stop: Stop = never) -> None:
        self.limit = self.left = limit

        self.stop = stop
        self.pause = max(limit - BETWEEN, 0)

    def spend(self, units: int) -> None:
        """Note that so much is done. Raises `BudgetExceeded` if that is too much, `Stopped` if it is told to stop."""
        self.left -= units
        if self.left < self.pause:
            if self.left < 0:
                raise BudgetExceeded
            self.pause = max(self.left - BETWEEN, 0)
            if why := self.stop():
                raise Stopped(why)

    def beside(self, units: int) -> "Work":
        """Work for something beside the question, which may fail without harm."""
        return Work(units, self.stop)

    def done(self) -> None:
        """The question is answered. What is asked later of paths that are kept costs nobody anything, unless whoever
        asks puts work of its own in place of this."""
        self.left, self.pause, self.stop = UNLIMITED, 0, never


def unlimited() -> Work:
    """For what belongs to no question."""
    return Work(UNLIMITED)


__all__ = [
    "MAX_WORK",
    "STATEMENT",
    "BudgetExceeded",
    "Guard",
    "Stop",
    "Stopped",
    "Work",
    "never",
    "unlimited",
]
