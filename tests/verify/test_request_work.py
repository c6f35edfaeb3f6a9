"""What one request may cost covers making its modules, not only the proofs."""

import pytest

from innet.diagnostics import Source
from innet.elements.build import load
from innet.messages import Account, Assessment, Role
from innet.network.generate import operator_network
from innet.policy import Policy, parse_request
from innet.symbolic.work import TOO_MUCH, Guard, Stopped
from innet.verify import plan as planning
from innet.verify.deployed import machine_of
from innet.verify.plan import plan
from innet.verify.world import World
from tests.soundness.large import IN, OUT, nested


def test_making_elements_is_charged() -> None:
    spent: list[int] = []
    machine_of(Source("m", nested(6)), spend=spent.append)
    few = sum(spent)
    spent.clear()
    machine_of(Source("m", nested(8)), spend=spent.append)
    assert 3 * few < sum(spent) < 5 * few


def test_patterns_are_charged_by_their_length() -> None:
    spent: list[int] = []
    for count in (10, 1_000):
        rules = ", ".join(f"deny dst port {n + 1_000}" for n in range(count))
        machine_of(Source("m", f"{IN}IPFilter({rules}, allow all){OUT}"), spend=spent.append)
        spent.append(0)
    assert max(spent) > 1_000 * 18


def test_whoever_asks_may_stop_while_modules_are_made() -> None:
    guard = Guard()
    guard.begin(lambda: "time is up", 1 << 40)
    with pytest.raises(Stopped, match="time is up"):
        machine_of(Source("m", nested(12)), spend=guard.spend)


def test_a_request_whose_modules_take_too_long_to_make_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "REQUEST_WORK", 20_000)
    world = World(operator_network(20), Policy(()))
    asked = parse_request(Source("r", f"M module:\n{nested(9)}\n"))
    made = plan(asked, world, Account("c", Role.CLIENT, ()))
    assert made.assessment is Assessment.UNDECIDED
    assert TOO_MUCH in made.warnings[0]


def test_copies_of_a_compound_element_share_what_does_not_ask_where_it_is() -> None:
    text = (
        "elementclass A { input -> IPFilter(allow src port 7) -> c :: Counter -> output }"
        f"elementclass B {{ $n | input -> IPFilter(allow src port $n) -> output }} {IN} A -> A -> B(1) -> B(2){OUT}"
    )
    _, elements = load(Source("m", text))
    filters = {name: e for name, e in elements.items() if "IPFilter" in name}
    first, second = (e for name, e in filters.items() if name.startswith("A"))
    assert first is second
    one, other = (e for name, e in filters.items() if name.startswith("B"))
    assert one != other


def test_copies_that_know_names_of_their_own_differ() -> None:
    text = (
        "elementclass A { $a | AddressInfo(x $a); input -> IPFilter(allow src host x) -> output }"
        f"{IN} A(1.2.3.4) -> A(5.6.7.8){OUT}"
    )
    _, elements = load(Source("m", text))
    one, other = (e for name, e in elements.items() if "IPFilter" in name)
    assert one != other
