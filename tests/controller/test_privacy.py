"""What a tenant is told never names what is inside the operator's network: over many requests, networks and answers."""

import json
import re
from pathlib import Path
from random import Random

import pytest

from innet.cli.captures import write_witnesses
from innet.cli.main import main
from innet.cli.output import Style, plan_json, plan_text
from innet.controller.answer import _Secret, plan_for
from innet.diagnostics import ConfigurationError, Source
from innet.messages import Account, Role
from innet.network import Clients, Internet, Platform, Snapshot, format_address, load
from innet.policy import parse_request
from innet.verify.plan import plan
from innet.verify.world import World
from tests.adversarial.judge import corpus
from tests.soundness.networks import BOXES, MODULES
from tests.verify.networks import CHAIN, PHONE, figure3, policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FIGURE_3 = EXAMPLES / "figure3"
TENANTS = (Role.CLIENT, Role.THIRD_PARTY)
RENAMED = {
    "edge": "zuerich7",
    "first": "filterbox",
    "second": "wrapbox",
    "access": "bng12",
    "homes": "vlan30",
}
RULES = """
always new reach from internet -> module -> client
never reach from client -> internet dst port 25
reach from internet -> client
"""


def secrets(snapshot: Snapshot) -> set[str]:
    """Names of inner nodes, their interfaces with names, and addresses: those of interfaces, and prefixes in tables."""
    found: set[str] = set()
    for node in snapshot.nodes.values():
        if isinstance(node, Internet):
            continue
        if not isinstance(node, Platform | Clients):
            found.add(node.name)
        found |= {f"{node.name}:{name}" for name in node.interfaces}
        found |= {format_address(i.address) for i in node.interfaces.values() if i.address is not None}
        for route in getattr(node, "routes", ()):
            found.add(format_address(route.prefix.low))
    return found - {"0.0.0.0"}


def named(text: str, secret: set[str], request: str) -> list[str]:
    """The secrets that a text names, if the request does not name them itself."""
    return [
        one
        for one in sorted(secret)
        if re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w.-])", text)
        and not re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w-])", request)
    ]


def told(world: World, text: str, role: Role, tmp_path: Path) -> tuple[str, bool]:
    """All that a tenant is told, as text and as JSON, with a capture written; whether it was refused."""
    asked = parse_request(Source("request", text))
    owned = ((PHONE, PHONE),)
    answer = plan(asked, world, Account("tenant", role, owned), all_platforms=True)
    shown = plan_for(answer, role, asked, world.snapshot)
    places = write_witnesses(str(tmp_path / "x.pcap"), shown)
    names = [module.name for module in asked.modules]
    return plan_text(shown, Style(False), names, places) + json.dumps(
        plan_json(shown, places)
    ), not answer.granted


@pytest.fixture(scope="module")
def figure_3() -> World:
    """Explored once for all."""
    return figure3()


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.innet")))
def test_the_examples_on_figure_3(example: str, figure_3: World, tmp_path: Path) -> None:
    request = (EXAMPLES / example).read_text()
    for role in TENANTS:
        shown, _ = told(figure_3, request, role, tmp_path)
        assert named(shown, secrets(figure_3.snapshot), request) == []


def test_the_command_tells_no_more(
    capsys: pytest.CaptureFixture[str], figure_3: World, tmp_path: Path
) -> None:
    capture = tmp_path / "packets.pcap"
    request = EXAMPLES / "spoofer.innet"
    arguments = [
        "plan",
        str(request),
        "--network",
        str(FIGURE_3 / "network.yaml"),
        "--role",
        "third-party",
        "--all",
    ]
    assert main([*arguments, "--policy", str(FIGURE_3 / "policy.innet"), "--pcap", str(capture)]) == 1
    out, err = capsys.readouterr()
    assert named(out + err, secrets(figure_3.snapshot), request.read_text()) == []
    assert "pcap: packet 1" in out
    assert len(capture.read_bytes()) > 24 + 16 + 34


SUBNETS = """
M module:
FromNetfront() -> IPFilter(allow udp) -> m :: IPMirror -> out :: ToNetfront()

reach from 10.0.0.0/8 -> client
reach from 10.0.0.0/29 udp -> M:m
reach from 10.0.0.0/29 tcp -> M:m
reach from client -> 10.0.4.0/22
reach from M:m udp -> 10.0.0.0/8
"""
PRINTER = "  printer: {kind: host, address: 10.0.7.9/24}\nlinks:\n  - [access:lan, printer]"


@pytest.mark.parametrize("box", BOXES[1:3])
def test_addresses_in_use_in_a_subnet_are_not_told(box: str, tmp_path: Path) -> None:
    """A packet from a subnet that a tenant asked for is from a router's interface there, or goes to a host."""
    text = CHAIN.replace("links:", PRINTER).replace("{up:", "{lan: 10.0.7.1/24, up:")
    files = {"filterbox.click": box, "wrapbox.click": BOXES[0]}
    world = World(load(Source("network.yaml", renamed(text)), files.__getitem__), policy(RULES))
    asked = parse_request(Source("request", SUBNETS))
    answer = plan(asked, world, Account("tenant", Role.CLIENT), all_platforms=True)
    found = json.dumps(plan_json(answer))
    inside = [one for one in named(found, secrets(world.snapshot), SUBNETS) if one.startswith("10.")]
    assert len(inside) > 1
    for role in TENANTS:
        shown, _ = told(world, SUBNETS, role, tmp_path)
        assert named(shown, secrets(world.snapshot), SUBNETS) == []
        for address in inside:
            assert bytes(map(int, address.split("."))).hex() not in shown


def renamed(text: str) -> str:
    for old, new in RENAMED.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


@pytest.mark.parametrize("seed", range(6))
def test_networks_and_requests_at_random(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    files = {"filterbox.click": random.choice(BOXES), "wrapbox.click": random.choice(BOXES)}
    world = World(load(Source("network.yaml", renamed(CHAIN)), files.__getitem__), policy(RULES))
    start, end = random.choice((("internet", "client"), ("client", "internet"), ("client", "client")))
    flow = random.choice(("", "udp", "tcp dst port 80", "icmp", "dst 172.16.7.7"))
    text = (
        f"M module:\n{random.choice(MODULES)}\n\nreach from {start} {flow} -> M:dst:0 -> {end}\n"
        f"reach from {end} -> {start} const payload\n"
    )
    for role in TENANTS:
        shown, _ = told(world, text, role, tmp_path)
        assert named(shown, secrets(world.snapshot), text) == []


def test_cheats_are_told_of_their_own_elements_only(tmp_path: Path) -> None:
    files = {"filterbox.click": BOXES[2], "wrapbox.click": BOXES[3]}
    world = World(load(Source("network.yaml", renamed(CHAIN)), files.__getitem__), policy(RULES))
    inner = secrets(world.snapshot)
    refused = 0
    for case in Random(1).sample(corpus("cheats"), 3):
        text = f"M module:\n{case.text}\n\nreach from internet -> client\n"
        try:
            for role in TENANTS:
                shown, no = told(world, text, role, tmp_path)
                refused += no
                assert named(shown, inner, text) == [], case.path.stem
        except ConfigurationError:
            continue
    assert refused


def test_an_operator_sees_all(tmp_path: Path) -> None:
    files = {
        "filterbox.click": BOXES[2],
        "wrapbox.click": "FromDevice(outside) -> Discard; FromDevice(inside) -> Discard;",
    }
    world = World(load(Source("network.yaml", renamed(CHAIN)), files.__getitem__), policy(RULES))
    shown, no = told(world, "reach from internet udp -> client", Role.OPERATOR, tmp_path)
    assert no
    assert "zuerich7" in named(shown, secrets(world.snapshot), "")


def test_what_is_looked_for_is_found() -> None:
    """The search itself: a name or an address inside is noticed, a longer word that has it is not."""
    assert named("it ends at core", {"core"}, "") == ["core"]
    assert named("it scores 10.0.0.11", {"core", "10.0.0.1"}, "") == []
    assert named("at 10.0.0.1", {"10.0.0.1"}, "dst 10.0.0.1") == []


def test_what_names_something_inside_is_found_however_it_is_written() -> None:
    """The product's own search, against an expression with every name and address in it, on random texts."""
    choose = Random(7)
    snapshot = figure3().snapshot
    names = [n.name for n in snapshot.nodes.values() if not isinstance(n, Internet | Clients | Platform)]
    ends = [n for n in snapshot.nodes.values() if not isinstance(n, Internet | Clients)]
    names += [format_address(i.address) for n in ends for i in n.interfaces.values() if i.address is not None]
    expression = re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-])")
    secret, found = _Secret(snapshot), 0
    for _ in range(3_000):
        parts = (choose.choice((*names, "it", "1", "platform1")) for _ in range(choose.choice((1, 2, 4))))
        text = "".join(part + choose.choice((" ", ".", "-", ":", ". ", "_", "1", ", ")) for part in parts)
        assert secret.named(text) is bool(expression.search(text)), text
        found += secret.named(text)
    assert 300 < found < 2_700
