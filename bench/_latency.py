"""Times that packets wait: for a module that starts, for one that was put away, for a timer.

Where the agent takes part it is a process of its own, as `innet platform` makes it. Times are from just before a packet
is sent until the kernel has the answer.
"""

import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from bench._figures import Figure, Scale, number, p99
from bench._forwarding import NAT, ordered, run
from bench._lab import POOL, Lab, dotted, lab, udp
from bench._packets import Burst, answers, received, stamped
from innet.emulation import namespaces
from innet.platform.remote import RemoteAgent
from innet.xdp.generator import Rotation

KNOWN = "FromNetfront() -> IPFilter(allow udp dst port {port}) -> IPMirror -> ToNetfront();"
TABLE = (
    "FromNetfront() -> IPFilter(allow udp dst port {port}) -> IPMirror -> IPRewriter(keep 0 0, CAPACITY 65535)"
    " -> ToNetfront();"
)
WAIT_S = 5.0


def known(number: int) -> str:
    """A module of one shape with all others."""
    return KNOWN.format(port=1500 + number % 7)


def alone(number: int) -> str:
    """A module of a shape that no other has: a firewall, whose program is loaded when it starts."""
    more = "Null -> " * (number // 120)
    rules = f"{ordered(number % 120)}, allow udp dst port {1500 + number % 7}"
    return f"FromNetfront() -> {more}IPFilter({rules}) -> IPMirror -> ToNetfront();"


def with_table(number: int) -> str:
    """A module with a flow table, which has a program and tables of its own."""
    return TABLE.format(port=1500 + number % 7)


KINDS = (
    ("known shape", known, 0.5, 3.0, 10.0),
    ("own program", alone, 2.0, 6.0, 50.0),
    ("own program and flow table of 131,072 entries", with_table, 2.0, 6.0, 50.0),
)
"""What it is, the module, and the limits: median and p99 of one packet, median of many at once (ms)."""


def deploy(place: Lab, agent: RemoteAgent, text: Callable[[int], str], first: int, count: int) -> list[int]:
    """Apply modules that are cold then: their addresses."""
    for n in range(first, first + count):
        agent.apply(place.deployment(text(n), n))
    return [POOL + n for n in range(first, first + count)]


def withdraw(place: Lab, agent: RemoteAgent, first: int, count: int) -> None:
    for n in range(first, first + count):
        agent.remove(place.deployment("", n).id)


def request(address: int, source_port: int = 4000) -> bytes:
    return udp(address, 1500 + (address - POOL) % 7, source_port=source_port)


def round_trip(raw: socket.socket, address: int) -> float:
    """Milliseconds until the answer came."""
    list(received(raw))
    frame = request(address)
    began = time.time_ns()
    raw.send(frame)
    found = answers(raw, 1, WAIT_S)
    if not found:
        raise SystemExit(f"no answer from {dotted(address)}")
    return (found[0][0] - began) / 1e6


def together(raw: socket.socket, addresses: Sequence[int]) -> list[float]:
    """Milliseconds until each of them answered, when all are asked at one instant."""
    list(received(raw))
    burst = Burst(raw, [request(address) for address in addresses])
    began = time.time_ns()
    burst.send()
    found = answers(raw, len(addresses), WAIT_S)
    if len(found) != len(addresses):
        raise SystemExit(f"{len(found)} of {len(addresses)} first packets were answered")
    return [(at - began) / 1e6 for at, _ in found]


def first_packet(scale: Scale) -> Iterator[Figure]:
    """The first packet of a flow to a module that does not run yet."""
    flows, rounds = scale.of(100, 5), scale.of(3, 1)
    with lab(2 * flows + 2) as place, place.daemon() as (agent, _), stamped(place.packets()) as raw:
        for kind, text, limit, p99_limit, _ in KINDS:
            (warm,) = deploy(place, agent, text, 0, 1)
            round_trip(raw, warm)
            cold, steady = [], []
            for _ in range(rounds):
                for address in deploy(place, agent, text, 1, flows):
                    time.sleep(0.005)
                    cold.append(round_trip(raw, address))
                    steady.append(round_trip(raw, address))
                withdraw(place, agent, 1, flows)
            withdraw(place, agent, 0, 1)
            note = f"further packets: median {1e3 * statistics.median(steady):.0f} µs, p99 {1e3 * p99(steady):.0f} µs"
            what = f"first packet to a cold module, {kind}"
            yield Figure(what, "ms", tuple(cold), limit, note=note)
            yield Figure(what, "ms", tuple(cold), p99_limit, statistic="p99")


def many_first_packets(scale: Scale) -> Iterator[Figure]:
    """The paper's Figure 5: flows to as many cold modules at one instant."""
    flows, rounds = scale.of(100, 5), scale.of(5, 1)
    with lab(flows + 2) as place, place.daemon() as (agent, _), stamped(place.packets()) as raw:
        for kind, text, _, _, limit in KINDS:
            (warm,) = deploy(place, agent, text, 0, 1)
            round_trip(raw, warm)
            found, last = [], []
            for _ in range(rounds):
                addresses = deploy(place, agent, text, 1, flows)
                time.sleep(0.05)
                times = together(raw, addresses)
                found += times
                last.append(max(times))
                withdraw(place, agent, 1, flows)
            withdraw(place, agent, 0, 1)
            yield Figure(
                f"{flows} flows to {flows} cold modules at one instant, {kind}", "ms", tuple(found), limit,
                against="the paper: 50 ms, 100 ms at the 100th",
                note=f"the last one: {number(statistics.median(last))} ms",
            )  # fmt: skip


def suspend(scale: Scale) -> Iterator[Figure]:
    """Putting a NAT with many flows away, and bringing it back, beside others that run."""
    others, entries, rounds = scale.of(100, 5), scale.of(10_000, 100), scale.of(20, 2)
    with lab(others + 1) as place:
        agent = place.agent()
        for n in range(1, others):
            run(agent, place, NAT.replace("133", str(n % 250)), n)
        name = run(agent, place, NAT)
        with (
            namespaces.inside(place.host),
            place.generator(agent, udp(POOL), Rotation(port=1024, ports=entries)) as g,
        ):
            g.send(entries)
        one = agent.registry.by_id[name]
        flows = max(len(table.dump()) for table in one.tables.values())
        if flows < entries:
            raise SystemExit(f"there are {flows} flows, not {entries}")
        away, back = [], []
        for _ in range(rounds):
            began = time.perf_counter()
            agent.suspend(name)
            middle = time.perf_counter()
            agent.resume(name)
            back.append((time.perf_counter() - middle) * 1e3)
            away.append((middle - began) * 1e3)
        assert max(len(table.dump()) for table in one.tables.values()) == flows
        yield Figure(
            f"suspend + resume with {entries:,} flows, {others} modules running", "ms",
            tuple(a + b for a, b in zip(away, back, strict=True)), 20.0,
            against="the paper's Figure 7: 80 to 180 ms",
            note=f"suspend {number(statistics.median(away))} ms, resume {number(statistics.median(back))} ms",
        )  # fmt: skip


# ---- slow path

BATCH = (
    "FromNetfront() -> IPFilter(allow udp dst port 1500) -> TimedUnqueue({interval}, 1000)"
    " -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();"
)
INTERVAL_S = 0.1
TICK_S = 0.005


def slow_path(scale: Scale) -> Iterator[Figure]:
    """Modules that hold packets, each released at its timer's next tick."""
    modules, per_second, seconds = scale.of(50, 5), 1_000, scale.of(10, 1)
    each = round(per_second * TICK_S)
    text = BATCH.format(interval=INTERVAL_S)
    with lab(modules) as place, place.daemon() as (agent, _), stamped(place.packets()) as raw:
        for n in range(modules):
            agent.apply(place.deployment(text, n))
        frames = [udp(POOL + n, source_port=2000 + n) for _ in range(each) for n in range(modules)]
        burst = Burst(raw, frames)
        came: dict[int, list[int]] = {n: [] for n in range(modules)}

        def drain(within_s: float) -> None:
            for at, frame in received(raw, within_s):
                came[int.from_bytes(frame[34:36], "big") - 2000].append(at)

        for n in range(modules):  # the first packet sets a timer's phase: spread them, as tenants would be
            raw.send(udp(POOL + n, source_port=2000 + n))
            time.sleep(INTERVAL_S / modules)
        sent = modules
        next_s = time.monotonic()
        end = next_s + seconds
        while next_s < end:
            sent += burst.send()
            next_s += TICK_S
            while (left := next_s - time.monotonic()) > 0:
                drain(left)
        until = time.monotonic() + 3 * INTERVAL_S + 1
        while time.monotonic() < until and sum(map(len, came.values())) < sent:
            drain(0.05)
        lost = sent - sum(map(len, came.values()))
        what = f"slow path, TimedUnqueue, {modules} modules × {per_second:,} packets/s"
        drops = {reason: count for reason, count in agent.observe().drops if reason != "not for the platform"}
        yield Figure(
            f"{what}: lost",
            "packets",
            (float(lost),),
            0,
            note=f"of {sent:,}" + (f"; {drops}" if lost else ""),
        )
        late = tuple(one for times in came.values() for one in lateness(times))
        yield Figure(
            f"{what}: late",
            "ms",
            late,
            5.0,
            statistic="p99",
            against="the module's own timer, which never drifts; timers spread over their interval",
        )


def lateness(times: Sequence[int]) -> list[float]:
    """How long after its timer's tick each packet came (milliseconds): behind the earliest phase, the first second's
    left out, in which the timer may still stop and go."""
    interval = round(INTERVAL_S * 1e9)
    kept = [at for at in times if at - times[0] >= 3 * interval]
    if not kept:
        return []
    phases = [(at - kept[0]) % interval for at in kept]
    # the first of a group may be late itself: the earliest phase is that after the widest gap
    order = sorted(set(phases))
    gaps = [(order[n] - order[n - 1]) % interval for n in range(len(order))]
    first = order[gaps.index(max(gaps))]
    return [((phase - first) % interval) / 1e6 for phase in phases]
