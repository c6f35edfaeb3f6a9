"""The promise of the project: what the symbolic executor says of all packets holds for each one.

Every element, as its manual page shows it, on every input, with few and with more outputs; no test is written by its
author. Random packets and packets made from the paths; each is covered by exactly one path for each thing that happens
to it (by at least one where tables may hold anything), and every branch of every program is taken both ways.
"""

import re
from random import Random

import pytest
from hypothesis import settings

from innet.elements.base import Element
from innet.elements.registry import REGISTRY
from innet.ir import dump
from tests.backends.campaign import Campaign, Report
from tests.backends.flows import AnyState, Instance, instances, new_flow
from tests.backends.forms import Case, cases, stateful

PACKETS = settings.default.max_examples * 2 // 5
SEQUENCES = settings.default.max_examples // 2
ROUNDS = 40
"""How often more packets are tried while some side of a branch was not taken yet."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "IPRewriter": ("pattern 192.0.2.1 1024-1030# - - 0 1, drop",),  # two inputs
}
"""Configurations beside those of the manual page."""

LOST: dict[str, set[str]] = {}
"""Reasons for which the executor may lose packets, by class. There are none."""

DEFAULT_ROUTE = "the table has a default route"
IMPLIED = "the frame was found to be longer just before"
ARP_ONLY = "only ARP answers fill its table, which no packet here is: tests of ARPQuerier send them"
ADVERTISEMENTS_ONLY = "only neighbour advertisements fill its table: tests of IP6NDSolicitor send them"
CONSTANT = "the configuration decides it"
NEVER = [
    *(
        ("IP6NDSolicitor", example, *side, ADVERTISEMENTS_ONLY)
        for example in REGISTRY["IP6NDSolicitor"].EXAMPLES
        for side in (("v", True), ("((v <= v) & (v < v))", True), ("((v <= v) & (v < v))", False))
    ),
    *(
        ("ARPQuerier", example, *side, ARP_ONLY)
        for example in REGISTRY["ARPQuerier"].EXAMPLES
        for side in (
            ("v", True),
            ("(v <= v)", True),
            ("(v <= v)", False),
            ("((0xdf8475800u64 <= (v - v)) & (v <= v))", True),
            ("((0xdf8475800u64 <= (v - v)) & (v <= v))", False),
        )
    ),
    *(
        ("IPOutputCombo", example, "~has net[0+20]", True, IMPLIED)
        for example in REGISTRY["IPOutputCombo"].EXAMPLES
    ),
    ("DirectIPLookup", "0/0 0", "~v", True, DEFAULT_ROUTE),
    ("LinearIPLookup", "0/0 0", "~v", True, DEFAULT_ROUTE),
    ("RadixIPLookup", "0/0 0", "~v", True, DEFAULT_ROUTE),
    ("RangeIPLookup", "0/0 0", "~v", True, DEFAULT_ROUTE),
    ("SortedIPLookup", "0/0 0", "~v", True, DEFAULT_ROUTE),
    ("StaticIPLookup", "0/0 0", "~v", True, DEFAULT_ROUTE),
    ("DirectIPLookup", "10.0.0.0/8 0, 0/0 192.0.2.1 0", "~v", True, DEFAULT_ROUTE),
    ("LinearIPLookup", "10.0.0.0/8 0, 0/0 192.0.2.1 0", "~v", True, DEFAULT_ROUTE),
    ("RadixIPLookup", "10.0.0.0/8 0, 0/0 192.0.2.1 0", "~v", True, DEFAULT_ROUTE),
    ("RangeIPLookup", "10.0.0.0/8 0, 0/0 192.0.2.1 0", "~v", True, DEFAULT_ROUTE),
    ("SortedIPLookup", "10.0.0.0/8 0, 0/0 192.0.2.1 0", "~v", True, DEFAULT_ROUTE),
    ("StaticIPLookup", "10.0.0.0/8 0, 0/0 192.0.2.1 0", "~v", True, DEFAULT_ROUTE),
    ("LookupIP6Route", "::/0 0", "~v", True, DEFAULT_ROUTE),
    ("LookupIP6Route", "2001:db8::/32 0, ::/0 2001:db8::1 0", "~v", True, DEFAULT_ROUTE),
    ("Strip", "0", "(v < 0u16)", True, CONSTANT),
    ("StripEtherVLANHeader", "", "(v < 0x12u16)", True, IMPLIED),
    ("StripEtherVLANHeader", "-1", "(v < 0x12u16)", True, IMPLIED),
    ("StripEtherVLANHeader", "42", "(v < 0x12u16)", True, IMPLIED),
    ("VLANDecap", "", "(v < 4u16)", True, IMPLIED),
    ("VLANDecap", "false", "(v < 4u16)", True, IMPLIED),
    ("VLANDecap", "ETHERTYPE 0x88a8", "(v < 4u16)", True, IMPLIED),
    ("VLANEncap", "5, 3", "((0x6005u16 & 0xfffu16) == 0u16)", True, CONSTANT),
    ("VLANEncap", "0, NATIVE_VLAN 7", "((0u16 & 0xfffu16) == 7u16)", True, CONSTANT),
]
"""Sides of branches that no packet takes: class, arguments, condition (variables are `v`), side, why."""

ELSEWHERE = {
    "FTPPortMapper": REGISTRY["FTPPortMapper"].EXAMPLES,
    "ICMPRewriter": REGISTRY["ICMPRewriter"].EXAMPLES,
    "IPAddrPairRewriter": ("mapper", "pattern 192.0.2.1 80 - - 0 0"),
    "IPRewriter": ("mapper",),
}
"""Examples whose branches hang on what is in other elements' tables, or on all of another element's patterns being used
up, or which refuse every new flow: the elements' own tests take them, here some do."""

FEWER = (*ELSEWHERE, "UDPRewriter")
"""Elements with so many programs and so much in each that a fifth of the rows of packets must do."""

ELEMENTS = [element for element in REGISTRY.classes() if element.EXAMPLES]


def never(case: Case) -> set[tuple[str, bool]]:
    """The sides that no packet takes in this program."""
    name = type(case.element).__name__
    return {(text, side) for cls, example, text, side, _ in NEVER if (cls, example) == (name, case.example)}


def plain(text: str) -> str:
    """A condition without its variables' names."""
    return re.sub(r"e\[\w+\]%\d+", "v", text)


def missing(case: Case, report: Report) -> set[tuple[str, bool]]:
    """The sides that should have been taken, but were not."""
    if case.example in ELSEWHERE.get(type(case.element).__name__, ()):
        return set()
    found = {(plain(dump.expr(branch.condition)), side) for branch, side in report.unreached(case.program)}
    return found - never(case)


class Examination:
    """All programs of an element, and what was seen of each."""

    def __init__(self, element: type[Element]) -> None:
        self.cases = list(cases(element, EXAMPLES.get(element.__name__, ())))
        self.reports = [Report() for _ in self.cases]
        self.campaigns = [Campaign(c, r) for c, r in zip(self.cases, self.reports, strict=True)]
        self.instances = list(instances(self.cases))
        self.any_state = [AnyState(instance) for instance in self.instances]

    def packets(self) -> None:
        """Packets alone, tables empty."""
        for campaign in self.campaigns:
            campaign.random(PACKETS)
            campaign.solved()

    def flows(self, sequences: range) -> None:
        """Packets in a row, through programs that keep entries."""
        for instance, any_state in zip(self.instances, self.any_state, strict=True):
            reports = self.reports_of(instance)
            for n in sequences:
                new_flow(instance, reports, Random(f"{n} {instance}"))
                any_state.run(reports, Random(f"any {n} {instance}"))
            self.share(instance, reports)

    def reports_of(self, instance: Instance) -> list[Report]:
        """Their reports; those of other elements, which keep what this one looks into, are of no interest."""
        return [
            self.reports[self.cases.index(case)] if case in self.cases else Report()
            for case in instance.cases
        ]

    def share(self, instance: Instance, reports: list[Report]) -> None:
        """What was seen of programs counts for those that differ from them in the number of outputs only."""
        for case, report in zip(self.cases, self.reports, strict=True):
            for one, seen in zip(instance.cases, reports, strict=True):
                if (case.example, case.program.port) == (one.example, one.program.port):
                    report.taken |= seen.taken

    def more(self, n: int) -> bool:
        """More packets where some side of a branch was not taken yet; whether there was one."""
        left = False
        for campaign in self.campaigns:
            if missing(campaign.case, campaign.report):
                left = True
                if not stateful(campaign.case.program):
                    campaign.random(PACKETS)
        for instance, any_state in zip(self.instances, self.any_state, strict=True):
            reports = self.reports_of(instance)
            if any(
                missing(case, report)
                for case, report in zip(instance.cases, reports, strict=True)
                if case in self.cases
            ):
                any_state.run(reports, Random(f"more {n} {instance}"), 60)
                self.share(instance, reports)
        return left


@pytest.mark.timeout(600)  # a rewriter's takes a minute on a quiet machine
@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.__name__)
def test_every_packet_does_what_its_path_says(element: type[Element]) -> None:
    examination = Examination(element)
    examination.packets()
    examination.flows(range(SEQUENCES // 5 if element.__name__ in FEWER else SEQUENCES))
    for n in range(ROUNDS):
        if not examination.more(n):
            break
    for case, report in zip(examination.cases, examination.reports, strict=True):
        assert missing(case, report) == set(), f"{case}: no packet takes these sides of its branches"
        assert report.lost <= LOST.get(element.__name__, set())


def test_elements_are_there() -> None:
    assert len(ELEMENTS) > 70
