"""What still holds once the operator's network has changed: places, judgements, requirements and rules.

Deployed modules stay as they are; nothing is moved or stopped here. What did not read what is different is not asked
again (`World.changed`); a world that has seen nothing yet asks everything.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from innet.messages import Account, Answer, Assessment, Check, Role
from innet.network import Platform, Snapshot
from innet.policy import Node, Reach, Request
from innet.symbolic import ranges as rs
from innet.symbolic.work import UNLIMITED, Stop, Stopped, never
from innet.verify.plan import SECURITY_BUDGET, Planner
from innet.verify.questions import prepare
from innet.verify.reach import Base, answer
from innet.verify.security import CONNECTIONLESS, DEFAULT_OFF, Rules, assess
from innet.verify.world import PARSE, Asked, Deployed, World, make_module

STOPPED = "the proof was stopped: "


@dataclass(frozen=True)
class Held:
    """A deployment: what was asked for, and the modules that run for it, in the order of the request."""

    identifier: str
    account: Account
    request: Request
    modules: tuple[Deployed, ...]


@dataclass(frozen=True)
class Standing:
    """How a deployment stands: `displaced` modules have no place any more (their platform is gone, or has another
    pool); then nothing else is asked. `judged` are security rules, where those became stricter."""

    held: Held
    displaced: tuple[Deployed, ...] = ()
    judged: tuple[Check, ...] = ()
    requirements: tuple[Check, ...] = ()

    @property
    def holds(self) -> Answer:
        """Whether all is as it was asked for."""
        if self.displaced:
            return Answer.NO
        return worst(check.holds for check in (*self.judged, *self.requirements))


@dataclass(frozen=True)
class Recheck:
    """What still holds: the operator's rules with all that has a place, and each deployment."""

    rules: tuple[Check, ...]
    deployments: tuple[Standing, ...]

    @property
    def stopped(self) -> bool:
        """Whether some of it was not asked to the end."""
        checks = [*self.rules, *(c for one in self.deployments for c in (*one.judged, *one.requirements))]
        return any(check.reason.startswith(STOPPED) for check in checks)

    @property
    def holds(self) -> Answer:
        """Whether everything does."""
        return worst([*(c.holds for c in self.rules), *(one.holds for one in self.deployments)])


def worst(answers: Iterable[Answer]) -> Answer:
    """No if one is no; else undecided if one is."""
    found = set(answers)
    return next((a for a in (Answer.NO, Answer.UNDECIDED) if a in found), Answer.YES)


def has_place(d: Deployed, snapshot: Snapshot) -> bool:
    """Whether a module can be where it is: there is that platform, and a pool of it has the address."""
    node = snapshot.nodes.get(d.platform)
    return isinstance(node, Platform) and any(pool.low <= d.address <= pool.high for pool in node.pools)


def recheck(
    world: World, snapshot: Snapshot, held: Iterable[Held], watch: Callable[[], Stop] = lambda: never
) -> tuple[World, Recheck]:
    """The world on another snapshot (or the same), and what holds there. Raises PolicyError if a rule names a node that
    is gone.

    `watch` is called before each rule and each deployment, for who may stop it: then it is undecided.
    """
    there = tuple(d for d in world.deployed if has_place(d, snapshot))
    if there != world.deployed:
        gone = {d.address for d in world.deployed if d not in there}
        world = world.with_deployed(there, world.reserved | gone)
    if snapshot is not world.snapshot:
        world = world.changed(snapshot)
    rules = tuple(_rule(world, rule, watch()) for rule in world.policy.rules)
    stricter = Stricter(world)
    return world, Recheck(rules, tuple(_standing(world, one, stricter, watch()) for one in held))


class Stricter:
    """For whom the security rules of a world may be stricter than they were when their modules were judged: for all
    where connectionless traffic is banned; for third parties where an address that a module had is somebody else's now,
    since its account's other modules were allowed to send to it."""

    def __init__(self, world: World) -> None:
        snapshot = world.snapshot
        owners = {address: snapshot.owner(address) for address in world.reserved}
        nodes = snapshot.nodes
        nobodys = {
            a for a, end in owners.items() if end is not None and isinstance(nodes[end.node], Platform)
        }
        self.all = not snapshot.operator.connectionless
        self.third_parties = len(nobodys) < len(owners)
        self.nobodys = rs.normal((address, address) for address in nobodys)
        """Addresses of modules that are gone, which no other gets: what is sent there goes nowhere."""

    def than_for(self, account: Account) -> bool:
        """Whether they may be for modules of an account."""
        return self.all or (self.third_parties and account.role is Role.THIRD_PARTY)

    @property
    def rule(self) -> str:
        """Which rule is stricter."""
        return CONNECTIONLESS if self.all else DEFAULT_OFF


@contextmanager
def _watched(world: World, stop: Stop) -> Iterator[None]:
    """`stop` may stop the questions that are asked meanwhile."""
    guard = world.network.guard
    guard.begin(stop, UNLIMITED)
    try:
        yield
    finally:
        guard.end()


def go_on(stop: Stop) -> None:
    """Raises `Stopped` if it is time to: a question that costs little does not ask by itself."""
    if why := stop():
        raise Stopped(why)


def _rule(world: World, rule: Reach, stop: Stop) -> Check:
    with _watched(world, stop):
        try:
            go_on(stop)
            return answer(prepare(rule, {}), world.network, world.tables, world.base(rule))
        except Stopped as why:
            return stopped(rule.text, why)


def stopped(text: str, why: Stopped) -> Check:
    """What is not known of a question, since it was stopped."""
    return Check(text, Answer.UNDECIDED, f"{STOPPED}{why}")


def _standing(world: World, held: Held, stricter: Stricter, stop: Stop) -> Standing:
    snapshot = world.snapshot
    displaced = tuple(d for d in held.modules if not has_place(d, snapshot))
    if displaced:
        return Standing(held, displaced)
    judged: list[Check] = []
    required: list[Check] = []
    with _watched(world, stop):
        if stricter.than_for(held.account):
            try:
                go_on(stop)
                judged += _judged(world, held, stricter)
            except Stopped as why:
                judged.append(stopped(stricter.rule, why))
        for reach in Planner(
            held.request, world, held.account, dict(held.request.parameters)
        ).checked_requirements:
            try:
                go_on(stop)
                required.append(_required(world, held, reach))
            except Stopped as why:
                required.append(stopped(reach.text, why))
    return Standing(held, (), tuple(judged), tuple(required))


def _judged(world: World, held: Held, stricter: Stricter) -> Iterable[Check]:
    """What is wrong with modules now that rules are stricter than those that they were judged by, maybe."""
    allowed = rs.union(world.allowed(held.account), stricter.nobodys)
    for d in held.modules:
        box = world.box(d)
        rules = Rules(d.address, held.account, allowed, world.snapshot.operator.connectionless)
        found = assess(box, PARSE, rules, world.network.budget(SECURITY_BUDGET))
        fine = found.assessment is Assessment.SAFE or (d.sandbox and found.assessment is Assessment.SANDBOX)
        for check in () if fine else found.checks:
            if check.holds is not Answer.YES:
                yield replace(check, text=f"{d.name}: {check.text}")


def _required(world: World, held: Held, reach: Reach) -> Check:
    """A requirement, with everything that is deployed."""
    known = world.asked.get((held.modules, reach.text))
    if known is not None:
        return known.check
    with world.network.snapshot.noting() as placed:
        modules = [
            make_module(d.name, d.account, d.platform, d.address, replace(world.box(d), name=d.name), d.sandbox,
                        world.allowed(d.account))
            for d in held.modules
        ]  # fmt: skip
    network = world.network.with_modules(modules)
    variables = {f"{d.name}.ADDR": d.address for d in held.modules}
    if len(modules) == 1:
        variables["ADDR"] = modules[0].address
    names = frozenset(module.name for module in modules)
    question = prepare(reach, variables)

    def arrivals(node: Node, platform: str | None) -> Base:
        """Without modules: what comes to this one without passing others."""
        base = world.plain_arrivals(node, platform)
        network.snapshot.note_all(base.reads)
        return base

    with network.snapshot.noting() as reads:
        network.snapshot.note_all(placed)
        check = answer(question, network, world.tables, None, names, True, arrivals)
        if check.holds is not Answer.YES:
            check = answer(question, network, world.tables, None, names, True)
    own = all(":" not in step.place or step.place.split(":")[0] in names for step in check.trace)
    alone = check.holds is Answer.YES and own and not any(d.sandbox for d in held.modules)
    world.asked[held.modules, reach.text] = Asked(check, reads, alone)
    return check


__all__ = ["Held", "Recheck", "Standing", "has_place", "recheck"]
