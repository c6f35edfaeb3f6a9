"""Kernel memory of modules, and ten thousand of them at once."""

import gc
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench._figures import Figure, Scale, number
from bench._forwarding import NAT, tenant
from bench._lab import Lab, lab
from bench._latency import alone
from innet.dataplane.options import Options
from innet.dataplane.plane import KernelAgent

COUNTED = ("SUnreclaim", "VmallocUsed", "Percpu")
"""Of /proc/meminfo: where maps, programs and their descriptions are. What processes use is elsewhere."""
SETTLE_MS, QUICK_SETTLE_MS = 500, 50
"""The kernel gives memory back when no CPU can still be using it; a quick look does not wait for all of it."""
SMALL_TABLES = 16 << 10


def kernel_bytes(settle_ms: int = SETTLE_MS) -> int:
    """Kernel memory in use, for all that run on this machine."""
    time.sleep(settle_ms / 1e3)
    lines = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return sum(int(words[1]) << 10 for words in lines if words[0].rstrip(":") in COUNTED)


def held(
    modules: int, text: Callable[[int], str], options: Options | None, settle_ms: int
) -> tuple[int, int]:
    """Kernel memory of a platform with room for so many modules, all of them running, without the platform's devices;
    and what of it the kernel accounts to tables."""
    with lab(modules) as place:
        before = kernel_bytes(settle_ms)
        agent = place.agent(options)
        for n in range(modules):
            wanted = place.deployment(text(n), n)
            agent.apply(wanted)
            agent.resume(wanted.id)
        tables = sum(one.memory() for m in agent.registry.by_id.values() for one in m.tables.values())
        return kernel_bytes(settle_ms) - before, tables


def memory(scale: Scale) -> Iterator[Figure]:
    """What one more idle module takes: the difference between a platform with many and one with a single one."""
    rounds, settle_ms = scale.of(3, 1), scale.of(SETTLE_MS, QUICK_SETTLE_MS)
    for what, text, count, limit, options in (
        ("consolidated stateless module", tenant, scale.of(3_000, 30), 1.0, None),
        ("own program", alone, scale.of(250, 10), 12.0, None),
        (
            "own program (NAT), small tables",
            nat,
            scale.of(1_000, 10),
            None,
            Options(table_bytes=SMALL_TABLES),
        ),
        ("own program (NAT), tables as it asks for", nat, scale.of(200, 10), None, None),
    ):
        values, tables = [], 0.0
        for _ in range(rounds):
            one, _ = held(1, text, options, settle_ms)
            many, of_tables = held(count, text, options, settle_ms)
            values.append((many - one) / (count - 1) / 1024)
            tables = of_tables / count / 1024
        yield Figure(
            f"kernel memory per idle tenant: {what}", "KB", tuple(values), limit,
            against=f"{count:,} running against 1: SUnreclaim, VmallocUsed and Percpu of /proc/meminfo",
            note=f"of it {number(tables)} KB are tables, as the kernel accounts them" if tables else "",
        )  # fmt: skip


def nat(n: int) -> str:
    """A stateful module."""
    return NAT.replace("172.16.15.133", f"172.16.{n >> 8 & 255}.{n & 255}")


def capacity(scale: Scale) -> Iterator[Figure]:
    """Ten thousand modules registered, then all of them running."""
    count, settle_ms = scale.of(10_000, 50), scale.of(SETTLE_MS, QUICK_SETTLE_MS)
    before = kernel_bytes(settle_ms)
    with lab(count) as place:
        agent = place.agent()
        ids, registering = register(place, agent, count)
        yield Figure(
            f"{count:,} modules registered: each",
            "ms",
            registering,
            note=f"{number(sum(registering) / 1e3)} s in all",
        )
        starting = []
        for id in ids:
            began = time.perf_counter()
            agent.resume(id)
            starting.append((time.perf_counter() - began) * 1e3)
        files = len(os.listdir("/proc/self/fd"))
        yield Figure(
            f"{count:,} modules started: each",
            "ms",
            tuple(starting),
            note=f"{number(sum(starting) / 1e3)} s in all",
        )
        gc.collect()
        turns = []
        for _ in range(20):
            began = time.perf_counter()
            agent.work()
            agent.next_wake()
            turns.append((time.perf_counter() - began) * 1e3)
        yield Figure(
            "a turn of the agent with nothing to do",
            "ms",
            tuple(turns),
            note="once for every wake-up of its loop",
        )
        began = time.perf_counter()
        seen = agent.observe()
        observing = (time.perf_counter() - began) * 1e3
        assert len(seen.modules) == count
        yield Figure("observing all of them", "ms", (observing,))
        yield Figure(
            f"{count:,} modules running: kernel memory", "MB", ((kernel_bytes(settle_ms) - before) / 2**20,),
            note=f"{files} descriptors; agent's memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MB",
        )  # fmt: skip


def register(place: Lab, agent: KernelAgent, count: int) -> tuple[list[str], tuple[float, ...]]:
    """Apply so many modules of one shape: their names, and the milliseconds that each took."""
    ids, times = [], []
    for n in range(count):
        wanted = place.deployment(tenant(n), n)
        began = time.perf_counter()
        agent.apply(wanted)
        times.append((time.perf_counter() - began) * 1e3)
        ids.append(wanted.id)
    return ids, tuple(times)
