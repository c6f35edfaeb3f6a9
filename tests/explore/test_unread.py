"""Transport marks that nobody looks at: cases are not told apart by where they are, and no answer hangs on it."""

import pytest

from innet.diagnostics import Source
from innet.explore.flow import Budget
from innet.explore.unread import looks, unread
from innet.messages import Account, Assessment, Role
from innet.network import parse_address
from innet.symbolic import ranges as rs
from innet.symbolic.work import Work
from innet.verify import security
from innet.verify.deployed import PARSE, machine_of, module_box
from innet.verify.security import Rules, Security, assess

ADDRESS, OWNED = parse_address("198.51.100.7"), parse_address("172.16.15.133")
WAY_IN = "FromNetfront() -> Strip(14) -> CheckIPHeader -> "
HIDDEN = WAY_IN + (
    "MarkIPHeader(4) -> c :: IPClassifier(src udp port 53, -);"
    "c [0] -> MarkIPHeader -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront(); c [1] -> MarkIPHeader -> IPMirror -> "
    "ToNetfront();"
)
"""What looks like a header four bytes further decides whether a packet goes astray, by what its length says."""


def judged(text: str, work: int = 3_000_000) -> Security:
    """What is said of a third party's module."""
    box = module_box("M", machine_of(Source("module", text)), "nic")
    account = Account("tenant", Role.THIRD_PARTY, ((OWNED, OWNED),))
    budget = Budget(100_000, work=work)
    return assess(box, PARSE, Rules(ADDRESS, account, rs.single(OWNED)), budget, False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MarkIPHeader", False),
        ("CheckIPHeader", False),
        ("StoreIPAddress(1.2.3.4, src)", True),
        ("StoreIPAddress(1.2.3.4, 16)", False),
        ("Strip(20)", False),
        ("IPFilter(allow udp port 53)", True),
        ("IPMirror", True),
        ("SetUDPChecksum", True),
        ("IPRewriter(pattern - - 1.2.3.4 - 0 0)", True),
        ("ICMPPingResponder", True),
    ],
)
def test_who_looks_at_the_transport_header(text: str, found: bool) -> None:
    machine = machine_of(Source("module", f"FromNetfront() -> e :: {text} -> ToNetfront();"))
    assert looks(machine.program("e", 0).body) is found


def test_a_mark_is_looked_at_by_whatever_comes_after() -> None:
    text = (
        "FromNetfront() -> a :: MarkIPHeader(14) -> b :: Tee(2); b [0] -> c :: MarkIPHeader(14) -> ToNetfront();"
        "b [1] -> q :: Queue -> Unqueue -> d :: IPFilter(allow udp port 53) -> e :: Null -> ToNetfront();"
    )
    asked = unread(machine_of(Source("module", text)), "M:", Work())
    assert [name for name in "abcqde" if asked(f"M:{name}")] == ["c", "e"]
    assert not asked("c"), "an element of something else"
    assert not asked("N:c")


def test_a_header_that_decides_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(HIDDEN).assessment is Assessment.SANDBOX
    monkeypatch.setattr(security, "unread", lambda machine, scope, work: lambda place: True)
    assert judged(HIDDEN).assessment is Assessment.SAFE, "else it does not matter here, and shows nothing"


def test_a_header_that_nobody_looks_at_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    text = WAY_IN + "Unstrip(14) -> Strip(34) -> MarkIPHeader -> MarkIPHeader(14) -> ToNetfront();"
    found = judged(text, 100_000)
    assert found.assessment is Assessment.SAFE
    monkeypatch.setattr(security, "unread", lambda machine, scope, work: lambda place: False)
    assert judged(text, 100_000).assessment is Assessment.UNDECIDED
