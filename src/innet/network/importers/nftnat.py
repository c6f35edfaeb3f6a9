"""Address translation of nftables, as parts of the box around a router.

TCP and UDP: one table for sources (`snat`), one for destinations (`dnat`), each an IPRewriter. A packet that comes in
for an address that sources become is looked up in the first; what a rule of prerouting is about goes to the second, and
then to the table of flows and the rules of forward. On its way out a packet in the direction its flow began in goes to
the first, an answer to the second. The port of a source stays if it is free, as in the kernel; which other one is taken
is not told. Later fragments and other protocols may be translated or not, and lead to what may have them.

Source: nft(8), "NAT statements"; net/netfilter/nf_nat_core.c: rules count for the first packet of a flow only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from innet.network.addresses import format_address
from innet.network.importers.boxes import perhaps
from innet.network.importers.nftmatch import BEGINS, Case
from innet.network.importers.nftrules import Ruleset, Translation

CHANGING = ("tcp[13:1]", "ip ttl", "ip dscp")
"""Tests of what may differ from packet to packet of one flow."""
KNOWN = "[3] flows"
"""The input of the table of flows for what may be translated if it is of no flow."""
IDENTIFIER = """\
elementprogram AnyIdentifier {
  outputs 1
  if ip.proto == 1 and has transport[2+4] {
    number = random u32
    transport[2+4] = number
  }
  emit 0
}"""
"""ICMP's checksum and identifier become any: translation takes another identifier where one is in use."""
ANY = "SetRandIPAddress(0.0.0.0/0)"


class UnsuitableError(Exception):
    """A ruleset that cannot be a box."""


@dataclass(frozen=True, slots=True)
class Side:
    """An interface: its name in rules, and in the network; its address, if it has one."""

    name: str
    clean: str
    address: int | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A translation for one interface: the packets, and what becomes of them."""

    pattern: str
    address: str
    port: str
    place: str
    ends: bool = False
    """It translates nothing, and no later rule counts."""


class Nat:
    """The translations of a ruleset, by interface. Raises UnsuitableError for what is not followed."""

    def __init__(self, ruleset: Ruleset, sides: Sequence[Side]) -> None:
        self.ruleset, self.sides = ruleset, sides
        own = {side.address for side in sides}
        self.out = [self.rules("postrouting", Case(None, side.name, "first"), side) for side in sides]
        self.into = [self.rules("prerouting", Case(side.name, None, "first"), side) for side in sides]
        self.exists = any(rule for rules in (*self.out, *self.into) for rule in rules if not rule.ends)
        self.sources = self.addresses(self.out)
        self.targets = self.addresses(self.into)
        if not self.sources <= {format_address(address) for address in own if address is not None}:
            raise UnsuitableError("snat to an address that is none of the interfaces'")
        if self.exists and (ruleset.hook("prerouting") or ruleset.hook("postrouting")):
            raise UnsuitableError("translation beside filters of prerouting or postrouting")
        for rule in (rule for rules in self.into for rule in rules):
            if any(test in rule.pattern for test in CHANGING):
                raise UnsuitableError("a dnat that depends on more than the flow")

    def rules(self, hook: str, case: Case, side: Side) -> list[Rewrite]:
        """The translations of a hook's chain, in order."""
        chains = self.ruleset.hook(hook, "nat")
        if len(chains) > 1:
            raise UnsuitableError(f"two chains of type nat at {hook}")
        found = []
        for one in self.ruleset.translations(chains[0], case) if chains else ():
            if one.condition.pattern is None:
                continue
            if one.condition.maybe:
                raise UnsuitableError(f"{one.span}: it is not known which packets this is about")
            found.append(self.rewrite(one, hook, side))
        return found

    def rewrite(self, one: Translation, hook: str, side: Side) -> Rewrite:
        pattern = one.condition.pattern or "all"
        place = str(one.span)
        if one.kind == "accept":
            return Rewrite(pattern, "", "", place, True)
        if one.kind == "drop" or (one.kind == "dnat") != (hook == "prerouting"):
            raise UnsuitableError(f"{place}: {one.kind} at {hook}")
        address = side.address if one.masquerade else one.address
        if address is None:
            raise UnsuitableError(f"{place}: '{side.name}' has no address")
        return Rewrite(pattern, format_address(address), "" if one.port is None else str(one.port), place)

    def addresses(self, rules: Sequence[Sequence[Rewrite]]) -> set[str]:
        return {rule.address for some in rules for rule in some if not rule.ends}

    # ---- TCP and UDP

    def declare(self) -> list[str]:
        """The tables, their inputs and outputs, and what does not depend on a way in."""
        sides = len(self.sides)
        lines = []
        if self.sources:
            specs = [f"pass {sides + 1}", *(f"pass {n}" for n in range(sides))]
            for n, rules in enumerate(self.out):
                for rule in rules:
                    if not rule.ends:
                        specs.append(f"pattern {rule.address} {rule.port or '1-65535'} - - {n} {sides}")
            lines.append("snat :: IPRewriter(\n  " + ",\n  ".join(specs) + ");")
            lines += ["snat_in :: PaintSwitch;", "snat_back :: PaintSwitch;"]
        if self.targets:
            specs = ["pass 1"]
            for rules in self.into:
                for rule in rules:
                    if not rule.ends:
                        specs.append(f"pattern - - {rule.address} {rule.port or '-'} 0 1")
            lines.append("dnat :: IPRewriter(\n  " + ",\n  ".join(specs) + ");")
            lines += ["dnat_back :: PaintSwitch;", "fresh :: PaintSwitch;"]
        return lines

    def wire(self) -> list[str]:
        """What the tables' outputs lead to."""
        sides = len(self.sides)
        lines = []
        if self.sources:
            lines += [f"snat [{n}] -> w{n};" for n in range(sides)]
            lines += [f"snat [{sides}] -> snat_back;", f"snat [{sides + 1}] -> snat_in;"]
            lines += [f"snat_in [{n}] -> {self.entry(n)};" for n in range(sides)]
        if self.targets:
            lines += ["dnat [0] -> [0] flows;", "dnat [1] -> dnat_back;"]
            # what has come in has no mapping, or is an answer, which comes back from the router
            for n in range(sides):
                lines.append(f"dnat_back [{n}] -> {KNOWN if self.translates(self.into[n]) else '[0] flows'};")
            lines.append("flows [4] -> fresh;")
            for n in range(sides):
                target = f"dnat{n}" if self.translates(self.into[n]) else "[0] flows"
                lines.append(f"fresh [{n}] -> {target};")
            lines.append(f"Idle -> {KNOWN};")
            lines += [f"dnat_back [{sides + n}] -> w{n};" for n in range(sides)]
        return lines

    def entry(self, n: int) -> str:
        """Where a packet goes that no source's table has changed: what is of a known flow is not translated anew."""
        return f"known{n}" if self.translates(self.into[n]) else "[0] flows"

    def translates(self, rules: Sequence[Rewrite]) -> bool:
        return any(not rule.ends for rule in rules)

    def inward(self, n: int) -> list[str]:
        """Elements before the table of flows for packets that come by an interface; `in{n}` is the first."""
        lines = []
        if self.translates(self.into[n]):
            rows: list[str] = []
            wires: list[tuple[Rewrite, int]] = []
            first = 1 + sum(not rule.ends for rules in self.into[:n] for rule in rules)
            for rule in self.into[n]:
                if rule.ends:
                    rows.append(f"0 {rule.pattern}")
                    continue
                # a target that sends to itself; its answers must not be taken for such packets
                rows.append(f"{2 + 2 * len(wires)} ({rule.pattern}) and src host {rule.address}")
                rows.append(f"{1 + 2 * len(wires)} ({rule.pattern}) and {BEGINS}")
                wires.append((rule, first + len(wires)))
            lines.append(f"dnat{n} :: IPFilter(\n  " + ",\n  ".join([*rows, "0 all"]) + ");")
            tests = " or ".join(f"src host {address}" for address in sorted(self.targets))
            lines += [
                f"dnat{n} [0] -> [0] flows;",
                f"known{n} :: IPClassifier({tests}, -);",
                f"known{n} [0] -> {KNOWN};",
                f"known{n} [1] -> [0] dnat;",
            ]
            for k, (rule, index) in enumerate(wires):
                lines += [
                    f"dnat{n} [{1 + 2 * k}] -> [{index}] dnat;",
                    f"dnat{n} [{2 + 2 * k}] -> own{n}_{k} :: Tee(2);",
                    f"own{n}_{k} [0] -> {perhaps(rule.place)} -> [0] flows;",
                    f"own{n}_{k} [1] -> StoreIPAddress({rule.address}, dst) -> {perhaps(rule.place)} -> [0] flows;",
                ]
        if self.sources:
            tests = " or ".join(f"dst host {address}" for address in sorted(self.sources))
            lines += [
                f"in{n} :: IPClassifier({tests}, -);",
                f"in{n} [0] -> [0] snat;",
                f"in{n} [1] -> {self.entry(n)};",
            ]
        else:
            lines += [f"in{n} :: Null;", f"in{n} -> {self.entry(n)};"]
        return lines

    def outward(self, n: int) -> list[str]:
        """Elements behind the table of flows for packets that leave by an interface: `again{n}` for those in the
        direction that their flow began in, `answer{n}` for the others."""
        lines = []
        if self.sources:
            first = 1 + len(self.sides) + sum(not rule.ends for rules in self.out[:n] for rule in rules)
            rows = []
            wires: list[int] = []
            for rule in self.out[n]:
                rows.append(f"{0 if rule.ends else 1 + len(wires)} {rule.pattern}")
                if not rule.ends:
                    wires.append(first + len(wires))
            lines.append(f"again{n} :: IPFilter(\n  " + ",\n  ".join([*rows, "0 all"]) + ");")
            lines.append(f"again{n} [0] -> [{1 + n}] snat;")
            lines += [f"again{n} [{1 + k}] -> [{index}] snat;" for k, index in enumerate(wires)]
        else:
            lines += [f"again{n} :: Null;", f"again{n} -> w{n};"]
        if self.targets:
            tests = " or ".join(f"src host {address}" for address in sorted(self.targets))
            lines += [
                f"plain{n} :: IPClassifier({tests}, -);",
                f"plain{n} [0] -> [0] dnat;",
                f"plain{n} [1] -> w{n};",
            ]
        else:
            lines += [f"plain{n} :: Null;", f"plain{n} -> w{n};"]
        return [*lines, *self.answer(n)]

    def unsure(self, n: int, target: str) -> tuple[str, list[str]]:
        """The same for what comes in and seems to answer: if it begins a flow, a rule of prerouting may be about it."""
        if not (self.translates(self.out[n]) and self.translates(self.into[n])):
            return target, []
        rows: list[str] = []
        wires: list[str] = []
        index = 1 + sum(not rule.ends for rules in self.into[:n] for rule in rules)
        for rule in self.into[n]:
            k = 1 + len(wires) // 3
            rows.append(f"{0 if rule.ends else k} ({rule.pattern}) and {BEGINS}")
            if not rule.ends:
                wires += [
                    f"unsure{n} [{k}] -> unsure{n}_{k} :: Tee(2);",
                    f"unsure{n}_{k} [0] -> {perhaps(rule.place)} -> {target};",
                    f"unsure{n}_{k} [1] -> {perhaps(rule.place)} -> [{index + k - 1}] dnat;",
                ]
        rules_text = ",\n  ".join([*rows, "0 all"])
        name = f"unsure{n}"
        return name, [f"{name} :: IPFilter(\n  {rules_text});", f"{name} [0] -> {target};", *wires]

    def answer(self, n: int) -> list[str]:
        """An answer to a flow whose source was translated is one only if it was sent to the translated source; else it
        begins a flow of its own. The table of flows does not know which: where a rule is about it, it is left open, if
        the flow may have left by another interface with rules."""
        rows: list[str] = []
        wires: list[str] = []
        if not any(self.translates(rules) for m, rules in enumerate(self.out) if m != n):
            return [f"answer{n} :: Null;", f"answer{n} -> plain{n};"]
        first = 1 + len(self.sides) + sum(not rule.ends for rules in self.out[:n] for rule in rules)
        for rule in self.out[n]:
            rows.append(f"{0 if rule.ends else 1 + len(wires) // 3} {rule.pattern}")
            if not rule.ends:
                k = 1 + len(wires) // 3
                wires += [
                    f"answer{n} [{k}] -> answer{n}_{k} :: Tee(2);",
                    f"answer{n}_{k} [0] -> {perhaps(rule.place)} -> plain{n};",
                    f"answer{n}_{k} [1] -> {perhaps(rule.place)} -> [{first + k - 1}] snat;",
                ]
        rules_text = ",\n  ".join([*rows, "0 all"])
        return [f"answer{n} :: IPFilter(\n  {rules_text});", f"answer{n} [0] -> plain{n};", *wires]

    # ---- other packets

    def maybe_in(self, n: int, state: str, target: str) -> tuple[str, list[str]]:
        """Where other packets go that come by an interface: unchanged, or with another destination, perhaps."""
        side = self.sides[n]
        rules = self.loose("prerouting", Case(side.name, None, state))
        tests = [f"dst host {address}" for address in sorted(self.sources)] + [
            pattern for pattern, _ in rules
        ]
        changes = [f"StoreIPAddress({address}, dst)" for address in sorted({a for _, a in rules if a})]
        if self.sources:
            changes.append(f"{ANY} -> StoreIPAddress(dst)")
        return self.maybe(f"in{n}_{state}", tests, changes, target)

    def maybe_out(self, n: int, state: str, target: str) -> tuple[str, list[str]]:
        """The same for packets that leave by an interface: unchanged, or with another source."""
        side = self.sides[n]
        rules = self.loose("postrouting", Case(None, side.name, state))
        tests = [f"src host {address}" for address in sorted(self.targets)] + [
            pattern for pattern, _ in rules
        ]
        addresses = {
            address or (format_address(side.address) if side.address is not None else "")
            for _, address in rules
        }
        changes = [f"StoreIPAddress({address}, src)" for address in sorted(addresses) if address]
        if self.targets:
            changes.append(f"{ANY} -> StoreIPAddress(src)")
        return self.maybe(f"out{n}_{state}", tests, changes, target)

    def loose(self, hook: str, case: Case) -> list[tuple[str, str]]:
        """(pattern, address; empty: the interface's) of the rules that may be about packets of a case."""
        found = []
        for chain in self.ruleset.hook(hook, "nat"):
            for one in self.ruleset.translations(chain, case):
                if one.kind != "accept" and one.condition.pattern is not None:
                    address = "" if one.address is None else format_address(one.address)
                    found.append((one.condition.pattern or "true", address))
        return found

    def maybe(self, name: str, tests: list[str], changes: list[str], target: str) -> tuple[str, list[str]]:
        if not tests:
            return target, []
        joined = " or ".join(f"({test})" for test in tests)
        lines = [
            f"{name} :: IPClassifier({joined}, -);",
            f"{name} [1] -> {target};",
            f"{name} [0] -> {name}_ways :: Tee({1 + len(changes)});",
            f"{name}_ways [0] -> {perhaps('translation')} -> {target};",
        ]
        for k, change in enumerate(changes):
            lines.append(
                f"{name}_ways [{1 + k}] -> {change} -> AnyIdentifier -> {perhaps('translation')} -> {target};"
            )
        return name, lines
