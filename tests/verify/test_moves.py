"""Two placements of one module (the paper's section 3): what becomes of packets to it here and there."""

from random import Random

import pytest

from innet.diagnostics import Source
from innet.explore.modules import Module
from innet.explore.replay import ETHERNET
from innet.flowspec import lower, parse_flow
from innet.network import load
from innet.policy import Place, Policy, Region
from innet.symbolic import ranges as rs
from innet.verify.concrete import differ
from innet.verify.crafted import packet, udp
from innet.verify.diff import Comparison, Verdict
from innet.verify.moves import ANY, _Moves, compare_placements, readdressed
from innet.verify.questions import starts
from innet.verify.world import World, machine_of, module_box, placed
from tests.soundness.networks import BOXES
from tests.verify.networks import CHAIN, PASS, STATEFUL, chain

SERVER = "FromNetfront() -> IPMirror -> dst :: ToNetfront()"
OUTSIDE = 0xCB00714D  # 203.0.113.77, on the internet
BEYOND = (
    CHAIN.replace("in: 10.0.0.1/30}", "in: 10.0.0.1/30, platform: 10.0.1.1/30}")
    .replace("198.51.100.0/24: in, ", "")
    .replace("up: 10.0.0.2/30, platform: 10.0.1.1/30,", "up: 10.0.0.2/30,")
    .replace("[access:platform, platform]", "[edge:platform, platform]")
)
"""The platform stands on the other side of the firewall than the clients, as in the paper's Figure 1."""


def at(world: World, node: str, text: str) -> Module:
    address = OUTSIDE if node == "internet" else world.free_address(node)
    assert address is not None
    dotted = ".".join(map(str, address.to_bytes(4, "big")))
    interface = next(iter(world.snapshot.nodes[node].interfaces))
    return placed(
        "M", node, address, module_box("M", machine_of(Source("m", text), {"ADDR": dotted}), interface)
    )


def moved(world: World, text: str = SERVER, flow: str = "") -> Comparison:
    condition = lower(parse_flow(flow).predicate)
    return compare_placements(
        world.network, at(world, "internet", text), at(world, "platform", text), condition
    )


def beyond(first: str = PASS, second: str = STATEFUL) -> World:
    files = {"first.click": first, "second.click": second}
    return World(load(Source("network.yaml", BEYOND), files.__getitem__), Policy(()))


def test_section_3_the_server_on_the_platform_is_the_server_outside() -> None:
    """Figure 2: the symbolic packet that reaches the client is the same; so nothing else reaches it, either."""
    assert moved(beyond()).verdict is Verdict.NONE


def test_a_server_that_says_where_it_is_is_another() -> None:
    text = "FromNetfront() -> IPMirror -> StoreIPAddress(198.51.100.1, src) -> dst :: ToNetfront()"
    found = moved(beyond(), text)
    assert found.verdict is Verdict.DIFFERENT
    own = "FromNetfront() -> IPMirror -> StoreIPAddress($ADDR, src) -> dst :: ToNetfront()"
    assert not moved(beyond(), own).differences
    assert moved(beyond(second=PASS), own).verdict is Verdict.NONE


def test_behind_the_firewall_more_comes_through() -> None:
    world = chain(second=STATEFUL)
    found = moved(world)
    assert found.verdict is Verdict.DIFFERENT
    client = [d for d in found.differences if d.packets.startswith("from client")]
    assert "only B sends" in {d.way for d in client}
    assert "only A sends" not in {d.way for d in client}
    outside = [d for d in found.differences if d.packets.startswith("from internet")]
    assert "only B sends" not in {d.way for d in outside}, "nobody outside is answered through the firewall"


def test_a_flow_may_be_alike_where_others_are_not() -> None:
    world = chain(second=STATEFUL.replace("allow udp", "allow udp dst port 53"))
    found = moved(world, flow="udp and dst port 54")
    assert "only B sends" in {d.way for d in found.differences if d.packets.startswith("from client")}
    assert "from client" not in str(moved(chain(), flow="udp").differences)


@pytest.mark.parametrize("seed", range(5))
def test_random_boxes_and_packets_never_contradict_the_answer(seed: int) -> None:
    random = Random(seed)
    make = random.choice((beyond, chain))
    world = make(random.choice(BOXES), random.choice(BOXES))
    modules = at(world, "internet", SERVER), at(world, "platform", SERVER)
    found = compare_placements(world.network, *modules)
    moves = _Moves(world.network, modules, ANY)
    for region in (Place.CLIENT, Place.INTERNET):
        for start in starts(Region(region), world.network):
            assert start.end is not None
            domain = start.injected.state.store.domain(start.injected.symbols["ip.src"])
            for _ in range(25):
                low, high = random.choice(domain)
                source = random.randint(low, high)
                if rs.contains(rs.normal((m.address, m.address) for m in modules), source):
                    continue
                frame = ETHERNET + random.choice(
                    (
                        udp(source, OUTSIDE, bytes(20), (random.choice((80, 4000)), random.choice((53, 80)))),
                        packet(source, OUTSIDE, random.choice((1, 4, 6, 17)), bytes(40)),
                        packet(source, OUTSIDE, 17, bytes(40), fragment=0x10),
                    )
                )
                mine, others = (
                    moves.renamed(moves.replay(start.end, n, readdressed(frame, modules[n].address)), n)
                    for n in (0, 1)
                )
                if differ(mine, others):
                    assert found.verdict is not Verdict.NONE
    for d in found.differences:
        assert d.first.packets or d.second.packets


@pytest.mark.parametrize(("flow", "said"), [("", ""), ("not tcp", ", proto 0-5, 7-255")])
def test_what_is_said_of_packets_is_true_of_all_that_fare_so(flow: str, said: str) -> None:
    """IPMirror treats protocols differently: each is a case of its own, but all answers are lost at the box."""
    inward = (
        "FromDevice(outside) -> ToDevice(inside); FromDevice(inside) -> Discard; Idle -> ToDevice(outside);"
    )
    client, internet = moved(chain(second=inward), flow=flow).differences
    assert client.packets == f"from client: ip src 172.16.0.0-172.16.255.253, 172.16.255.255{said}"
    assert internet.packets.startswith("from internet: ip src 0.0.0.0-9.255.255.255,")
    assert internet.packets.endswith(f"100.128.0.0-172.15.255.255, …{said}")
