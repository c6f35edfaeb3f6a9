"""The controller's way to the proofs: one world for each version of what is deployed."""

from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Protocol

from innet.controller.judged import Judged
from innet.controller.limits import Limits
from innet.messages import Account, Plan
from innet.network import Snapshot
from innet.policy import Policy, Request
from innet.verify.plan import plan
from innet.verify.recheck import Held, Recheck, has_place, recheck
from innet.verify.texts import module_texts
from innet.verify.world import Deployed, World


class Prover(Protocol):
    """What the controller asks of whoever proves."""

    def plan(
        self,
        request: Request,
        deployed: tuple[Deployed, ...],
        account: Account,
        reserved: frozenset[int] = frozenset(),
        *,
        all_platforms: bool = False,
    ) -> Plan:
        """Whether and where the request can be had, beside what is deployed; `reserved` addresses are given to nobody.
        Raises ConfigurationError or PolicyError for bad input."""
        ...

    def texts(self, request: Request, placed: Plan) -> Mapping[str, str]:
        """The Click text of each placed module, with every parameter and address replaced."""
        ...

    def recheck(
        self,
        snapshot: Snapshot,
        deployed: tuple[Deployed, ...],
        held: Iterable[Held],
        reserved: frozenset[int] = frozenset(),
    ) -> Recheck:
        """What still holds on another snapshot, on which requests are planned from now on. Raises PolicyError if a rule
        names a node that is gone."""
        ...


class Proofs:
    """`Prover` by symbolic execution. Keeps what was found out about the snapshot, whatever is deployed; what `judged`
    has of deployed modules is taken from there."""

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        limits: Limits | None = None,
        judged: Judged | None = None,
    ) -> None:
        self._world = World(snapshot, policy, kept=judged)
        self._limits, self._judged = limits or Limits(), judged

    def plan(
        self,
        request: Request,
        deployed: tuple[Deployed, ...],
        account: Account,
        reserved: frozenset[int] = frozenset(),
        *,
        all_platforms: bool = False,
    ) -> Plan:
        self._see(deployed, reserved)
        variables = dict(request.parameters)
        made = plan(
            request,
            self._world,
            account,
            all_platforms=all_platforms,
            variables=variables,
            clock=perf_counter,
            stop=self._limits.watch(),
        )
        self._save()
        return made

    def recheck(
        self,
        snapshot: Snapshot,
        deployed: tuple[Deployed, ...],
        held: Iterable[Held],
        reserved: frozenset[int] = frozenset(),
    ) -> Recheck:
        self._see(deployed, reserved)
        self._world, found = recheck(self._world, snapshot, held, self._limits.watch)
        self._save()
        return found

    def _save(self) -> None:
        if self._judged is not None:
            self._judged.save()

    def _see(self, deployed: tuple[Deployed, ...], reserved: frozenset[int]) -> None:
        """Have the world hold what is deployed. What has no place in the network (any more) runs nowhere."""
        there = tuple(d for d in deployed if has_place(d, self._world.snapshot))
        taken = (
            reserved | {d.address for d in deployed if d not in there}
            if len(there) < len(deployed)
            else reserved
        )
        if (there, taken) != (self._world.deployed, self._world.reserved):
            self._world = self._world.with_deployed(there, taken)

    def texts(self, request: Request, placed: Plan) -> Mapping[str, str]:
        addresses = {placement.module: placement.address for placement in placed.placements}
        return module_texts(request, addresses)
