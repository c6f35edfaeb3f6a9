"""The controller: requests are planned, reserved, applied and confirmed, and can be taken back at each step.

It reaches platforms only through `PlatformAgent` and proofs only through `Prover`, so that a whole network runs in
one process. What it knows is in one SQLite file (`Store`); a controller that dies half-way leaves nothing half done,
since the next one takes back what was not confirmed. `answer` says what each role may see of a plan.
"""

from innet.controller.accounts import load_accounts
from innet.controller.answer import plan_for
from innet.controller.control import ConflictError, Controller, Reply, Settings
from innet.controller.deployments import Deployments, Record
from innet.controller.judged import Judged
from innet.controller.proofs import Proofs, Prover
from innet.controller.store import State, Store

__all__ = [
    "ConflictError",
    "Controller",
    "Deployments",
    "Judged",
    "Proofs",
    "Prover",
    "Record",
    "Reply",
    "Settings",
    "State",
    "Store",
    "load_accounts",
    "plan_for",
]
