"""Deployments and what becomes of them: run, list, kill, and take back what was left half done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from innet.controller.process import is_alive, this_process
from innet.controller.store import HOLDING, UNFINISHED, DeploymentRow, State, Store
from innet.controller.whitelist import whitelist
from innet.diagnostics import ConfigurationError, Diagnostic, PlatformError, suggest
from innet.messages import Account, Placement, Role
from innet.network import format_address
from innet.platform.protocol import Deployment, ModuleState, PlatformAgent


@dataclass(frozen=True, slots=True)
class Record:
    """A deployment as it is listed; `since_s` (seconds from 1970) is when it came into its state."""

    identifier: str
    account: str
    state: str
    since_s: float
    modules: tuple[Placement, ...]
    sandbox: bool = False


class Deployments:
    """What a store holds, on the platforms that `agent` finds by name. `checkpoint` is called with the name of each
    step when it is done."""

    def __init__(
        self,
        store: Store,
        agent: Callable[[str], PlatformAgent],
        checkpoint: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.store = store
        self._agent = agent
        self._checkpoint = checkpoint

    def list(self, account: Account | None = None) -> tuple[Record, ...]:
        """What is deployed, oldest first: everything for operators (and None), the account's own for others."""
        return tuple(record(row) for row in self.store.all(*HOLDING) if _may_see(account, row))

    def kill(self, name: str, account: Account | None = None) -> Record:
        """Take a deployment back: nothing of it runs any more, its addresses are free.

        Raises ConfigurationError if the account has none of that name, PlatformError if a platform failed (the next
        `kill` or `recover` goes on).
        """
        row = self.store.get(name)
        states = (State.CONFIRMED, State.KILLING)
        if (
            row is None
            or not _may_see(account, row)
            or not self.store.begin_kill(name, this_process(), states)
        ):
            known = [one.identifier for one in self.list(account)]
            near = suggest(name, known)
            raise ConfigurationError(
                Diagnostic(
                    "K104",
                    f"there is no deployment '{name}'",
                    expected=", ".join(known[:8]) or "nothing: nothing is deployed",
                    help=f"did you mean '{near}'?" if near else "",
                )
            )
        self._checkpoint("killing")
        self._finish(name)
        return record(row)

    def recover(self) -> tuple[str, ...]:
        """Take back what controllers that died had begun; the identifiers."""
        taken = []
        for row in self.store.all(*UNFINISHED):
            if not is_alive(row.owner):
                self.take_back(row.identifier)
                taken.append(row.identifier)
        return tuple(taken)

    def synchronize(self, platforms: Iterable[str]) -> None:
        """Make these platforms run what is confirmed, and nothing else. Raises PlatformError, with all that the
        platforms could not do, when the rest is done.

        Other controllers may work meanwhile: what they have begun stays as it is.
        """
        names = frozenset(platforms)
        problems: list[Diagnostic] = []
        for name in sorted(names):
            try:
                self._remove_strangers(name)
            except PlatformError as error:
                problems += error.diagnostics
        for row in self.store.all(State.CONFIRMED):
            for deployment in self._deployments(row):
                if deployment.platform in names:
                    try:
                        self._apply_again(deployment)
                    except PlatformError as error:
                        problems += error.diagnostics
        if problems:
            raise PlatformError(problems)

    def _remove_strangers(self, platform: str) -> None:
        """Stop what nobody has deployed there."""
        agent = self._agent(platform)
        for report in agent.observe().modules:
            # read only now: whoever had it applied before we looked has written it down before
            row = self.store.get(report.id.partition(".")[0])
            modules = row.modules if row is not None and row.state in HOLDING else ()
            if report.id not in {
                f"{row.identifier}.{m.module}" for m in modules if row and m.platform == platform
            }:
                agent.remove(report.id)

    def _apply_again(self, deployment: Deployment) -> None:
        """Have a confirmed module run; if it was killed meanwhile, stop it again."""
        agent = self._agent(deployment.platform)
        agent.apply(deployment)
        row = self.store.get(deployment.identifier)
        if row is None or row.state is not State.CONFIRMED:
            agent.remove(deployment.id)

    def run(self, name: str) -> None:
        """From reserved to confirmed. Raises PlatformError if a platform failed, and leaves the taking back to the
        caller."""
        row = self._row(name)
        deployments = self._deployments(row)
        for deployment in deployments:
            self._agent(deployment.platform).apply(deployment)
            self._checkpoint("module applied")
        self.store.advance(name, State.RESERVED, State.APPLIED)
        self._checkpoint("applied")
        for deployment in deployments:
            reports = self._agent(deployment.platform).observe().modules
            running = {report.id for report in reports if report.state is not ModuleState.FAILED}
            if deployment.id not in running:
                raise PlatformError(
                    Diagnostic(
                        "K105", f"platform '{deployment.platform}' took {deployment.id} but does not run it"
                    )
                )
        self._refresh(row.account, without=name)
        self.store.advance(name, State.APPLIED, State.CONFIRMED)
        self._checkpoint("confirmed")

    def take_back(self, name: str) -> None:
        """Undo whatever was done for a deployment. If a platform fails here, `recover` goes on later."""
        if self.store.begin_kill(name, this_process(), (*UNFINISHED, State.CONFIRMED)):
            self._finish(name)

    def _finish(self, name: str) -> None:
        """From killing to killed: first nothing runs any more, then the addresses are free."""
        row = self._row(name)
        for module in row.modules:
            self._agent(module.platform).remove(f"{name}.{module.module}")
            self._checkpoint("module removed")
        self._refresh(row.account, without=name)
        self.store.release(name)
        self._checkpoint("killed")

    def _refresh(self, account: str, without: str) -> None:
        """Tell the sandboxes of an account's other modules whom they may write to now."""
        for row in self.store.all(State.CONFIRMED):
            if row.account == account and row.identifier != without and row.role is Role.THIRD_PARTY:
                for deployment in self._deployments(row):
                    if deployment.sandbox:
                        self._agent(deployment.platform).apply(deployment)

    def _row(self, name: str) -> DeploymentRow:
        row = self.store.get(name)
        assert row is not None, "rows are never deleted"
        return row

    def _deployments(self, row: DeploymentRow) -> tuple[Deployment, ...]:
        """What the agents are told. A sandbox's whitelist follows the account's modules."""
        others: tuple[int, ...] = ()
        if any(m.sandbox for m in row.modules) and row.role is Role.THIRD_PARTY:
            others = tuple(
                module.address
                for other in self.store.all(State.RESERVED, State.APPLIED, State.CONFIRMED)
                if other.account == row.account
                for module in other.modules
            )
        return tuple(
            Deployment(
                row.identifier,
                m.module,
                row.account,
                row.role,
                m.platform,
                format_address(m.address),
                m.text,
                m.sandbox,
                whitelist(row.role, m.owned, others) if m.sandbox else (),
            )
            for m in row.modules
        )


def _may_see(account: Account | None, row: DeploymentRow) -> bool:
    return account is None or account.role is Role.OPERATOR or row.account == account.name


def record(row: DeploymentRow) -> Record:
    """The row as it is listed."""
    places = (
        Placement(m.module, m.platform, format_address(m.address), m.protocol, m.port) for m in row.modules
    )
    sandbox = any(m.sandbox for m in row.modules)
    return Record(row.identifier, row.account, row.state.value, row.changed_s, tuple(places), sandbox)
