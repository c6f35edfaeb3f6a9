"""What proofs are made on: the snapshot, the operator's rules, what is deployed; and what was found out about them.

A world remembers explorations that do not depend on the module asked about. A packet that reaches a platform where no
module has its address yet is kept; a request resumes from there, so that the network is not explored again for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import load
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.sandbox.changeenforcer import ChangeEnforcer
from innet.explore.fabric import platforms_from
from innet.explore.machine import Machine, device_of
from innet.explore.modules import Box, Enforcer, Module, Modules, Resident, Sent
from innet.explore.network import Network, header
from innet.messages import Account
from innet.messages import Role as AccountRole
from innet.network import Middlebox, Platform, Snapshot
from innet.network.addresses import FULL, prefixes
from innet.network.reads import Change, Reads
from innet.policy import Node, Policy, Quantifier, Reach
from innet.symbolic import ranges as rs
from innet.symbolic.state import MAX_PAYLOAD, Tables, Template, inject_ip, possible
from innet.symbolic.work import BudgetExceeded
from innet.verify.onward import Onward, Point, applies, onward, points
from innet.verify.questions import Question, check_nodes, ends_of, prepare
from innet.verify.reach import Base, everything, everything_from, explore_base
from innet.verify.security import (
    Rules,
    Templates,
    arrivals,
    assess,
    inject,
    sandbox_templates,
    settle,
)
from innet.verify.standing import Standing, follow, may_come

BOX_BUDGET = 50_000
"""Element executions that a middlebox's possible table entries may cost to find out."""

SANDBOX = "(sandbox)"
"""What the sandbox around a module is called in tables and traces: no element of the module can have that name."""

PARSE = FromNetfront().trace(OUTSIDE, 1, "parse")
"""How a frame on a wire is read: the program of FromNetfront, as on the platforms."""


@dataclass(frozen=True)
class Deployed:
    """A module that runs: `text` is its Click text with parameters and addresses replaced."""

    name: str
    account: Account
    platform: str
    address: int
    text: str
    sandbox: bool = False
    identifier: str = ""


def machine_of(source: Source, variables: Mapping[str, str] | None = None) -> Machine:
    """A configuration made ready for exploring. Raises ConfigurationError with every mistake in it."""
    resolved, elements = load(source, variables=variables or {}, autoqueue=True)
    wires = ((c.source, c.output, c.target, c.input) for c in resolved.configuration.connections)
    return Machine(elements, wires, resolved)


def module_box(name: str, machine: Machine, interface: str) -> Box:
    """A module's configuration: all its entries and exits are on the platform's interface."""
    entries = tuple(machine.with_role(Role.ENTRY))
    return Box(
        name, machine, {interface: entries}, dict.fromkeys(machine.with_role(Role.EXIT), interface), ":"
    )


LONGEST_FRAME = 14 + 20 + MAX_PAYLOAD
"""Bytes of the longest frame that every link carries."""


def whole(machine: Machine) -> Machine:
    """The configuration of a middlebox, its devices cutting nothing off that is longer than links carry: a longer
    packet stands for one that a platform joins of several, and those come through as they are."""
    for name, element in machine.elements.items():
        if isinstance(element, FromDevice) and element.snaplen >= LONGEST_FRAME:
            machine.elements[name] = replace(element, snaplen=0xFFFF)
    return machine


def middlebox_box(name: str, machine: Machine) -> Box:
    """A middlebox: FromDevice and ToDevice name its interfaces."""
    entries: dict[str, tuple[str, ...]] = {}
    exits: dict[str, str] = {}
    for element in machine.with_role(Role.ENTRY):
        device = device_of(machine, element)
        entries[device] = (*entries.get(device, ()), element)
    for element in machine.with_role(Role.EXIT):
        exits[element] = device_of(machine, element)
    return Box(name, machine, entries, exits)


def enforcer(address: int, allowed: rs.Ranges | None) -> Enforcer:
    """The sandbox of a module: `allowed` None lets it write to anyone (clients)."""
    ranges = ((0, FULL),) if allowed is None else allowed
    whitelist = tuple((p.low, FULL & ~(p.high - p.low)) for low, high in ranges for p in prefixes(low, high))
    element = ChangeEnforcer(address, whitelist)
    return Enforcer(element.trace(0, 2, SANDBOX, 2), element.trace(1, 2, SANDBOX, 2))


def allowed_for(account: Account, deployed: Iterable[Deployed], extra: Iterable[int] = ()) -> rs.Ranges:
    """The list of a third party: its addresses and its modules'."""
    modules = [(d.address, d.address) for d in deployed if d.account.name == account.name]
    return rs.normal([*account.owned, *modules, *((a, a) for a in extra)])


class Lists:
    """Whom the sandboxed modules of third parties may write to unasked, by account: each follows the modules that the
    account has. `granted` are addresses that an account's modules will have."""

    def __init__(
        self, deployed: Iterable[Deployed], granted: tuple[str, frozenset[int]] | None = None
    ) -> None:
        self._deployed, self.granted = deployed, granted
        self._found: dict[str, list[int]] | None = None

    def of(self, account: Account) -> rs.Ranges:
        """The list of the account."""
        if self._found is None:
            self._found = {}
            for d in self._deployed:
                self._found.setdefault(d.account.name, []).append(d.address)
            if self.granted is not None:
                self._found.setdefault(self.granted[0], []).extend(self.granted[1])
        return allowed_for(account, (), self._found.get(account.name, ()))


def listed(d: Deployed) -> bool:
    """Whether a sandbox holds the module to its account's list."""
    return d.sandbox and d.account.role is AccountRole.THIRD_PARTY


class World:
    """The network with what is deployed on it. Immutable to the eye; remembers explorations, and which modules they
    passed, so that a world with other modules deployed looks again only at what the change touches."""

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        deployed: tuple[Deployed, ...] = (),
        reserved: frozenset[int] = frozenset(),
    ) -> None:
        check_nodes(policy, snapshot)
        self.snapshot, self.policy, self.deployed, self.reserved = snapshot, policy, deployed, reserved
        self._shared: _Shared = _Shared(snapshot)
        self._residents: dict[int, Deployed] = {}
        self._modules = Modules()
        self._standings: dict[Reach | Node, Standing] = {}
        self._used: dict[str, int] = {}
        self._next: dict[str, int] = {}
        """By platform, an address below which none is free."""
        self._ranked: dict[frozenset[str] | None, list[Platform]] = {}
        self._network: Network | None = None
        self._lists = Lists(deployed)
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
        other._next = {}
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
        return any(listed(d) and d.account.name == account.name for d in self.deployed)

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
        other._used, other._network, other._ranked = dict(self._used), None, {}
        other._next = dict(self._next) if self.reserved <= reserved else {}
        there = {d.address: d for d in deployed}
        other._lists = Lists(deployed, granted)
        before = self._residents
        removed = [a for a, d in before.items() if (now := there.get(a)) is not d and now != d]
        touched = {d.account.name for a in removed for d in (before[a], there.get(a)) if d is not None}
        touched |= {d.account.name for a, d in there.items() if a not in before}
        touched |= {lists.granted[0] for lists in (self._lists, other._lists) if lists.granted is not None}
        gone = frozenset(removed)
        removed += [
            a
            for a, d in there.items()
            if d.account.name in touched
            and listed(d)
            and a in before
            and a not in gone
            and self._lists.of(d.account) != other._lists.of(d.account)
        ]
        gone = frozenset(removed)
        added = [d for a, d in there.items() if a in gone or a not in before]
        other._standings = {
            key: standing.changed(removed, (d.address for d in added))
            for key, standing in self._standings.items()
        }
        other._change(removed, added)
        return other

    def _change(self, removed: Iterable[int], added: Iterable[Deployed]) -> None:
        """Note that modules are gone from `removed`, and that `added` are there."""
        removed, added = tuple(removed), tuple(added)
        for address in removed:
            gone = self._residents.pop(address)
            self._used[gone.platform] -= 1
            self._next[gone.platform] = min(address, self._next.get(gone.platform, address))
        for d in added:
            self._residents[d.address] = d
            self._used[d.platform] = self._used.get(d.platform, 0) + 1
        self._modules = self._modules.changed(self._residents_of(added), removed)

    def _residents_of(self, deployed: Iterable[Deployed]) -> Iterator[Resident]:
        """Deployed modules, to be made ready for exploring when packets come to them."""
        for d in deployed:
            build = partial(self._shared.module, d, self._lists)
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
                () if deployed is None else self._shared.module_templates(deployed, self._lists).get(key, ())
            )

        tables.beneath = beneath
        return tables

    # ---- rules

    def base(self, rule: Reach, candidates: tuple[Module, ...] = ()) -> Base:
        """What a rule finds with the deployed modules and without those that are asked about."""
        standing = self._standings.get(rule)
        if standing is None:
            plain = self._shared.base(rule)
            standing = Standing(prepare(rule, {}), plain, set(self._residents))
            self._standings[rule] = standing
        return self._settled(standing, candidates, some=True)

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

    def _settled(self, standing: Standing, candidates: tuple[Module, ...], some: bool) -> Base:
        """The standing's findings, once all deployed modules have been looked at; those whose packets may come to the
        candidates have been followed."""
        if standing.plain.check is not None:
            return standing.plain
        for candidate in candidates:
            standing.oblige(candidate.platform, candidate.address)
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
        return standing.base()

    def _harmless(self, standing: Standing, address: int) -> tuple[Onward, ...] | None:
        """What says that a deployed module does nothing to the rule, nor meets another module; None if nothing does."""
        question = standing.question
        if question.reach.quantifier is Quantifier.SOME:
            return None
        d = self._residents[address]
        sent = self._shared.sent(d, self._lists)
        module = self._modules.at(address) if sent is not None and not d.sandbox else None
        if module is None:
            return None
        known = self._spares(question, standing.plain, replace(module, sent=sent))
        if known is None or any(self._meets(one) for one in known):
            return None
        return known

    def _meets(self, onward: Onward) -> bool:
        """Whether packets may come to a deployed module."""
        return any(
            may_come(onward.waiting, platform, address)
            for platform, some in onward.waiting.items()
            for state, _ in some
            for address in self._modules.on(platform, possible(header(state, 128, 32), state.store))
        )

    def _spares(self, question: Question, base: Base, module: Module) -> tuple[Onward, ...] | None:
        """What is known of packets that `module` sends at each point where the rule can be with them; None if some may
        do harm."""
        if not applies(question, base, (module,)):
            return None
        assert module.sent is not None
        found = points(question, self._shared.network, self._shared.tables(), base, module, module.sent)
        if found is None:
            return None
        known = tuple(self._shared.onward(question, point, module) for point in found)
        return known if all(one.harmless for one in known) else None

    def spares(self, question: Question, base: Base, modules: tuple[Module, ...]) -> bool:
        """Whether what is known already says that a rule holds with `modules` in place as it does without them."""
        for module in modules:
            known = self._spares(question, base, module)
            if known is None or any(one.meets(modules, module) or self._meets(one) for one in known):
                return False
        return True

    def proven(self, platform: str, address: int, text: str, account: Account, sent: Sent | None) -> None:
        """Remember what a module sends that has been judged just now, for when it is deployed."""
        self._shared.remember((platform, address, text, account), sent)

    # ---- platforms

    def near(self, node: Node) -> frozenset[str]:
        """The platforms that routes lead to from `node`, whatever boxes on the way do: those to try first."""
        return self._shared.near(node)

    def best_first(self, reached: frozenset[str] | None) -> list[Platform]:
        """The platforms: first those that are `reached`, then by free room, then by name."""
        known = self._ranked.get(reached)
        if known is None:

            def rank(platform: Platform) -> tuple[bool, int, str]:
                room = platform.capacity.modules
                free = 1 << 30 if room is None else room - self.used(platform.name)
                return (reached is not None and platform.name not in reached, -free, platform.name)

            known = self._ranked[reached] = sorted(self.snapshot.platforms, key=rank)
        return known

    def used(self, platform: str) -> int:
        """How many modules run on a platform."""
        return self._used.get(platform, 0)

    def free_address(self, platform: str, taken: Iterable[int] = ()) -> int | None:
        """The first address of the platform's pools that no module has; network and broadcast addresses are not
        given."""
        node = self.snapshot.nodes[platform]
        pools = [
            (pool.low + edge, pool.high - edge)
            for pool in getattr(node, "pools", ())
            for edge in (1 if pool.length < 31 else 0,)
        ]
        others = set(taken)
        start = self._next.get(platform) if len(pools) == 1 else None
        for low, high in pools:
            for address in range(low if start is None else max(low, start), high + 1):
                if address not in self._residents and address not in self.reserved:
                    if len(pools) == 1 and not others:
                        self._next[platform] = address
                    if address not in others:
                        return address
        return None


class _Shared:
    """What depends on the snapshot alone, kept for all worlds on it."""

    def __init__(self, snapshot: Snapshot, machines: Mapping[str, Machine] | None = None) -> None:
        self.snapshot = snapshot
        self._machines = dict(machines or {})
        """Middleboxes' configurations by their texts."""
        boxes: dict[str, Box] = {}
        for node in snapshot.middleboxes:
            machine = self._machines.get(node.text)
            if machine is None:
                machine = self._machines[node.text] = whole(machine_of(Source(node.click, node.text)))
            boxes[node.name] = middlebox_box(node.name, machine)
        self.network = Network(snapshot, boxes, PARSE)
        self._templates: dict[str, Templates | None] = {}
        """Every entry that flows can make in a middlebox, by its name; None where that is too much to find out."""
        self._modules: dict[tuple[Deployed, rs.Ranges], Module] = {}
        self._module_templates: dict[tuple[Deployed, rs.Ranges], Templates] = {}
        self._bases: dict[Reach, Base] = {}
        self._arrivals: dict[tuple[Node, str | None], Base] = {}
        self._near: dict[Node, tuple[frozenset[str], Reads]] = {}
        self._onward: dict[tuple[Reach, Point], Onward] = {}
        self._sent: dict[tuple[str, int, str, Account], Sent | None] = {}

    def changed(self, snapshot: Snapshot, change: Change) -> "_Shared":
        """What is known of another snapshot, which differs by `change`: all that did not read what is different."""
        other = _Shared(snapshot, self._machines)
        other.network = self.network.changed(snapshot, other.network.boxes, change)

        def same_node(name: str) -> bool:
            return not change.differs(("node", name))

        other._templates = {name: some for name, some in self._templates.items() if same_node(name)}
        other._modules = {key: one for key, one in self._modules.items() if same_node(key[0].platform)}
        other._module_templates = {
            key: some for key, some in self._module_templates.items() if same_node(key[0].platform)
        }
        other._sent = {key: sent for key, sent in self._sent.items() if same_node(key[0])}
        other._bases = {rule: base for rule, base in self._bases.items() if not change.touches(base.reads)}
        other._arrivals = {
            key: base for key, base in self._arrivals.items() if not change.touches(base.reads)
        }
        other._near = {node: near for node, near in self._near.items() if not change.touches(near[1])}
        other._onward = {key: one for key, one in self._onward.items() if not change.touches(one.reads)}
        return other

    def templates(self, box: Box) -> Templates:
        """Every entry that flows can make in a middlebox, whatever arrives at it. Raises BudgetExceeded if that is too
        much to find out."""
        self.network.snapshot.note("node", box.name)
        if box.name not in self._templates:
            tables = Tables(any_state=True)
            try:
                if _stateful(box.machine):
                    settle(box, arrivals(box, inject_ip()), tables, self.network.budget(BOX_BUDGET))
                self._templates[box.name] = tables.templates
            except BudgetExceeded:
                self._templates[box.name] = None
        found = self._templates[box.name]
        if found is None:
            raise BudgetExceeded
        return found

    def box_of(self, key: tuple[str, str]) -> Box | None:
        """The middlebox that a table is in, if it is in one."""
        name, mark, _ = key[0].partition("/")
        return self.network.boxes.get(name) if mark else None

    def tables(self) -> Tables:
        """Tables in any state, in a network without modules."""
        tables = Tables(any_state=True)

        def beneath(key: tuple[str, str]) -> Sequence[Template]:
            box = self.box_of(key)
            return () if box is None else self.templates(box).get(key, ())

        tables.beneath = beneath
        return tables

    def base(self, rule: Reach) -> Base:
        """What a rule finds without any module."""
        known = self._bases.get(rule)
        if known is None:
            with self.network.snapshot.noting() as reads:
                known = explore_base(prepare(rule, {}), self.network, self.tables)
            known.reads = reads
            self._bases[rule] = known
        return known

    def arrivals(self, node: Node, platform: str | None) -> Base:
        """All packets from `node` that come to platforms, or to the pools of one, without any module."""
        known = self._arrivals.get((node, platform))
        if known is None:
            network, pools = self.network, None
            with network.snapshot.noting() as reads:
                if platform is not None:
                    some = getattr(network.snapshot.nodes[platform], "pools", ())
                    pools = rs.normal((p.low, p.high) for p in some)
                known = everything_from(node, network, pools)
            known.reads = reads
            self._arrivals[node, platform] = known
        return known

    def near(self, node: Node) -> frozenset[str]:
        """The platforms that routes lead to from `node`."""
        known = self._near.get(node)
        if known is None:
            snapshot = self.network.snapshot
            with snapshot.noting() as reads:
                found = platforms_from(snapshot, self.network.outputs, ends_of(node, snapshot))
            known = self._near[node] = frozenset(found), reads
        return known[0]

    def onward(self, question: Question, point: Point, module: Module) -> Onward:
        """What becomes of packets that leave a platform, without any module in the network."""
        key = question.reach, point
        known = self._onward.get(key)
        if known is None:
            with self.network.snapshot.noting() as reads:
                found = onward(question, self.network, self.tables(), point, module)
            known = replace(found, reads=reads)
            remember(self._onward, key, known)
        return known

    def module(self, d: Deployed, lists: Lists) -> Module:
        """The deployed module, ready for exploring."""
        key = d, lists.of(d.account) if listed(d) else rs.EMPTY
        found = self._modules.get(key)
        if found is None:
            interface = next(iter(self.snapshot.nodes[d.platform].interfaces), "0")
            machine = machine_of(Source(d.name, d.text))
            name = d.identifier or d.name
            found = make_module(
                name, d.account, d.platform, d.address, module_box(name, machine, interface),
                d.sandbox, key[1],
            )  # fmt: skip
            remember(self._modules, key, found)
        return found

    def sent(self, d: Deployed, lists: Lists) -> Sent | None:
        """What a deployed module sends, if all of it can be followed."""
        key = d.platform, d.address, d.text, d.account
        if key not in self._sent:
            rules = Rules(d.address, d.account, lists.of(d.account), True)
            judged = assess(self.module(d, lists).box, PARSE, rules, self.network.budget(BOX_BUDGET), False)
            self.remember(key, judged.sent)
        return self._sent[key]

    def remember(self, key: tuple[str, int, str, Account], sent: Sent | None) -> None:
        """Keep what a module sends."""
        remember(self._sent, key, sent)

    def module_templates(self, d: Deployed, lists: Lists) -> Templates:
        """The entries that flows can make in a deployed module and its sandbox."""
        key = d, lists.of(d.account) if listed(d) else rs.EMPTY
        found = self._module_templates.get(key)
        if found is None:
            tables = Tables(any_state=True)
            module = self.module(d, lists)
            box = module.box
            if _stateful(box.machine):
                settle(box, arrivals(box, inject(d.address)), tables, self.network.budget(BOX_BUDGET))
            found = tables.templates
            if module.enforcer is not None:
                budget = self.network.budget(BOX_BUDGET)
                found = sandbox_templates(box, module.enforcer, PARSE, d.address, found, budget)
            remember(self._module_templates, key, found)
        return found


KEPT = 20_000
"""How many of a kind are remembered; then the oldest go."""

Key = TypeVar("Key")
Value = TypeVar("Value")


def remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep a value, and not too many of them."""
    known[key] = value
    if len(known) > KEPT:
        del known[next(iter(known))]


def placed(name: str, node: str, address: int, box: Box) -> Module:
    """A module that nobody owns, outside a sandbox, at a node."""
    return Module(name, "", rs.EMPTY, node, address, box)


def make_module(
    name: str, account: Account, platform: str, address: int, box: Box, sandbox: bool, allowed: rs.Ranges
) -> Module:
    """A module in place; in the sandbox if the assessment says so."""
    free = account.role is not AccountRole.THIRD_PARTY
    around = enforcer(address, None if free else allowed) if sandbox else None
    return Module(name, account.name, rs.normal(account.owned), platform, address, box, around)


def _stateful(machine: Machine) -> bool:
    """Whether the configuration has an element that can make table entries (anything but a plain transform)."""
    return any(_inserts(machine, name) for name in machine.elements)


def _inserts(machine: Machine, name: str) -> bool:
    from innet.ir import nodes as ir

    def has(block: ir.Block) -> bool:
        return any(
            isinstance(s, ir.Insert | ir.Update)
            or (isinstance(s, ir.Branch) and (has(s.then) or has(s.otherwise)))
            for s in block
        )

    outside = (OUTSIDE,) if machine.elements[name].ROLE in (Role.ENTRY, Role.SOURCE) else ()
    for port in (*outside, *range(machine.inputs(name))):
        released = machine.released(name, port) if port != OUTSIDE else None
        if has(machine.program(name, port).body) or (released is not None and has(released.body)):
            return True
    return False


__all__ = ["Deployed", "Middlebox", "World", "allowed_for", "machine_of", "make_module", "module_box"]
