"""What an answer shows to whom. A tenant sees its own modules, its own requirements, and which of the operator's rules
stood in the way; never the operator's inner nodes and addresses. An operator sees everything."""

import re
from collections.abc import Iterable
from dataclasses import replace

from innet.messages import Answer, Check, Plan, Role, Step, Trial, Witness
from innet.network import Clients, Internet, Platform, Snapshot, format_address
from innet.policy import Request

NETWORK = "the operator's network"
NOT_LET = f"{NETWORK} does not let it"
RULE = "operator's rule"
BROKEN, UNDECIDED = "does not hold", "could not be decided"
ADDRESS = re.compile(r"(?<![\d.])\d+(?:\.\d+){3}(?![\d.])")
ENDS = {Internet: "internet", Clients: "client"}


def plan_for(plan: Plan, role: Role, request: Request, snapshot: Snapshot) -> Plan:
    """The plan as an account of `role` may see it. Security checks are about the module alone: shown as they are."""
    if role is Role.OPERATOR:
        return plan
    view = _View(request, snapshot, [place.address for place in plan.placements])
    return replace(
        plan,
        platforms=tuple(view.trial(trial) for trial in plan.platforms),
        requirements=tuple(view.check(check) for check in plan.requirements),
        rules=tuple(view.rule(n, check) for n, check in enumerate(plan.rules, 1)),
        warnings=tuple(view.text(warning) for warning in plan.warnings),
    )


class _View:
    """What one tenant may read."""

    def __init__(self, request: Request, snapshot: Snapshot, addresses: Iterable[str]) -> None:
        texts = (*(m.code for m in request.modules), *(r.text for r in request.requirements), *addresses)
        self.known = {address for text in texts for address in ADDRESS.findall(text)}
        """The addresses that the tenant wrote or was given."""
        self.modules = frozenset(module.name for module in request.modules)
        self.ends = {
            node.name: ENDS[type(node)]
            for node in snapshot.nodes.values()
            if isinstance(node, Internet | Clients)
        }
        self.secret = _pattern(snapshot)

    def trial(self, trial: Trial) -> Trial:
        reasons = dict.fromkeys(self.reason(reason, trial) for reason in trial.reasons)
        return trial._replace(
            reasons=tuple(reasons),
            requirements=tuple(self.check(check) for check in trial.requirements),
            rules=tuple(self.rule(n, check) for n, check in enumerate(trial.rules, 1)),
        )

    def reason(self, reason: str, trial: Trial) -> str:
        """Why a platform does not fit: requirements in the tenant's words, rules by number."""
        for number, check in enumerate(trial.rules, 1):
            if check.text in reason:
                return f"{RULE} {number} " + (BROKEN if check.holds is Answer.NO else UNDECIDED)
        for check in trial.requirements:
            if check.text in reason:
                return f"requirement: {check.text}: {self.text(check.reason)}"
        return self.text(reason)

    def check(self, check: Check) -> Check:
        """A requirement, with what happened inside the operator's network left out."""
        witness = check.witness
        if witness is not None and witness.result:
            witness = replace(witness, result=self.result(witness))
        return replace(
            check,
            reason=self.text(check.reason),
            remedy=self.text(check.remedy),
            witness=witness,
            trace=tuple(self.trace(check.trace)),
        )

    def result(self, witness: Witness) -> str:
        """What arrives, and at which end; without addresses that are neither the tenant's nor in the packet it sent."""
        packet, _, place = witness.result.rpartition(", at ")
        where = self.ends.get(place, place if self.own(place) else "")
        if not packet:
            return self.text(witness.result)
        seen = {*self.known, *ADDRESS.findall(witness.summary)}
        known = all(address in seen for address in ADDRESS.findall(packet))
        return (packet if known else "it arrives") + (f", at {where}" if where else "")

    def rule(self, number: int, check: Check) -> Check:
        """A rule of the operator: its number and its answer, and how the packet went through the tenant's module."""
        reason = {Answer.YES: "", Answer.NO: NOT_LET, Answer.UNDECIDED: f"it {UNDECIDED}"}[check.holds]
        return Check(f"{RULE} {number}", check.holds, reason, trace=tuple(self.trace(check.trace)))

    def trace(self, steps: Iterable[Step]) -> Iterable[Step]:
        """The steps in the tenant's own modules and at the ends; everything between is one step."""
        hidden = False
        for step in steps:
            place = self.ends.get(step.place)
            if place is not None or self.own(step.place):
                yield replace(step, place=place or step.place, note=self.text(step.note), fields=_plain(step))
                hidden = False
            elif not hidden:
                yield Step(NETWORK)
                hidden = True

    def own(self, place: str) -> bool:
        """Whether a place is an element of the tenant's modules (and not a node that happens to be called like one)."""
        module, inside, _ = place.partition(":")
        return bool(inside) and module in self.modules

    def text(self, text: str) -> str:
        """The text, or a plain word in its place if it names what is inside."""
        return NOT_LET if self.secret.search(text) else text


def _plain(step: Step) -> tuple[tuple[str, str], ...]:
    """The fields without what a way through the network says of it: sets of addresses, and how many hops there were."""
    return tuple((name, value.partition(" in ")[0]) for name, value in step.fields if name != "ttl")


def _pattern(snapshot: Snapshot) -> re.Pattern[str]:
    """Names of inner nodes, and interfaces' addresses. Platforms' names are no secret: modules are placed there."""
    words: list[str] = []
    for node in snapshot.nodes.values():
        if isinstance(node, Internet | Clients):
            continue
        if not isinstance(node, Platform):
            words.append(node.name)
        words += [format_address(i.address) for i in node.interfaces.values() if i.address is not None]
    if not words:
        return re.compile(r"(?!)")
    return re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, words)) + r")(?![\w-])")
