"""What a device has but does not use: routes that are dead or looked up too late, ports that are shut, frames with
tags."""

import json
from typing import Any

import pytest

from innet.messages import Answer
from tests.elements.packets import ICMP, TCP, UDP, ipv4, tcp, udp
from tests.network.importing.boxes import HEADER, Running, imported, refusal, world
from tests.verify.networks import ask

ENDS = """
nodes:
  internet: {kind: internet}
  a: {kind: host, address: 10.0.1.2/24}
  b: {kind: host, address: 10.0.2.2/24}
links: [[a, "r1:eth0"], [b, "r1:eth1"], [internet, "r1:eth2"]]
"""
PORTS = {"eth0": ("10.0.1.1", 24), "eth1": ("10.0.2.1", 24), "eth2": ("203.0.113.1", 30)}
ADDRESSES = json.dumps([
    {"ifname": name, "flags": ["UP"], "addr_info": [{"family": "inet", "local": address, "prefixlen": length}]}
    for name, (address, length) in PORTS.items()
])  # fmt: skip
CONNECTED: list[dict[str, Any]] = [
    {"dst": "10.0.1.0/24", "dev": "eth0", "protocol": "kernel", "scope": "link"},
    {"dst": "10.0.2.0/24", "dev": "eth1", "protocol": "kernel", "scope": "link"},
    {"dst": "203.0.113.0/30", "dev": "eth2", "protocol": "kernel", "scope": "link"},
]
DEFAULT = {"dst": "default", "dev": "eth2", "gateway": "203.0.113.2"}
BY_B = {"dst": "192.0.2.0/24", "dev": "eth1", "gateway": "10.0.2.2"}


def linux(routes: list[dict[str, Any]], statement: str) -> Answer:
    files = {"r1.ip-addr.json": ADDRESSES, "r1.ip-route.json": json.dumps(routes), "import.yaml": ENDS}
    return ask(world(imported(files)), statement).holds


@pytest.mark.parametrize("other", [DEFAULT, {"dst": "192.0.2.0/24", "dev": "eth2", "metric": 10}])
def test_behind_a_dead_route_the_next_best_is_used(other: dict[str, Any]):
    routes = [*CONNECTED, other, BY_B | {"flags": ["dead", "linkdown"]}]
    assert linux(routes, "never reach from a dst net 192.0.2.0/24 -> internet") is Answer.NO
    assert linux(routes, "reach from a dst net 192.0.2.0/24 -> b") is Answer.NO
    assert linux([*CONNECTED, other, BY_B], "reach from a dst net 192.0.2.0/24 -> b") is Answer.YES


def test_table_local_is_looked_up_before_longer_prefixes_of_main():
    half = BY_B | {"dst": "192.0.2.128/25"}
    local = {"type": "local", "table": "local", "dst": "192.0.2.0/24", "dev": "lo"}
    assert linux([*CONNECTED, half], "reach from a dst net 192.0.2.128/25 -> b") is Answer.YES
    assert linux([*CONNECTED, half, local], "reach from a dst net 192.0.2.128/25 -> b") is Answer.NO
    same = [*CONNECTED, local | {"metric": 5}, BY_B]
    assert linux(same, "reach from a dst net 192.0.2.0/24 -> b") is Answer.NO


def test_an_address_alone_makes_no_route():
    routes = [*CONNECTED[1:], DEFAULT]
    assert linux(routes, "never reach from b dst host 10.0.1.200 -> internet") is Answer.NO
    assert linux(routes, "reach from b dst host 10.0.1.2 -> a") is Answer.NO
    assert linux([*CONNECTED, DEFAULT], "reach from b dst host 10.0.1.2 -> a") is Answer.YES


def test_a_route_longer_than_a_subnet_has_its_addresses():
    half = {"dst": "10.0.1.0/25", "dev": "eth1", "gateway": "10.0.2.2"}
    assert linux([*CONNECTED, DEFAULT, half], "reach from internet dst host 10.0.1.2 -> a") is Answer.NO
    assert linux([*CONNECTED, DEFAULT, half], "reach from internet dst host 10.0.1.2 -> b") is Answer.YES
    assert linux([*CONNECTED, DEFAULT], "reach from internet dst host 10.0.1.2 -> a") is Answer.YES


def test_who_is_at_an_interface_with_another_subnet_is_where_the_table_says():
    ends = ENDS.replace("10.0.2.2/24", "10.9.9.2/32")
    files = {"r1.ip-addr.json": ADDRESSES, "import.yaml": ends}
    away = imported(files | {"r1.ip-route.json": json.dumps([*CONNECTED, DEFAULT])})
    assert ask(world(away), "reach from a dst host 10.9.9.2 -> b").holds is Answer.NO
    assert ask(world(away), "never reach from a dst host 10.9.9.2 -> internet").holds is Answer.NO
    route = {"dst": "10.9.9.0/24", "dev": "eth1", "scope": "link"}
    there = imported(files | {"r1.ip-route.json": json.dumps([*CONNECTED, DEFAULT, route])})
    assert ask(world(there), "reach from a dst host 10.9.9.2 -> b").holds is Answer.YES


IOS = """
interface GigabitEthernet0/0
 ip address 10.0.1.1 255.255.255.0
!
interface GigabitEthernet0/1
 ip address 10.0.2.1 255.255.255.0
 {}
!
interface GigabitEthernet0/2
 ip address 203.0.113.1 255.255.255.252
!
ip route 192.0.2.0 255.255.255.0 GigabitEthernet0/1{}
ip route 192.0.2.0 255.255.255.0 203.0.113.2 200
"""
IOS_ENDS = """
nodes:
  internet: {kind: internet}
  a: {kind: host, address: 10.0.1.2/24}
links: [[a, "r1:Gi0/0"], [internet, "r1:Gi0/2"]]
"""


@pytest.mark.parametrize("hop", ["", " 10.0.2.2"])
def test_a_static_route_by_an_interface_that_is_shut_is_not_used(hop: str):
    for state, answer in (("shutdown", Answer.NO), ("speed auto", Answer.YES)):
        made = imported({"r1.ios-config.txt": IOS.format(state, hop), "import.yaml": IOS_ENDS})
        held = ask(world(made), "never reach from a dst net 192.0.2.0/24 -> internet")
        assert held.holds is answer
    flow = "never reach from a dst net 192.0.2.0/24 -> internet"
    text = IOS.format("shutdown", hop)
    kept = text.replace("Ethernet0/1" + hop + "\nip route", "Ethernet0/1" + hop + " permanent\nip route")
    assert (
        ask(world(imported({"r1.ios-config.txt": kept, "import.yaml": IOS_ENDS})), flow).holds is Answer.YES
    )
    never = text.replace(" 200\n", " 255\n")
    assert (
        ask(world(imported({"r1.ios-config.txt": never, "import.yaml": IOS_ENDS})), flow).holds is Answer.YES
    )
    arp = text + "arp 203.0.113.2 0011.2233.4455 ARPA\n"
    assert "this line is not understood" in refusal({"r1.ios-config.txt": arp, "import.yaml": IOS_ENDS})
    dhcp = IOS.format("shutdown", hop) + "ip route 0.0.0.0 0.0.0.0 dhcp\n"
    assert "a next hop that DHCP tells" in refusal({"r1.ios-config.txt": dhcp, "import.yaml": IOS_ENDS})


SWITCH = """
interface GigabitEthernet0/1
 switchport access vlan 10
 switchport mode access
 {}
!
interface GigabitEthernet0/2
 switchport access vlan 10
 switchport mode access
!
interface GigabitEthernet0/3
 switchport mode access
!
ip access-list extended NONE
 deny ip any any
!
{}
"""
SWITCH_ENDS = """
nodes:
  a: {kind: host, address: 10.0.1.2/24}
  b: {kind: host, address: 10.0.1.3/24}
  c: {kind: host, address: 10.0.2.4/24}
links: [[a, "s1:Gi0/1"], [b, "s1:Gi0/2"], [c, "s1:Gi0/3"]]
"""


def switch(port: str, text: str) -> dict[str, str]:
    return {"s1.ios-config.txt": SWITCH.format(port, text), "import.yaml": SWITCH_ENDS}


def test_an_access_port_without_a_vlan_is_in_vlan_1():
    proofs = world(imported(switch("", "")))
    assert ask(proofs, "reach from a dst host 10.0.1.3 -> b").holds is Answer.YES
    assert ask(proofs, "reach from a -> s1.vlan1").holds is Answer.NO
    assert ask(proofs, "reach from c -> s1.vlan1").holds is Answer.YES


@pytest.mark.parametrize(
    ("port", "text", "complaint"),
    [
        ("shutdown", "", "no VLAN is known of port 'Gi0/1'"),
        ("ip access-group NONE in", "", "an access list at a port of a switch (GigabitEthernet0/1)"),
        ("", "vlan access-map X 10\n action drop", "this line is not understood"),
        ("", "vlan filter X vlan-list 10", "this line is not understood"),
        ("", "vlan 10\n name office\n private-vlan isolated", "private-vlan isolated"),
    ],
)
def test_what_keeps_a_switch_from_passing_frames_is_not_passed_over(port: str, text: str, complaint: str):
    assert complaint in refusal(switch(port, text))


def test_a_port_that_is_shut_in_the_only_vlan_cannot_be_linked():
    lines = "interface Gi0/1\n switchport access vlan 10\n shutdown\ninterface Gi0/2\n switchport access vlan 10\n"
    files = {"s1.ios-config.txt": lines, "import.yaml": SWITCH_ENDS.replace(', [c, "s1:Gi0/3"]', "")}
    assert "'s1' has no interface 'Gi0/1'" in refusal(files)


BRIDGE = "priority=10,{} actions=output:2\npriority=1,ip actions=output:3\n"
BRIDGE_ENDS = """
nodes:
  h1: {kind: host, address: 10.0.0.1/24}
  h2: {kind: host, address: 10.0.0.2/24}
  h3: {kind: host, address: 10.0.0.3/24}
links: [[h1, "s1:1"], [h2, "s1:2"], [h3, "s1:3"]]
"""


def bridge(match: str, packet: bytes) -> list[str]:
    made = imported({"s1.ovs-flows.txt": BRIDGE.format(match), "import.yaml": BRIDGE_ENDS})
    return [port for port, _ in Running(made.snapshot, "s1").send("p1", packet, HEADER)]


@pytest.mark.parametrize(
    ("match", "port"),
    [("dl_vlan=0", "p3"), ("dl_vlan_pcp=0", "p3"), ("vlan_tci=0/0x1fff", "p2"), ("dl_vlan=0xffff", "p2")],
)
def test_vlan_0_is_a_tag(match: str, port: str):
    assert bridge(match, ipv4(udp(), proto=UDP)) == [port]


@pytest.mark.parametrize(
    ("match", "proto", "header"),
    [
        ("tcp,tp_dst=80", TCP, tcp(dport=80)),
        ("udp,tp_dst=80", UDP, udp(dport=80)[:8]),
        ("icmp,icmp_type=8", ICMP, bytes([8]) + bytes(7)),
    ],
)
def test_a_header_that_is_cut_off_has_no_ports(match: str, proto: int, header: bytes):
    assert bridge(match, ipv4(header, proto=proto)) == ["p2"]
    assert bridge(match, ipv4(header[:-1], proto=proto)) == ["p3"]
