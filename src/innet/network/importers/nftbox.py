"""A packet filter of nftables as Click text, around a router: interface X has the wire, X.router the router itself.

A packet that comes by X passes the hook prerouting, and where the router's table sends it, the hook forward; on its
way out, from X.router to X, the hook postrouting. Where a rule asks connection tracking, TCP and UDP pass one table of
flows (IPRewriter, which changes nothing here). Of other protocols it is not known what tracking makes of them, and of
later fragments not what they are part of: the kernel puts datagrams together first. Address translation: `nftnat`.
"""

from collections.abc import Mapping, Sequence

from innet.network.importers.boxes import doubtful, ip_filter, perhaps, quoted
from innet.network.importers.device import Rule
from innet.network.importers.nftmatch import BEGINS, Case
from innet.network.importers.nftnat import IDENTIFIER, Nat, Side, UnsuitableError
from innet.network.importers.nftrules import Ruleset

PIECE = "ip[6:2] & 0x1fff > 0"
"""A fragment, but not the first."""
TRACKED = "(ip proto 6 or ip proto 17)"
"""What is followed through connection tracking, where it is no later fragment."""
DESTINATION = 30
"""Where the destination stands in a frame."""
MAX_ROUTES = 50_000
"""Routes of all look-ups together that a filter that asks for the output interface may need."""
MAX_SIDES = 120
"""Interfaces: each has two colours of its own."""
SELF = "self"


def guard_text(title: str, ruleset: Ruleset, sides: Sequence[Side], routes: Mapping[str, str | None]) -> str:
    """The Click text. `routes`: prefixes to the interface (as rules name it) they lead to; `self`; None: it depends."""
    return _Guard(ruleset, sides, routes).text(title)


class _Guard:
    def __init__(self, ruleset: Ruleset, sides: Sequence[Side], routes: Mapping[str, str | None]) -> None:
        self.ruleset, self.sides, self.routes = ruleset, sides, routes
        self.declared: list[str] = []
        self.wires: list[str] = []
        self.made: dict[tuple[str, ...], str] = {}
        self.count = 0
        self.routed = 0

    def text(self, title: str) -> str:
        sides = self.sides
        if len(sides) > MAX_SIDES:
            raise UnsuitableError(f"more than {MAX_SIDES} interfaces")
        nat = Nat(self.ruleset, sides)
        tracks = nat.exists or self.ruleset.mentions("ct")
        for n, side in enumerate(sides):
            self.declared.append(f"Idle -> w{n} :: ToDevice({side.clean});")
            self.declared.append(f"Idle -> r{n} :: ToDevice({side.clean}.router);")
        states = ("first", "again", "reply") if tracks else ()
        for n, side in enumerate(sides):
            self.wires += [
                f"FromDevice({side.clean}) -> i{n} :: Classifier(12/0806, 12/0800);",
                f"FromDevice({side.clean}.router) -> o{n} :: Classifier(12/0806, 12/0800);",
                f"i{n} [0] -> r{n};",
                f"o{n} [0] -> w{n};",
            ]
            if not tracks:
                for way, hooks in (("i", self.inward), ("o", self.outward)):
                    self.wires += [
                        f"{way}{n} [1] -> {way}{n}_kind :: IPClassifier({PIECE}, -);",
                        f"{way}{n}_kind [0] -> {hooks(n, 'piece')};",
                        f"{way}{n}_kind [1] -> {hooks(n, 'stateless')};",
                    ]
                continue
            entry = f"in{n}" if nat.exists else "[0] flows"
            for way, paint, target, hooks, maybe in (
                ("i", n, entry, self.inward, nat.maybe_in),
                ("o", len(sides) + n, "[1] flows", self.outward, nat.maybe_out),
            ):
                others = []
                for state in ("piece", "other"):
                    name, lines = maybe(n, state, hooks(n, state))
                    self.place(lines)
                    others.append(name)
                self.wires += [
                    f"{way}{n} [1] -> {way}{n}_kind :: IPClassifier({PIECE}, {TRACKED}, -);",
                    f"{way}{n}_kind [0] -> {others[0]};",
                    f"{way}{n}_kind [1] -> {way}{n}_paint :: Paint({paint});",
                    f"{way}{n}_kind [2] -> {others[1]};",
                ]
                if way == "i":
                    self.wires.append(f"i{n}_paint -> {target};")
                else:  # what does not begin a flow makes no entry
                    self.wires.append(f"o{n}_paint -> o{n}_begins :: IPClassifier({BEGINS}, -);")
                    self.wires += [f"o{n}_begins [0] -> [1] flows;", f"o{n}_begins [1] -> [2] flows;"]
        if nat.exists:
            self.place(nat.declare())
            for n in range(len(sides)):
                self.place(nat.inward(n))
                self.place(nat.outward(n))
            self.place(nat.wire())
            for n in range(len(sides) if nat.sources else 0):
                self.wires.append(f"snat_back [{n}] -> {self.inward(n, 'reply')};")
        if tracks:
            more = ", pass 4" if nat.targets else ""
            self.declared.append(f"flows :: IPRewriter(pass 0, keep 1 2, pass 3{more});")
            self.wires.append("flows [3] -> strays :: PaintSwitch;")
            self.wires += [f"strays [{n}] -> Discard;" for n in range(len(sides))]
            self.wires += [
                f"strays [{len(sides) + n}] -> {self.outward(n, 'first')};" for n in range(len(sides))
            ]
        leaks = tracks and any(self.leaks(n) for n in range(len(sides)))
        for output, state in enumerate(states):
            name = f"{state}_flows"
            self.declared.append(f"{name} :: PaintSwitch;")
            self.wires.append(f"flows [{output}] -> {name};")
            for n in range(len(sides)):
                # what answers the untranslated source of a flow may be an answer or not
                known = "again" if state == "reply" and nat.translates(nat.out[n]) else state
                target = self.inward(n, known)
                if state == "reply":
                    target, lines = nat.unsure(n, target)
                    self.place(lines)
                if state != "first" and leaks:
                    target = self.or_invalid(f"{name}{n}", target, self.inward(n, "invalid"))
                self.wires.append(f"{name} [{n}] -> {target};")
            for n in range(len(sides) if state != "first" else 0):
                target = self.outward(n, state)
                if nat.exists:
                    target = f"{'again' if state == 'again' else 'answer'}{n}"
                    if leaks:
                        target = self.or_invalid(f"{name}_out{n}", target, f"w{n}")
                self.wires.append(f"{name} [{len(sides) + n}] -> {target};")
        head = [f"// {quoted(title)}", *([IDENTIFIER] if nat.exists else ())]
        return "\n".join((*head, *self.declared, *self.wires)) + "\n"

    def leaks(self, n: int) -> bool:
        """Whether TCP that tracking calls invalid may pass from an interface: it is not translated then."""
        for side in self.sides:
            lists = self.lists("forward", Case(self.sides[n].name, side.name, "invalid", lowered=1))
            if not any(rules and rules[0].permit is False and not rules[0].pattern for rules in lists):
                return True
        return False

    def or_invalid(self, name: str, target: str, otherwise: str) -> str:
        """Segments of a flow may be invalid, by their numbers or flags: that is not followed, and left open."""
        self.wires += [
            f"{name}_ways :: Tee(2);",
            f"{name}_ways [0] -> {target};",
            f"{name}_ways [1] -> {name}_tcp :: IPClassifier(ip proto 6, -);",
            f"{name}_tcp [0] -> {perhaps('segments that are invalid')} -> {otherwise};",
            f"{name}_tcp [1] -> Discard;",
        ]
        return f"{name}_ways"

    def place(self, lines: Sequence[str]) -> None:
        """Declarations go before all wires."""
        for line in lines:
            (self.wires if " -> " in line else self.declared).append(line)

    # ---- hooks

    def inward(self, n: int, state: str) -> str:
        """Where packets go that come by an interface."""
        side = self.sides[n]
        ends: dict[str | None, str] = {}
        depends = None in self.routes.values() or "0.0.0.0/0" not in self.routes
        for out in [*(one.name for one in self.sides), *((None,) if depends else ())]:
            lists = self.lists("forward", Case(side.name, out, state, lowered=1))
            ends[out] = self.chain(lists, f"r{n}")
        target = self.route(ends, f"r{n}")
        return self.chain(self.lists("prerouting", Case(side.name, None, state)), target)

    def outward(self, n: int, state: str) -> str:
        """Where packets go that the router sends by an interface."""
        return self.chain(self.lists("postrouting", Case(None, self.sides[n].name, state)), f"w{n}")

    def lists(self, hook: str, case: Case) -> list[list[Rule]]:
        return [self.ruleset.filter(chain, case) for chain in self.ruleset.hook(hook)]

    def chain(self, lists: Sequence[list[Rule]], target: str) -> str:
        """The first of elements that have packets pass these lists one after the other, on to `target`."""
        for rules in reversed(lists):
            if not (rules and rules[0].permit and not rules[0].pattern):
                target = self.filter(rules, target)
        return target

    def filter(self, rules: list[Rule], target: str) -> str:
        text = ip_filter(rules)
        name = self.made.get((text, target))
        if name is None:
            self.count += 1
            name = self.made[text, target] = f"f{self.count}"
            self.declared.append(f"{name} :: {text};")
            self.wires.append(f"{name} [0] -> {target};")
            doubt = doubtful(rules)
            if doubt:
                self.wires.append(f"{name} [1] -> {perhaps(doubt)} -> {target};")
        return name

    def route(self, ends: Mapping[str | None, str], router: str) -> str:
        """What tells packets apart by the interface that the router will send them by, if that makes a difference."""
        if len(set(ends.values())) == 1:
            return next(iter(ends.values()))
        targets = list(dict.fromkeys((*ends.values(), router)))
        rows = [
            f"{prefix} {targets.index(router if out == SELF else ends[out])}"
            for prefix, out in self.routes.items()
        ]
        if "0.0.0.0/0" not in self.routes:
            rows.append(f"0.0.0.0/0 {targets.index(ends[None])}")
        key = ("route", *targets)
        name = self.made.get(key)
        if name is None:
            self.routed += len(rows)
            if self.routed > MAX_ROUTES:
                raise UnsuitableError(
                    f"rules ask for the output interface, and the router has {len(self.routes):,} routes"
                )
            self.count += 1
            name = self.made[key] = f"route{self.count}"
            self.declared.append(f"{name} :: GetIPAddress({DESTINATION});")
            self.declared.append(f"{name}_table :: RadixIPLookup(\n  " + ",\n  ".join(rows) + ");")
            self.wires.append(f"{name} -> {name}_table;")
            for n, target in enumerate(targets):
                self.wires.append(f"{name}_table [{n}] -> {target};")
        return name
