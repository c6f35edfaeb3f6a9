"""docs/reference/requirements.md: each of its examples, asked in the page's own networks."""

from functools import cache

import pytest

from innet.diagnostics import InNetError, Source
from innet.messages import Account, Answer, Check, Role
from innet.network import load, parse_address
from innet.policy import Policy
from innet.verify.world import Deployed, World
from tests.manual.examples import Block, blocks
from tests.verify.networks import CLIENT, ask, policy, request

PAGE = blocks("requirements.md")
OWNERS = {"Echo": Account("content", Role.THIRD_PARTY), "Relay": CLIENT}


def of(network: str, key: str) -> list[Block]:
    return [b for b in PAGE if b.options.get("network") == network and key in b.options]


@cache
def world(network: str) -> World:
    """A network of the page, with the modules that run there."""
    (like,) = {b.options.get("like", network) for b in of(network, "file") if "like" in b.options} or {
        network
    }
    (nodes,) = (b for b in PAGE if b.kind == "yaml" and b.options["network"] == like)
    files = {b.options["file"]: b.text for b in (*of(like, "file"), *of(network, "file"))}
    snapshot = load(Source("network.yaml", nodes.text), files.__getitem__)
    modules = tuple(
        Deployed(name, OWNERS[name], "cloud", parse_address(b.options["address"]), b.text)
        for b in of(network, "module")
        for name in (b.options["module"],)
    )
    return World(snapshot, Policy(()), modules)


def examples(kind: str) -> list[tuple[str, str, str, str]]:
    """(network, place, statement, claim) of all blocks of a kind."""
    return [(b.options["network"], *line) for b in PAGE if b.kind == kind for line in b.lines()]


RULES, REQUIREMENTS = examples("rules"), examples("tenant")
MISTAKES = [(next(iter(b.options)), *line) for b in PAGE if b.kind == "mistakes" for line in b.lines()]


def test_the_page_has_examples() -> None:
    assert len(RULES) > 40
    assert len(REQUIREMENTS) > 3
    assert len(MISTAKES) > 12


def is_as_claimed(check: Check, claim: str, place: str) -> None:
    answer, _, words = claim.partition(": ")
    assert check.holds is Answer(answer), f"{place}: {check.reason}"
    assert words in check.reason, place
    if check.witness is not None and "table entries" not in check.reason:
        assert check.witness.replayed, place


@pytest.mark.parametrize(("network", "place", "statement", "claim"), RULES, ids=[r[2] for r in RULES])
def test_a_statement_is_answered_as_the_page_says(
    network: str, place: str, statement: str, claim: str
) -> None:
    check = ask(world(network), statement)
    is_as_claimed(check, claim, place)
    if check.holds is Answer.YES and statement.startswith("reach"):
        assert check.witness is not None


@pytest.mark.parametrize(
    ("network", "place", "statement", "claim"), REQUIREMENTS, ids=[r[2] for r in REQUIREMENTS]
)
def test_a_tenant_is_answered_as_the_page_says(network: str, place: str, statement: str, claim: str) -> None:
    (check,) = request(world(network), statement).requirements
    is_as_claimed(check, claim, place)
    told = f"{check.reason} {check.trace}"
    assert not any(node in told for node in ("edge", "firewall", "access", "printer", "10.0."))


@pytest.mark.parametrize(("who", "place", "statement", "claim"), MISTAKES, ids=[m[2] for m in MISTAKES])
def test_a_mistake_is_told_as_the_page_says(who: str, place: str, statement: str, claim: str) -> None:
    code, _, words = claim.partition(": ")
    small = world("small")

    def read() -> object:
        return request(small, statement) if who == "tenant" else World(small.snapshot, policy(statement))

    with pytest.raises(InNetError) as caught:
        read()
    assert caught.value.diagnostics[0].code == code, place
    assert words in str(caught.value), place
