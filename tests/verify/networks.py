"""Small networks for proofs, and short ways to ask about them."""

from pathlib import Path

from innet.diagnostics import Source
from innet.messages import Account, Check, Plan, Role
from innet.network import Snapshot, load, parse_address
from innet.policy import Policy, parse_policy, parse_request
from innet.verify.plan import plan
from innet.verify.questions import prepare
from innet.verify.reach import answer
from innet.verify.world import Deployed, World

FIGURE_3 = Path(__file__).resolve().parents[2] / "examples" / "figure3"
PHONE = parse_address("172.16.15.133")
CLIENT = Account("mobile", Role.CLIENT, ((PHONE, PHONE),))
PROVIDER = Account("content", Role.THIRD_PARTY, ((parse_address("203.0.113.2"),) * 2,))
OPERATOR = Account("operator", Role.OPERATOR)

BATCHER = """Batcher module:
FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)
  -> TimedUnqueue(120, 100) -> dst :: ToNetfront()
"""

CHAIN = """
nodes:
  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}
  edge:
    kind: router
    interfaces: {out: 203.0.113.1/30, in: 10.0.0.1/30}
    routes: {0.0.0.0/0: out, 172.16.0.0/16: in, 198.51.100.0/24: in, 10.9.0.0/16: in}
  first: {kind: middlebox, click: first.click, interfaces: {outside: {}, inside: {}}}
  second: {kind: middlebox, click: second.click, interfaces: {outside: {}, inside: {}}}
  access:
    kind: router
    interfaces: {up: 10.0.0.2/30, platform: 10.0.1.1/30, homes: 172.16.255.254/16}
    routes: {0.0.0.0/0: up}
  platform: {kind: platform, interfaces: {nic: 10.0.1.2/30}, pool: 198.51.100.0/24, capacity: {modules: 3}}
  homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}
links:
  - [internet, edge:out]
  - [edge:in, first:outside]
  - [first:inside, second:outside]
  - [second:inside, access:up]
  - [access:platform, platform]
  - [access:homes, homes]
operator: {prefixes: [172.16.0.0/16, 198.51.100.0/24, 10.0.0.0/8], ingress_filtering: true, connectionless: allowed}
"""
PASS = "FromDevice(outside) -> ToDevice(inside); FromDevice(inside) -> ToDevice(outside);"
STATEFUL = """
flows :: IPRewriter(keep 0 1, drop);
FromDevice(inside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow udp) -> [0] flows;
FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14) -> [1] flows;
flows [0] -> ToDevice(outside);
flows [1] -> ToDevice(inside);
"""
"""The firewall of the paper's Figure 2a: outgoing UDP, and what belongs to it."""


def inward(elements: str) -> str:
    """A middlebox that does something to IPv4 packets on their way in, and nothing on their way out."""
    way_in = f"FromDevice(outside) -> MarkIPHeader(14) -> {elements} -> ToDevice(inside);"
    return f"{way_in} FromDevice(inside) -> ToDevice(outside);"


def chain(first: str = PASS, second: str = PASS, rules: str = "", text: str = CHAIN) -> World:
    """Internet, router, two middleboxes, router, and behind it clients and a platform."""
    files = {"first.click": first, "second.click": second}
    return World(load(Source("network.yaml", text), files.__getitem__), policy(rules))


def figure3(rules: str | None = None) -> World:
    """The network of Figure 3, with its policy or other rules."""
    snapshot = load(Source("network.yaml", (FIGURE_3 / "network.yaml").read_text("utf-8")), read_figure3)
    return World(snapshot, policy(read_figure3("policy.innet") if rules is None else rules))


def read_figure3(name: str) -> str:
    return (FIGURE_3 / name).read_text("utf-8")


def policy(rules: str) -> Policy:
    return parse_policy(Source("policy.innet", rules)) if rules.strip() else Policy(())


def ask(world: World, statement: str) -> Check:
    """A statement of the operator, asked at once."""
    (rule,) = policy(statement).rules
    return answer(prepare(rule, {}), world.network, world.tables)


def request(
    world: World, text: str, account: Account = CLIENT, every: bool = False, **parameters: str
) -> Plan:
    """What the planner says to a request."""
    return plan(parse_request(Source("request.innet", text), parameters), world, account, all_platforms=every)


def run(
    world: World, name: str, text: str, address: str, account: Account = CLIENT, platform: str = "platform"
) -> World:
    """The world with one more module deployed."""
    module = Deployed(name, account, platform, parse_address(address), text.replace("$ADDR", address))
    return world.with_deployed((*world.deployed, module))


def snapshot(world: World) -> Snapshot:
    return world.snapshot
