"""The controller's way to the proofs: one world for each version of what is deployed."""

from collections.abc import Mapping
from time import perf_counter
from typing import Protocol

from innet.controller.limits import Limits
from innet.messages import Account, Plan
from innet.network import Snapshot
from innet.policy import Policy, Request
from innet.verify.plan import plan
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


class Proofs:
    """`Prover` by symbolic execution. Keeps what was found out about the snapshot, whatever is deployed."""

    def __init__(self, snapshot: Snapshot, policy: Policy, limits: Limits | None = None) -> None:
        self._world = World(snapshot, policy)
        self._limits = limits or Limits()

    def plan(
        self,
        request: Request,
        deployed: tuple[Deployed, ...],
        account: Account,
        reserved: frozenset[int] = frozenset(),
        *,
        all_platforms: bool = False,
    ) -> Plan:
        if (deployed, reserved) != (self._world.deployed, self._world.reserved):
            self._world = self._world.with_deployed(deployed, reserved)
        variables = dict(request.parameters)
        return plan(
            request,
            self._world,
            account,
            all_platforms=all_platforms,
            variables=variables,
            clock=perf_counter,
            stop=self._limits.watch(),
        )

    def texts(self, request: Request, placed: Plan) -> Mapping[str, str]:
        addresses = {placement.module: placement.address for placement in placed.placements}
        return module_texts(request, addresses)
