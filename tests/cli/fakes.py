"""A prover that knows the answers to the example requests, for tests of what is done with answers."""

from collections.abc import Iterable, Mapping

from innet.controller.judged import Judged
from innet.controller.limits import Limits
from innet.messages import Account, Answer, Assessment, Check, Placement, Plan, Step, Trial, Witness
from innet.network import Snapshot
from innet.policy import Policy, Request
from innet.verify.recheck import Held, Recheck, Standing
from innet.verify.texts import module_texts
from innet.verify.world import Deployed

RULE = "always reach from module tcp src port 80 -> HTTPOptimizer -> client"
TRACE = (
    Step("homes", (("ip src", "src"), ("ip dst", "198.51.100.1"))),
    Step("access", (("ip src", "src"),)),
    Step("HTTPOptimizer", (("ip src", "src"),)),
    Step("WebServer:page", (("ip src", "198.51.100.1"),), ("ip src",)),
    Step("top", (("ip src", "198.51.100.1"),)),
)
WITNESS = Witness("udp 203.0.113.9:4000 > 198.51.100.1:1500", "45000000", "leaves with source 8.8.8.8", True)
FORGED = Check(
    "anti-spoofing: a packet leaves with the module's address, or with the source it came with",
    Answer.NO,
    "the source is set to 8.8.8.8",
    "remove the first field of the pattern",
    WITNESS,
    (
        Step("Spoofer:FromNetfront@1", (("ip src", "src"),)),
        Step("Spoofer:dst", (("ip src", "8.8.8.8"),), ("ip src",)),
    ),
)
FINE = Check(
    "anti-spoofing: a packet leaves with the module's address, or with the source it came with", Answer.YES
)
BROKEN = Check(
    RULE, Answer.NO, "the packet reaches client by access, not by HTTPOptimizer", "", WITNESS, TRACE
)
KEPT = Check(RULE, Answer.YES)


class KnowingProver:
    """`Prover` for the requests in `examples/`."""

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        limits: Limits | None = None,
        judged: Judged | None = None,
    ) -> None:
        self.snapshot = snapshot

    def recheck(
        self,
        snapshot: Snapshot,
        deployed: tuple[Deployed, ...],
        held: Iterable[Held],
        reserved: frozenset[int] = frozenset(),
    ) -> Recheck:
        return Recheck((KEPT,), tuple(Standing(one) for one in held))

    def plan(
        self,
        request: Request,
        deployed: tuple[Deployed, ...],
        account: Account,
        reserved: frozenset[int] = frozenset(),
        *,
        all_platforms: bool = False,
    ) -> Plan:
        if not request.modules:
            answer = Check(request.requirements[0].text, Answer.YES, witness=WITNESS)
            return Plan(Assessment.SAFE, requirements=(answer,), milliseconds=1.25)
        name = request.modules[0].name
        if name == "Spoofer":
            trial = Trial("platform3", False, ("module Spoofer is refused: the source is set to 8.8.8.8",))
            return Plan(Assessment.REFUSED, platforms=(trial,), security=(FORGED,), milliseconds=1.0)
        if name == "Batcher":
            trials = (
                Trial("platform3", True),
                Trial(
                    "platform1", False, ("requirement: no packet reaches it: dropped at border: no route",)
                ),
            )
            place = Placement(name, "platform3", "198.51.100.1")
            reach = Check(request.requirements[0].text, Answer.YES, witness=WITNESS)
            return Plan(Assessment.SAFE, (place,), trials, (FINE,), (reach,), (KEPT,), (), 3.5)
        room = self.snapshot.nodes["platform2"].capacity.modules
        used = sum(d.platform == "platform2" for d in deployed)
        full = used >= room
        others = tuple(
            Trial(n, False, (f"operator's rule: {RULE}",), (), (BROKEN,)) for n in ("platform1", "platform3")
        )
        if full:
            last = Trial("platform2", False, (f"it is full: {used} of {room} modules",))
            return Plan(Assessment.REFUSED, (), (*others, last), (FINE,), (), (BROKEN,), (), 4.0)
        place = Placement(name, "platform2", "10.2.0.1")
        return Plan(
            Assessment.SAFE, (place,), (*others, Trial("platform2", True)), (FINE,), (), (KEPT,), (), 4.0
        )

    def texts(self, request: Request, placed: Plan) -> Mapping[str, str]:
        return module_texts(request, {p.module: p.address for p in placed.placements})
