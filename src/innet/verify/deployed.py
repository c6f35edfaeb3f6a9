"""What is deployed: modules as they run, and how they and middleboxes are made ready for exploring."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from innet import ir
from innet.click.report import free
from innet.diagnostics import Source
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import load
from innet.elements.device.fromdevice import FromDevice
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.sandbox.changeenforcer import ChangeEnforcer
from innet.explore.machine import Machine, device_of
from innet.explore.modules import Box, Enforcer, Gist, Module
from innet.ir.nodes import Mark
from innet.messages import Account
from innet.messages import Role as AccountRole
from innet.network.addresses import FULL, prefixes
from innet.packet.headers import BY_NAME
from innet.symbolic import ranges as rs
from innet.symbolic.state import MAX_PAYLOAD

SANDBOX = "(sandbox)"
"""What the sandbox around a module is called in tables and traces: no element of the module can have that name."""


def _without_packet_type(block: ir.Block) -> ir.Block:
    kept: list[ir.Stmt] = []
    for stmt in block:
        if isinstance(stmt, ir.Branch):
            then, otherwise = (_without_packet_type(side) for side in (stmt.then, stmt.otherwise))
            stmt = replace(stmt, then=then, otherwise=otherwise)
        if not (isinstance(stmt, ir.Assign) and stmt.field == PACKET_TYPE):
            kept.append(stmt)
    return tuple(kept)


def _parse() -> ir.Program:
    program = FromNetfront().trace(OUTSIDE, 1, "parse")
    return replace(program, body=_without_packet_type(program.body))


PACKET_TYPE = ir.Field(Mark.ANNOTATION, BY_NAME["anno.packet_type"].bit, BY_NAME["anno.packet_type"].width)

PARSE = _parse()
"""How a frame on a wire is read: the program of FromNetfront, as on the platforms. The packet type is left out:
nothing is beside a frame, and the module that gets it finds that out itself. The destination is not, for all that come
to read it: where it lies across parts of a packet, the cases are told apart here."""


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


def machine_of(
    source: Source, variables: Mapping[str, str] | None = None, spend: Callable[[int], None] = free
) -> Machine:
    """A configuration made ready for exploring. Raises ConfigurationError with every mistake in it. `spend` is told of
    the work that it takes."""
    resolved, elements = load(source, variables=variables or {}, autoqueue=True, spend=spend)
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
        self, modules: Mapping[str, frozenset[int]], granted: tuple[str, frozenset[int]] | None = None
    ) -> None:
        """`modules` are the addresses of each account's."""
        self._modules, self.granted = modules, granted

    def of(self, account: Account, more: Iterable[int] = ()) -> rs.Ranges:
        """The list of the account, with `more` addresses of its modules."""
        granted = self.granted[1] if self.granted is not None and self.granted[0] == account.name else ()
        return allowed_for(account, (), (*self._modules.get(account.name, ()), *granted, *more))

    def around(self, d: Deployed) -> rs.Ranges:
        """The list that the sandbox of a deployed module has; empty if none holds it to one."""
        return self.of(d.account) if listed(d) else rs.EMPTY


class Kept(Protocol):
    """What modules send, kept from earlier: judging them again takes long."""

    def get(self, d: Deployed, interface: str) -> tuple[Gist | None] | None:
        """What was found out of a module on an interface of its platform; None if nothing was."""

    def put(self, d: Deployed, interface: str, found: tuple[Gist | None]) -> None:
        """It was found out, or is known."""


class Forgetful:
    """`Kept` by nobody."""

    def get(self, d: Deployed, interface: str) -> tuple[Gist | None] | None:
        return None

    def put(self, d: Deployed, interface: str, found: tuple[Gist | None]) -> None:
        pass


def listed(d: Deployed) -> bool:
    """Whether a sandbox holds the module to its account's list."""
    return d.sandbox and d.account.role is AccountRole.THIRD_PARTY


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


__all__ = [
    "LONGEST_FRAME",
    "PARSE",
    "SANDBOX",
    "Deployed",
    "Forgetful",
    "Kept",
    "Lists",
    "allowed_for",
    "enforcer",
    "listed",
    "machine_of",
    "make_module",
    "middlebox_box",
    "module_box",
    "placed",
    "whole",
]
