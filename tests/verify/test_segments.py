"""Several stations on a segment: a frame is for the one that it is addressed to."""

from random import Random

import pytest

from innet.diagnostics import Source
from innet.explore.replay import ETHERNET, Replay
from innet.messages import Answer
from innet.network import End, load
from innet.platform import RunningMiddlebox, Simulation
from innet.platform.ipv4 import checksum
from innet.policy import Policy
from innet.verify.crafted import udp
from innet.verify.world import World
from tests.verify.networks import CHAIN, PASS, ask, chain, inward

LAN = """
nodes:
  internet: {kind: internet}
  border:
    kind: router
    interfaces: {out: 192.0.2.1/30, lan: 10.0.0.1/24}
    routes: {0.0.0.0/0: out, 10.1.0.0/16: lan via 10.0.0.2, 10.2.0.0/16: lan via 10.0.0.3}
  sw: {kind: switch, interfaces: {a: {}, b: {}, c: {}, d: {}, e: {}}, table: {TABLE}}
  one: {kind: router, interfaces: {lan: {address: 10.0.0.2/24, mac: "02:00:00:00:00:11"}}, routes: {10.1.0.0/16: drop}}
  two:
    kind: router
    interfaces: {lan: 10.0.0.3/24, hosts: 10.1.0.1/24, more: 10.2.0.1/24}
    routes: {0.0.0.0/0: lan via 10.0.0.1}
  web: {kind: host, address: 10.1.0.5/24}
  mail: {kind: host, address: 10.2.0.5/24}
  here: {kind: host, address: 10.0.0.9/24}
  there: {kind: host, address: 10.0.0.10/24}
links:
  - [internet, border:out]
  - [border:lan, sw:a]
  - [one:lan, sw:b]
  - [two:lan, sw:c]
  - [here, sw:d]
  - [there, sw:e]
  - [two:hosts, web]
  - [two:more, mail]
"""


def lan(table: str = "") -> World:
    return World(load(Source("lan.yaml", LAN.replace("TABLE", table)), str), Policy(()))


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("reach from internet udp -> 10.1.0.5", Answer.NO),
        ("never reach from internet udp -> web", Answer.YES),
        ("reach from internet udp -> 10.2.0.5", Answer.YES),
        ("always reach from internet -> border -> two -> mail", Answer.YES),
        ("reach from internet udp -> 10.0.0.9", Answer.YES),
        ("never reach from internet -> one -> here", Answer.YES),
        ("reach from mail udp -> internet", Answer.YES),
        ("never reach from mail -> one -> internet", Answer.YES),
    ],
)
def test_the_next_hop_alone_gets_a_frame(statement: str, answer: Answer):
    assert ask(lan(), statement).holds is answer


def test_a_switch_goes_by_its_table():
    """The table says that `one` is where `two` is: what is sent to it gets lost there."""
    assert ask(lan(), "never reach from internet dst net 10.1.0.0/16 -> one").holds is Answer.NO
    wrong = lan('"02:00:00:00:00:11": c')
    assert ask(wrong, "never reach from internet dst net 10.1.0.0/16 -> one").holds is Answer.YES


def test_whose_address_it_is_does_not_hang_on_what_was_asked_before():
    """A box sends all frames to the platform's Ethernet address, by the wire of the router before it."""
    told = CHAIN.replace("nic: 10.0.1.2/30", 'nic: {address: 10.0.1.2/30, mac: "02:00:00:00:00:11"}')
    astray = inward("Strip(14) -> EtherEncap(0x0800, 02:00:00:00:00:01, 02:00:00:00:00:11)")
    rule = "never reach from internet -> client"
    world = chain(astray, text=told)
    assert ask(world, rule).holds is Answer.YES
    assert ask(world, "reach from client -> platform").holds is Answer.YES
    assert ask(world, rule).holds is Answer.YES
    assert ask(chain(astray), rule).holds is Answer.NO, "it may be anybody's address"


HOMES = """
nodes:
  internet: {kind: internet}
  edge:
    kind: router
    interfaces: {out: 192.0.2.1/30, lan: {address: 10.0.0.1/24, mac: "02:00:00:00:00:01"}}
    routes: {0.0.0.0/0: out}
  sw: {kind: switch, interfaces: {a: {}, b: {}, c: {}}, table: {TABLE}}
  homes: {kind: clients, interfaces: {lan: {address: 10.0.0.2/24, mac: "02:00:00:00:00:02"}}}
  printer: {kind: host, interfaces: {nic: {address: 10.0.0.130/24, mac: "02:00:00:00:00:03"}}}
links: [[internet, "edge:out"], ["edge:lan", "sw:a"], [homes, "sw:b"], [printer, "sw:c"]]
"""


@pytest.mark.parametrize(
    ("table", "statement", "answer"),
    [
        ("", "reach from client -> internet", Answer.YES),
        ('"02:00:00:00:00:01": a', "reach from client -> internet", Answer.YES),
        ('"02:00:00:00:00:01": b', "reach from client -> internet", Answer.NO),
        ('"02:00:00:00:00:01": b', "never reach from client -> edge", Answer.YES),
        ('"02:00:00:00:00:01": b', "reach from client -> sw", Answer.YES),
        ('"02:00:00:00:00:01": b', "reach from printer -> internet", Answer.NO),
        ('"02:00:00:00:00:01": a', "reach from client -> printer", Answer.YES),
        (
            '"02:00:00:00:00:03": a',
            "reach from client -> 10.0.0.130",
            Answer.YES,
        ),  # in a frame to all stations
        ('"02:00:00:00:00:03": a', "never reach from internet -> printer", Answer.YES),
    ],
)
def test_what_stations_send_goes_by_the_table_to_the_station_it_is_addressed_to(
    table: str, statement: str, answer: Answer
):
    """Frames to addresses that nobody has go to all ports, but stations do not take them for theirs."""
    world = World(load(Source("homes.yaml", HOMES.replace("TABLE", table)), str), Policy(()))
    assert ask(world, statement).holds is answer


def test_a_packet_that_is_shown_takes_no_way_of_another_stations_frame():
    """`two` hears what `border` sends to `one`, which drops it; both have a route for it."""
    replay = Replay(lan().network)
    replay.send(End("border", "out"), ETHERNET + udp(0x08080808, 0x0A010005, bytes(8)))
    places = [event.place for event in replay.events]
    assert places == ["border", "sw", "one"]


def test_a_frame_that_ends_in_its_header_goes_no_further():
    """As in the simulation, and in proofs."""
    box = inward("Truncate(34)")
    for first, arrives in ((0x45, True), (0x46, False)):
        packet = bytearray(udp(0xCB00714D, 0xAC100707, bytes(8)))
        packet[0] = first
        packet[10:12] = bytes(2)
        packet[10:12] = checksum(bytes(packet[: (first & 15) * 4])).to_bytes(2, "big")
        replay = Replay(chain(box).network)
        replay.send(End("edge", "out"), ETHERNET + packet)
        assert any(event.place == "homes" for event in replay.events) is arrives
        assert ("homes" in simulated(CHAIN, box, "internet", bytes(packet))) is arrives
        flow = f"from internet udp and ip[0] = {first} -> client"
        assert ask(chain(box), f"never reach {flow}").holds is (Answer.NO if arrives else Answer.YES)


MIRROR = "FromDevice(outside) -> MarkIPHeader(14) -> IPMirror -> {}ToDevice(outside); FromDevice(inside) -> Discard;"
PUT_IN = "FromDevice(inside) -> MarkIPHeader(14) -> StoreEtherAddress({}, dst) -> ToDevice(outside); {}"
TOLD = CHAIN.replace("in: 10.0.0.1/30", "in: {address: 10.0.0.1/30, mac: 2:0:0:0:0:1}")


def simulated(text: str, box: str, sender: str, packet: bytes) -> set[str]:
    """Where what one packet becomes arrives."""
    snapshot = load(Source("network.yaml", text), {"first.click": box, "second.click": PASS}.__getitem__)
    simulation, arrivals = Simulation(snapshot), set[str]()
    simulation.on_arrival = lambda node, arrival: arrivals.add(node)
    for one in snapshot.middleboxes:
        running = RunningMiddlebox(one, simulation.ports(one.name), simulation.clock, Random(0))
        simulation.attach(one.name, running)
    simulation.send(sender, packet)
    simulation.run(10_000_000)
    return arrivals


@pytest.mark.parametrize(
    ("box", "start", "end", "answer"),
    [
        (MIRROR.format(""), "internet", "internet", Answer.NO),
        (MIRROR.format("EtherMirror -> "), "internet", "internet", Answer.YES),
        (PASS, "client", "internet", Answer.YES),
        (PUT_IN.format("2:0:0:0:0:1", "Idle -> ToDevice(inside);"), "client", "internet", Answer.YES),
        (PUT_IN.format("2:0:0:0:0:2", "Idle -> ToDevice(inside);"), "client", "internet", Answer.NO),
    ],
)
def test_behind_a_box_the_one_other_station_is_addressed(box: str, start: str, end: str, answer: Answer):
    check = ask(chain(box, text=TOLD), f"reach from {start} udp -> first -> {end}")
    assert check.holds is answer, check.reason
    packet = (
        udp(0xCB00714D, 0xAC100707, bytes(8))
        if start == "internet"
        else udp(0xAC100001, 0x08080808, bytes(8))
    )
    sender = {"internet": "internet", "client": "homes"}[start]
    assert (end in simulated(TOLD, box, sender, packet)) is (answer is Answer.YES)


def test_what_goes_through_a_box_with_an_ethernet_address_is_for_whoever_is_behind_it():
    """The box has three ports, and passes frames on unchanged."""
    ports = "{outside: {mac: 2:0:0:0:0:9}, inside: {}, aside: {}}"
    text = TOLD.replace(
        "first.click, interfaces: {outside: {}, inside: {}}", f"first.click, interfaces: {ports}"
    )
    text = text.replace("up: 10.0.0.2/30", "up: {address: 10.0.0.2/30, mac: 2:0:0:0:0:2}")
    text = text.replace(
        "links:\n", "  more: {kind: host, address: 10.0.7.1/24}\nlinks:\n  - [more, first:aside]\n"
    )
    box = f"{PASS} FromDevice(aside) -> Discard; Idle -> ToDevice(aside);"
    assert ask(chain(box, text=text), "never reach from internet udp -> client").holds is Answer.NO
    assert "homes" in simulated(text, box, "internet", udp(0xCB00714D, 0xAC100707, bytes(8)))


@pytest.mark.parametrize("told", [True, False])
def test_routers_drop_frames_for_several_stations(told: bool):
    box = inward("StoreEtherAddress(ff:ff:ff:ff:ff:ff, dst)")
    up = "up: {address: 10.0.0.2/30, mac: 2:0:0:0:0:2}" if told else "up: 10.0.0.2/30"
    text = CHAIN.replace("up: 10.0.0.2/30", up)
    assert ask(chain(box, text=text), "reach from internet udp -> access").holds is Answer.NO
    assert ask(chain(box, text=text), "never reach from internet udp -> client").holds is Answer.YES
    assert "homes" not in simulated(text, box, "internet", udp(0xCB00714D, 0xAC100707, bytes(8)))
