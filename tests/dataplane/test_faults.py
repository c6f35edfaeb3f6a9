"""The agent dies in the middle of something: what runs goes on, and the next one reaches what is wanted."""

import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from innet.dataplane.options import Options
from innet.dataplane.plane import KernelAgent
from innet.emulation.namespaces import inside
from innet.platform import Deployment
from innet.platform.protocol import ModuleState
from tests.dataplane.lab import Lab, address, datagram, deployment, frame, lab, report, run
from tests.dataplane.test_plane_life import MIRROR, nat, source_ports
from tests.elements.packets import ipv4, udp

pytestmark = pytest.mark.kernel

KILLED = 9
SLOW = """FromNetfront() -> t :: Tee; t [0] -> IPMirror -> o :: ToNetfront();
t [1] -> Queue -> Unqueue -> StoreIPAddress(203.0.113.1, dst) -> o"""
FIREWALL, NAT, TESTED = 0, 1, 2
RUNNING = (deployment(MIRROR, address(FIREWALL), "firewall"), deployment(nat(NAT), address(NAT), "nat"))
PORTS = [datagram(NAT, sport=n + 1) for n in range(5)]
NEW = " Idle -> Discard;"
Scenario = Callable[[Lab, KernelAgent, Deployment], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("faults") / "state", "faults", 8) as made:
        yield made


def begin(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    """The module runs, with a flow if it keeps any."""
    agent.apply(wanted)
    place.exchange(agent, [datagram(TESTED, sport=77)], 1)


def starts(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    agent.apply(wanted)
    place.send(datagram(TESTED, sport=77))
    run(agent)


def stops(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    agent.remove(wanted.id)


def suspends(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    agent.suspend(wanted.id)


def resumes(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    place.send(datagram(TESTED, sport=77))
    run(agent)


def swaps(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    agent.apply(deployment(wanted.text + NEW, wanted.address, "tested"))


def nothing(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    pass


def before_resume(place: Lab, agent: KernelAgent, wanted: Deployment) -> None:
    begin(place, agent, wanted)
    agent.suspend(wanted.id)


SCENARIOS: dict[str, tuple[Scenario, Scenario]] = {
    "start": (nothing, starts),
    "stop": (begin, stops),
    "suspend": (begin, suspends),
    "resume": (before_resume, resumes),
    "swap": (begin, swaps),
}
TEXTS = {"own": nat(TESTED), "shared": MIRROR, "slow": SLOW}
CASES = [
    (scenario, kind)
    for scenario in SCENARIOS
    for kind in TEXTS
    if kind == "own" or (scenario, kind) in {("suspend", "shared"), ("start", "shared"), ("swap", "slow")}
]


def killed_at(place: Lab, step: int, prepare: Scenario, act: Scenario, wanted: Deployment) -> bool:
    """A process plays the scenario and dies at one step of it; whether it got so far as to die there."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            left = [1 << 30]

            def count(name: str) -> None:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(KILLED)

            agent = place.agent(checkpoint=count)
            for one in RUNNING:
                agent.apply(one)
            place.exchange(agent, [datagram(FIREWALL), *PORTS], 6)
            prepare(place, agent, wanted)
            left[0] = step
            act(place, agent, wanted)
            agent.close()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED)
    return code == KILLED


@pytest.mark.parametrize(("scenario", "kind"), CASES)
def test_an_agent_that_dies_leaves_what_the_next_can_go_on_from(place: Lab, scenario: str, kind: str) -> None:
    prepare, act = SCENARIOS[scenario]
    wanted = deployment(TEXTS[kind], address(TESTED), "tested")
    step = 0
    more = True
    while more:
        more = killed_at(place, step, prepare, act, wanted)
        place.received()
        place.send(datagram(FIREWALL), *PORTS)
        ports = [1024 + n for n in range(5)]
        seen = place.received()
        assert source_ports(seen)[1:] == ports, (step, "traffic goes on without an agent")
        agent = place.agent()
        goes = scenario == "stop"
        for one in reversed(RUNNING):
            agent.apply(one)
        assert source_ports(place.exchange(agent, PORTS, 5)) == ports, (step, "flows are the same")
        if goes:
            agent.remove(wanted.id)
        elif scenario == "swap" and step % 2:
            agent.apply(deployment(wanted.text + NEW, wanted.address, "tested"))
        else:
            agent.apply(wanted)
        assert {one.id for one in agent.observe().modules} == {
            "d1.firewall", "d1.nat", *(() if goes else ("d1.tested",)),
        }  # fmt: skip
        if not goes:
            got = place.exchange(agent, [datagram(TESTED, sport=77)] * 2, 4 if kind == "slow" else 2)
            assert len(got) == (4 if kind == "slow" else 2), step
            if scenario in ("suspend", "resume") and kind == "own":
                assert source_ports(got) == [1024, 1024], (step, "its flow is the same")
            assert report(agent, "d1.tested").state is ModuleState.RUNNING
        tidy(place, agent, running=2 if goes else 3, own=1 + (kind != "shared" and not goes))
        agent.remove(wanted.id)
        step += 1
        if more:
            agent.close()
    agent.down()
    nothing_left(place)
    assert step > 1


def tidy(place: Lab, agent: KernelAgent, running: int, own: int) -> None:
    """Just what runs is there."""
    while agent.registry.draining:
        agent.work()
    assert len(tuple(agent.base.dispatch.items())) == running
    assert len(agent.places.free) == agent.modules - running
    stateful = [one for one in agent.registry.by_id.values() if not one.shape.shared]
    assert sorted(path.name for path in agent.base.pins.glob("module-*")) == sorted(
        f"module-{one.index}" for one in stateful
    )
    loaded = {slot & ~1 for slot in range(2 * (agent.modules + 1024)) if agent.places.loaded(slot)}
    assert loaded == {one.slot for one in agent.registry.by_id.values()}
    assert set(agent.places.slots.values()) == {
        one.slot for one in agent.registry.by_id.values() if one.shape.shared
    }
    files = {path.name for path in place.state.iterdir()} - {"code", "shapes.json"}
    assert files == {f"{id}.module" for id in agent.registry.by_id}


def nothing_left(place: Lab) -> None:
    with inside(place.box):
        devices = [
            line.split(":")[0].strip()
            for line in Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
        ]
    assert sorted(devices) == ["lo", "nic0"]
    assert not place.pins.exists() or not list(place.pins.iterdir())
    assert not place.state.exists()


def test_a_suspended_module_without_tables_goes_on_in_the_middle_of_a_flow(place: Lab) -> None:
    agent = place.agent()
    agent.apply(RUNNING[FIREWALL])
    place.exchange(agent, [datagram(FIREWALL)], 1)
    agent.suspend(RUNNING[FIREWALL].id)
    agent.close()
    agent = place.agent()
    agent.apply(RUNNING[FIREWALL])
    later = frame(ipv4(udp(b"x"), dst=address(FIREWALL), off=9))
    assert len(place.exchange(agent, [later], 1)) == 1
    agent.down()


def test_the_next_agent_may_be_told_in_another_order(place: Lab) -> None:
    """Which constants are parameters depends on who came first; it stays as it was."""
    text = "FromNetfront() -> IPRewriter(pattern {} 1024-65535# 172.16.15.133 {} 0 0) -> ToNetfront()"
    wanted = [deployment(text.format(address(n), 80 + n), address(n), f"m{n}") for n in range(4)]
    shared = [
        deployment(
            f"FromNetfront() -> IPFilter(allow udp dst port {n}) -> IPMirror -> ToNetfront()",
            address(n),
            f"m{n}",
        )
        for n in (4, 5, 6)
    ]
    flows = [datagram(n, sport=s + 1) for n in range(4) for s in range(3)]
    others = [datagram(n, dport=n) for n in (4, 5, 6)]
    agent = place.agent()
    for one in wanted + shared:
        agent.apply(one)
    first = place.exchange(agent, flows + others, 15)
    assert len(first) == 15
    agent.close()
    agent = place.agent()
    for one in reversed(wanted + shared):
        agent.apply(one)
    again = place.exchange(agent, list(reversed(flows)) + others, 15)
    assert sorted(again) == sorted(first)
    assert {one.starts for one in agent.observe().modules} == {1}
    assert agent.observe().drops == ()
    agent.down()


@pytest.mark.parametrize(
    "damage", ["module file", "module file gone", "shapes", "shapes gone", "part of a file"]
)
def test_damaged_files_cost_flows_at_most(place: Lab, damage: str) -> None:
    agent = place.agent()
    wanted = [
        *RUNNING,
        deployment("FromNetfront() -> DecIPTTL -> IPMirror -> ToNetfront()", address(3), "other"),
    ]
    for one in wanted:
        agent.apply(one)
    assert len(place.exchange(agent, [datagram(FIREWALL), *PORTS, datagram(3)], 7)) == 7
    agent.close()
    match damage:
        case "module file":
            (place.state / "d1.nat.module").write_text("{")
        case "module file gone":
            (place.state / "d1.nat.module").unlink()
        case "shapes":
            (place.state / "shapes.json").write_text("[]")
        case "shapes gone":
            (place.state / "shapes.json").unlink()
        case "part of a file":
            (place.state / "d1.nat.part").write_text("{")
    agent = place.agent()
    agent.apply(wanted[2])
    agent.apply(deployment(MIRROR, address(4), "new"))
    agent.apply(wanted[1])
    agent.apply(wanted[0])
    got = place.exchange(agent, [datagram(FIREWALL), *PORTS, datagram(3), datagram(4)], 8)
    assert len(got) == 8
    assert {one[26:30]: one[22] for one in got} == {
        datagram(n)[30:34]: 63 if n == 3 else 64 for n in (FIREWALL, NAT, 3, 4)
    }
    assert len(agent.places.free) == agent.modules - 4
    agent.down()
    nothing_left(place)


def test_a_module_nobody_wants_any_more_is_seen_and_removed(place: Lab) -> None:
    agent = place.agent()
    for one in RUNNING:
        agent.apply(one)
    place.exchange(agent, [datagram(FIREWALL), *PORTS], 6)
    agent.close()
    agent = place.agent()
    agent.apply(RUNNING[NAT])
    seen = {one.id: one.address for one in agent.observe().modules}
    assert seen == {"d1.firewall": address(FIREWALL), "d1.nat": address(NAT)}
    agent.remove("d1.firewall")
    assert len(place.exchange(agent, [datagram(FIREWALL), *PORTS], 5)) == 5
    tidy(place, agent, running=1, own=1)
    agent.down()


def test_down_after_a_kill_removes_everything(place: Lab) -> None:
    wanted = deployment(nat(TESTED), address(TESTED), "tested")
    assert killed_at(place, 1, nothing, starts, wanted)
    agent = place.agent(Options())
    agent.down()
    nothing_left(place)
