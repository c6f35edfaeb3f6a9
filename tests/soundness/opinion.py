"""z3 as a second opinion on feasibility: questions that proofs really asked, and random ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from innet.messages import Role
from innet.symbolic.store import Store
from tests.agreement.configurations import NotFound, focuses
from tests.soundness import modules, networks
from tests.symbolic.oracle import Query, asked, fact, possible, possible_together, symbols

A_MODULE = 40
"""Questions that are kept of one module or network."""


@dataclass
class Opinions:
    """How often z3 and the store agree. `generous`: the store says "can be true", as it may, where nothing can."""

    real: int = 0
    random: int = 0
    infeasible: int = 0
    generous: int = 0
    unknown: int = 0
    wrong: list[str] = field(default_factory=list)
    """Questions that the store calls impossible though they are not."""

    def take(self, feasible: bool, z3_says: bool | None, words: str) -> None:
        """One answer each."""
        self.infeasible += not feasible
        self.unknown += z3_says is None
        self.generous += feasible and z3_says is False
        if not feasible and z3_says:
            self.wrong.append(words)


def queries(random: Random) -> Iterator[Query]:
    """What the proofs about random modules and networks ask, some of it; infeasible ones are rarer and come first."""
    while True:
        seen: list[Query] = []
        seed = random.randrange(1 << 30)
        with asked(seen.append):
            _prove(Random(seed))
        impossible = [one for one in seen if not one.feasible]
        others = [one for one in seen if one.feasible and (one.store.clauses or one.store.inequalities)]
        for some in (impossible, others):
            random.shuffle(some)
            yield from some[: A_MODULE // 2]


def _prove(random: Random) -> None:
    if random.random() < 0.3:
        networks.scene(random, 2)
        return
    try:
        text = modules.module_text(random, random.choice((None, random.choice(focuses()))))
    except NotFound:
        return
    one = modules.judged(text)
    if one is not None and not one.unsuitable:
        one.security(Role.THIRD_PARTY, False)


def compare(count: int, seed: int) -> Opinions:
    """Half of `count` questions are real ones, half random."""
    found, random = Opinions(), Random(seed)
    for query in queries(random):
        if found.real >= count // 2:
            break
        found.real += 1
        store = query.store
        found.take(query.feasible, possible(query), f"{store.domains} {store.substitution} {store.clauses}")
    for _ in range(count - found.real):
        found.random += 1
        known = symbols(random, random.randint(1, 6))
        facts = [fact(random, known) for _ in range(random.randint(1, 6))]
        store = Store()
        feasible = all(store.assume(one) for one in facts) and store.feasible()
        found.take(feasible, possible_together(facts), str(facts))
    return found


__all__ = ["Opinions", "compare"]
