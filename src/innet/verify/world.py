"""What proofs are made on: the snapshot, the operator's rules, what is deployed; and what was found out about them.

A world remembers explorations that do not depend on the module asked about. A packet that reaches a platform where no
module has its address yet is kept; a request resumes from there, so that the network is not explored again for it.
"""

from bisect import bisect_left, insort
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from innet.explore.modules import Box, Gist, Module, Modules, Resident, Sent
from innet.explore.network import Network, header
from innet.messages import Account, Check
from innet.network import Platform, Snapshot
from innet.network.reads import Change, Reads
from innet.policy import Node, Policy, Quantifier, Reach
from innet.symbolic import ranges as rs
from innet.symbolic.state import Tables, Template, possible
from innet.verify.deployed import (
    PARSE,
    Deployed,
    Forgetful,
    Kept,
    Lists,
    listed,
    machine_of,
    make_module,
    module_box,
    placed,
)
from innet.verify.known import Known
from innet.verify.onward import Onward, applies, points
from innet.verify.questions import Question, check_nodes, prepare
from innet.verify.reach import Base, everything
from innet.verify.security import (
    Templates,
)
from innet.verify.standing import Standing, follow, may_come


@dataclass(frozen=True)
class Asked:
    """The answer to a requirement of what is deployed, and what of the snapshot it hangs on. `alone`: a packet shows it
    that passes no other modules, so that those may come and go."""

    check: Check
    reads: Reads
    alone: bool


class World:
    """The network with what is deployed on it. Immutable to the eye; remembers explorations, and which modules they
    passed, so that a world with other modules deployed looks again only at what the change touches."""

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        deployed: tuple[Deployed, ...] = (),
        reserved: frozenset[int] = frozenset(),
        kept: "Kept | None" = None,
    ) -> None:
        check_nodes(policy, snapshot)
        self.snapshot, self.policy, self.deployed, self.reserved = snapshot, policy, deployed, reserved
        self._shared: Known = Known(snapshot, kept or Forgetful())
        self._residents: dict[int, Deployed] = {}
        self._modules = Modules()
        self._standings: dict[Reach | Node, Standing] = {}
        self._used: dict[str, int] = {}
        self._next: dict[str, int] = {}
        """By platform, one of its addresses below which none is free."""
        self._ranked: dict[frozenset[Node], list[Platform]] = {}
        self._roomy: frozenset[str] | None = None
        self._network: Network | None = None
        self.asked: dict[tuple[tuple[Deployed, ...], str], Asked] = {}
        """Requirements of deployments that were asked again, by their modules and text."""
        self._accounts = regrouped({}, (), deployed)
        """The addresses of each account's modules; in `_listed` of those in a sandbox that holds them to its list."""
        self._listed = regrouped({}, (), filter(listed, deployed))
        self._lists = Lists(self._accounts)
        self._change((), deployed)

    def changed(self, snapshot: Snapshot) -> "World":
        """The same rules and deployed modules on another snapshot; what did not read what is different there is kept.

        Each deployed module has to be on a platform of `snapshot`. Raises PolicyError if a rule names a node that is
        gone.
        """
        check_nodes(self.policy, snapshot)
        change = Change(self.snapshot, snapshot)
        other = self.with_deployed(self.deployed, self.reserved)
        other.snapshot, other._shared = snapshot, self._shared.changed(snapshot, change)
        other._ranked, other._roomy = {}, None
        other._next = {}
        other.asked = {key: one for key, one in self.asked.items() if not change.touches(one.reads)}
        moved = [d.address for d in self.deployed if change.differs(("node", d.platform))]
        other._standings = {
            key: standing.changed(moved, moved).kept(change)
            for key, standing in other._standings.items()
            if not change.touches(standing.plain.reads)
        }
        other._modules = other._modules.rebuilt(other._residents_of(other.deployed))
        return other

    def granting(self, account: Account, addresses: Iterable[int]) -> "World":
        """The world as it will be when modules of the account have these addresses: its sandboxed modules may write to
        them then."""
        if not self.has_listed(account):
            return self
        return self.with_deployed(self.deployed, self.reserved, (account.name, frozenset(addresses)))

    def has_listed(self, account: Account) -> bool:
        """Whether a module of the account runs in a sandbox that holds it to the account's list."""
        return bool(self._listed.get(account.name))

    def allowed(self, account: Account, more: Iterable[int] = ()) -> rs.Ranges:
        """To whom a third party's modules may send unasked, once it has modules at `more` addresses, too."""
        return self._lists.of(account, more)

    def with_deployed(
        self,
        deployed: tuple[Deployed, ...],
        reserved: frozenset[int] = frozenset(),
        granted: tuple[str, frozenset[int]] | None = None,
    ) -> "World":
        """The same network and rules with other modules deployed; what is known of them is kept.

        `reserved` addresses are given to nobody; `granted` as in `Lists`.
        """
        other = World.__new__(World)
        other.snapshot, other.policy, other._shared = self.snapshot, self.policy, self._shared
        other.deployed, other.reserved = deployed, reserved
        other._residents, other._modules = dict(self._residents), self._modules
        other._used, other._network = dict(self._used), None
        other._ranked, other._roomy = {}, None
        other._next = dict(self._next) if self.reserved <= reserved else {}
        other.asked = {key: one for key, one in self.asked.items() if one.alone}
        first, last = common(self.deployed, deployed)
        before = {d.address: d for d in self.deployed[first : len(self.deployed) - last]}
        after = {d.address: d for d in deployed[first : len(deployed) - last]}
        removed = [a for a, d in before.items() if after.get(a) != d]
        added = [d for a, d in after.items() if before.get(a) != d]
        leaving = [before[a] for a in removed]
        other._accounts = regrouped(self._accounts, leaving, added)
        other._listed = regrouped(self._listed, filter(listed, leaving), filter(listed, added))
        other._lists = Lists(other._accounts, granted)
        touched = {d.account.name for d in (*leaving, *added)}
        touched |= {lists.granted[0] for lists in (self._lists, other._lists) if lists.granted is not None}
        come = {d.address for d in added}
        for name in touched:
            for address in sorted(other._listed.get(name, frozenset()) - come):
                d = self._residents[address]
                if self._lists.of(d.account) != other._lists.of(d.account):  # its sandbox becomes another one
                    removed.append(address)
                    added.append(d)
        other._standings = {
            key: standing.changed(removed, (d.address for d in added))
            for key, standing in self._standings.items()
        }
        other._change(removed, added)
        other._follow_room(self, {d.platform for d in (*leaving, *added)})
        return other

    def _follow_room(self, before: "World", touched: set[str]) -> None:
        """Take over what another world knows of how much room there is, which is different on platforms `touched`."""
        known = before._ranked.get(frozenset())
        platforms = [one for one in map(self.snapshot.nodes.get, touched) if isinstance(one, Platform)]
        if known is not None:
            ranked = [*known]
            for platform in platforms:
                del ranked[bisect_left(ranked, before._rank(platform), key=before._rank)]
            for platform in platforms:
                insort(ranked, platform, key=self._rank)
            self._ranked[frozenset()] = ranked
        if before._roomy is not None and before.reserved == self.reserved:
            self._roomy = before._roomy - touched | {one.name for one in platforms if self._has_room(one)}

    def _change(self, removed: Iterable[int], added: Iterable[Deployed]) -> None:
        """Note that modules are gone from `removed`, and that `added` are there."""
        removed, added = tuple(removed), tuple(added)
        for address in removed:
            gone = self._residents.pop(address)
            self._used[gone.platform] -= 1
            if address < self._next.get(gone.platform, 0) and any(
                low <= address <= high for low, high in self._given(gone.platform)
            ):
                self._next[gone.platform] = address
        for d in added:
            self._residents[d.address] = d
            self._used[d.platform] = self._used.get(d.platform, 0) + 1
        self._modules = self._modules.changed(self._residents_of(added), removed)

    def _residents_of(self, deployed: Iterable[Deployed]) -> Iterator[Resident]:
        """Deployed modules, to be made ready for exploring when packets come to them."""
        for d in deployed:
            build = partial(self._shared.module, d, self._lists.around(d))
            yield Resident(d.identifier or d.name, d.platform, d.address, build)

    @property
    def network(self) -> Network:
        """The network with the deployed modules."""
        if self._network is None:
            self._network = self._shared.network.holding(self._modules)
        return self._network

    def tables(self, more: Templates | None = None) -> Tables:
        """The entries that other flows can make: in middleboxes, in deployed modules, and `more`."""
        tables = Tables(any_state=True)
        tables.templates = {key: [*rows] for key, rows in (more or {}).items()}

        def beneath(key: tuple[str, str]) -> Sequence[Template]:
            box = self._shared.box_of(key)
            if box is not None:
                return self._shared.templates(box).get(key, ())
            name, mark, _ = key[0].partition(":")
            module = self._modules.named(name) if mark else None
            deployed = None if module is None else self._residents.get(module.address)
            return (
                ()
                if deployed is None
                else self._shared.module_templates(deployed, self._lists.around(deployed)).get(key, ())
            )

        tables.beneath = beneath
        return tables

    # ---- rules

    def base(self, rule: Reach, candidates: tuple[Module, ...] = ()) -> Base:
        """What a rule finds with the deployed modules and without those that are asked about."""
        return self._settled(self._standing(rule), candidates, some=True)

    def question(self, rule: Reach) -> Question:
        """A rule, made ready."""
        return self._standing(rule).question

    def _standing(self, rule: Reach) -> Standing:
        standing = self._standings.get(rule)
        if standing is None:
            plain = self._shared.base(rule)
            standing = Standing(prepare(rule, {}), plain, set(self._residents))
            self._standings[rule] = standing
        return standing

    def arrivals(self, node: Node, platform: str | None = None) -> Base:
        """All packets from `node` that come to platforms; with a platform's name, those to its pools that come without
        passing a module."""
        if platform is not None:
            return self._shared.arrivals(node, platform)
        standing = self._standings.get(node)
        if standing is None:
            standing = Standing(everything(node), self._shared.arrivals(node, None), set(self._residents))
            self._standings[node] = standing
        return self._settled(standing, (), some=False)

    def plain_arrivals(self, node: Node, platform: str | None) -> Base:
        """As `arrivals`, when no module is deployed."""
        return self._shared.arrivals(node, platform)

    def box(self, d: Deployed) -> Box:
        """A deployed module's configuration."""
        return self._shared.module(d, self._lists.around(d)).box

    def _settled(self, standing: Standing, candidates: tuple[Module, ...], some: bool) -> Base:
        """The standing's findings, once all deployed modules have been looked at; those whose packets may come to the
        candidates have been followed."""
        if standing.plain.check is not None:
            return standing.plain
        for candidate in candidates:
            standing.oblige(candidate.platform, candidate.address)
        with self.network.guard.uncharged():  # no request is to pay for what others have deployed
            self._look(standing, some)
        return standing.base()

    def _look(self, standing: Standing, some: bool) -> None:
        """Look at the modules that have not been looked at."""
        standing.doubts(lambda known: self._shared.onward_of(standing.question, known.point, known.sender))
        while standing.fresh:
            address = next(iter(standing.fresh))
            platform = self._residents[address].platform
            standing.oblige(platform, address)
            standing.touch(platform, address)
            known = None
            if address not in standing.obliged:
                with self.network.snapshot.noting() as reads:
                    harmless = self._harmless(standing, address)
                known = None if harmless is None else (harmless, reads)
            if known is None:
                module = self._modules.at(address)
                assert module is not None
                with self.network.snapshot.noting() as reads:
                    found = follow(standing.question, standing.plain, self.network, self.tables, module, some)
                standing.followed[address] = replace(found, reads=reads)
            else:
                standing.spare(address, *known)
            standing.fresh.discard(address)
            standing.merged = None

    def _harmless(self, standing: Standing, address: int) -> tuple[Onward, ...] | None:
        """What says that a deployed module does nothing to the rule, nor meets another module; None if nothing does."""
        question = standing.question
        if question.reach.quantifier is Quantifier.SOME:
            return None
        d = self._residents[address]
        gist = None if d.sandbox else self._shared.gist(d, self._lists)
        if gist is None:
            return None
        known = self._spares(question, standing.plain, self._shared.stand_in(d), gist)
        if known is None or any(self._meets(one) for one in known):
            return None
        return known

    def _meets(self, onward: Onward) -> bool:
        """Whether packets may come to a deployed module."""
        return any(
            may_come(some, address)
            for platform, some in onward.waiting.items()
            for state, _ in some
            for address in self._modules.on(platform, possible(header(state, 128, 32), state.store))
        )

    def _spares(
        self, question: Question, base: Base, module: Module, gist: Gist
    ) -> tuple[Onward, ...] | None:
        """What is known of packets that `module` sends at each point where the rule can be with them; None if some may
        do harm."""
        if not applies(question, base):
            return None
        found = points(question, self._shared.tables(), base, self._shared.alone(module), gist)
        if found is None:
            return None
        known = tuple(self._shared.onward(question, point, module) for point in found)
        return known if all(one.harmless for one in known) else None

    def spares(self, question: Question, base: Base, modules: tuple[Module, ...]) -> bool:
        """Whether what is known already says that a rule holds with `modules` in place as it does without them."""
        for module in modules:
            if module.sent is None or module.enforcer is not None:
                return False
            known = self._spares(question, base, module, module.sent.gist)
            if known is None or any(one.meets(modules, module) or self._meets(one) for one in known):
                return False
        return True

    def proven(self, platform: str, address: int, text: str, account: Account, sent: Sent | None) -> None:
        """Remember what a module sends that has been judged just now, for when it is deployed."""
        self._shared.remember((platform, address, text, account), None if sent is None else sent.gist)

    # ---- platforms

    def best_first(self, starts: frozenset[Node] = frozenset()) -> Iterator[Platform]:
        """The platforms: first those that routes lead to from all of `starts`, whatever boxes on the way do; then by
        free room, then by name."""
        known = self._ranked.get(starts)
        if known is not None:
            yield from known
            return
        if not starts:
            found = self._ranked[starts] = sorted(self.snapshot.platforms, key=self._rank)
            yield from found
            return
        near: list[Platform] = []
        far: list[Platform] = []
        reached = [self._shared.reached(node) for node in starts]
        for platform in self.best_first():
            if all(among(platform) for among in reached):
                near.append(platform)
                yield platform
            else:
                far.append(platform)
        self._ranked[starts] = [*near, *far]
        yield from far

    def _rank(self, platform: Platform) -> tuple[int, str]:
        room = platform.capacity.modules
        return (-(1 << 30) if room is None else self.used(platform.name) - room, platform.name)

    def used(self, platform: str) -> int:
        """How many modules run on a platform."""
        return self._used.get(platform, 0)

    def free_address(self, platform: str, taken: Iterable[int] = ()) -> int | None:
        """The first address of the platform's pools that no module has; network and broadcast addresses are not
        given."""
        known = self._next.get(platform)
        if not taken and known is not None and known not in self._residents and known not in self.reserved:
            return known
        pools = self._given(platform)
        others = set(taken)
        start = known if len(pools) == 1 else None
        for low, high in pools:
            for address in range(low if start is None else start, high + 1):
                if address not in self._residents and address not in self.reserved:
                    if len(pools) == 1 and not others:
                        self._next[platform] = address
                    if address not in others:
                        return address
        return None

    @property
    def roomy(self) -> frozenset[str]:
        """The platforms that can take one more module."""
        if self._roomy is None:
            self._roomy = frozenset(one.name for one in self.snapshot.platforms if self._has_room(one))
        return self._roomy

    def _has_room(self, platform: Platform) -> bool:
        most = platform.capacity.modules
        if most is not None and self._used.get(platform.name, 0) >= most:
            return False
        taken = len(self._residents) + len(self.reserved)
        for pool in platform.pools:
            if pool.size > taken + 2:
                return True  # whoever has what
        return self.free_address(platform.name) is not None

    def _given(self, platform: str) -> list[tuple[int, int]]:
        """The addresses that modules on a platform may get."""
        node = self.snapshot.nodes[platform]
        found = []
        for pool in node.pools if isinstance(node, Platform) else ():
            edge = 1 if pool.length < 31 else 0
            found.append((pool.low + edge, pool.high - edge))
        return found


MAX_RECENT = 64
"""Of how many accounts it is noted beside all others that they have changed."""


def regrouped(
    accounts: Mapping[str, frozenset[int]], leaving: Iterable[Deployed], coming: Iterable[Deployed]
) -> Mapping[str, frozenset[int]]:
    """The addresses of each account's modules (none of accounts that have no more), after some have left and others
    come."""
    changed: dict[str, tuple[set[int], set[int]]] = {}
    for which, some in enumerate((leaving, coming)):
        for d in some:
            changed.setdefault(d.account.name, (set(), set()))[which].add(d.address)
    if not changed:
        return accounts
    recent: dict[str, frozenset[int]] = {}
    others = accounts
    if isinstance(accounts, ChainMap):
        recent, others = dict(accounts.maps[0]), accounts.maps[1]
    for name, (gone, come) in changed.items():
        recent[name] = accounts.get(name, frozenset()) - gone | come
    if len(recent) <= MAX_RECENT:
        return ChainMap(recent, others)  # type: ignore[arg-type]  # it is not written to
    return {name: some for name, some in (dict(others) | recent).items() if some}


def common(before: Sequence[Deployed], after: Sequence[Deployed]) -> tuple[int, int]:
    """How many modules two lists have alike at their start, and at their end."""
    most = min(len(before), len(after))
    first = longest(most, lambda n: before[:n] == after[:n])
    return first, longest(most - first, lambda n: before[len(before) - n :] == after[len(after) - n :])


def longest(most: int, holds: Callable[[int], bool]) -> int:
    """The greatest number up to `most` for which something holds, which holds for all smaller ones, and 0."""
    low, high = 0, most
    if holds(most):
        return most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


__all__ = [
    "PARSE",
    "Asked",
    "Deployed",
    "Kept",
    "World",
    "machine_of",
    "make_module",
    "module_box",
    "placed",
]
