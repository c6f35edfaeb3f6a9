"""Section 4.2: the requirements that the paper prints, on its Figure 3 with the module of its Figure 4."""

import pytest

from innet.diagnostics import ConfigurationError
from innet.messages import Answer
from tests.verify.networks import BATCHER, ask, figure3, request

PORTS = BATCHER.replace("dst :: ToNetfront()", "dst :: ToNetfront()").replace(
    "IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)",
    "IPFilter(allow udp dst port 2250) -> IPRewriter(pattern - - 172.16.15.133 1500 0 0)",
)
YES, NO = Answer.YES, Answer.NO


@pytest.mark.parametrize(
    ("module", "requirement", "holds"),
    [
        # "some UDP packets reach port 1500 of the client": any processing of the operator will do
        (BATCHER, "reach from internet udp ->\nclient dst port 1500", YES),
        ("", "reach from internet udp ->\nclient dst port 1500", NO),
        # "Internet traffic is also destined to port 1500"
        (BATCHER, "reach from internet udp dst port 1500 -> client dst port 1500", YES),
        # "destined to port 2250 ... will only arrive if the operator changes the destination port"
        (BATCHER, "reach from internet udp dst port 2250 -> client dst port 1500", NO),
        (PORTS, "reach from internet udp dst port 2250 -> client dst port 1500", YES),
        # "goes through Click element dst of processing module batcher, on port 0, and, at that point ..."
        (BATCHER, "reach from internet udp\n-> batcher:dst:0 dst 172.16.15.133\n-> client dst port 1500", YES),
        (BATCHER, "reach from internet udp\n-> batcher:dst:0 dst 172.16.15.134\n-> client dst port 1500", NO),
        (BATCHER, "reach from internet udp\n-> batcher:dst dst 172.16.15.133\n-> client", YES),
        # invariants
        (BATCHER, "reach from internet udp\n-> Batcher:dst:0 dst 172.16.15.133\n-> client dst port 1500\n"
                  "const proto && dst port && payload", YES),
        (BATCHER, "reach from internet udp -> client const dst host", NO),
        (BATCHER, "reach from internet udp -> client const src host && src port && payload", YES),
        (PORTS, "reach from internet udp -> client const dst port", NO),
        (PORTS, "reach from internet udp -> Batcher:dst:0 -> client const dst port", YES),
    ],
)  # fmt: skip
def test_the_printed_requirements(module: str, requirement: str, holds: Answer) -> None:
    requirement = requirement.replace("udp dst port", "udp and dst port")
    world = figure3("")
    plan = request(world, f"{module}\n{requirement}", every=True)
    trials = [t for t in plan.platforms if t.name == "platform3"]
    (check,) = trials[0].requirements if trials else plan.requirements
    assert check.holds is holds, check.reason
    if holds is YES:
        assert check.witness is not None
        assert check.witness.replayed
    else:
        assert check.reason


def test_the_operators_rule_means_all_flows() -> None:
    """ "All HTTP traffic reaching clients must go through the HTTP Optimizer": none need exist, each must pass it."""
    world = figure3("")
    assert ask(world, "always reach from internet tcp src port 80 -> HTTPOptimizer -> client").holds is YES
    assert ask(world, "always reach from internet tcp src port 81 -> HTTPOptimizer -> client").holds is NO
    assert ask(world, "reach from internet tcp src port 80 -> HTTPOptimizer").holds is YES
    # no new flow reaches a client from outside, so that none conforms from empty tables on
    assert ask(world, "reach from internet tcp src port 80 -> HTTPOptimizer -> client").holds is NO


def test_tenants_do_not_write_rules() -> None:
    for requirement in ("always reach from internet -> client", "never reach from internet -> client"):
        with pytest.raises(ConfigurationError):
            request(figure3(""), requirement)


def test_nodes_of_tenants() -> None:
    world = figure3("")
    for requirement, holds in [
        ("reach from 172.16.15.133 udp -> internet", YES),
        ("reach from 172.16.15.0/24 udp -> 203.0.113.77", YES),
        ("reach from client -> 172.16.1.1", YES),
        ("reach from client tcp -> internet const src host", NO),
    ]:
        assert request(world, requirement).requirements[0].holds is holds, requirement
