"""The answer to a request: is each module safe, where can all of them go, and does everything asked for hold there.

Nothing is changed. Platforms are tried best first: those that the request's own traffic can reach, then those with the
most room. On each, the modules are put in place for the proof and every requirement and rule is checked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from operator import is_

from innet.diagnostics import ConfigurationError, Diagnostic, Severity, Span, render, suggest
from innet.elements.base import Role as ElementRole
from innet.explore.flow import BudgetExceeded
from innet.explore.machine import Machine, device_of
from innet.explore.modules import Module as PlacedModule
from innet.explore.network import Network
from innet.messages import Account, Answer, Assessment, Check, Placement, Plan, Trial
from innet.messages import Role as AccountRole
from innet.network import Platform, format_address, parse_address
from innet.policy import ElementPort, Module, Named, Node, Place, Reach, Region, Request, Variable
from innet.policy.syntax import Hop
from innet.symbolic import ranges as rs
from innet.symbolic.state import Tables
from innet.symbolic.work import MAX_WORK, Stop, Stopped, never
from innet.verify.anywhere import fails_on
from innet.verify.questions import prepare
from innet.verify.reach import answer, first_is
from innet.verify.security import Rules, Security, Templates, assess, sandbox_templates
from innet.verify.texts import deployed
from innet.verify.world import (
    PARSE,
    Deployed,
    World,
    machine_of,
    make_module,
    module_box,
)

SECURITY_BUDGET = 150_000
"""Element executions that judging one module may cost."""

REQUEST_WORK, PLATFORM_WORK = 3 * MAX_WORK, 5_000
"""Work that all questions of a request may cost together, and more for each platform that there is to try: some 15
seconds, where one question may cost some four."""


def _no_clock() -> float:
    return 0.0


@dataclass(frozen=True)
class Candidate:
    """A module of the request, in place on a platform."""

    module: Module
    placement: Placement
    security: Security
    placed: PlacedModule


@dataclass(frozen=True)
class Unmet:
    """Platforms that have room, where a requirement is known to fail as on another one; the reason, and the answer."""

    platforms: frozenset[str]
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]


def plan(
    request: Request,
    world: World,
    account: Account,
    *,
    all_platforms: bool = False,
    variables: Mapping[str, str] | None = None,
    clock: Callable[[], float] = _no_clock,
    stop: Stop = never,
) -> Plan:
    """Prove and place, change nothing. Raises ConfigurationError for a request that makes no sense.

    `clock` gives seconds; the time it took is in the plan. Once `stop` says why to stop the answer is `undecided`.
    """
    started = clock()
    guard = world.network.guard
    guard.begin(stop, REQUEST_WORK + PLATFORM_WORK * len(world.snapshot.platforms))
    try:
        made = Planner(request, world, account, dict(request.parameters) | dict(variables or {})).plan(
            all_platforms
        )
    except Stopped as why:
        made = Plan(Assessment.UNDECIDED, warnings=(f"the proof was stopped: {why}",))
    finally:
        guard.end()
    return replace(made, milliseconds=(clock() - started) * 1e3)


class Planner:
    """One request, in one world."""

    def __init__(
        self, request: Request, world: World, account: Account, variables: Mapping[str, str]
    ) -> None:
        self.request, self.world, self.account = request, world, account
        self.variables = dict(variables.items())
        self.operator = account.role is AccountRole.OPERATOR
        self.warnings: list[str] = [render(w) for w in request.warnings]
        self.machines: dict[tuple[str, bool, str], Machine] = {}
        self.secured: dict[tuple[str, int], Security] = {}

    def plan(self, all_platforms: bool) -> Plan:
        request = self.checked()
        if not request.modules:
            checks = tuple(
                answer(prepare(r, {}), self.world.network, self.world.tables, operator=self.operator)
                for r in request.requirements
            )
            return Plan(_overall(Assessment.SAFE, checks), requirements=checks, warnings=tuple(self.warnings))
        if not self.world.snapshot.platforms:
            return Plan(Assessment.REFUSED, warnings=("the network has no platform",))
        trials: list[Trial] = []
        proven: list[Trial] = []
        chosen: list[Candidate] | None = None
        last: list[Candidate] = []
        told: Trial | None = None
        alike: list[Unmet] | None = None
        for platform in self.order():
            if told is not None:
                name = platform.name
                alike = [*self.unmet_alike(told)] if alike is None else alike
                failed = None
                for one in alike:
                    if name in one.platforms:
                        failed = Trial(name, False, one.reasons, one.checks)
                        break
                if failed is not None:
                    trials.append(failed)
                    continue
            trial, candidates = self.attempt(platform, told)
            trials.append(trial)
            proven.append(trial)
            if told is None and trial.requirements:
                told = trial
            last = candidates or last
            if trial.fits and chosen is None:
                chosen = candidates
            refused = any(
                c.security.assessment in (Assessment.REFUSED, Assessment.UNDECIDED) for c in candidates
            )
            if refused or (chosen is not None and not all_platforms):
                break
        shown = chosen or last
        security = tuple(
            replace(check, text=f"{c.module.name}: {check.text}" if len(request.modules) > 1 else check.text)
            for c in shown
            for check in c.security.checks
        )
        worst = _worst([c.security.assessment for c in shown])
        checked = next((t for t in reversed(trials) if t.requirements or t.rules), trials[-1])
        best = next((t for t in proven if t.fits), checked)
        placements = tuple(c.placement for c in chosen or ())
        if chosen is None and worst in (Assessment.SAFE, Assessment.SANDBOX):
            undecided = any(
                check.holds is Answer.UNDECIDED for t in proven for check in (*t.requirements, *t.rules)
            ) or any(
                not (t.requirements or t.rules) and t.reasons and "limits" in t.reasons[0] for t in proven
            )
            worst = Assessment.UNDECIDED if undecided else Assessment.REFUSED
        return Plan(
            worst, placements, tuple(trials), security, best.requirements, best.rules,
            tuple(dict.fromkeys(self.warnings)),
        )  # fmt: skip

    # ---- the request itself

    def checked(self) -> Request:
        """The request with names of modules as written in their headers; every mistake is told at once."""
        problems: list[Diagnostic] = []
        names = [m.name for m in self.request.modules]
        placeholder = dict.fromkeys(names, "192.0.2.1")
        for module in self.request.modules:
            if module.stock is not None:
                problems.append(
                    Diagnostic("V301", f"there is no stock module '{module.stock.name}'", module.stock.span,
                               "a Click configuration: stock modules are not available yet")
                )  # fmt: skip
                continue
            try:
                problems += unsuitable(module, self.machine(module, placeholder))
            except ConfigurationError as error:
                problems += error.diagnostics
        requirements: list[Reach] = []
        for reach in self.request.requirements:
            requirements.append(self.named(reach, names, problems))
        errors = [p for p in problems if p.severity is Severity.ERROR]
        if errors:
            raise ConfigurationError(errors)
        return replace(self.request, requirements=tuple(requirements))

    def named(self, reach: Reach, names: list[str], problems: list[Diagnostic]) -> Reach:
        """The statement with module names spelled as their headers spell them; unknown nodes are noted."""

        known = {f"{n}.ADDR" for n in names} | ({"ADDR"} if len(names) == 1 else set())

        def variable(name: str, place: Span | None) -> None:
            if name not in known:
                near = suggest(name, known)
                problems.append(
                    Diagnostic("V304", f"'${name}' has no value", place,
                               ", ".join(f"${k}" for k in sorted(known)) or "an address",
                               f"did you mean '${near}'?" if near else "")
                )  # fmt: skip

        def fix(node: Node, starts: bool) -> Node:
            if isinstance(node, ElementPort):
                same = [n for n in names if n.lower() == node.module.lower()]
                if node.module not in names and len(same) == 1:
                    self.warnings.append(f"'{node.module}' is taken for the module '{same[0]}'")
                    node = replace(node, module=same[0])
                if node.module not in names:
                    near = suggest(node.module, names)
                    problems.append(
                        Diagnostic("V302", f"the request has no module '{node.module}'", node.span,
                                   ", ".join(names) or "no module is in this request",
                                   f"did you mean '{near}'?" if near else "")
                    )  # fmt: skip
                    return node
                module = next(m for m in self.request.modules if m.name == node.module)
                self.check_element(module, node, starts, problems)
            elif isinstance(node, Variable):
                variable(node.name, node.span)
            elif isinstance(node, Named):
                if not self.operator or node.name not in self.world.snapshot.nodes:
                    known_nodes = [*self.world.snapshot.nodes] if self.operator else []
                    near = suggest(node.name, [*known_nodes, *names, "client", "internet"])
                    problems.append(
                        Diagnostic("V303", f"'{node.name}' is not a node", node.span,
                                   "an address, a subnet, 'client', 'internet', or MODULE:ELEMENT[:PORT]",
                                   f"did you mean '{near}'?" if near else "")
                    )  # fmt: skip
            elif isinstance(node, Region) and node.place is Place.MODULE and not self.operator:
                problems.append(
                    Diagnostic("V303", "'module' is for the operator's rules", node.span,
                               "an address, a subnet, 'client', 'internet', or MODULE:ELEMENT[:PORT]")
                )  # fmt: skip
            return node

        def hop(h: Hop, starts: bool = False) -> Hop:
            for name in h.flow.variables if h.flow is not None else ():
                variable(name, h.flow.span if h.flow is not None else None)
            node = fix(h.node, starts)
            return h if node is h.node else replace(h, node=node)

        start, hops = hop(reach.start, True), tuple([hop(h) for h in reach.hops])
        if start is reach.start and all(map(is_, hops, reach.hops)):
            return reach
        return replace(reach, start=start, hops=hops)

    def check_element(
        self, module: Module, node: ElementPort, starts: bool, problems: list[Diagnostic]
    ) -> None:
        """Whether the module has that element, and the element that output (where packets start) or input."""
        machine = next((m for (name, _, _), m in self.machines.items() if name == module.name), None)
        if machine is None:
            return
        if node.element not in machine.elements:
            near = suggest(node.element, machine.elements)
            problems.append(
                Diagnostic("V305", f"module '{module.name}' has no element '{node.element}'", node.span,
                           "one of " + ", ".join(list(machine.elements)[:12]),
                           f"did you mean '{near}'?" if near else "name the element with NAME :: Class(...)")
            )  # fmt: skip
            return
        leaves = starts and machine.elements[node.element].ROLE is ElementRole.EXIT
        count = 1 if leaves else (machine.outputs if starts else machine.inputs)(node.element)
        if node.port >= count:
            what = "output" if starts else "input"
            problems.append(
                Diagnostic("V305", f"'{module.name}:{node.element}' has no {what} {node.port}", node.span,
                           f"{what} 0" if count == 1 else f"{what} 0 to {count - 1}" if count else "",
                           "" if count else f"name the element {'before' if starts else 'behind'} it")
            )  # fmt: skip

    def machine(self, module: Module, addresses: Mapping[str, str]) -> Machine:
        """The module's configuration with its addresses; built once where it does not mention them."""
        mentions = "ADDR" in module.code
        key = (module.name, mentions, ",".join(sorted(addresses.values())) if mentions else "")
        found = self.machines.get(key)
        if found is None:
            found = self.machines[key] = machine_of(
                deployed(module, self.variables, addresses), spend=self.world.network.guard.spend
            )
        return found

    # ---- placement

    def order(self) -> Iterator[Platform]:
        """Platforms, best first: where the request's traffic arrives, then by free room, then by name."""
        starts: set[Node] = set()
        names = {m.name for m in self.request.modules}
        for reach in self.request.requirements:
            first = reach.hops[0].node
            mine = isinstance(first, ElementPort) and first.module in names
            if mine and isinstance(reach.start.node, Region) and reach.start.node.place is not Place.MODULE:
                starts.add(reach.start.node)
        return self.world.best_first(frozenset(starts))

    def unmet_alike(self, told: Trial) -> Iterator[Unmet]:
        """For each requirement that failed in the trial `told`: where else it is known to fail in the same way."""
        number = self.world.free_address(told.name)
        assert number is not None, "the module was there"
        for reach, check in zip(self.checked_requirements, told.requirements, strict=True):
            if check.holds is Answer.NO and len(self.request.modules) == 1:
                failed = Check(check.text, Answer.NO, check.reason)
                platforms = self.fails_on(reach, {self.request.modules[0].name: number})
                yield Unmet(platforms, (unmet(failed),), (failed,))

    def attempt(self, platform: Platform, told: Trial | None) -> tuple[Trial, list[Candidate]]:
        """Whether the modules can all be on this platform, and why not. All reasons are told of the first that has room
        for them, `told`; on the others a requirement that fails is enough."""
        world, modules = self.world, self.request.modules
        room = platform.capacity.modules
        reasons: list[str] = []
        if room is not None and world.used(platform.name) + len(modules) > room:
            reasons.append(f"it is full: {world.used(platform.name)} of {room} modules")
        numbers: dict[str, int] = {}
        for module in modules:
            address = world.free_address(platform.name, numbers.values())
            if address is None:
                reasons.append("it has no free address")
                break
            numbers[module.name] = address
        if reasons:
            return Trial(platform.name, False, tuple(reasons)), []
        world = world.granting(self.account, numbers.values())
        if told is not None and any(c.holds is not Answer.YES for c in told.requirements):
            failed = self.fails(platform, numbers, world)
            if failed:
                reasons += [unmet(c) for c in failed if c.holds is not Answer.YES]
                return Trial(platform.name, False, tuple(reasons), failed), []
        candidates = self.place(platform, numbers)
        refused = [
            c for c in candidates if c.security.assessment in (Assessment.REFUSED, Assessment.UNDECIDED)
        ]
        if refused:
            for c in refused:
                for why in dict.fromkeys(k.reason for k in c.security.checks if k.holds is not Answer.YES):
                    reasons.append(f"module {c.module.name} is {c.security.assessment.value}: {why}")
        if any(c.security.assessment is Assessment.UNDECIDED for c in refused):
            return Trial(platform.name, False, tuple(reasons)), candidates
        try:  # of a module that is refused the rest is told, too: all that has to be mended, at once
            requirements, rules = self.check(candidates, numbers, world)
        except BudgetExceeded:
            if not refused:
                reasons.append(
                    "what the modules do in the sandbox is too complex to be proven within the limits"
                )
            return Trial(platform.name, False, tuple(reasons)), candidates
        reasons += [unmet(c) for c in requirements if c.holds is not Answer.YES]
        reasons += [
            f"operator's rule: {c.text}" + (f": {c.reason}" if self.operator else "")
            for c in rules
            if c.holds is not Answer.YES
        ]
        return Trial(platform.name, not reasons, tuple(reasons), requirements, rules), candidates

    def fails(self, platform: Platform, numbers: Mapping[str, int], world: World) -> tuple[Check, ...]:
        """The requirements, one of which fails on this platform whatever the modules are judged to be; empty if none
        does."""
        network = world.network.with_modules(self.bare(platform, numbers))
        requirements = self.required(network, world.tables, numbers, world)
        return requirements if any(c.holds is Answer.NO for c in requirements) else ()

    def fails_on(self, reach: Reach, numbers: Mapping[str, int]) -> frozenset[str]:
        """The platforms with room on which the requirement fails in the same way, as far as one look tells."""
        names = frozenset(numbers)
        if "$" in reach.text or "ADDR" in self.request.modules[0].code or self.world.has_listed(self.account):
            return frozenset()
        (module,) = self.bare(self.world.snapshot.platforms[0], numbers)
        network = self.world.network.with_modules([module])
        question = prepare(reach, {})
        if not first_is(question, network, names):
            return frozenset()
        arrived = self.world.arrivals(question.start.node)
        return fails_on(question, module.box, network, arrived, self.world.roomy)

    def bare(self, platform: Platform, numbers: Mapping[str, int]) -> list[PlacedModule]:
        """The modules in place on a platform, without a sandbox."""
        addresses = {name: format_address(number) for name, number in numbers.items()}
        interface = next(iter(platform.interfaces), "0")
        return [
            make_module(
                m.name, self.account, platform.name, numbers[m.name],
                module_box(m.name, self.machine(m, addresses), interface), False, rs.EMPTY,
            )
            for m in self.request.modules
        ]  # fmt: skip

    def place(self, platform: Platform, numbers: Mapping[str, int]) -> list[Candidate]:
        addresses = {name: format_address(number) for name, number in numbers.items()}
        interface = next(iter(platform.interfaces), "0")
        allowed = self.world.allowed(self.account, numbers.values())
        out: list[Candidate] = []
        for module in self.request.modules:
            number = numbers[module.name]
            box = module_box(module.name, self.machine(module, addresses), interface)
            security = self.secured.get((module.name, number))
            if security is None:
                rules = Rules(number, self.account, allowed, self.world.snapshot.operator.connectionless)
                security = assess(box, PARSE, rules, self.world.network.budget(SECURITY_BUDGET))
                self.secured[module.name, number] = security
            protocol = None if security.protocol is None else PROTOCOLS.get(security.protocol)
            port = None if protocol is None else security.port
            sandbox = security.assessment is Assessment.SANDBOX
            placement = Placement(module.name, platform.name, addresses[module.name], protocol, port, sandbox)
            placed = make_module(module.name, self.account, platform.name, number, box, sandbox, allowed)
            placed = replace(placed, sent=security.sent)
            if not self.operator:
                text = deployed(module, self.variables, addresses).text
                self.world.proven(platform.name, number, text, self.account, security.sent)
            out.append(Candidate(module, placement, security, placed))
        return out

    def check(
        self, candidates: list[Candidate], numbers: Mapping[str, int], world: World
    ) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
        """Every requirement and every rule, with the candidates in place, in the world that they come to."""
        network: Network = world.network.with_modules(c.placed for c in candidates)
        names = frozenset(c.module.name for c in candidates)
        templates: Templates = {}
        for c in candidates:
            templates.update(c.security.templates)
            if c.placed.enforcer is not None:
                number, budget = c.placed.address, self.world.network.budget(SECURITY_BUDGET)
                made = sandbox_templates(
                    c.placed.box, c.placed.enforcer, PARSE, number, c.security.templates, budget
                )
                templates.update(made)

        def tables() -> Tables:
            return world.tables(templates)

        requirements = self.required(network, tables, numbers, world)
        placed = tuple(c.placed for c in candidates)

        def rule_check(rule: Reach) -> Check:
            base, question = world.base(rule, placed), world.question(rule)
            if world.spares(question, base, placed):
                return Check(question.text, Answer.YES)
            return answer(question, network, tables, base, names, self.operator)

        return requirements, tuple(rule_check(rule) for rule in world.policy.rules)

    def required(
        self, network: Network, tables: Callable[[], Tables], numbers: Mapping[str, int], world: World
    ) -> tuple[Check, ...]:
        """Every requirement, with the modules in `network` at the addresses `numbers`."""
        variables = {f"{name}.ADDR": number for name, number in numbers.items()}
        if len(numbers) == 1:
            variables["ADDR"] = next(iter(numbers.values()))
        names, arrivals = frozenset(numbers), world.arrivals
        return tuple(
            answer(prepare(reach, variables), network, tables, None, names, self.operator, arrivals)
            for reach in self.checked_requirements
        )

    @cached_property
    def checked_requirements(self) -> tuple[Reach, ...]:
        ignore: list[Diagnostic] = []
        names = [m.name for m in self.request.modules]
        return tuple(self.named(r, names, ignore) for r in self.request.requirements)


def unsuitable(module: Module, machine: Machine) -> list[Diagnostic]:
    """What a configuration has that a platform does not offer, or that could change it after it was proven."""
    found: list[Diagnostic] = []
    for name, element in machine.elements.items():
        kind = type(element).__name__
        wrong = ""
        if element.BARRED:
            wrong = element.BARRED
        elif any(handler.rpartition(".")[2] not in RESETS for handler in element.written()):
            wrong = "it writes a handler, and what was proven must not change; only counters may be reset"
        elif element.ROLE in (ElementRole.ENTRY, ElementRole.EXIT) and device_of(machine, name) != "0":
            wrong = "a module has one interface, 0"
        if wrong:
            text = f"module '{module.name}': {name} ({kind}) cannot run on a platform: {wrong}"
            found.append(
                Diagnostic(
                    "V306", text, module.name_span, help="leave it out, or use FromNetfront and ToNetfront"
                )
            )
    return found


def unmet(check: Check) -> str:
    """A requirement that does not hold, as the reason against a platform."""
    return f"requirement: {check.text}: {check.reason}"


RESETS = ("reset", "reset_counts", "reset_count")
"""The handlers that a module's own text may write: they set what was counted or kept back to the start.

Of all other state a proof knows the values that programs give it. `Router.frozen` holds the same line as it runs.
"""

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
"""Protocols that a placement names; null stands for all others."""


def _worst(assessments: list[Assessment]) -> Assessment:
    order = (Assessment.REFUSED, Assessment.UNDECIDED, Assessment.SANDBOX, Assessment.SAFE)
    return next((a for a in order if a in assessments), Assessment.REFUSED)


def _overall(assessment: Assessment, checks: tuple[Check, ...]) -> Assessment:
    if any(c.holds is Answer.NO for c in checks):
        return Assessment.REFUSED
    if any(c.holds is Answer.UNDECIDED for c in checks):
        return Assessment.UNDECIDED
    return assessment


__all__ = ["Deployed", "parse_address", "plan"]
