"""What deployed modules add to a rule, module by module, so that a change looks again only at what it touches.

`plain` is what the rule finds in the network without any module. A deployed module is *spared* where what it sends is
known to be harmless wherever it goes (`onward`); otherwise the packets that come to it, and those it makes, are
followed through the whole network, and what that finds is kept with the modules that it passed. A module that comes or
goes touches those that pass it, or may now.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from innet.explore.modules import Module
from innet.explore.network import Network, header
from innet.explore.waiting import Waiting
from innet.network.reads import UNREAD, Change, Reads
from innet.symbolic import ranges as rs
from innet.symbolic.formulas import equal
from innet.symbolic.memory import Imprecise, Split
from innet.symbolic.state import State, Tables, possible
from innet.symbolic.terms import K
from innet.symbolic.work import BudgetExceeded
from innet.verify.onward import Onward
from innet.verify.questions import Progress, Question, is_any_state
from innet.verify.reach import BUDGET, Base, Findings, Query, own_starts

Value = TypeVar("Value")


@dataclass(frozen=True)
class Followed:
    """What came of the packets of one module, and the addresses of all modules that they passed."""

    base: Base
    passed: frozenset[int]
    reads: Reads = UNREAD
    """What of the snapshot it hangs on, beside what `Standing.plain` does."""


@dataclass
class Standing:
    """How a rule stands with the deployed modules, by their addresses. `fresh` ones have not been looked at."""

    question: Question
    plain: Base
    fresh: set[int]
    spared: dict[Onward, set[int]] = field(default_factory=dict)
    followed: dict[int, Followed] = field(default_factory=dict)
    obliged: set[int] = field(default_factory=set)
    """Those that have to be followed, since their packets may come to another module."""
    looked: dict[int, Reads] = field(default_factory=dict)
    """What of the snapshot it hangs on that a module is spared, beside what the `Onward`s do."""
    doubted: dict[Onward, set[int]] = field(default_factory=dict)
    """As `spared`, of another snapshot: to be found out anew, once for all of them."""
    merged: Base | None = None

    def spare(self, address: int, known: Iterable[Onward], reads: Reads) -> None:
        """A module is spared: by what is known of its packets from its platform onward."""
        self.looked[address] = reads
        for one in known:
            self.spared.setdefault(one, set()).add(address)

    def kept(self, change: Change) -> "Standing":
        """The same on another snapshot, which differs by `change` but not in what `plain` has read: modules for which
        something else was read that is different there have to be looked at again."""
        again = {address for address, reads in self.looked.items() if change.touches(reads)}
        again |= {address for address, one in self.followed.items() if change.touches(one.reads)}
        kept = self.changed(again, again)
        for known in [known for known in kept.spared if change.touches(known.reads)]:
            kept.doubted.setdefault(known, set()).update(kept.spared.pop(known))
        return kept

    def doubts(self, found: Callable[[Onward], Onward]) -> None:
        """Find out anew what is doubted. Where packets do no harm as before, who sends them need not be looked at."""
        while self.doubted:
            known, senders = next(iter(self.doubted.items()))
            new = found(known) if senders and known.ends else None
            del self.doubted[known]
            if new is not None and new.ends:
                self.spared.setdefault(new, set()).update(senders)
                continue
            again = set(senders)
            self.fresh |= again
            for some in (self.spared, self.doubted):
                for others in some.values():
                    others -= again
            for address in again:
                self.looked.pop(address, None)

    def changed(self, removed: Iterable[int], added: Iterable[int]) -> "Standing":
        """The same after modules have gone and come."""
        gone, came = set(removed), set(added)
        drop = gone | {address for address, one in self.followed.items() if gone and one.passed & gone}
        fresh = self.fresh | drop
        fresh -= gone
        fresh |= came
        return Standing(
            self.question,
            self.plain,
            fresh,
            {known: without(senders, gone) for known, senders in self.spared.items()},
            dropped(self.followed, drop),
            without(self.obliged, gone),
            dropped(self.looked, gone),
            {known: without(senders, gone) for known, senders in self.doubted.items()},
        )

    def oblige(self, platform: str, address: int) -> None:
        """A module is, or may be, at `address`: those that are spared have to be followed if packets come to it."""
        for known, senders in self.spared.items():
            senders.discard(address)
            if senders and may_come(known.waiting.at(platform), address):
                self.obliged |= senders
                self.fresh |= senders
                senders.clear()

    def touch(self, platform: str, address: int) -> None:
        """A module is at `address` now: those of which packets may come to it have to be followed again."""
        for other, one in list(self.followed.items()):
            if other != address and may_come(one.base.waiting.at(platform), address):
                del self.followed[other]
                self.fresh.add(other)
                self.merged = None

    def base(self) -> Base:
        """What the rule finds with the deployed modules; all of them have been looked at."""
        if not self.followed:
            return self.plain
        if self.merged is not None:
            return self.merged
        plain = self.plain
        found = plain.found.copy()
        waiting = Waiting(plain.waiting.network, plain.waiting)
        merged = Base(found, waiting, plain.cut, plain.explored)
        for one in self.followed.values():
            found.conforming += one.base.found.conforming
            found.violating += one.base.found.violating
            found.lost += one.base.found.lost
            found.further(one.base.found)
            for platform, some in one.base.waiting.items():
                waiting.add(platform, some)
            if one.base.cut:
                merged.cut, merged.explored = True, one.base.explored
            merged.check = merged.check or one.base.check
        self.merged = merged
        return merged


def without(addresses: set[int], gone: set[int]) -> set[int]:
    """A copy without some; as fast as copying, however many there are."""
    left = addresses.copy()
    left -= gone
    return left


def dropped(of: dict[int, Value], gone: set[int]) -> dict[int, Value]:
    """As `without`, of what is kept by address."""
    left = of.copy()
    for address in gone:
        left.pop(address, None)
    return left


def may_come(packets: Iterable[tuple[State, Progress]], address: int) -> bool:
    """Whether packets that wait at a platform may be addressed to `address`."""
    for state, _ in packets:
        dst = header(state, 128, 32)
        if rs.contains(possible(dst, state.store), address) and state.store.allows(
            equal(dst, K(address, 32))
        ):
            return True
    return False


def follow(
    question: Question,
    plain: Base,
    network: Network,
    tables: Callable[[], Tables],
    module: Module,
    some: bool,
) -> Followed:
    """What the question finds through `module`, which is in `network`: on packets that come to it when there is no
    other module, and on what it sends. With `some`, only until a flow is shown that was asked for."""
    base = Base(Findings(), Waiting(network))
    budget = network.budget(BUDGET)
    passed: set[int] = {module.address}
    try:
        used = tables() if is_any_state(question.reach) else Tables(False)
        query = Query(question, network, used, budget, base.found, operator=True)
        query.early, query.walk.passed = some, passed
        for start in own_starts(question, module):
            query.explore(start)
        query.resume(plain.waiting, (module,))
        base.waiting, base.check = query.waiting, query.shown
    except (BudgetExceeded, Imprecise, Split):
        base.cut, base.explored = True, budget.explored()
    finally:
        budget.work.done()
    return Followed(base, frozenset(passed))


__all__ = ["Followed", "Standing", "follow", "may_come"]
