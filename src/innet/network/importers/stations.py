"""Who is joined to whom: the ends that links name, links taken from shared subnets, and who hears whom."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from innet.diagnostics import Source, Span, suggest
from innet.network.addresses import Prefix, covering
from innet.network.importers.report import Report
from innet.network.importers.words import Word, interface_name, lines
from innet.network.model import End

_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")
MAX_NAME = 63


def clean(name: str) -> str:
    """A name that a network file may have: other signs than letters, digits, '_', '.' and '-' become '-'."""
    name = _STRANGE.sub("-", name)
    if not name[:1].isascii() or not name[:1].isalpha() or name in ("self", "drop"):
        name = "p" + name
    return name[:MAX_NAME]


@dataclass(frozen=True, slots=True)
class Station:
    """An interface, as far as links go: `addresses` with the lengths of their subnets, the main one first."""

    end: End
    addresses: tuple[tuple[int, int], ...]
    span: Span

    @property
    def subnet(self) -> Prefix | None:
        """The subnet by which it may be joined to others: of more than one address."""
        if not self.addresses or self.addresses[0][1] == 32:
            return None
        return covering(*self.addresses[0])


@dataclass(slots=True)
class Joint:
    """A node, as far as links go. `passes`: frames go through it (a switch, a box). `bare`: it gets an interface for
    each link (an internet node without any). `is_open`: links may name ports that no file does. `names`: what its
    interfaces may be called, and are."""

    name: str
    kind: str
    span: Span
    passes: bool = False
    bare: bool = False
    is_open: bool = False
    stations: dict[str, Station] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    vlans: dict[int, dict[str, None]] = field(default_factory=dict)
    down: frozenset[str] = frozenset()
    """Interfaces that are shut down: no link can name them."""


class Wires:
    """The joints and the wires between them."""

    def __init__(self, joints: dict[str, Joint], report: Report) -> None:
        self.joints, self.report = joints, report
        self.peer: dict[End, End] = {}
        self.links: list[tuple[End, End]] = []
        self.spans: dict[End, Span] = {}
        self.vlan_joints: dict[tuple[str, int], str] = {}
        """Switch and VLAN to the node that stands for them, where a switch has several."""

    # ---- links that are told

    def explicit(self, a: Word, b: Word) -> None:
        """A link between two ends as they are written. Between trunks it is one link a VLAN."""
        first, second = self.ends(a), self.ends(b)
        if not first or not second:
            return
        if None not in first and None not in second:
            common = [vlan for vlan in first if vlan in second]
            for vlan in common:
                self.join(first[vlan], second[vlan], a.span)
            if not common:
                self.report.error(a.span, f"'{a.text}' and '{b.text}' have no VLAN in common")
            return
        for word, found in ((a, first), (b, second)):
            if len(found) > 1:
                known = ", ".join(f"{word.text}.{vlan}" for vlan in list(found)[:8])
                self.report.error(word.span, f"'{word.text}' is in {len(found)} VLANs: which one?", known)
                return
        self.join(next(iter(first.values())), next(iter(second.values())), a.span)

    def ends(self, word: Word) -> dict[int | None, End]:
        """The interfaces that an end names, by VLAN; None: it is in none. Empty if there is no such interface."""
        name, colon, port = word.text.partition(":")
        joint = self.joints.get(name)
        if joint is None:
            near = suggest(name, self.joints) if len(name) < 64 else ""
            help = f"did you mean '{near}'?" if near else ""
            self.report.error(word.span, f"there is no device '{name[:40]}'", "DEVICE:INTERFACE", help)
            return {}
        if not colon:
            if joint.bare:
                number = sum(end.node == name for end in self.peer)
                end = End(name, f"port{number + 1}")
                joint.stations[end.interface] = Station(end, (), joint.span)
                return {None: end}
            if len(joint.stations) == 1:
                return {None: End(name, next(iter(joint.stations)))}
            known = ", ".join(f"{name}:{port}" for port in list(joint.names)[:8])
            self.report.error(word.span, f"'{name}' has {len(joint.stations)} interfaces: which one?", known)
            return {}
        if joint.vlans:
            return self.vlan_ends(word, joint, port)
        full = interface_name(port)
        found = joint.names.get(port) or joint.names.get(full)
        if found is None and joint.is_open and full not in joint.down:
            found = clean(full)
            joint.names[full] = found
            joint.stations[found] = Station(End(name, found), (), word.span)
        if found is None:
            near = suggest(port, joint.names) if len(port) < 64 else ""
            help = f"did you mean '{name}:{near}'?" if near else ""
            known = ", ".join(f"{name}:{one}" for one in list(joint.names)[:8]) or "an interface that is up"
            self.report.error(word.span, f"'{name}' has no interface '{port[:40]}'", known, help)
            return {}
        return {None: End(name, found)}

    def vlan_ends(self, word: Word, joint: Joint, port: str) -> dict[int | None, End]:
        """The ends of a port of a switch with several VLANs: PORT for all that it is in, PORT.VLAN for one."""
        full = interface_name(port)
        known = [vlan for vlan, ports in joint.vlans.items() if full in ports or port in map(clean, ports)]
        base, dot, number = full.rpartition(".")
        if not known and dot and number.isascii() and number.isdigit() and len(number) < 5:
            full, known = base, [int(number)] if int(number) in joint.vlans else []
        if not known:
            self.report.error(
                word.span,
                f"no VLAN is known of port '{port[:40]}' of '{joint.name}'",
                f"{joint.name}:{port[:40]}.VLAN, one of {', '.join(map(str, joint.vlans))}",
            )
            return {}
        found: dict[int | None, End] = {}
        for vlan in known:
            node = self.vlan_joints[joint.name, vlan]
            name = clean(full)
            self.joints[node].stations.setdefault(name, Station(End(node, name), (), word.span))
            found[vlan] = End(node, name)
        return found

    def join(self, a: End, b: End, span: Span | None) -> None:
        """A wire; an interface takes one."""
        if a.node == b.node:
            self.report.error(span, f"this link joins '{a.node}' to itself", "two devices")
            return
        for end in (a, b):
            if end in self.peer:
                self.report.error(
                    span, f"{end} is joined to {self.peer[end]} already", "one link an interface"
                )
                return
        self.peer[a], self.peer[b] = b, a
        self.links.append((a, b))

    # ---- links that follow from subnets

    def infer(self) -> None:
        """Join what is in one subnet and has no link: two interfaces by a wire, more by a switch."""
        groups: dict[Prefix, list[Station]] = {}
        linked: dict[Prefix, Station] = {}
        for joint in list(self.joints.values()):
            for station in joint.stations.values():
                if station.subnet is not None:
                    if station.end in self.peer:
                        linked.setdefault(station.subnet, station)
                    else:
                        groups.setdefault(station.subnet, []).append(station)
        for subnet, members in groups.items():
            if subnet in linked:
                other = linked[subnet]
                self.report.error(
                    members[0].span,
                    f"{members[0].end} is in {subnet}, as {other.end}, which is joined to {self.peer[other.end]}",
                    "a link that says what it is joined to",
                    f"add a line to the links: {members[0].end} ...",
                )
            elif len({station.end.node for station in members}) < len(members):
                twice = ", ".join(str(station.end) for station in members[:8])
                self.report.error(members[0].span, f"{subnet} is at {twice}: which are joined?", "links")
            elif len(members) == 2:
                self.join(members[0].end, members[1].end, members[0].span)
                self.report.note(f"{members[0].end} and {members[1].end} are joined: both are in {subnet}")
            elif len(members) > 2:
                self.lan(subnet, members)

    def lan(self, subnet: Prefix, members: list[Station]) -> None:
        """A switch for all in one subnet."""
        name = clean(f"lan.{subnet}")
        joint = self.joints.setdefault(name, Joint(name, "switch", members[0].span, passes=True))
        for station in members:
            port = clean(f"{station.end.node}.{station.end.interface}")
            joint.stations[port] = Station(End(name, port), (), station.span)
            self.join(End(name, port), station.end, station.span)
        many = ", ".join(str(station.end) for station in members[:8])
        self.report.note(f"{many} are joined by a switch: all are in {subnet}")

    # ---- who hears whom

    def hearers(self, end: End) -> tuple[list[Station], set[int]]:
        """The stations that hear what leaves by an interface, through whatever passes frames on; and the addresses of
        what does."""
        found: dict[End, Station] = {}
        passed: set[int] = set()
        seen = {end}
        work = [end]
        while work:
            peer = self.peer.get(work.pop())
            if peer is None or peer in seen:
                continue
            seen.add(peer)
            joint = self.joints[peer.node]
            if not joint.passes:
                found[peer] = joint.stations[peer.interface]
                continue
            for name, station in joint.stations.items():
                passed.update(address for address, _ in station.addresses)
                other = End(peer.node, name)
                if other not in seen:
                    seen.add(other)
                    work.append(other)
        return [station for other, station in found.items() if other != end], passed


def read_links(source: Source, report: Report) -> Iterator[tuple[Word, Word]]:
    """The pairs of a links file: two ends a line, with `--`, `->` or `<->` between them or nothing; `#` comments."""
    for line in lines(source):
        words = line.words()
        comment = next((n for n, word in enumerate(words) if word.text.startswith("#")), len(words))
        words = [word for word in words[:comment] if word.text not in ("--", "->", "<->")]
        if len(words) == 2:
            yield words[0], words[1]
        elif words:
            report.error(line.span, f"a link has two ends, this line {len(words)}", "r1:eth0 r2:eth1")


def names_of(ports: Iterable[str], what: str, span: Span, report: Report) -> dict[str, str]:
    """Interface names as files have them, and as a network file may: each by both."""
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for port in ports:
        name = clean(port)
        if taken.setdefault(name, port) != port:
            report.error(span, f"{what}: '{port}' and '{taken[name]}' would both be called '{name}'")
        names[port] = name
    for name in taken:
        names.setdefault(name, name)
    return names
