"""One tenant sends all it can; another one, at a tenth of what the platform can do, should not notice.

The flood comes from the kernel's generator on one CPU, the victim's packets and the measuring ones among them from this
process on another. All of them go through the same interface and the same queue.
"""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from statistics import median

from bench._fastpath import graph
from bench._figures import Figure, Scale, number, p99
from bench._forwarding import NAT, run, sending
from bench._lab import POOL, Lab, dotted, lab, on_cpu, udp
from bench._packets import Burst, received, stamped
from innet.dataplane.compose import Wire, compose
from innet.dataplane.options import Options, Quota
from innet.dataplane.plane import KernelAgent
from innet.emulation import namespaces
from innet.xdp.compile import Compiler
from innet.xdp.generator import Rotation
from innet.xdp.install import install
from innet.xdp.kernel import Link
from innet.xdp.layout import NUMBERS, Use
from innet.xdp.target import Leave, Xdp

SORT = (
    "FromNetfront() -> c :: IPClassifier(udp dst port 1501, dst host 172.16.15.133, -);"
    "c[0] -> ToNetfront(); c[1] -> victim :: Counter -> Discard; c[2] -> flood :: Counter -> Discard;"
)
"""What the host does with what comes: measuring packets go to the stack, the others are counted."""
PASS = 2
VICTIM = NAT.replace("allow udp dst port 1500", "allow udp dst port 1500 or 1501")
FLOODER = VICTIM.replace("172.16.15.133", "172.16.15.134")
GROUP = 32
PROBE_S = 0.002
FLOOD_FRAMES = 200_000
BURST_S = 0.05
"""A module may send so much at once: what its quota lets through in this time."""


@dataclass(frozen=True)
class Watched:
    """What became of the victim: packets/s, percent lost, percent that met a full queue of the interface (of
    those lost), milliseconds of measuring packets; and the flood's packets/s
    as sent and as they came out."""

    rate: float
    loss: float
    refused: float
    latencies: tuple[float, ...]
    flood: float
    passed: float


class Sorter:
    """SORT as a program of its own, with packets for its exit passed to the stack."""

    def __init__(self, compiler: Compiler) -> None:
        made = graph(SORT)
        passing = replace(made, held={name: Leave(PASS) for name in made.held})
        self._names = compose(SORT, "sort", dotted(POOL), Wire(1, 0, 0)).names
        self._graph = install(passing, Xdp(), Leave(0), compiler)
        self.program = self._graph.installed.program
        self.close = self._graph.installed.close

    def count(self, element: str) -> int:
        """What a Counter has counted."""
        numbers = self._graph.installed.maps[NUMBERS].lookup(bytes(4)) or b""
        at = next(
            at
            for (use, owner, name), at in self._graph.emitted.numbers.items()
            if self._names.get(owner) == element and use is not Use.DROP and name == "count"
        )
        return int(struct.unpack_from("<Q", numbers, at)[0])


@contextmanager
def flooding(place: Lab, agent: KernelAgent, on: bool) -> Iterator[list[int]]:
    """Send all that goes to the second module, from a thread of its own; the list has how many it sent."""
    sent = [0]
    over = threading.Event()

    def work() -> None:
        with namespaces.inside(place.host), on_cpu(1):
            while not over.is_set():
                generator.program.run_live(generator.frame, FLOOD_FRAMES)
                sent[0] = generator.made()

    if not on:
        yield sent
        return
    with place.generator(agent, udp(POOL + 1)) as generator:
        thread = threading.Thread(target=work)
        thread.start()
        try:
            time.sleep(0.2)
            yield sent
        finally:
            over.set()
            thread.join()


def watch(place: Lab, agent: KernelAgent, per_second: float, seconds: float, flood: bool) -> Watched:
    """Send the victim's packets for so long, and look what becomes of them."""
    with namespaces.inside(place.host):
        sort = Sorter(agent.compiler)
        link = Link.xdp(sort.program, place.host_index)
    latencies: list[float] = []
    asked = 0

    def drain() -> None:
        for at, frame in received(probes):
            if frame[36:38] == (1501).to_bytes(2, "big"):
                latencies.append((at - int.from_bytes(frame[42:50], "big")) / 1e6)

    try:
        with (
            stamped(place.packets()) as probes,
            place.packets() as out,
            flooding(place, agent, flood) as flooded,
            on_cpu(0),
        ):
            burst = Burst(out, [udp(POOL)] * GROUP)
            flood_before, passed_before, came_before = flooded[0], sort.count("flood"), sort.count("victim")
            sent = taken = 0
            began = next_s = probe_s = time.monotonic()
            while (now := time.monotonic()) < began + seconds:
                if now >= probe_s:
                    probe_s = now + PROBE_S
                    asked += 1
                    with suppress(OSError):  # no room in the interface's queue: it is lost
                        probes.send(udp(POOL, 1501, time.time_ns().to_bytes(8, "big") + bytes(10)))
                    drain()
                if now >= next_s:
                    next_s = max(next_s + GROUP / per_second, now - 0.01)
                    sent += burst.count
                    taken += burst.send(again=False)
            lasted = time.monotonic() - began
            flood_rate = (flooded[0] - flood_before) / lasted
            passed = (sort.count("flood") - passed_before) / lasted
            time.sleep(0.1)
            drain()
        came = sort.count("victim") - came_before
    finally:
        link.detach()
        link.close()
        sort.close()
    loss = 100 * (sent + asked - came - len(latencies)) / (sent + asked)
    refused = 100 * (sent - taken) / sent
    return Watched(sent / lasted, loss, refused, tuple(latencies), flood_rate, passed)


def flood(scale: Scale) -> Iterator[Figure]:
    """A neighbour that sends all it can."""
    frames = scale.of(300_000, 5_000)
    with lab() as place:
        agent = place.agent()
        run(agent, place, VICTIM)
        with sending(place, agent, (POOL, Rotation())) as (send,):
            tenth = median(send(frames) for _ in range(5)) / 10
        quota = Quota(round(1.5 * tenth), round(1.5 * tenth * BURST_S))
        agent = place.agent(Options(quota=quota))
        run(agent, place, VICTIM, 0)
        run(agent, place, FLOODER, 1)
        seconds = scale.of(10, 1)
        quiet = watch(place, agent, tenth, seconds, flood=False)
        loud = watch(place, agent, tenth, seconds, flood=True)
        note = (
            f"victim {number(loud.rate)} packets/s of {number(tenth)} (a tenth of what the module can do); "
            f"flood {number(loud.flood)} packets/s, of which {number(loud.passed)} passed; quota of each "
            f"{number(quota.packets_per_second)}; {number(loud.refused)} % met a full queue of the interface"
        )
        yield Figure("a tenant floods at full rate: the victim's loss", "%", (loud.loss,), 0.1, note=note)
        yield Figure(
            "the same: the victim's latency", "ms", loud.latencies, 2 * p99(quiet.latencies) + 0.2, statistic="p99",
            against=f"without the flood: p99 {number(p99(quiet.latencies))} ms, loss {number(quiet.loss)} %, "
            f"{number(quiet.rate)} packets/s",
        )  # fmt: skip
