"""What proofs are made on: the snapshot, the operator's rules, what is deployed; and what was found out about them.

A world remembers explorations that do not depend on the module asked about. A packet that reaches a platform where no
module has its address yet is kept; a request resumes from there, so that the network is not explored again for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import load
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.sandbox.changeenforcer import ChangeEnforcer
from innet.explore.fabric import platforms_from
from innet.explore.machine import Machine
from innet.explore.network import Box, Enforcer, Module, Network
from innet.messages import Account
from innet.messages import Role as AccountRole
from innet.network import Middlebox, Snapshot
from innet.network.addresses import FULL, prefixes
from innet.policy import Node, Policy, Reach
from innet.symbolic import ranges as rs
from innet.symbolic.state import Tables, inject_ip
from innet.verify.onward import Onward, Point, applies, onward, points
from innet.verify.questions import Question, check_nodes, prepare, starts
from innet.verify.reach import Base, everything_from, explore_base
from innet.verify.security import Templates, arrivals, sandbox_templates, settle

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
    return Machine(elements, wires)


def module_box(name: str, machine: Machine, interface: str) -> Box:
    """A module's configuration: all its entries and exits are on the platform's interface."""
    entries = tuple(machine.with_role(Role.ENTRY))
    return Box(
        name, machine, {interface: entries}, dict.fromkeys(machine.with_role(Role.EXIT), interface), ":"
    )


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


def device_of(machine: Machine, element: str) -> str:
    """The interface an entry or exit element names."""
    instance = machine.elements[element]
    return str(getattr(instance, "devname", getattr(instance, "ifname", "0")))


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


class World:
    """The network with what is deployed on it. Immutable to the eye; remembers explorations."""

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
        self._bases: dict[Reach, Base] = {}
        self._arrivals: dict[tuple[Node, str | None], Base] = {}
        self._onward: dict[tuple[Reach, Point], Onward] = {}
        self._near: dict[Node, frozenset[str]] = {}
        self._network: Network | None = None

    def with_deployed(
        self, deployed: tuple[Deployed, ...], reserved: frozenset[int] = frozenset()
    ) -> "World":
        """The same network and rules with other modules deployed; what is known of the network is kept.

        `reserved` addresses are given to nobody.
        """
        other = World(self.snapshot, self.policy, deployed, reserved)
        other._shared = self._shared
        return other

    @property
    def network(self) -> Network:
        """The network with the deployed modules."""
        if self._network is None:
            self._network = self._shared.network.with_modules(
                self._shared.module(d, self) for d in self.deployed
            )
        return self._network

    def tables(self, more: Templates | None = None) -> Tables:
        """The entries that other flows can make: in middleboxes, in deployed modules, and `more`."""
        tables = Tables(any_state=True)
        tables.templates = {key: [*rows] for key, rows in self._shared.templates().items()}
        for d in self.deployed:
            tables.templates.update(self._shared.module_templates(d, self))
        tables.templates.update(more or {})
        return tables

    def base(self, rule: Reach) -> Base:
        """What a rule finds without the module that is asked about."""
        known = self._bases.get(rule)
        if known is None:
            question = prepare(rule, {})
            known = self._bases[rule] = explore_base(question, self.network, self.tables)
        return known

    def arrivals(self, node: Node, platform: str | None = None) -> Base:
        """All packets from `node` that come to platforms; with a platform's name, those to its pools."""
        known = self._arrivals.get((node, platform))
        if known is None:
            pools: rs.Ranges | None = None
            if platform is not None:
                pools = rs.normal(
                    (p.low, p.high) for p in getattr(self.snapshot.nodes[platform], "pools", ())
                )
            known = self._arrivals[node, platform] = everything_from(node, self.network, pools)
        return known

    def spares(self, question: Question, base: Base, network: Network, modules: tuple[Module, ...]) -> bool:
        """Whether what is known already says that a rule holds in `network`, which is this one with `modules` in place,
        as it does without them."""
        if not applies(question, base, modules):
            return False
        for module in modules:
            assert module.sent is not None
            found = points(question, network, self.tables(), base, module, module.sent)
            if found is None:
                return False
            for point in found:
                key = question.reach, point
                known = self._onward.get(key)
                if known is None:
                    known = self._onward[key] = onward(question, self.network, self.tables(), point, module)
                if not known.harmless or known.meets(modules, module):
                    return False
        return True

    def near(self, node: Node) -> frozenset[str]:
        """The platforms that routes lead to from `node`, whatever boxes on the way do: those to try first."""
        known = self._near.get(node)
        if known is None:
            ends = [start.end for start in starts(node, self.network) if start.end is not None]
            found = platforms_from(self.snapshot, self.network.outputs, ends)
            known = self._near[node] = frozenset(found)
        return known

    def used(self, platform: str) -> int:
        """How many modules run on a platform."""
        return sum(d.platform == platform for d in self.deployed)

    def free_address(self, platform: str, taken: Iterable[int] = ()) -> int | None:
        """The first address of the platform's pools that no module has; network and broadcast addresses are not
        given."""
        node = self.snapshot.nodes[platform]
        used = {d.address for d in self.deployed} | self.reserved | set(taken)
        for pool in getattr(node, "pools", ()):
            edge = 1 if pool.length < 31 else 0
            for address in range(pool.low + edge, pool.high - edge + 1):
                if address not in used:
                    return int(address)
        return None


class _Shared:
    """What depends on the snapshot alone, kept for all worlds on it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        machines: dict[str, Machine] = {}
        boxes: dict[str, Box] = {}
        for node in snapshot.middleboxes:
            machine = machines.get(node.text)
            if machine is None:
                machine = machines[node.text] = machine_of(Source(node.click, node.text))
            boxes[node.name] = middlebox_box(node.name, machine)
        self.network = Network(snapshot, boxes, PARSE)
        self._templates: Templates | None = None
        self._modules: dict[Deployed, Module] = {}
        self._module_templates: dict[Deployed, Templates] = {}

    def templates(self) -> Templates:
        """Every entry that flows can make in middleboxes, whatever arrives at them."""
        if self._templates is None:
            tables = Tables(any_state=True)
            for node in self.snapshot.middleboxes:
                box = self.network.boxes[node.name]
                if _stateful(box.machine):
                    settle(box, arrivals(box, inject_ip()), tables, self.network.budget(BOX_BUDGET))
            self._templates = tables.templates
        return self._templates

    def module(self, d: Deployed, world: World) -> Module:
        found = self._modules.get(d)
        if found is None:
            interface = next(iter(self.snapshot.nodes[d.platform].interfaces), "0")
            machine = machine_of(Source(d.name, d.text))
            name = d.identifier or d.name
            found = self._modules[d] = make_module(
                name, d.account, d.platform, d.address, module_box(name, machine, interface),
                d.sandbox, allowed_for(d.account, world.deployed),
            )  # fmt: skip
        return found

    def module_templates(self, d: Deployed, world: World) -> Templates:
        from innet.verify.security import inject

        found = self._module_templates.get(d)
        if found is None:
            tables = Tables(any_state=True)
            box = self.module(d, world).box
            module = self.module(d, world)
            if _stateful(box.machine):
                settle(box, arrivals(box, inject(d.address)), tables, self.network.budget(BOX_BUDGET))
            found = tables.templates
            if module.enforcer is not None:
                budget = self.network.budget(BOX_BUDGET)
                found = sandbox_templates(box, module.enforcer, PARSE, d.address, found, budget)
            self._module_templates[d] = found
        return found


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
