"""A platform with a thousand tenants that come and go, for as long as is asked: does it grow?

The agent is a process of its own, as `innet platform` makes it. Modules of several kinds are deployed, started by their
first packets, suspended, resumed, replaced by other versions and removed, at random; meanwhile its memory, its
descriptors and what the kernel has of it are looked at. Programs, maps and kernel memory are those of the whole
machine: let nothing else use them.

    ./innet bench soak --minutes M [--tenants N] [--seed S] [--json]
"""

import argparse
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the other files of this folder

from bench._forwarding import NAT, tenant
from bench._lab import (
    MAP_NEXT_ID,
    POOL,
    PROGRAM_NEXT_ID,
    Lab,
    identifiers,
    interruptible,
    lab,
    udp,
)  # fmt: skip
from bench._memory import kernel_bytes
from bench._packets import Burst
from innet.diagnostics import PlatformError
from innet.platform.protocol import ModuleState
from innet.platform.remote import RemoteAgent

TENANTS = 1_000
WARM_UP = 0.25
"""This part of the time, after all tenants are there, does not count."""
SAMPLES = 40
PACKETS = 20
"""Packets of one visit to a module."""
QUIET_S = 0.5
"""A module that had traffic so lately is not removed or replaced: its packets may still be on their way."""
SLACK = 0.03
"""What may be added to a mean, by the fitted line, and still be flat; or the unit's own slack, if that is more."""


def stateless(n: int, version: int) -> str:
    return tenant(n + 7 * version)


def stateful(n: int, version: int) -> str:
    return NAT.replace("172.16.15.133", f"172.17.{n >> 8 & 255}.{(n + version) & 255}")


def checked(n: int, version: int) -> str:
    return (
        "FromNetfront() -> CheckIPHeader(OFFSET 14) -> IPFilter(allow udp dst port 1500) -> DecIPTTL"
        f" -> StoreIPAddress(172.18.{n >> 8 & 255}.{(n + version) & 255}, dst) -> ToNetfront();"
    )


def batching(n: int, version: int) -> str:
    return (
        f"FromNetfront() -> IPFilter(allow udp dst port 1500) -> TimedUnqueue(0.05, {100 + version % 3})"
        f" -> StoreIPAddress(172.19.{n >> 8 & 255}.{n & 255}, dst) -> ToNetfront();"
    )


KINDS: tuple[tuple[Callable[[int, int], str], int], ...] = (
    (stateless, 60), (checked, 20), (stateful, 15), (batching, 5),
)  # fmt: skip
"""Kinds of modules, and how many in a hundred are of each."""
DEEDS = (("traffic", 60), ("suspend", 12), ("resume", 8), ("swap", 10), ("replace", 10))


@dataclass(frozen=True)
class Sample:
    """What was seen at `seconds` after the start. Memory in MB."""

    seconds: float
    agent_memory: float
    descriptors: float
    programs: float
    maps: float
    kernel_memory: float


UNITS = {"agent_memory": ("MB", 4.0), "descriptors": ("", 8.0), "programs": ("", 8.0), "maps": ("", 8.0),
         "kernel_memory": ("MB", 16.0)}  # fmt: skip
"""Unit of each measured value, and how much it may rise whatever its size."""


def sample(began: float, pid: int) -> Sample:
    """Look at everything now."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    )
    return Sample(
        time.monotonic() - began,
        int(status["VmRSS"].split()[0]) / 1024,
        len(os.listdir(f"/proc/{pid}/fd")),
        len(identifiers(PROGRAM_NEXT_ID)),
        len(identifiers(MAP_NEXT_ID)),
        kernel_bytes() / 2**20,
    )


@dataclass
class Soak:
    """The tenants, and what is done to them."""

    place: Lab
    agent: RemoteAgent
    raw: socket.socket
    choose: random.Random
    kinds: list[Callable[[int, int], str]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    touched: dict[int, float] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    came: int = 0

    def name(self, n: int) -> str:
        return self.place.deployment("", n).id

    def apply(self, n: int) -> None:
        self.agent.apply(self.place.deployment(self.kinds[n](n, self.versions[n]), n))
        self.done["apply"] += 1

    def fill(self, tenants: int) -> None:
        """Deploy all of them."""
        weights = [weight for _, weight in KINDS]
        for n in range(tenants):
            self.kinds.append(self.choose.choices([kind for kind, _ in KINDS], weights)[0])
            self.versions.append(0)
            self.apply(n)

    def step(self) -> None:
        """One deed to one of them."""
        n = self.choose.randrange(len(self.kinds))
        deed = self.choose.choices([name for name, _ in DEEDS], [weight for _, weight in DEEDS])[0]
        if deed != "traffic" and time.monotonic() - self.touched.get(n, 0) < QUIET_S:
            return
        try:
            getattr(self, deed)(n)
        except PlatformError as problem:
            if problem.diagnostics[0].code != "P314":  # it has packets waiting: it is not suspended now
                raise
            self.done["suspend refused"] += 1
            return
        self.done[deed] += 1
        self.drain()

    def traffic(self, n: int) -> None:
        """Some packets of some flows; the first one starts or resumes the module."""
        ports = [self.choose.randrange(1024, 60_000) for _ in range(PACKETS)]
        self.sent += Burst(self.raw, [udp(POOL + n, source_port=port) for port in ports]).send()
        self.touched[n] = time.monotonic()

    def suspend(self, n: int) -> None:
        self.agent.suspend(self.name(n))

    def resume(self, n: int) -> None:
        self.agent.resume(self.name(n))

    def swap(self, n: int) -> None:
        """Another version in place of the one that runs."""
        self.versions[n] += 1
        self.apply(n)

    def replace(self, n: int) -> None:
        """Remove one, and deploy one of any kind at its address."""
        self.agent.remove(self.name(n))
        self.done["remove"] += 1
        self.kinds[n] = self.choose.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
        self.versions[n] = 0
        self.apply(n)

    def drain(self) -> None:
        """Take what came."""
        try:
            while True:
                self.raw.recv(2048)
                self.came += 1
        except BlockingIOError:
            pass


@dataclass(frozen=True)
class Trend:
    """How a value went: mean, and how much the fitted line rises over the time that counts."""

    name: str
    unit: str
    first: float
    last: float
    mean: float
    rise: float
    slack: float

    @property
    def flat(self) -> bool:
        return self.rise <= max(self.slack, SLACK * self.mean)


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """By least squares, for each value."""
    times = [one.seconds for one in samples]
    middle = sum(times) / len(times)
    spread = sum((t - middle) ** 2 for t in times)
    found = []
    for name, (unit, slack) in UNITS.items():
        values = [getattr(one, name) for one in samples]
        mean = sum(values) / len(values)
        slope = (
            sum((t - middle) * (v - mean) for t, v in zip(times, values, strict=True)) / spread
            if spread
            else 0.0
        )
        found.append(Trend(name, unit, values[0], values[-1], mean, slope * (times[-1] - times[0]), slack))
    return found


@dataclass(frozen=True)
class Found:
    """What was seen: samples, what was done and how often, packets, and the tenants at the end by state; `drops` by
    reason, `empty` before the first tenant and `left` after the last."""

    samples: list[Sample]
    done: dict[str, int]
    sent: int
    came: int
    drops: dict[str, int]
    states: dict[str, int]
    failed: list[str]
    empty: Sample
    left: Sample

    @property
    def trends(self) -> list[Trend]:
        return trends(self.samples or [self.left])

    @property
    def good(self) -> bool:
        return all(t.flat for t in self.trends) and self.sent == self.came and not self.failed


def soak(place: Lab, tenants: int, seconds: float, seed: int, say: Callable[[str], None]) -> Found:
    """Run it; what was seen."""
    with place.daemon() as (agent, pid), place.packets() as raw:
        began = time.monotonic()
        empty = sample(began, pid)
        one = Soak(place, agent, raw, random.Random(seed))
        one.fill(tenants)
        say(f"{tenants:,} tenants are deployed after {time.monotonic() - began:.0f} s; seed {seed}")
        full = time.monotonic()
        end = max(began + seconds, full + 0.5 * seconds)
        say("".join(f"{head:>16}" for head in ("seconds", *(name.replace("_", " ") for name in UNITS))))
        samples: list[Sample] = []
        next_s = full + WARM_UP * (end - full)
        while time.monotonic() < end:
            one.step()
            if time.monotonic() >= next_s:
                next_s += (1 - WARM_UP) * (end - full) / SAMPLES
                samples.append(sample(began, pid))
                say("".join(f"{value:16,.1f}" for value in astuple(samples[-1])))
        time.sleep(QUIET_S)
        one.drain()
        seen = agent.observe()
        states = Counter(each.state.value for each in seen.modules)
        drops = Counter(dict(seen.drops))
        for each in seen.modules:
            drops.update({reason: count for _, reason, count in each.drops})
        failed = [f"{each.id}: {each.problem}" for each in seen.modules if each.state is ModuleState.FAILED]
        for n in range(tenants):
            agent.remove(one.name(n))
        left = sample(began, pid)
        return Found(
            samples, dict(one.done), one.sent, one.came, dict(drops), dict(states), failed, empty, left
        )


def report(found: Found) -> str:
    """The verdict as text."""
    lines = ["", f"{'':16}{'mean':>14}{'first':>14}{'last':>14}{'rise':>12}"]
    for t in found.trends:
        numbers = f"{t.mean:14,.1f}{t.first:14,.1f}{t.last:14,.1f}{t.rise:12,.1f}"
        lines.append(f"{t.name.replace('_', ' '):16}{numbers}  {t.unit:3} {'flat' if t.flat else 'GROWS'}")
    lines.append("done: " + ", ".join(f"{count:,} {what}" for what, count in sorted(found.done.items())))
    lines.append(
        "at the end: " + ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    )
    lines.append(f"packets: {found.sent:,} sent, {found.came:,} came out")
    lines += [f"    {count:,} {reason}" for reason, count in sorted(found.drops.items())]
    names = [each.name for each in fields(Sample)[1:]]
    more = {name: getattr(found.left, name) - getattr(found.empty, name) for name in names}
    changed = ", ".join(f"{name.replace('_', ' ')} {value:+,.1f}" for name, value in more.items())
    lines.append(f"all tenants removed, against before the first one: {changed}")
    lines += [f"failed: {problem}" for problem in found.failed[:5]]
    rising = [t.name.replace("_", " ") for t in found.trends if not t.flat]
    lines.append("NOT FLAT: " + ", ".join(rising) if rising else "FLAT: nothing grows")
    if found.sent != found.came:
        lines.append(f"LOST: {found.sent - found.came:,} packets")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak; 0 if nothing grew and no packet was lost, 1 if not."""
    parser = argparse.ArgumentParser(
        prog="innet bench soak", description="Tenants that come and go: does the platform grow?"
    )
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="how long (default: 10)")
    parser.add_argument(
        "--tenants", type=int, default=TENANTS, metavar="N", help=f"modules at a time (default: {TENANTS})"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the random choices (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(arguments)
    if args.minutes <= 0 or not 1 <= args.tenants <= 60_000:
        parser.error("--minutes is more than 0, and --tenants 1 to 60,000")
    interruptible()

    def say(text: str) -> None:
        if not args.json:
            print(text, flush=True)

    with lab(args.tenants + 8) as place:
        found = soak(place, args.tenants, args.minutes * 60, args.seed, say)
    if args.json:
        rows = [{**asdict(t), "flat": t.flat} for t in found.trends]
        print(json.dumps({"schema": 1, "bench": "soak", "good": found.good, "trends": rows, **asdict(found)}))
    else:
        print(report(found))
    return 0 if found.good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; what was made is removed")
