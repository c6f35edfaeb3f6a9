"""Section 3: a client asks what a firewall does to its tunnel; an operator compares a server outside with one inside.

Figure 1: a client, the operator's stateful firewall, a server S on the internet, or (`platform`) in the operator's own
network. Figure 2a: the firewall lets UDP out and what is related in; the server sends each packet back.
"""

import re
from pathlib import Path

import pytest

from innet.cli.main import main
from innet.diagnostics import Source
from innet.messages import Account, Answer, Role, Step
from innet.network import load, parse_address
from innet.policy import Policy
from innet.verify.trace import trace_flow
from innet.verify.world import Deployed, World
from tests.verify.networks import STATEFUL, ask

SERVER = "FromNetfront() -> IPMirror -> ToNetfront()"
ADDRESS = "198.51.100.1"
NODES = """
nodes:
  internet: {{kind: internet, interfaces: {{net: 203.0.113.2/30}}}}
  border:
    kind: router
    interfaces: {{out: 203.0.113.1/30, in: 10.0.0.1/30, cloud: 203.0.113.5/30}}
    routes: {{0.0.0.0/0: out, 172.16.0.0/16: in}}
  firewall: {{kind: middlebox, click: firewall.click, interfaces: {{outside: {{}}, inside: {{}}}}}}
  access:
    kind: router
    interfaces: {{up: 10.0.0.2/30, homes: 172.16.255.254/16, platform: 10.0.1.1/30}}
    routes: {{0.0.0.0/0: up}}
  {where}: {{kind: platform, interfaces: {{nic: {interface}}}, pool: 198.51.100.0/24}}
  homes: {{kind: clients, interfaces: {{lan: 172.16.0.1/16}}}}
links:
  - [internet, border:out]
  - [border:in, firewall:outside]
  - [firewall:inside, access:up]
  - [{link}, {where}]
  - [access:homes, homes]
operator: {{prefixes: [172.16.0.0/16, 10.0.0.0/8], ingress_filtering: true, connectionless: allowed}}
"""
OUTSIDE = NODES.format(where="cloud", interface="203.0.113.6/30", link="border:cloud")
INSIDE = NODES.format(where="platform", interface="10.0.1.2/30", link="access:platform")


def world(text: str, place: str) -> World:
    snapshot = load(Source("network.yaml", text), {"firewall.click": STATEFUL}.__getitem__)
    provider = Account("content", Role.THIRD_PARTY)
    server = Deployed("S", provider, place, parse_address(ADDRESS), SERVER)
    return World(snapshot, Policy(()), (server,))


def test_the_clients_question_is_its_payload_unchanged_all_the_way_to_the_server() -> None:
    network = world(OUTSIDE, "cloud")
    assert ask(network, f"reach from client udp -> {ADDRESS} const payload").holds is Answer.YES
    assert ask(network, "reach from client udp -> internet const host && port && payload").holds is Answer.YES
    assert ask(network, "reach from client tcp -> internet").holds is Answer.NO
    assert ask(network, "reach from client icmp -> internet").holds is Answer.NO


def test_answers_come_back_and_nothing_else_does() -> None:
    network = world(OUTSIDE, "cloud")
    back = f"reach from client udp -> {ADDRESS} -> client src host {ADDRESS} const payload && proto"
    assert ask(network, back).holds is Answer.YES
    assert ask(network, "never new reach from internet -> client").holds is Answer.YES
    assert ask(network, "never new reach from internet -> 172.16.0.0/16").holds is Answer.YES
    # S's module sends something to a client only if the client wrote to it first
    assert ask(network, f"never new reach from internet -> {ADDRESS} -> client").holds is Answer.YES


def story(network: World) -> tuple[Step, ...]:
    """The path of a client's UDP packet to the server and of the answer, as Figure 2b prints it."""
    paths = trace_flow(f"udp and dst host {ADDRESS}", "client", network)
    delivered = [p.steps for p in paths if p.steps[-1].place == "homes" and p.steps[-1].note == "delivered"]
    # inside, where no firewall asks for them, fragments and cut packets are answered too: those have no ports to show
    return next(p for p in delivered if "sport" in dict(p[-1].fields))


def test_the_trace_of_figure_2b_line_by_line() -> None:
    steps = story(world(OUTSIDE, "cloud"))
    places = [step.place for step in steps if step.changed or ":" in step.place or "/" in step.place]
    server = next(n for n, step in enumerate(steps) if step.place.startswith("S:"))
    at_server, back = dict(steps[server].fields), dict(steps[-1].fields)
    assert at_server["proto"] == "udp"
    assert at_server["ip src"].startswith("ip.src in 172.16.0.0-172.16.255.253")
    assert at_server["ip dst"] == ADDRESS
    # the server swaps the ends; the client's address is the same unknown it was when the packet left
    assert back["ip src"] == ADDRESS
    assert back["ip dst"].startswith("ip.src in 172.16.0.0-172.16.255.253")
    assert (back["sport"], back["dport"]) == (at_server["dport"], at_server["sport"])
    mirror = next(step for step in steps if step.place.startswith("S:IPMirror"))
    assert set(mirror.changed) == {"ip src", "ip dst", "sport", "dport"}
    assert any(place.startswith("firewall/") for place in places)
    changing = {step.place for step in steps if set(step.changed) - {"ttl"}}
    assert changing == {mirror.place}


def test_inside_and_outside_are_equal_for_the_client() -> None:
    """The symbolic packet that comes back is the same in both setups, but for the routers it passed."""
    outside, inside = (story(world(*setup))[-1] for setup in ((OUTSIDE, "cloud"), (INSIDE, "platform")))
    a, b = ({name: value for name, value in step.fields if name != "ttl"} for step in (outside, inside))
    assert a == b
    assert a["ip src"] == ADDRESS


def test_inside_nobody_outside_can_make_the_server_attack_clients() -> None:
    network = world(INSIDE, "platform")
    assert ask(network, f"never new reach from internet -> {ADDRESS} -> client").holds is Answer.YES
    assert ask(network, "always reach from module -> client src host 198.51.100.1").holds is Answer.YES


# ---- examples/figure1


FIGURE_1 = Path(__file__).resolve().parents[2] / "examples" / "figure1"
BLOCK = re.compile(r"^```trace network=(\S+) flow=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TRACES = BLOCK.findall((FIGURE_1 / "README.md").read_text("utf-8"))


@pytest.mark.parametrize(("network", "flow", "printed"), TRACES, ids=[f"{n} {f[:3]}" for n, f, _ in TRACES])
def test_the_tables_of_figures_1_and_2(
    network: str, flow: str, printed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code = main(
        ["trace", flow.replace("_", " "), "--from", "client", "--table", "--network", str(FIGURE_1 / network)]
    )
    assert capsys.readouterr().out == printed
    assert code == (0 if "delivered)" in printed else 1)


@pytest.mark.parametrize("network", ["outside.yaml", "platform.yaml"])
def test_the_statements_of_figures_1_and_2(network: str) -> None:
    snapshot = load(
        Source(network, (FIGURE_1 / network).read_text("utf-8")),
        lambda name: (FIGURE_1 / name).read_text("utf-8"),
    )
    here = World(snapshot, Policy(()))
    for statement, holds in [
        ("reach from client udp -> S -> client const payload", Answer.YES),
        (
            "always new reach from client udp and dst host 198.51.100.9 -> client src host 198.51.100.9 const payload",
            Answer.YES,
        ),
        ("never new reach from internet -> client", Answer.YES),
        ("reach from client tcp -> S", Answer.NO if network == "outside.yaml" else Answer.YES),
    ]:
        assert ask(here, statement).holds is holds, statement
