"""What an answer shows to whom. A tenant sees its own modules, its own requirements, and which of the operator's rules
stood in the way; never the operator's inner nodes and addresses. An operator sees everything."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from innet.messages import Answer, Check, Plan, Role, Step, Trial, Witness
from innet.network import Clients, Internet, Platform, Snapshot, format_address
from innet.policy import Request

NETWORK = "the operator's network"
NOT_LET = f"{NETWORK} does not let it"
RULE = "operator's rule"
BROKEN, UNDECIDED = "does not hold", "could not be decided"
ADDRESS = re.compile(r"(?<![\d.])\d+(?:\.\d+){3}(?![\d.])")
ENDS: dict[type, str] = {Internet: "internet", Clients: "client"}


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
        self.snapshot = snapshot
        self._texts: dict[str, str] = {}
        self._checks: dict[int, Check] = {}
        """By the identity of what the plan has: requirements that fail alike on very many platforms are one."""

    @cached_property
    def secret(self) -> "_Secret":
        """What is not to be named."""
        return _Secret(self.snapshot)

    def end(self, place: str) -> str | None:
        """What a tenant calls a node where packets begin and end."""
        return ENDS.get(type(self.snapshot.nodes.get(place)))

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
        known = self._checks.get(id(check))
        if known is None:
            known = self._checks[id(check)] = self._check(check)
        return known

    def _check(self, check: Check) -> Check:
        witness = check.witness
        if witness is not None and self.hides(witness):
            witness = None
        elif witness is not None and witness.result:
            witness = replace(witness, result=self.result(witness))
        return replace(
            check,
            reason=self.text(check.reason),
            remedy=self.text(check.remedy),
            witness=witness,
            trace=tuple(self.trace(check.trace)),
        )

    def hides(self, witness: Witness) -> bool:
        """Whether a packet has addresses that are inside, as where a requirement is about a subnet and the packet was
        given those that are in use there."""
        packets = map(bytes.fromhex, (witness.packet, *witness.before))
        shown = (
            format_address(int.from_bytes(packet[at : at + 4], "big"))
            for packet in packets
            for at in (12, 16)
        )
        return any(self.inside(address) for address in (*shown, *ADDRESS.findall(witness.summary)))

    def inside(self, address: str) -> bool:
        """Whether an address is one that the tenant is not to learn."""
        return address not in self.known and self.secret.named(address)

    def result(self, witness: Witness) -> str:
        """What arrives, and at which end; without addresses that are neither the tenant's nor in the packet it sent."""
        packet, _, place = witness.result.rpartition(", at ")
        where = self.end(place) or (place if self.own(place) else "")
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
            place = self.end(step.place)
            if place is not None or self.own(step.place):
                fields = tuple((name, value) for name, value in _plain(step) if not self.inside(value))
                yield replace(step, place=place or step.place, note=self.text(step.note), fields=fields)
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
        if not text:
            return text
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = NOT_LET if self.secret.named(text) else text
        return known


def _plain(step: Step) -> tuple[tuple[str, str], ...]:
    """The fields without what a way through the network says of it: sets of addresses, and how many hops there were."""
    return tuple((name, value.partition(" in ")[0]) for name, value in step.fields if name != "ttl")


WORD = re.compile(r"[\w.-]+")
"""What names of nodes and addresses are made of."""


class _Secret:
    """Names of inner nodes, and interfaces' addresses. Platforms' names are no secret: modules are placed there."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._words: set[str] = set()
        for node in snapshot.nodes.values():
            if isinstance(node, Internet | Clients):
                continue
            if not isinstance(node, Platform):
                self._words.add(node.name)
            for interface in node.interfaces.values():
                if interface.address is not None:
                    self._words.add(format_address(interface.address))
        odd = sorted(word for word in self._words if not WORD.fullmatch(word))
        self._odd = re.compile("|".join(map(re.escape, odd)) or "(?!)")

    def named(self, text: str) -> bool:
        """Whether a text names one of them: a whole word of it, or what stands before a dot of one."""
        for found in WORD.finditer(text):
            word = found.group()
            ends = (n for n, letter in enumerate(word) if letter == ".")
            if word in self._words or any(word[:n] in self._words for n in ends):
                return True
        return bool(self._odd.search(text))
