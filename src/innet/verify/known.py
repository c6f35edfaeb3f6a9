"""What is known of a snapshot, whatever is deployed on it: explorations that hang on no module that is asked about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Role
from innet.explore.fabric import comes_from, platforms_from
from innet.explore.machine import Machine
from innet.explore.modules import Box, Gist, Module
from innet.explore.network import Network
from innet.messages import Account
from innet.network import Clients, Platform, Snapshot
from innet.network.addresses import FULL
from innet.network.reads import Change, Reads
from innet.policy import Node, Place, Reach, Region
from innet.symbolic import ranges as rs
from innet.symbolic.state import Tables, Template, inject_ip
from innet.symbolic.work import BudgetExceeded
from innet.verify.deployed import (
    PARSE,
    Deployed,
    Kept,
    Lists,
    machine_of,
    make_module,
    middlebox_box,
    module_box,
    whole,
)
from innet.verify.onward import Alone, Onward, Point, onward
from innet.verify.questions import Question, ends_of, prepare
from innet.verify.reach import Base, everything_from, explore_base
from innet.verify.security import (
    Rules,
    Templates,
    arrivals,
    assess,
    inject,
    sandbox_templates,
    settle,
)

BOX_BUDGET = 50_000
"""Element executions that a middlebox's possible table entries may cost to find out."""

FEW, FAR = 64, 256
"""Platforms that are asked about one by one; nodes that are looked at for one of them. Then all are found at once."""


class Known:
    """What depends on the snapshot alone, kept for all worlds on it."""

    def __init__(self, snapshot: Snapshot, kept: Kept, machines: Mapping[str, Machine] | None = None) -> None:
        self.snapshot, self.kept = snapshot, kept
        self._nothing = machine_of(Source("", ""))
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
        self._reached: dict[str, tuple[bool, Reads]] = {}
        """Whether platforms are near clients, as far as that was asked one by one."""
        self._onward: dict[tuple[Reach, Point], Onward] = {}
        self._homes: dict[str, rs.Ranges] | None = None
        self._alone: Alone | None = None
        """Clients' addresses, by node."""
        self._gists: dict[tuple[str, int, str, Account], Gist | None] = {}

    def changed(self, snapshot: Snapshot, change: Change) -> "Known":
        """What is known of another snapshot, which differs by `change`: all that did not read what is different."""
        other = Known(snapshot, self.kept, self._machines)
        other.network = self.network.changed(snapshot, other.network.boxes, change)

        def same_node(name: str) -> bool:
            return not change.differs(("node", name))

        other._templates = {name: some for name, some in self._templates.items() if same_node(name)}
        other._modules = {key: one for key, one in self._modules.items() if same_node(key[0].platform)}
        other._module_templates = {
            key: some for key, some in self._module_templates.items() if same_node(key[0].platform)
        }
        other._gists = {key: gist for key, gist in self._gists.items() if same_node(key[0])}
        other._bases = {rule: base for rule, base in self._bases.items() if not change.touches(base.reads)}
        other._arrivals = {
            key: base for key, base in self._arrivals.items() if not change.touches(base.reads)
        }
        for base in (*other._bases.values(), *other._arrivals.values()):
            base.waiting.network = other.network  # what it hangs on is the same there; the old one may go
        other._reached = {
            key: reached for key, reached in self._reached.items() if not change.touches(reached[1])
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

    def reached(self, node: Node) -> Callable[[Platform], bool]:
        """Whether a platform is `near` a node, found out one by one where there may be many such nodes."""
        if node == Region(Place.CLIENT) and node not in self._near:
            return self._reached_by_clients
        near = self.near(node)
        return lambda platform: platform.name in near

    def _reached_by_clients(self, platform: Platform) -> bool:
        known = self._reached.get(platform.name)
        if known is None:
            snapshot = self.network.snapshot
            found = None
            if len(self._reached) < FEW:
                with snapshot.noting() as reads:
                    found = comes_from(snapshot, self.network.outputs, Clients, platform, FAR)
            if found is None:
                return platform.name in self.near(Region(Place.CLIENT))
            known = self._reached[platform.name] = found, reads
        return known[0]

    def onward(self, question: Question, point: Point, module: Module) -> Onward:
        """What becomes of packets that leave a platform, without any module in the network: of all like them, if those
        do no harm and come to no platform, since that serves other modules, too."""
        for ports in (rs.full(16), None):
            found = self.onward_of(question, point.widened(question, self.like, ports), module)
            if found.ends:
                return found
        return self.onward_of(question, point, module)

    def alone(self, module: Module) -> Alone:
        """A module by itself; one is asked about by many rules, then the next."""
        if self._alone is None or self._alone.module is not module:
            self._alone = Alone(self.network, module)
        return self._alone

    def like(self, addresses: rs.Ranges) -> rs.Ranges:
        """All addresses of the clients that have `addresses`; those alone, if nobody does, or several."""
        if self._homes is None:
            parts: dict[str, list[tuple[int, int]]] = {}
            for low, high, end in self.snapshot.owners(0, FULL):
                if isinstance(self.snapshot.nodes[end.node], Clients):
                    parts.setdefault(end.node, []).append((low, high))
            self._homes = {name: rs.normal(some) for name, some in parts.items()}
        if addresses:
            owner = self.snapshot.owner(addresses[0][0])
            whole = rs.EMPTY if owner is None else self._homes.get(owner.node, rs.EMPTY)
            if rs.intersect(addresses, whole) == addresses:
                return whole
        return addresses

    def onward_of(self, question: Question, point: Point, module: Module) -> Onward:
        """What becomes of just these packets."""
        key = question.reach, point
        known = self._onward.get(key)
        if known is None:
            with self.network.snapshot.noting() as reads:
                found = onward(question, self.network, self.tables(), point, module)
            known = replace(found, reads=reads)
            remember(self._onward, key, known)
        return known

    def module(self, d: Deployed, allowed: rs.Ranges) -> Module:
        """The deployed module, ready for exploring; its sandbox lets it write to `allowed` unasked."""
        self.network.snapshot.note("node", d.platform)  # it is on an interface of that
        key = d, allowed
        found = self._modules.get(key)
        if found is None:
            box = self.box(d)
            found = make_module(box.name, d.account, d.platform, d.address, box, d.sandbox, allowed)
            remember(self._modules, key, found)
        return found

    def box(self, d: Deployed) -> Box:
        """The configuration of a deployed module."""
        return module_box(d.identifier or d.name, machine_of(Source(d.name, d.text)), self.interface(d))

    def interface(self, d: Deployed) -> str:
        """The interface of its platform that a module is on."""
        return next(iter(self.snapshot.nodes[d.platform].interfaces), "0")

    def stand_in(self, d: Deployed) -> Module:
        """The deployed module, without its configuration: nothing can be run through it."""
        name = d.identifier or d.name
        box = Box(name, self._nothing, {}, {"": self.interface(d)}, ":")
        return Module(name, d.account.name, rs.normal(d.account.owned), d.platform, d.address, box)

    def gist(self, d: Deployed, lists: Lists) -> Gist | None:
        """What a deployed module sends, if all of it can be followed."""
        key = d.platform, d.address, d.text, d.account
        if key not in self._gists:
            told = self.kept.get(d, self.interface(d))
            if told is None:
                rules = Rules(d.address, d.account, lists.of(d.account), True)
                judged = assess(self.box(d), PARSE, rules, self.network.budget(BOX_BUDGET), False)
                told = (None if judged.sent is None else judged.sent.gist,)
            self.kept.put(d, self.interface(d), told)
            self.remember(key, told[0])
        return self._gists[key]

    def remember(self, key: tuple[str, int, str, Account], gist: Gist | None) -> None:
        """Keep what a module sends."""
        remember(self._gists, key, gist)

    def module_templates(self, d: Deployed, allowed: rs.Ranges) -> Templates:
        """The entries that flows can make in a deployed module and its sandbox, as in `module`."""
        key = d, allowed
        found = self._module_templates.get(key)
        if found is None:
            tables = Tables(any_state=True)
            module = self.module(d, allowed)
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


__all__ = ["BOX_BUDGET", "Known"]
