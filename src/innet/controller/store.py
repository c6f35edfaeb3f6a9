"""What the controller remembers: deployments and the addresses they hold, in one SQLite file.

A deployment goes planned, reserved, applied, confirmed; then killing, killed. Each step is one transaction, so that a
controller that dies between two of them leaves a state that tells the next one what to take back.

`version` counts every change of what is deployed. A plan is made for one version, and `reserve` refuses it if
another has come since: nobody else can have taken the address, the place, or broken a rule in between.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from innet.diagnostics import Diagnostic, PlatformError
from innet.messages import Role
from innet.network import format_address

SCHEMA = 1
BUSY_S = 10.0
"""How long to wait for another process that is writing."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO meta VALUES ('schema', {schema}), ('version', 0);
CREATE TABLE deployments (
  identifier TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  owner TEXT NOT NULL,
  request TEXT NOT NULL,
  planned_s REAL NOT NULL,
  changed_s REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX deployments_by_state ON deployments (state);
CREATE TABLE modules (
  identifier TEXT NOT NULL REFERENCES deployments ON DELETE CASCADE,
  place INTEGER NOT NULL,
  module TEXT NOT NULL,
  platform TEXT NOT NULL,
  address INTEGER NOT NULL,
  protocol TEXT,
  port INTEGER,
  text TEXT NOT NULL,
  sandbox INTEGER NOT NULL,
  owned TEXT NOT NULL,
  PRIMARY KEY (identifier, module)
) WITHOUT ROWID;
CREATE TABLE slots (
  address INTEGER PRIMARY KEY,
  platform TEXT NOT NULL,
  identifier TEXT NOT NULL REFERENCES deployments ON DELETE CASCADE,
  module TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX slots_by_platform ON slots (platform);
"""

JUDGED = """
CREATE TABLE IF NOT EXISTS judged (
  module TEXT PRIMARY KEY,
  version TEXT NOT NULL,
  sends TEXT NOT NULL
) WITHOUT ROWID
"""
"""What was found out of modules (`innet.controller.judged`); nothing is lost if it is empty."""


class State(Enum):
    """How far a deployment is. PLANNED: recorded, holds nothing. RESERVED: holds its addresses and places. APPLIED:
    the platforms took it. CONFIRMED: they reported that it runs. KILLING: being taken back. KILLED: gone; kept so that
    its identifier is never given again."""

    PLANNED = "planned"
    RESERVED = "reserved"
    APPLIED = "applied"
    CONFIRMED = "confirmed"
    KILLING = "killing"
    KILLED = "killed"


HOLDING = (State.RESERVED, State.APPLIED, State.CONFIRMED, State.KILLING)
"""States in which addresses are held: what a new plan has to reckon with."""

UNFINISHED = (State.PLANNED, State.RESERVED, State.APPLIED, State.KILLING)
"""States that a live controller passes through; found without one, they are taken back."""


class StaleError(Exception):
    """The plan was made for another version of what is deployed."""


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """A module of a deployment. `owned` are the ranges of addresses its account had proven to own."""

    module: str
    platform: str
    address: int
    text: str
    sandbox: bool
    protocol: str | None = None
    port: int | None = None
    owned: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """A deployment with its modules. Times are seconds from 1970."""

    identifier: str
    account: str
    role: Role
    state: State
    owner: str
    request: str
    planned_s: float
    changed_s: float
    modules: tuple[ModuleRow, ...]


class Store:
    """The file, open. `now` gives seconds from 1970. Raises PlatformError if it cannot be used."""

    def __init__(self, path: Path | str, now: Callable[[], float]) -> None:
        self.path = path
        self._now = now
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._set_up()
        except (sqlite3.Error, OSError) as error:
            raise PlatformError(
                Diagnostic(
                    "K101", f"the state file {path} cannot be used: {error}", help="name another with --state"
                )
            ) from error

    def _set_up(self) -> None:
        with self._transaction():
            names = {
                row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if not names:
                for statement in TABLES.format(schema=SCHEMA).split(";"):
                    self._db.execute(statement)
                self._db.execute(JUDGED)
                return
            found = (
                self._db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
                if "meta" in names
                else None
            )
            if found is None or found[0] != SCHEMA:
                what = "is not one of ours" if found is None else f"has schema {found[0]}, not {SCHEMA}"
                raise PlatformError(
                    Diagnostic("K102", f"the state file {self.path} {what}", help="name another with --state")
                )
            self._db.execute(JUDGED)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction that holds the write lock from its start: committed at the end, undone by any exception."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # ---- reading

    def version(self) -> int:
        """The version of what is deployed."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
        return int(row[0])

    def checked(self) -> int | None:
        """A number that stands for the network and the rules for which what is deployed was checked last."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'checked'").fetchone()
        return None if row is None else int(row[0])

    def note_checked(self, network: int) -> None:
        """Write down for which network and rules what is deployed was checked."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('checked', ?)", (network,))

    def judged(self, version: str) -> dict[str, str]:
        """What that version found out of modules."""
        query = "SELECT module, sends FROM judged WHERE version = ?"
        return dict(self._db.execute(query, (version,)).fetchall())

    def keep_judged(self, version: str, new: Mapping[str, str], stale: Iterable[str]) -> None:
        """Write down what that version found out, and forget what is stale or another version's."""
        with self._transaction():
            self._db.execute("DELETE FROM judged WHERE version != ?", (version,))
            self._db.executemany("DELETE FROM judged WHERE module = ?", [(module,) for module in stale])
            rows = [(module, version, sends) for module, sends in new.items()]
            self._db.executemany("INSERT OR REPLACE INTO judged VALUES (?, ?, ?)", rows)

    def quarantined(self) -> frozenset[int]:
        """Addresses of killed modules of third parties that still have others: those were proven to send to the
        account's own modules only, so the addresses must not become somebody else's."""
        held = ", ".join("?" for _ in HOLDING)
        rows = self._db.execute(
            "SELECT DISTINCT m.address FROM modules m JOIN deployments d USING (identifier) WHERE d.state = ? AND "
            f"d.account IN (SELECT account FROM deployments WHERE role = ? AND state IN ({held}))",
            [State.KILLED.value, Role.THIRD_PARTY.value, *(state.value for state in HOLDING)],
        ).fetchall()
        return frozenset(address for (address,) in rows)

    def holding(self) -> tuple[int, tuple[DeploymentRow, ...]]:
        """The version, and the deployments that hold addresses, as of one moment."""
        self._db.execute("BEGIN")
        try:
            return self.version(), self.all(*HOLDING)
        finally:
            self._db.execute("COMMIT")

    def all(self, *states: State) -> tuple[DeploymentRow, ...]:
        """The deployments in one of `states`, oldest first."""
        marks = ", ".join("?" for _ in states)
        rows = self._db.execute(
            f"SELECT identifier FROM deployments WHERE state IN ({marks}) ORDER BY planned_s, identifier",
            [state.value for state in states],
        ).fetchall()
        return tuple(found for (name,) in rows if (found := self.get(name)) is not None)

    def get(self, identifier: str) -> DeploymentRow | None:
        """One deployment, or None."""
        row = self._db.execute(
            "SELECT identifier, account, role, state, owner, request, planned_s, changed_s FROM deployments "
            "WHERE identifier = ?",
            (identifier,),
        ).fetchone()
        if row is None:
            return None
        modules = self._db.execute(
            "SELECT module, platform, address, text, sandbox, protocol, port, owned FROM modules "
            "WHERE identifier = ? ORDER BY place",
            (identifier,),
        )
        name, account, role, state, owner, request, planned_s, changed_s = row
        return DeploymentRow(
            name,
            account,
            Role(role),
            State(state),
            owner,
            request,
            planned_s,
            changed_s,
            tuple(_module(found) for found in modules),
        )

    def known(self, identifier: str) -> bool:
        """Whether an identifier was ever given."""
        query = "SELECT 1 FROM deployments WHERE identifier = ?"
        return self._db.execute(query, (identifier,)).fetchone() is not None

    # ---- the steps of a deployment

    def plan(
        self,
        identifier: str,
        account: str,
        role: Role,
        owner: str,
        request: str,
        modules: tuple[ModuleRow, ...],
    ) -> None:
        """Write down what is going to be done; holds nothing yet."""
        now = self._now()
        with self._transaction():
            self._db.execute(
                "INSERT INTO deployments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (identifier, account, role.value, State.PLANNED.value, owner, request, now, now),
            )
            self._db.executemany(
                "INSERT INTO modules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(identifier, number, *_row(module)) for number, module in enumerate(modules)],
            )

    def reserve(self, identifier: str, version: int, capacities: Mapping[str, int | None]) -> None:
        """Take the addresses and places of a planned deployment, all or none.

        Raises StaleError if what is deployed is no longer `version`, if an address is taken, or if a platform
        (with its number of places in `capacities`; None: not limited) is full.
        """
        with self._transaction():
            if self.version() != version:
                raise StaleError(f"version {version} was planned for; it is {self.version()}")
            for module, platform, address in self._db.execute(
                "SELECT module, platform, address FROM modules WHERE identifier = ?", (identifier,)
            ).fetchall():
                limit = capacities.get(platform)
                query = "SELECT count(*) FROM slots WHERE platform = ?"
                if limit is not None and self._db.execute(query, (platform,)).fetchone()[0] >= limit:
                    raise StaleError(f"platform {platform} is full")
                try:
                    self._db.execute(
                        "INSERT INTO slots VALUES (?, ?, ?, ?)", (address, platform, identifier, module)
                    )
                except sqlite3.IntegrityError:
                    raise StaleError(f"{format_address(address)} is taken") from None
            self._move(identifier, State.PLANNED, State.RESERVED)
            self._changed()

    def advance(self, identifier: str, before: State, after: State) -> None:
        """One step on that changes nothing about what is held. Raises StaleError if it is not in state `before`."""
        with self._transaction():
            self._move(identifier, before, after)

    def begin_kill(self, identifier: str, owner: str, states: tuple[State, ...]) -> bool:
        """Mark a deployment as being taken back by `owner`; false if it is in none of `states`."""
        marks = ", ".join("?" for _ in states)
        with self._transaction():
            done = self._db.execute(
                "UPDATE deployments SET state = ?, owner = ?, changed_s = ? "
                f"WHERE identifier = ? AND state IN ({marks})",
                (State.KILLING.value, owner, self._now(), identifier, *(state.value for state in states)),
            )
            return done.rowcount == 1

    def release(self, identifier: str) -> None:
        """The end of a deployment: it holds nothing any more."""
        with self._transaction():
            self._db.execute("DELETE FROM slots WHERE identifier = ?", (identifier,))
            self._move(identifier, State.KILLING, State.KILLED)
            self._changed()

    def _move(self, identifier: str, before: State, after: State) -> None:
        done = self._db.execute(
            "UPDATE deployments SET state = ?, changed_s = ? WHERE identifier = ? AND state = ?",
            (after.value, self._now(), identifier, before.value),
        )
        if done.rowcount != 1:
            raise StaleError(f"{identifier} is not {before.value} any more")

    def _changed(self) -> None:
        self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")


def _row(m: ModuleRow) -> tuple[object, ...]:
    return m.module, m.platform, m.address, m.protocol, m.port, m.text, int(m.sandbox), json.dumps(m.owned)


def _module(row: tuple[object, ...]) -> ModuleRow:
    module, platform, address, text, sandbox, protocol, port, owned = row
    ranges = tuple((int(low), int(high)) for low, high in json.loads(str(owned)))
    assert isinstance(address, int)
    assert protocol is None or isinstance(protocol, str)
    assert port is None or isinstance(port, int)
    return ModuleRow(str(module), str(platform), address, str(text), bool(sandbox), protocol, port, ranges)
