"""A small network of four devices, each in the format of its maker, as one network."""

from pathlib import Path

import pytest

from innet.cli.importing import read
from innet.messages import Answer
from innet.network import End, Router, Switch, parse_address
from innet.network.importers import import_files
from tests.network.importing.boxes import imported, world
from tests.verify.networks import ask

CAMPUS = Path(__file__).parent / "campus"
MADE = import_files(read([str(CAMPUS)]))
WORLD = world(MADE)


def test_devices_become_nodes_of_their_kind():
    nodes = MADE.snapshot.nodes
    assert {name: node.kind.value for name, node in nodes.items()} == {
        "access": "router",
        "border": "router",
        "border.GigabitEthernet0-0.acl": "middlebox",
        "core": "router",
        "homes": "clients",
        "internet": "internet",
        "sw1": "switch",
        "web": "host",
    }
    switch, border = nodes["sw1"], nodes["border"]
    assert isinstance(switch, Switch)
    assert switch.table[0x52540012_3403] == "GigabitEthernet0-1"
    assert isinstance(border, Router)
    assert str(border.interfaces["GigabitEthernet0-1"]) == "GigabitEthernet0-1 10.0.0.1/30"
    assert "GigabitEthernet0-2" not in border.interfaces, "it is shut down"


def test_links_that_nobody_told_follow_from_subnets():
    assert MADE.snapshot.neighbour("border", "GigabitEthernet0-1") == End("core", "eth0")
    assert MADE.snapshot.neighbour("access", "ens4") == End("homes", "lan")
    assert [note for note in MADE.notes if "are joined" in note] == [
        "access:ens4 and homes:lan are joined: both are in 10.2.0.0/24",
        "border:GigabitEthernet0-1 and core:eth0 are joined: both are in 10.0.0.0/30",
    ]


@pytest.mark.parametrize(
    ("router", "address", "output"),
    [
        ("border", "8.8.8.8", ("GigabitEthernet0-0",)),
        ("border", "10.2.0.9", ("GigabitEthernet0-1",)),
        ("border", "10.9.1.1", ()),
        ("border", "172.16.5.200", ("GigabitEthernet0-1",)),
        ("border", "172.16.6.1", ("GigabitEthernet0-0",)),
        ("border", "10.0.0.1", ("self",)),
        ("core", "10.2.0.9", ("eth1",)),
        ("core", "10.8.0.1", ()),
        ("core", "10.1.0.80", ("eth1",)),
        ("access", "10.66.1.2", ()),
        ("access", "10.2.0.77", ("ens4",)),
        ("access", "9.9.9.9", ("ens3",)),
    ],
)
def test_routers_forward_as_their_tables_say(router: str, address: str, output: tuple[str, ...]):
    assert MADE.snapshot.forward(router, parse_address(address)) == output


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("reach from internet tcp -> 10.1.0.80 dst port 443", Answer.YES),
        ("reach from internet tcp -> 10.1.0.80 dst port 22 and tcp[13] & 0x14 = 0", Answer.NO),
        ("reach from internet tcp -> 10.1.0.80 dst port 22", Answer.YES),  # established
        ("never reach from internet src net 10.0.0.0/8 -> web", Answer.YES),
        ("reach from internet udp src port 53 -> client", Answer.YES),
        ("reach from client udp -> internet", Answer.YES),
        ("never reach from web src net 192.0.2.0/24 -> internet", Answer.YES),
        ("always reach from internet -> border -> core -> client", Answer.YES),
    ],
)
def test_proofs_know_the_access_lists(statement: str, answer: Answer):
    assert ask(WORLD, statement).holds is answer


def test_what_is_written_is_read_again():
    assert imported(dict(read([str(CAMPUS)]))).snapshot == MADE.snapshot
