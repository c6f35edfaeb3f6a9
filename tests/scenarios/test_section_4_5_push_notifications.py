"""Section 4.5: a client's batcher is proven, placed on the one platform that will do, and carries notifications; a
spoofer is refused; a web server goes where its pages pass the optimizer; a question is answered."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import MappingProxyType

import pytest

from innet.cli.labs import SimulatedLab
from innet.controller import Controller, Proofs, Settings, Store, load_accounts, plan_for
from innet.diagnostics import Source
from innet.messages import Account, Answer, Assessment, Plan
from innet.network import Capacity, Platform, Snapshot, load
from innet.policy import Policy, Request, parse_policy, parse_request

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FIGURE_3 = EXAMPLES / "figure3"
PHONE = ("172.16.15.133", 1500)
SERVER = ("203.0.113.2", 4000)


def source(path: Path) -> Source:
    return Source(path.name, path.read_text(encoding="utf-8"))


def request(name: str, **parameters: str) -> Request:
    return parse_request(source(EXAMPLES / f"{name}.innet"), parameters)


@dataclass
class Operator:
    """Figure 3 with its policy and accounts, running in this process."""

    snapshot: Snapshot
    policy: Policy
    accounts: dict[str, Account]
    lab: SimulatedLab
    store: Store
    controller: Controller

    def crowded(self, platform: str) -> Controller:
        """The same with room for one module on `platform`."""
        node = self.snapshot.nodes[platform]
        assert isinstance(node, Platform)
        nodes = {**self.snapshot.nodes, platform: replace(node, capacity=Capacity(1))}
        full = replace(self.snapshot, nodes=MappingProxyType(nodes))
        return Controller(Settings(full, Proofs(full, self.policy), self.store, self.lab.agents.__getitem__))


@pytest.fixture
def operator() -> Iterator[Operator]:
    snapshot = load(source(FIGURE_3 / "network.yaml"), lambda name: (FIGURE_3 / name).read_text("utf-8"))
    policy = parse_policy(source(FIGURE_3 / "policy.innet"))
    lab = SimulatedLab(snapshot)
    store = Store(":memory:", lambda: 0.0)
    settings = Settings(snapshot, Proofs(snapshot, policy), store, lab.agents.__getitem__, Random(0))
    accounts = dict(load_accounts(source(FIGURE_3 / "accounts.yaml")))
    yield Operator(snapshot, policy, accounts, lab, store, Controller(settings))
    store.close()


def fitting(plan: Plan) -> list[str]:
    return [trial.name for trial in plan.platforms if trial.fits]


def test_the_batcher_fits_on_platform_3_only(operator: Operator) -> None:
    plan = operator.controller.plan(request("batcher"), operator.accounts["mobile"], all_platforms=True)
    assert plan.assessment is Assessment.SAFE
    assert fitting(plan) == ["platform3"]
    assert [check.holds for check in (*plan.security, *plan.requirements, *plan.rules)] == [Answer.YES] * len(
        (*plan.security, *plan.requirements, *plan.rules)
    )
    assert len(plan.rules) == 6
    (place,) = plan.placements
    assert (place.module, place.platform, place.address) == ("Batcher", "platform3", "198.51.100.1")
    assert all(trial.reasons for trial in plan.platforms if not trial.fits)
    (reach,) = plan.requirements
    assert reach.witness is not None
    assert reach.witness.replayed


def test_its_notifications_come_in_batches_until_it_is_killed(operator: Operator) -> None:
    lab = operator.lab
    reply = operator.controller.apply(request("batcher", INTERVAL="120"), operator.accounts["mobile"])
    assert reply.identifier is not None
    address = reply.plan.placements[0].address
    for port in (PHONE[1], 53):
        lab.listen("homes", (PHONE[0], port))
    payloads = [f"notification {n}".encode().ljust(1024, b".") for n in range(20)]
    for n, payload in enumerate(payloads):
        lab.wait(5 + 30 * n)
        lab.send("internet", SERVER, (address, PHONE[1]), payload)
        lab.send("internet", SERVER, (address, 53), b"not for you")
    lab.wait(5 + 30 * 20 + 120)
    assert [d.payload for d in lab.deliveries] == payloads
    assert {d.source for d in lab.deliveries} == {SERVER}
    times = sorted({round(d.time_s) for d in lab.deliveries})
    assert len(times) == 5
    assert all(after - before == 120 for before, after in itertools.pairwise(times))

    operator.controller.kill(reply.identifier, operator.accounts["mobile"])
    lab.send("internet", SERVER, (address, PHONE[1]), payloads[0])
    lab.wait(lab.now_s() + 500)
    assert len(lab.deliveries) == 20
    assert operator.controller.list() == ()


def test_a_source_that_is_not_its_own_is_refused_with_a_packet(operator: Operator) -> None:
    plan = operator.controller.plan(request("spoofer"), operator.accounts["mobile"])
    assert plan.assessment is Assessment.REFUSED
    assert plan.placements == ()
    (check,) = [c for c in plan.security if c.holds is Answer.NO]
    assert "anti-spoofing" in check.text
    assert check.witness is not None
    assert check.witness.replayed
    assert "8.8.8.8" in check.witness.result
    assert [step.place for step in check.trace][-1].endswith("dst")
    assert operator.controller.apply(request("spoofer"), operator.accounts["mobile"]).identifier is None


def test_a_web_server_goes_where_pages_pass_the_optimizer(operator: Operator) -> None:
    content = operator.accounts["content"]
    plan = operator.controller.plan(request("webserver"), content, all_platforms=True)
    assert plan.assessment is Assessment.SAFE
    assert fitting(plan) == ["platform2"]
    for trial in plan.platforms:
        if not trial.fits:
            (broken,) = [rule for rule in trial.rules if rule.holds is Answer.NO]
            assert broken.text.startswith("always reach from module tcp src port 80 -> HTTPOptimizer")
            assert broken.witness is not None
    assert operator.controller.apply(request("webserver"), content).identifier is not None

    again = operator.crowded("platform2").plan(request("webserver"), content, all_platforms=True)
    assert again.placements == ()
    assert again.assessment is Assessment.REFUSED
    assert any("full" in reason for trial in again.platforms for reason in trial.reasons)
    assert any("HTTPOptimizer" in reason for trial in again.platforms for reason in trial.reasons)


def test_a_tenant_is_not_told_what_is_inside(operator: Operator) -> None:
    content = operator.accounts["content"]
    asked = request("webserver")
    plan = operator.controller.plan(asked, content, all_platforms=True)
    shown = repr(plan_for(plan, content.role, asked, operator.snapshot))
    for secret in ("HTTPOptimizer", "access", "border", "firewall", "10.0.4.2", "'top'", "'core'"):
        assert secret not in shown
    assert "operator's rule 2 does not hold" in shown


def test_questions_are_answered_and_nothing_is_deployed(operator: Operator) -> None:
    mobile = operator.accounts["mobile"]
    reply = operator.controller.apply(request("tunnel-question"), mobile)
    assert reply.identifier is None
    assert reply.plan.granted
    assert [check.holds for check in reply.plan.requirements] == [Answer.YES]
    closed = parse_request(Source("question", "reach from internet udp -> client dst port 1194\n"))
    answer = operator.controller.plan(closed, mobile)
    assert [check.holds for check in answer.requirements] == [Answer.NO]
    assert not answer.granted
