"""Packets a second over a veth pair: a generator in the host's kernel, the platform, and back to a counter.

Generator, platform and counter take turns on one CPU, as the kernel does it for redirected frames; a rate is what the
kernel's own clock says for all three, without the turns that other processes got. Comparisons differ in what runs on
the platform's interface alone.
"""

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bench._figures import Figure, Scale, number, pairs, share
from bench._lab import POOL, PROGRAM_FD_BY_ID, SETTLE_S, Lab, lab, on_cpu, udp
from innet.dataplane.plane import KernelAgent
from innet.emulation import namespaces
from innet.xdp.generator import Counter, Generator, Rotation
from innet.xdp.programs import LoadedProgram
from innet.xdp.syscall import Resource, bpf
from innet.xdp.target import REDIRECT

FRAMES, QUICK_FRAMES = 300_000, 4_000
FIREWALL = (
    "FromNetfront() -> IPFilter(deny src net 10.9.0.0/16, deny tcp dst port 22, deny udp dst port 53,"
    " deny udp src port 19 or 1900, allow udp dst port 1500, allow icmp, deny all)"
    " -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();"
)
NAT = (
    "FromNetfront() -> IPFilter(allow udp dst port 1500)"
    " -> IPRewriter(pattern - - 172.16.15.133 - 0 0, CAPACITY 65535) -> ToNetfront();"
)
"""One that keeps its flow table, since it limits its flows: without the limit the table is proven away."""
RULES = (
    "deny src net 10.9.0.0/16",
    "deny tcp dst port 22",
    "deny ip proto 47",
    "deny udp src port 19",
    "deny ip ttl < 2",
)
SHAPES = 100


def bare(interface: int) -> LoadedProgram:
    """A program that redirects every frame, and does nothing else."""
    parts = ((0xB7, 1, interface), (0xB7, 2, 0), (0x85, 0, REDIRECT), (0x95, 0, 0))
    return LoadedProgram(
        b"".join(struct.pack("<BBhi", code, register, 0, value) for code, register, value in parts), "xdp"
    )


def program_of(number: int) -> LoadedProgram:
    """The program that the kernel has under this number."""
    made = LoadedProgram.__new__(LoadedProgram)
    Resource.__init__(made, bpf(PROGRAM_FD_BY_ID, struct.pack("<III", number, 0, 0))[0])
    return made


def run(agent: KernelAgent, place: Lab, text: str, number: int = 0, sandbox: bool = False) -> str:
    """Have a module run; its name."""
    wanted = place.deployment(text, number, sandbox)
    agent.apply(wanted)
    agent.resume(wanted.id)
    return wanted.id


def rate(generator: Generator, counter: Counter, frames: int) -> float:
    """Packets a second that came through. Ends the measurement if more than one in a hundred was lost."""
    before = counter.total().packets
    ns = generator.program.run_live(generator.frame, frames)
    until = time.monotonic() + SETTLE_S
    while (came := counter.total().packets - before) < frames and time.monotonic() < until:
        time.sleep(0.002)
    if came < frames * 0.99:
        raise SystemExit(f"only {came:,} of {frames:,} frames came through")
    return came * 1e9 / (frames * ns)


@contextmanager
def sending(
    place: Lab, agent: KernelAgent, *rotations: tuple[int, Rotation], slots: int = 1
) -> Iterator[list[Callable[[int], float]]]:
    """For each destination and rotation, what sends so many frames and tells their rate."""
    generators: list[Generator] = []
    with place.counting(agent, slots) as counter, namespaces.inside(place.host), on_cpu(1):
        try:
            for destination, rotation in rotations:
                generators.append(place.generator(agent, udp(destination), rotation))
            yield [partial(rate, one, counter) for one in generators]
        finally:
            for one in generators:
                one.close()


def speeds(found: list[tuple[float, float]]) -> str:
    """Both rates, for people."""
    ones, others = (sorted(column)[len(found) // 2] / 1e6 for column in zip(*found, strict=True))
    return f"{number(ones)} against {number(others)} million packets/s"


def forwarding(scale: Scale) -> Iterator[Figure]:
    """A firewall module against the least program that forwards."""
    frames = scale.of(FRAMES, QUICK_FRAMES)
    with lab() as place, bare(place.nic_index) as redirect:
        agent = place.agent()
        name = run(agent, place, FIREWALL)
        link = agent.base.links[1]
        with (
            program_of(link.info().program) as dispatcher,
            sending(place, agent, (POOL, Rotation())) as (send,),
        ):

            def through(program: LoadedProgram) -> float:
                link.update(program)
                return send(frames)

            found = pairs(scale.pairs, lambda: through(dispatcher), lambda: through(redirect))
        report = next(one for one in agent.observe().modules if one.id == name)
        assert report.sent.packets == report.received.packets
        yield Figure(
            "forwarding through a firewall module", "%", share(found), 90, True,
            against="a bare XDP redirect on the same interface", note=speeds(found),
        )  # fmt: skip


def sandbox(scale: Scale) -> Iterator[Figure]:
    """The same module with ChangeEnforcer around it and without."""
    frames = scale.of(FRAMES, QUICK_FRAMES)
    with lab() as place:
        agent = place.agent()
        for n, (what, text, limit) in enumerate((("stateless", FIREWALL, 92), ("stateful", NAT, 82))):
            run(agent, place, text, 2 * n)
            run(agent, place, text, 2 * n + 1, sandbox=True)
            ways = ((POOL + 2 * n, Rotation()), (POOL + 2 * n + 1, Rotation()))
            with sending(place, agent, *ways) as (plain, guarded):
                found = pairs(scale.pairs, lambda: guarded(frames), lambda: plain(frames))
            yield Figure(
                f"sandbox, 64-byte packets: {what} module", "%", share(found), limit, True,
                against="the same module without", note=speeds(found),
            )  # fmt: skip


def tenant(number: int) -> str:
    """A module of one shape with all others; it sends to an address of its own."""
    return (
        "FromNetfront() -> IPFilter(deny src net 10.9.0.0/16, allow udp dst port 1500, allow icmp)"
        f" -> StoreIPAddress(172.16.{number >> 8 & 255}.{number & 255}, dst) -> ToNetfront();"
    )


def ordered(shape: int) -> str:
    """The same rules in another order for each shape (of 120), so that all cost about the same."""
    left, rules = list(RULES), []
    for size in range(len(RULES), 0, -1):
        shape, which = divmod(shape, size)
        rules.append(left.pop(which))
    return ", ".join(rules)


def shaped(shape: int) -> str:
    """A module of this shape."""
    way = "StoreIPAddress(172.16.15.133, dst) -> ToNetfront();"
    return f"FromNetfront() -> IPFilter({ordered(shape)}, allow udp) -> {way}"


def rotating(place: Lab, agent: KernelAgent, count: int, scale: Scale) -> list[tuple[float, float]]:
    """Rates with traffic over the first `count` modules in turn, and over as many ports of the first one."""
    frames = max(scale.of(FRAMES, QUICK_FRAMES), 2 * count)
    ways = ((POOL, Rotation(POOL, count)), (POOL, Rotation(port=4000, ports=count)))
    with sending(place, agent, *ways) as (over_all, over_one):
        return pairs(scale.pairs, lambda: over_all(frames), lambda: over_one(frames))


def tenants(scale: Scale) -> Iterator[Figure]:
    """Many modules of one shape against one of them."""
    steps = ((20, 95.0), (40, 90.0)) if scale.quick else ((1_000, 95.0), (10_000, 90.0))
    with lab(steps[-1][0]) as place:
        agent = place.agent()
        done = 0
        for count, limit in steps:
            for n in range(done, count):
                run(agent, place, tenant(n), n)
            done = count
            found = rotating(place, agent, count, scale)
            programs = len({one.slot for one in agent.registry.by_id.values()})
            yield Figure(
                f"{count:,} tenants of one shape, traffic rotating over all", "%", share(found), limit, True,
                against=f"one of them ({programs} programs in all)", note=speeds(found),
            )  # fmt: skip


def shapes(scale: Scale) -> Iterator[Figure]:
    """Modules of many shapes against one of them."""
    kinds, each = scale.of(SHAPES, 4), scale.of(10, 2)
    with lab(kinds * each) as place:
        agent = place.agent()
        for n in range(kinds * each):
            run(agent, place, shaped(n % kinds), n)
        found = rotating(place, agent, kinds * each, scale)
        programs = len({one.slot for one in agent.registry.by_id.values()})
        yield Figure(
            f"{kinds} shapes × {each} tenants, traffic rotating over all", "%", share(found), 85, True,
            against=f"one of them ({programs} programs in all)", note=speeds(found),
        )  # fmt: skip
