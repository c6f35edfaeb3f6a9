"""Switches, Click boxes, whole networks in JSON, real Linux machines; and what is wrong with files and links."""

import json
import os
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from innet.cli.main import main
from innet.diagnostics import Source
from innet.messages import Answer
from innet.network import End, Snapshot, Switch, format_address, neutral
from innet.network.forwarding import Forwarding, loops, of_snapshot, pairs
from innet.network.importers.stations import clean
from tests.network.importing.boxes import Running, imported, refusal, snapshot, world
from tests.network.test_forwarding import COLLECTED, TWO, concrete, random_network
from tests.verify.networks import ask

TWO_VLANS = """
Vlan    Mac Address       Type        Ports
----    -----------       --------    -----
 All    0100.0ccc.cccc    STATIC      CPU
  10    0200.0000.0001    DYNAMIC     Gi1/0/1
  20    0200.0000.0002    DYNAMIC     Gi1/0/2
  10    0200.0000.0003    DYNAMIC     Te1/1/1
  20    0200.0000.0004    DYNAMIC     Te1/1/1
"""


def host(name: str, address: str) -> str:
    return f"  {name}: {{kind: host, address: {address}}}\n"


def test_each_vlan_is_a_switch_of_its_own():
    made = imported({
        "a.ios-mac.txt": TWO_VLANS,
        "b.ios-mac.txt": TWO_VLANS,
        "import.yaml": "nodes:\n" + host("h1", "10.0.0.1/24") + host("h2", "10.0.1.2/24") + host("h3", "10.0.0.3/24"),
        "links": """
            a:Te1/1/1 -- b:TenGigabitEthernet1/1/1   # the trunk
            h1 -- a:Gi1/0/1
            h2 -- a:GigabitEthernet1/0/2
            h3 -- b:GigabitEthernet1/0/1
            """,
    })  # fmt: skip
    network = made.snapshot
    assert network.neighbour("a.vlan10", "TenGigabitEthernet1-1-1") == End(
        "b.vlan10", "TenGigabitEthernet1-1-1"
    )
    assert network.neighbour("a.vlan20", "TenGigabitEthernet1-1-1") == End(
        "b.vlan20", "TenGigabitEthernet1-1-1"
    )
    switch = network.nodes["b.vlan20"]
    assert isinstance(switch, Switch)
    assert switch.table == {0x020000000002: "GigabitEthernet1-0-2", 0x020000000004: "TenGigabitEthernet1-1-1"}
    ends = network.segment("h1", "nic")
    assert ends is not None
    assert {end.node for end in ends.stations} == {"h1", "h3"}


@pytest.mark.parametrize(
    ("links", "complaint"),
    [
        ("h1 a:Te1/1/1", "'a:Te1/1/1' is in 2 VLANs: which one?"),
        ("h1 a:Gi1/0/9", "no VLAN is known of port 'Gi1/0/9'"),
        ("h1 a:Gi1/0/9.30", "one of 10, 20"),
        ("h1 c:x", "there is no device 'c'"),
        ("h1", "a link has two ends, this line 1"),
        ("h1 a:Gi1/0/1 b", "a link has two ends, this line 3"),
        ("h1 a:Gi1/0/1\nh1 a:Gi1/0/2", "h1:nic is joined to a.vlan10:GigabitEthernet1-0-1 already"),
        ("h1:eth0 a:Gi1/0/1", "'h1' has no interface 'eth0'"),
    ],
)
def test_links_that_cannot_be_are_refused(links: str, complaint: str):
    files = {
        "a.ios-mac.txt": TWO_VLANS,
        "import.yaml": "nodes:\n" + host("h1", "10.0.0.1/24"),
        "links": links,
    }
    said = refusal(files)
    assert complaint in said
    assert "links:" in said


def test_a_port_of_a_trunk_is_named_with_its_vlan():
    yaml = "nodes:\n" + host("h1", "10.0.0.1/24")
    network = snapshot({"a.ios-mac.txt": TWO_VLANS, "import.yaml": yaml, "links": "h1 a:Te1/1/1.20"})
    assert network.neighbour("h1", "nic") == End("a.vlan20", "TenGigabitEthernet1-1-1")


LINUX = '[{{"ifname": "eth0", "flags": ["UP"], "addr_info": [{{"family": "inet", "local": "{}", "prefixlen": {}}}]}}]'


def test_three_in_one_subnet_are_joined_by_a_switch():
    made = imported({f"r{n}/ip-addr.json": LINUX.format(f"10.0.0.{n}", 24) for n in (1, 2, 3)})
    assert made.snapshot.nodes["lan.10.0.0.0-24"].kind.value == "switch"
    assert made.notes == ("r1:eth0, r2:eth0, r3:eth0 are joined by a switch: all are in 10.0.0.0/24",)


def test_what_is_in_a_subnet_that_is_linked_elsewhere_needs_a_link():
    files = {f"r{n}/ip-addr.json": LINUX.format(f"10.0.0.{n}", 24) for n in (1, 2, 3)}
    said = refusal(files | {"links": "r1:eth0 r2:eth0"})
    assert "r3:eth0 is in 10.0.0.0/24, as r1:eth0, which is joined to r2:eth0" in said


def test_a_next_hop_that_nobody_has_is_refused():
    route = '[{"dst": "default", "gateway": "10.0.0.9", "dev": "eth0", "flags": []}]'
    files = {f"r{n}/ip-addr.json": LINUX.format(f"10.0.0.{n}", 30) for n in (1, 2)}
    assert "the next hop 10.0.0.9 is nobody's at r1:eth0" in refusal(files | {"r1/ip-route.json": route})


def test_a_folder_of_click_files():
    made = imported({
        "left.click": "FromDevice(a) -> ToDevice(b); FromDevice(b) -> ToDevice(a);",
        "right.click": "FromDevice(a) -> IPFilter(deny udp, allow all) -> ToDevice(b); FromDevice(b) -> ToDevice(a);",
        "links": "left:b right:a\nhome left:a\nweb right:b",
        "import.yaml": "nodes:\n" + host("web", "10.0.0.1/24") + host("home", "10.0.0.2/24"),
    })  # fmt: skip
    proofs = world(made)
    assert ask(proofs, "reach from home tcp -> web").holds is Answer.YES
    assert ask(proofs, "never reach from home udp -> web").holds is Answer.YES
    assert "expected: an element" in refusal({"a.click": "FromDevice(a) -> ;"})


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "there are no files of devices"),
        ({"r1/ip-rout.json": "[]"}, "did you mean 'ip-route.json'?"),
        ({"r1/ip-route.json": "[]", "r1/frr-route.json": "{}"}, "'r1' has two routing tables"),
        ({"r1/ip-route.json": "[]", "r1.click": "Idle -> Discard;"}, "which is a whole device"),
        ({"client/ip-route.json": "[]"}, "'client' cannot be the name of a device"),
        ({"r1/ip-route.json": "[]", "import.yaml": "nodes: {r1: {kind: internet}}"}, "is a device already"),
        ({"r1/ip-route.json": "[]", "import.yaml": "node: {}"}, "'node' is not understood"),
        ({"r1/ip-route.json": "[]", "import.yaml": "nodes: {x: {kind: hots}}"}, "'hots' is not a kind of node"),
        ({"net.json": TWO, "r1/ip-route.json": "[]"}, "a whole network, and other files beside it"),
        ({"r1/ip-addr.json": '[{"ifname": "eth0", "flags": ["UP"], "master": "br0"}]'},
         "bridges, bonds and VRFs are not followed"),
    ],
)  # fmt: skip
def test_folders_that_make_no_network_are_refused(files: dict[str, str], complaint: str):
    assert complaint in refusal(files)


# ---- whole networks in JSON


def same(network: Forwarding, found: Snapshot) -> None:
    """The network file means what the JSON file does: every look-up, every pair of edge ports, every loop."""
    after = of_snapshot(found)
    for node, table in network.tables.items():
        for low, high, output in table:
            known = tuple(clean(port) if port != "self" else port for port in output)
            assert found.forward(node, low) == found.forward(node, high) == known

    def renamed(end: End) -> End:
        return End(end.node, clean(end.interface))

    assert len({renamed(end) for end in network.edges}) == len(network.edges)
    expected = {(renamed(a), renamed(b)): count for (a, b), count in pairs(network).items()}
    assert {pair: count for pair, count in pairs(after).items() if pair in expected} == expected
    assert sum(pairs(after).values()) == sum(expected.values())
    assert [len(loop.cycles) for loop in loops(after)] == [len(loop.cycles) for loop in loops(network)]


def test_a_whole_network_means_the_same_as_a_network_file():
    same(neutral.load(Source("two.json", TWO)), snapshot({"two.json": TWO}))


@pytest.mark.parametrize("seed", range(8))
def test_proofs_about_a_whole_network_say_what_single_packets_do(seed: int):
    rng = Random(seed)
    text = random_network(rng, alone=True)
    network = neutral.load(Source("random.json", text))
    made = imported({"random.json": text})
    same(network, made.snapshot)
    proofs, answers = world(made), list[Answer]()
    edges = {end: f"edge.{end.node}.{end.interface}" for end in network.edges}
    there = [end for end, host in edges.items() if host in made.snapshot.nodes]
    for one in rng.sample(network.classes, min(5, len(network.classes))):
        for source in there:
            found, _ = concrete(network, source, one.example)
            for end in rng.sample(there, 2):
                if end != source:
                    text = (
                        f"reach from {edges[source]} dst host {format_address(one.example)} -> {edges[end]}"
                    )
                    arrives, shut = (Answer.YES, Answer.NO) if end in found else (Answer.NO, Answer.YES)
                    assert ask(proofs, text).holds is arrives, text
                    assert ask(proofs, f"never {text}").holds is shut, text
                    answers.append(arrives)
    assert len(answers) > 5


def test_links_that_lead_one_way_become_a_box():
    text = json.dumps({
        "nodes": {
            name: {"kind": "router", "ports": ["p"], "routes": [["0.0.0.0/0", ["p"]]]} for name in ("hub", "a", "b")
        },
        "links": [["hub", "p", "a", "p"], ["hub", "p", "b", "p"], ["a", "p", "hub", "p"]],
    })  # fmt: skip
    made = imported({"net.json": text})
    box = Running(made.snapshot, "wires1")
    ends = {
        made.snapshot.neighbour("wires1", port): port for port in made.snapshot.nodes["wires1"].interfaces
    }
    hub, a, b = (ends[End(name, "p")] for name in ("hub", "a", "b"))
    packet = bytes(40)
    assert sorted(port for port, _ in box.send(hub, packet)) == sorted([a, b])
    assert box.send(a, packet) == [(hub, packet)]
    assert box.send(b, packet) == []


@pytest.mark.skipif(not COLLECTED.is_dir(), reason="the collected networks are not beside the checkout")
@pytest.mark.parametrize("name", ["zoo-abilene", "stanford"])
def test_collected_networks_mean_the_same(name: str):
    text = (COLLECTED / f"{name}.json").read_text(encoding="utf-8")
    same(neutral.load(Source(name, text)), snapshot({f"{name}.json": text}))


def test_access_lists_of_the_json_form_are_refused():
    """Their form is not told anywhere."""
    tree = json.loads(TWO)
    tree["acls"] = {}
    assert "'acls' is not understood" in refusal({"net.json": json.dumps(tree)})


# ---- a Linux machine


@pytest.fixture
def machine() -> Iterator[str]:
    """A network namespace with addresses and routes; `ip` needs root for it."""
    name = "innet-import-test"
    commands = [
        f"ip netns add {name}",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link add west type veth peer name west.peer",
        f"ip -n {name} link add east type veth peer name east.peer",
        f"ip -n {name} link add idle type veth peer name idle.peer",
        f"ip -n {name} addr add 10.0.0.1/30 dev west",
        f"ip -n {name} addr add 10.0.1.1/24 dev east",
        f"ip -n {name} addr add 10.0.1.9/24 dev east",
        f"ip -n {name} link set west.peer up",
        f"ip -n {name} link set east.peer up",
        f"ip -n {name} link set west.peer up",
        f"ip -n {name} link set east.peer up",
        f"ip -n {name} link set west up",
        f"ip -n {name} link set east up",
        f"ip -n {name} route add default via 10.0.0.2 metric 100",
        f"ip -n {name} route add 172.16.0.0/12 nexthop via 10.0.0.2 nexthop via 10.0.1.2",
        f"ip -n {name} route add 172.16.5.0/24 via 10.0.1.7",
        f"ip -n {name} route add blackhole 192.0.2.0/24",
    ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_machine_of_today_is_imported_as_its_kernel_routes(machine: str):
    def show(*words: str) -> str:
        return subprocess.run(
            ["ip", "-n", machine, *words], check=True, capture_output=True, text=True
        ).stdout

    files = {
        "r/ip-addr.json": show("-j", "addr"),
        "r/ip-link.json": show("-j", "-d", "link"),
        "r/ip-route.json": show("-j", "route", "show", "table", "all"),
    }
    network = snapshot(files)
    assert sorted(network.nodes["r"].interfaces) == ["east", "east.peer", "west", "west.peer"]
    for address in ("8.8.8.8", "10.0.0.1", "10.0.1.9", "10.0.1.77", "172.16.5.9", "172.16.6.1", "192.0.2.1"):
        number = int.from_bytes(bytes(map(int, address.split("."))), "big")
        got = subprocess.run(
            ["ip", "-n", machine, "-j", "route", "get", address], check=False, capture_output=True, text=True
        )
        kernel = json.loads(got.stdout)[0] if got.returncode == 0 else {}
        ours = network.forward("r", number)
        if not kernel:
            assert ours == (), address
        elif kernel.get("type") == "local":
            assert ours == ("self",), address
        else:
            assert kernel["dev"] in ours, address


# ---- the command


def test_the_command_writes_a_network_and_its_click_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    campus = str(Path(__file__).parent / "campus")
    target = tmp_path / "network.yaml"
    assert main(["snapshot", "import", campus, "-o", str(target)]) == 0
    out, err = capsys.readouterr()
    assert out == f"8 nodes and 7 links in {target}\n"
    assert "note: access:ens4 and homes:lan are joined" in err
    assert main(["snapshot", "check", str(target)]) == 1
    out = capsys.readouterr().out
    assert "256 addresses go round" in out  # border and core throw 172.16.5.0/24 to and fro
    assert "no black holes" in out
    assert "taken to pass everything: border.GigabitEthernet0-0.acl" in out
    assert main(["snapshot", "import", campus]) == 2
    assert "-o FILE" in capsys.readouterr().err
    assert main(["snapshot", "import", campus, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["nodes"], data["links"], data["ignored"]) == (8, 7, [])
    assert list(data["files"]) == ["border.GigabitEthernet0-0.acl.click"]


def linux_routes(*rows: tuple[str, str]) -> str:
    return json.dumps([{"dst": prefix, "dev": port, "flags": []} for prefix, port in rows])


FAULTS = {
    "r1/ip-route.json": linux_routes(
        ("172.16.0.0/12", "east"), ("203.0.113.0/24", "east"), ("default", "up")
    ),
    "r2/ip-route.json": linux_routes(("172.16.0.0/12", "east")),
    "r3/ip-route.json": linux_routes(("172.16.0.0/12", "east"), ("10.9.0.0/30", "down")),
    "import.yaml": """
        nodes:
          internet: {kind: internet}
          lonely: {kind: platform, interfaces: {nic: 10.9.0.2/30}, pool: 10.77.0.0/24}
        links:
          - [r1:up, internet]
          - [r1:east, r2:west]
          - [r2:east, r3:west]
          - [r3:east, r1:west]
          - [r3:down, lonely]
        """,
    "r1/ip-link.json": json.dumps([{"ifname": port, "flags": ["UP"]} for port in ("up", "east", "west")]),
    "r2/ip-link.json": json.dumps([{"ifname": port, "flags": ["UP"]} for port in ("east", "west")]),
    "r3/ip-link.json": json.dumps([{"ifname": port, "flags": ["UP"]} for port in ("west",)]),
}


def test_the_check_finds_loops_black_holes_and_platforms_on_what_was_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "network"
    for name, text in FAULTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    target = tmp_path / "network.yaml"
    assert main(["snapshot", "import", str(folder), "-o", str(target)]) == 0
    capsys.readouterr()
    assert main(["snapshot", "check", str(target), "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["unreachable_platforms"] == ["lonely"]
    (loop,) = data["loops"]
    assert (loop["example"], loop["addresses"]) == ("172.16.0.0", 1 << 20)
    assert [sorted(node for node, _ in cycle) for cycle in loop["cycles"]] == [["r1", "r2", "r3"]]
    assert data["black_holes"] == [{"node": "r2", "example": "203.0.113.0", "addresses": 256}]
    assert data["unknown"] == data["taken_to_pass_everything"] == []


def test_the_command_tells_what_was_ignored(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "r.ios-route.txt").write_text("C 10.0.0.0/8 is directly connected, Gi0/1\n\n  what is this\n")
    given = ["snapshot", "import", str(tmp_path / "r.ios-route.txt"), "--json"]
    assert main(given) == 2
    assert "r.ios-route.txt:3:3: error[N402]" in capsys.readouterr().err
    assert main([*given, "--lenient"]) == 0
    (ignored,) = json.loads(capsys.readouterr().out)["ignored"]
    assert ignored["file"] == "r.ios-route.txt"
    assert (ignored["line"], ignored["column"], ignored["text"]) == (3, 3, "what is this")
    assert ignored["effect"] == "'r' is opaque: it may send anything anywhere"
