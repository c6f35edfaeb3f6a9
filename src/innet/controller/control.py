"""Requests in, deployments out: plan, reserve, apply, confirm; each step is taken back if the next one fails."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random

from innet.controller.deployments import Deployments, Record
from innet.controller.identifiers import identifier
from innet.controller.process import this_process
from innet.controller.proofs import Prover
from innet.controller.store import DeploymentRow, ModuleRow, StaleError, Store
from innet.diagnostics import Diagnostic, InNetError, Source
from innet.messages import Account, Plan
from innet.network import Snapshot, parse_address
from innet.platform.protocol import Observation, PlatformAgent
from innet.policy import Request, parse_request, unparse_request
from innet.verify.recheck import Held, Recheck
from innet.verify.world import Deployed

ATTEMPTS = 5
"""How often a plan is made anew because something else was deployed meanwhile."""


class ConflictError(InNetError):
    """Others changed what is deployed faster than a plan could be made for it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to `apply`; without `identifier`, nothing was deployed."""

    plan: Plan
    identifier: str | None = None


@dataclass(frozen=True)
class Settings:
    """What a controller works with: `agent` finds a platform's agent by its name; `checkpoint` is called with the name
    of each step when it is done."""

    snapshot: Snapshot
    prover: Prover
    store: Store
    agent: Callable[[str], PlatformAgent]
    random: Random = field(default_factory=Random)
    checkpoint: Callable[[str], None] = lambda step: None


class Controller:
    """One controller. Several on one store do not disturb one another; start each with `recover`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._deployments = Deployments(settings.store, settings.agent, settings.checkpoint)
        self._capacities = {p.name: p.capacity.modules for p in settings.snapshot.platforms}

    def plan(self, request: Request, account: Account, *, all_platforms: bool = False) -> Plan:
        """Prove and place beside what is deployed; change nothing."""
        deployed, reserved = self._deployed()[1], self._settings.store.quarantined()
        return self._settings.prover.plan(request, deployed, account, reserved, all_platforms=all_platforms)

    def apply(self, request: Request, account: Account) -> Reply:
        """Deploy a request, whole or not at all.

        Refused or without modules: the plan alone. Raises ConfigurationError for bad input, PlatformError if a platform
        failed (everything is taken back), ConflictError if others were always faster.
        """
        store = self._settings.store
        for _ in range(ATTEMPTS):
            version, deployed = self._deployed()
            plan = self._settings.prover.plan(request, deployed, account, store.quarantined())
            if not plan.granted or not plan.placements:
                return Reply(plan)
            name = identifier(self._settings.random, store.known)
            modules = self._modules(request, plan, account)
            text = unparse_request(request)
            store.plan(name, account.name, account.role, this_process(), text, modules)
            try:
                self._settings.checkpoint("planned")
                store.reserve(name, version, self._capacities)
                self._settings.checkpoint("reserved")
                self._deployments.run(name)
            except StaleError:
                self._deployments.take_back(name)
                continue
            except BaseException:
                self._deployments.take_back(name)
                raise
            return Reply(plan, name)
        message = f"what is deployed changed {ATTEMPTS} times while this was planned"
        raise ConflictError(Diagnostic("K103", message, help="try again"))

    def recheck(self, snapshot: Snapshot) -> Recheck:
        """What still holds on another snapshot of the network (or the same), which counts from now on. Nothing that is
        deployed is changed. Raises PolicyError if a rule names a node that is gone."""
        rows = self._settings.store.holding()[1]
        held = tuple(
            Held(
                row.identifier,
                Account(row.account, row.role, row.modules[0].owned),
                parse_request(Source(row.identifier, row.request)),
                _deployed(row),
            )
            for row in rows
        )
        deployed = tuple(d for one in held for d in one.modules)
        reserved = self._settings.store.quarantined()
        found = self._settings.prover.recheck(snapshot, deployed, held, reserved)
        self._settings = replace(self._settings, snapshot=snapshot)
        self._capacities = {p.name: p.capacity.modules for p in snapshot.platforms}
        return found

    def list(self, account: Account | None = None) -> tuple[Record, ...]:
        """As `Deployments.list`."""
        return self._deployments.list(account)

    def kill(self, name: str, account: Account | None = None) -> Record:
        """As `Deployments.kill`."""
        return self._deployments.kill(name, account)

    def recover(self, synchronize: bool = True) -> tuple[str, ...]:
        """Take back what controllers that died had begun; the identifiers. Unless told otherwise, also make the
        platforms run what is confirmed, and nothing else."""
        taken = self._deployments.recover()
        if synchronize:
            self._deployments.synchronize(self._capacities)
        return taken

    def synchronize(self, platforms: Iterable[str]) -> None:
        """As `Deployments.synchronize`."""
        self._deployments.synchronize(platforms)

    def observe(self) -> tuple[Observation, ...]:
        """What each platform reports."""
        return tuple(self._settings.agent(name).observe() for name in self._capacities)

    def _deployed(self) -> tuple[int, tuple[Deployed, ...]]:
        version, rows = self._settings.store.holding()
        return version, tuple(d for row in rows for d in _deployed(row))

    def _modules(self, request: Request, plan: Plan, account: Account) -> tuple[ModuleRow, ...]:
        texts = self._settings.prover.texts(request, plan)
        return tuple(
            ModuleRow(
                module=p.module,
                platform=p.platform,
                address=parse_address(p.address),
                text=texts[p.module],
                sandbox=p.sandbox,
                protocol=p.protocol,
                port=p.port,
                owned=account.owned,
            )
            for p in plan.placements
        )


def _deployed(row: DeploymentRow) -> tuple[Deployed, ...]:
    """The modules of a deployment, as proofs see them."""
    return tuple(
        Deployed(
            name=m.module,
            account=Account(row.account, row.role, m.owned),
            platform=m.platform,
            address=m.address,
            text=m.text,
            sandbox=m.sandbox,
            identifier=f"{row.identifier}.{m.module}",
        )
        for m in row.modules
    )
