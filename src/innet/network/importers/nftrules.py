"""nftables: `nft -j list ruleset`: tables, chains and rules, and each hook's chains as one list of rules.

Source: libnftables-json(5), nft(8). Chains of the hooks input and output are about packets of the machine itself, which
a router in a network file neither sends nor gets, and are passed over, as is what is for IPv6 only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from innet.diagnostics import Span
from innet.network.addresses import parse_address
from innet.network.importers.device import Rule
from innet.network.importers.jsonplaces import Document
from innet.network.importers.nftmatch import (
    ALWAYS,
    Case,
    Condition,
    StrangeError,
    compare,
    match_of,
    negated,
)

TRANSLATIONS = {"snat", "dnat", "masquerade"}
VERDICTS = {"accept", "drop", "reject", "return", "jump", "goto"}
HARMLESS = {"counter", "log", "comment", "nftrace"}
"""Statements that do nothing to packets."""
PASSED_OVER = {
    "metainfo",
    "counter",
    "quota",
    "limit",
    "ct helper",
    "ct timeout",
    "ct expectation",
    "flowtable",
}
FAMILIES = ("ip", "inet")
FOLLOWED = ("prerouting", "forward", "postrouting")
OWN = ("input", "output")
"""Hooks that are about packets of the machine itself."""
TRACKING = -200
"""The priority at which tracking looks at packets: what chains before it ask of it is never known."""
MAX_DEPTH = 16
"""How deep chains may jump, as in the kernel."""
MAX_RULES = 20_000
MAX_TEXT = 4_000_000
"""Rules of one list, and characters of them: chains that jump much grow out of all bounds otherwise."""


class TooLongError(Exception):
    """A list that grew out of all bounds."""


Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the top of a document to a value."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule: its expressions, and the keys to it in the document."""

    expressions: list[Any]
    path: Path


@dataclass(slots=True)
class Chain:
    """A chain; a base chain has a hook."""

    name: str
    table: tuple[str, str]
    path: Path
    hook: str = ""
    kind: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: list[RuleText] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Translation:
    """An address translation: packets that match become `address` and `port` (None: unchanged). `masquerade`: the
    address is that of the interface they leave by."""

    condition: Condition
    kind: str
    address: int | None
    port: int | None
    masquerade: bool
    span: Span


class Ruleset:
    """All chains of a document, by table and name. `fail` tells what is wrong with the value at a path."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.chains: dict[tuple[tuple[str, str], str], Chain] = {}
        self.sets: dict[tuple[str, str], dict[str, Any]] = {}
        self.strange: dict[Path, str] = {}
        """What is not understood, by where it is; a device of which something here is ignored is opaque."""
        self.unclear: dict[Path, str] = {}
        """Matches that are not understood, by where they are: any packet may match or not."""
        tree = document.value
        rows = tree.get("nftables") if isinstance(tree, dict) else None
        if not isinstance(rows, list):
            self.note((), "not the output of `nft -j list ruleset`")
            return
        for n, row in enumerate(rows):
            path = ("nftables", n)
            if not isinstance(row, dict) or len(row) != 1:
                self.note(path, "not an object of a ruleset")
                continue
            ((kind, inner),) = row.items()
            if not isinstance(inner, dict):
                self.note(path, "not an object of a ruleset")
            elif kind not in PASSED_OVER:
                self.add(kind, inner, (*path, kind))

        for chain in self.followed():
            for rule in chain.rules:
                for n, expression in enumerate(rule.expressions):
                    self.check(chain, expression, (*rule.path, n))

    def note(self, path: Path, message: str) -> None:
        self.strange.setdefault(path, message)

    def add(self, kind: str, inner: dict[str, Any], path: Path) -> None:
        table = str(inner.get("family")), str(inner.get("name" if kind == "table" else "table"))
        if table[0] == "ip6" or kind == "table":
            return
        if table[0] not in FAMILIES:
            self.note(path, f"tables of family {table[0][:20]!r} are not followed")
        elif kind in ("set", "map"):
            elements = inner.get("elem", [])
            self.sets.setdefault(table, {})[str(inner.get("name"))] = (
                elements if isinstance(elements, list) else []
            )
        elif kind == "chain":
            priority = inner.get("prio", 0)
            chain = Chain(
                str(inner.get("name")), table, path, str(inner.get("hook", "")), str(inner.get("type", "")),
                priority if isinstance(priority, int) else 0, str(inner.get("policy", "accept")),
            )  # fmt: skip
            if isinstance(priority, bool) or not isinstance(priority, int):
                self.note((*path, "prio"), "a priority that is no number")
            if chain.hook not in ("", *FOLLOWED, *OWN):
                self.note((*path, "hook"), f"the hook {chain.hook[:20]!r} is not followed")
            if chain.policy not in ("accept", "drop"):
                self.note((*path, "policy"), f"the policy {chain.policy[:20]!r}")
            self.chains[table, chain.name] = chain
        elif kind == "rule":
            owner = self.chains.get((table, str(inner.get("chain"))))
            expressions = inner.get("expr", [])
            if owner is None or not isinstance(expressions, list):
                self.note(path, "a rule without a chain, or without expressions")
            else:
                owner.rules.append(RuleText(expressions, (*path, "expr")))
        else:
            self.note(path, f"{kind[:20]!r} is not followed")

    def hook(self, name: str, kind: str = "filter") -> list[Chain]:
        """The base chains of a hook, in the order they are passed."""
        found = [chain for chain in self.chains.values() if chain.hook == name and chain.kind == kind]
        return sorted(found, key=lambda chain: chain.priority)

    def mentions(self, key: str) -> bool:
        """Whether a rule of a chain that is followed has such a key anywhere."""
        return any(_has(rule.expressions, key) for chain in self.followed() for rule in chain.rules)

    def followed(self) -> list[Chain]:
        """The base chains that packets on their way through the machine pass, and all that those jump to."""
        work = [chain for chain in self.chains.values() if chain.hook in FOLLOWED]
        found: dict[int, Chain] = {}
        while work:
            chain = work.pop()
            if id(chain) in found:
                continue
            found[id(chain)] = chain
            for rule in chain.rules:
                for name in _targets(rule.expressions):
                    target = self.chains.get((chain.table, name))
                    work += [target] if target is not None else []
        return list(found.values())

    def target(self, base: Chain, inner: Any) -> Chain:
        """The chain that a jump names."""
        return self.chains[base.table, inner["target"]]

    def check(self, chain: Chain, expression: Any, path: Path) -> None:
        """Note what is not understood of an expression."""
        if not isinstance(expression, dict) or len(expression) != 1:
            self.note(path, "not an expression")
            return
        ((kind, inner),) = expression.items()
        sets = self.sets.get(chain.table, {})
        verdicts = [expression] if kind in VERDICTS else []
        nobody = Case(None, None, "other")
        try:
            if kind == "match":
                match_of(inner, nobody, sets)
            elif kind == "vmap":
                for value, verdict in map_of(inner, sets):
                    verdicts.append(verdict)
                    compare(inner["key"], "==", value, nobody, sets)
            elif kind in TRANSLATIONS:
                translation(kind, inner, ALWAYS, self.document.place(path))
            elif kind not in HARMLESS and kind != "limit" and kind not in VERDICTS:
                raise StrangeError(f"the statement {kind[:40]!r} is not followed")
        except StrangeError as why:
            target = self.unclear if kind == "match" else self.strange
            target.setdefault(path, why.message)
        for verdict in verdicts:
            ((name, given),) = verdict.items()
            if name not in VERDICTS:
                self.note(path, f"the verdict {name[:40]!r} is not followed")
            elif name in ("jump", "goto"):
                goal = given.get("target") if isinstance(given, dict) else None
                if not isinstance(goal, str) or (chain.table, goal) not in self.chains:
                    self.note(path, f"there is no chain {str(goal)[:40]!r}")

    def filter(self, chain: Chain, case: Case) -> list[Rule]:
        """A base chain as a list of rules: the first that matches decides. What may match or not permits perhaps."""
        if chain.hook == "prerouting" and chain.priority <= TRACKING:
            case = replace(case, tracked=None if chain.priority == TRACKING else False)
        flat = _Flat(self, chain, case)
        flat.walk(chain, ALWAYS, 0)
        flat.verdict(ALWAYS, chain.policy == "accept", self.document.place(chain.path))
        return flat.found

    def translations(self, chain: Chain, case: Case) -> list[Translation]:
        """The address translations of a base chain of type nat, in order; `accept` ends it for what it matches."""
        flat = _Flat(self, chain, case)
        flat.walk(chain, ALWAYS, 0)
        return flat.translations


def _targets(expressions: Any) -> Iterator[str]:
    """The names of the chains that expressions jump to."""
    if isinstance(expressions, dict):
        for key, value in expressions.items():
            if key in ("jump", "goto") and isinstance(value, dict):
                yield str(value.get("target"))
            else:
                yield from _targets(value)
    elif isinstance(expressions, list):
        for one in expressions:
            yield from _targets(one)


def _has(tree: Any, key: str) -> bool:
    if isinstance(tree, dict):
        return key in tree or any(_has(value, key) for value in tree.values())
    return isinstance(tree, list) and any(_has(value, key) for value in tree)


class _Flat:
    """Walks a base chain, and the chains it jumps to, into one list."""

    def __init__(self, ruleset: Ruleset, base: Chain, case: Case) -> None:
        self.ruleset, self.base, self.case = ruleset, base, case
        self.sets = ruleset.sets.get(base.table, {})
        self.found: list[Rule] = []
        self.translations: list[Translation] = []
        self.size = 0
        self.doubt = False
        """A rule that may have dropped packets came before: what is accepted now may be gone."""
        self.loose = False
        """A rule that may have left the chain came before: what is dropped now may not have got here."""

    def walk(self, chain: Chain, under: Condition, depth: int) -> None:
        """The rules of a chain, for packets that match `under`."""
        if depth > MAX_DEPTH:
            raise TooLongError(f"chains jump more than {MAX_DEPTH} deep")
        before = self.loose
        here = under
        for rule in chain.rules:
            own = ALWAYS
            for n, expression in enumerate(rule.expressions):
                kind, inner = next(iter(expression.items()))
                if kind == "match":
                    own = own.both(self.match(inner, (*rule.path, n)))
                elif kind == "limit":
                    own = own.both(Condition("", True))
                elif kind not in HARMLESS:
                    for verdict, condition in self.verdicts(kind, inner, own, (*rule.path, n)):
                        here = self.act(chain, verdict, here, condition, (*rule.path, n), depth)
                if own.pattern is None:
                    break
            if here.pattern is None:
                break
        self.loose = before

    def match(self, inner: Any, path: Path) -> Condition:
        if path in self.ruleset.unclear:
            return Condition("", True)
        return match_of(inner, self.case, self.sets)

    def verdicts(
        self, kind: str, inner: Any, own: Condition, path: Path
    ) -> Iterator[tuple[dict[str, Any], Condition]]:
        """The verdict of a statement; of a verdict map several, each with the packets it is for."""
        if kind != "vmap":
            yield {kind: inner}, own
        else:
            for value, verdict in map_of(inner, self.sets):
                yield verdict, own.both(compare(inner["key"], "==", value, self.case, self.sets))

    def act(
        self,
        chain: Chain,
        verdict: dict[str, Any],
        here: Condition,
        own: Condition,
        path: Path,
        depth: int,
    ) -> Condition:
        """What a verdict does to packets that are here and match; those for which the next rule counts."""
        both = here.both(own)
        if both.pattern is None:
            return here
        kind, inner = next(iter(verdict.items()))
        span = self.ruleset.document.place(path)
        leaves = kind in ("return", "goto")
        if kind in ("jump", "goto"):
            self.walk(self.ruleset.target(self.base, inner), both, depth + 1)
        elif kind in ("accept", "drop", "reject"):
            self.verdict(both, kind == "accept", span)
        elif kind in TRANSLATIONS:
            self.translations.append(translation(kind, inner, both, span))
        if not leaves:
            return here
        if chain is self.base:
            self.verdict(both, chain.policy == "accept", span)
            return here
        if own.maybe:
            self.doubt = self.loose = True
            return here
        return here.both(negated(own))

    def verdict(self, condition: Condition, permit: bool, span: Span) -> None:
        """Packets are accepted or dropped."""
        if condition.pattern is None:
            return
        if self.base.kind == "nat":
            kind = "accept" if permit else "drop"
            self.translations.append(Translation(condition, kind, None, None, False, span))
            return
        self.size += len(condition.pattern)
        if len(self.found) > MAX_RULES or self.size > MAX_TEXT:
            raise TooLongError(f"chain '{self.base.name}' becomes a list of more than {MAX_RULES} rules")
        if permit:
            sure = not (condition.maybe or self.doubt)
            self.found.append(Rule(True if sure else None, condition.pattern, span))
        elif condition.maybe or self.loose:
            self.doubt = True
        else:
            self.found.append(Rule(False, condition.pattern, span))


def map_of(inner: Any, sets: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """The pairs of a verdict map."""
    data = inner.get("data") if isinstance(inner, dict) else None
    if isinstance(data, str) and data.startswith("@"):
        data = {"set": sets.get(data[1:])}
    rows = data.get("set") if isinstance(data, dict) else None
    if not isinstance(rows, list) or "key" not in inner:
        raise StrangeError("not a verdict map", "vmap")
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 2 or not isinstance(row[1], dict) or len(row[1]) != 1:
            raise StrangeError("not a pair of a verdict map", "vmap", "data")
        value = row[0]
        if isinstance(value, dict) and isinstance(value.get("elem"), dict):
            value = value["elem"].get("val")
        found.append((value, row[1]))
    return found


def translation(kind: str, inner: Any, condition: Condition, span: Span) -> Translation:
    """snat, dnat or masquerade, with one address at most."""
    given = inner if isinstance(inner, dict) else {}
    if given.keys() - {"addr", "port", "family", "flags"}:
        raise StrangeError(f"{kind} with more than an address and a port", kind)
    address = None
    if kind != "masquerade":
        try:
            address = parse_address(str(given.get("addr")))
        except ValueError as error:
            raise StrangeError(f"{kind}: {error}", kind) from None
    port = given.get("port")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 1 << 16):
        raise StrangeError(f"{kind}: one port, or none", kind)
    if kind == "masquerade" and port is not None:
        raise StrangeError("masquerade with ports", kind)
    return Translation(condition, kind, address, port, kind == "masquerade", span)
