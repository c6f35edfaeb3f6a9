"""The in-process network: routers, switches, hosts, middleboxes and platforms in virtual time."""

from random import Random

import pytest

from innet.diagnostics import Source
from innet.messages import Role
from innet.network import load, parse_address
from innet.platform import Agent, Arrival, Deployment, RunningMiddlebox, Simulation
from innet.platform.ipv4 import checksum, udp, udp_parts

NETWORK = """
nodes:
  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}
  border:
    kind: router
    interfaces: {out: 203.0.113.1/30, inside: 10.0.0.1/24}
    routes: {0.0.0.0/0: out, 172.16.0.0/16: inside via 10.0.0.2, 192.0.2.0/24: drop}
  counter: {kind: middlebox, click: counter.click, interfaces: {a: {}, b: {}}}
  hub: {kind: switch, interfaces: {one: {}, two: {}, three: {}}}
  access:
    kind: router
    interfaces: {up: 10.0.0.2/24, homes: 172.16.255.254/16}
    routes: {0.0.0.0/0: up via 10.0.0.1, 198.51.100.0/24: up}
  homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}
  box: {kind: platform, interfaces: {nic: 10.0.0.3/24}, pool: 198.51.100.0/24}
links:
  - [internet, border:out]
  - [border:inside, counter:a]
  - [counter:b, hub:one]
  - [hub:two, access:up]
  - [hub:three, box]
  - [access:homes, homes]
"""
COUNTER = "FromDevice(a) -> c :: Counter -> ToDevice(b); FromDevice(b) -> d :: Counter -> ToDevice(a);"
OUTSIDE, CLIENT, MODULE = "203.0.113.2", "172.16.3.4", "198.51.100.7"


class Network:
    """The network of this file with its boxes, and what its hosts received."""

    def __init__(self, text: str = NETWORK) -> None:
        self.snapshot = load(Source("network.yaml", text), lambda name: COUNTER)
        self.simulation = Simulation(self.snapshot)
        self.arrivals: list[tuple[str, Arrival]] = []
        self.simulation.on_arrival = lambda node, arrival: self.arrivals.append((node, arrival))
        clock, random = self.simulation.clock, Random(0)
        self.middlebox = RunningMiddlebox(
            self.snapshot.middleboxes[0], self.simulation.ports("counter"), clock, random
        )
        self.agent = Agent(self.snapshot.platforms[0], self.simulation.port("box", "nic"), clock, random)
        self.simulation.attach("counter", self.middlebox)
        self.simulation.attach("box", self.agent)

    def send(self, node: str, source: str, destination: str, ttl: int = 64) -> list[tuple[str, str]]:
        """Send one packet and let it go; who received what from whom since the start."""
        self.simulation.send(
            node, udp((parse_address(source), 1), (parse_address(destination), 2), b"x", ttl)
        )
        self.simulation.run(self.simulation.clock() + 10_000_000)
        return [(node, str(udp_parts(arrival.packet) is not None)) for node, arrival in self.arrivals]


def test_a_packet_crosses_routers_middlebox_and_switch() -> None:
    network = Network()
    assert network.send("internet", OUTSIDE, CLIENT) == [("homes", "True")]
    ((_, arrival),) = network.arrivals
    assert arrival.packet[8] == 62, "two routers"
    assert checksum(arrival.packet[:20]) == 0
    assert arrival.time_ns == 5 * 50_000, "five wires"
    assert network.middlebox.router.handlers.read("c.count") == "1"
    assert network.middlebox.router.handlers.read("d.count") == "0"


def test_and_back() -> None:
    network = Network()
    assert network.send("homes", CLIENT, "8.8.8.8") == [("internet", "True")]
    assert network.middlebox.router.handlers.read("d.count") == "1"


def test_a_module_is_reached_by_its_address_from_both_sides() -> None:
    network = Network()
    text = "FromNetfront() -> IPMirror -> ToNetfront()"
    network.agent.apply(Deployment("a", "M", "x", Role.CLIENT, "box", MODULE, text))
    network.send("internet", OUTSIDE, MODULE)
    assert network.send("homes", CLIENT, MODULE) == [("internet", "True"), ("homes", "True")]


@pytest.mark.parametrize(
    ("node", "destination", "ttl", "dropped"),
    [
        ("internet", "192.0.2.1", 64, ("border", "no route")),
        ("internet", CLIENT, 1, ("border", "time to live expired")),
        ("internet", CLIENT, 2, ("access", "time to live expired")),
        ("internet", "10.0.0.2", 64, ("access", "for the router itself")),
        ("homes", "10.0.0.1", 64, ("border", "for the router itself")),
    ],
)
def test_what_is_dropped_is_counted_where(
    node: str, destination: str, ttl: int, dropped: tuple[str, str]
) -> None:
    network = Network()
    source = OUTSIDE if node == "internet" else CLIENT
    assert network.send(node, source, destination, ttl) == []
    assert network.simulation.drops[dropped] == 1


def test_with_a_split_horizon_nothing_is_sent_back() -> None:
    back = NETWORK.replace("192.0.2.0/24: drop", "192.0.2.0/24: out")
    split = back.replace(
        "kind: router\n    interfaces: {out", "kind: router\n    split_horizon: true\n    interfaces: {out"
    )
    assert Network(back).send("internet", OUTSIDE, "192.0.2.1") == [("internet", "True")]
    network = Network(split)
    assert network.send("internet", OUTSIDE, "192.0.2.1") == []
    assert network.simulation.drops["border", "split horizon"] == 1
    assert network.send("homes", CLIENT, "192.0.2.1") == [("internet", "True")]


def test_a_packet_with_a_broken_header_is_not_forwarded() -> None:
    network = Network()
    packet = bytearray(udp((parse_address(OUTSIDE), 1), (parse_address(CLIENT), 2), b"x"))
    packet[10] ^= 1
    network.simulation.send("internet", bytes(packet))
    network.simulation.run(10_000_000)
    assert network.simulation.drops["border", "wrong header checksum"] == 1


def test_time_goes_on_beside_a_source_that_always_has_work() -> None:
    network = Network()
    text = "InfiniteSource() -> Discard; FromNetfront() -> IPMirror -> ToNetfront()"
    network.agent.apply(Deployment("a", "M", "x", Role.CLIENT, "box", MODULE, text))
    assert network.send("internet", OUTSIDE, MODULE) == [("internet", "True")]
    assert network.simulation.clock() == 10_000_000


def test_only_platforms_and_middleboxes_are_run() -> None:
    network = Network()
    with pytest.raises(ValueError, match="neither a platform nor a middlebox"):
        network.simulation.attach("border", network.agent)
