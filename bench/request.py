"""How long one request takes, from its text to its plan, beside the paper's figures and those to be reached.

Cold: a new process, imports done, network and policy parsed, nothing explored; the world is made and a first request is
planned. Next: further requests on the same world, of other shapes and with other constants. Every answer is checked.

    ./innet bench request [--processes N] [--json]
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from innet.cli import files
from innet.diagnostics import Source
from innet.elements.registry import REGISTRY
from innet.messages import Account, Plan, Role
from innet.network import Snapshot, format_address, load
from innet.network.generate import operator_network, reload
from innet.policy import Policy, parse_policy, parse_request
from innet.verify.plan import plan
from innet.verify.world import World

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "figure3"
PROCESSES = 24
NEXT = 6
"""Further requests in each process."""

GENERATED_POLICY = """\
// Whatever comes to clients from outside has passed the firewall.
always reach from internet -> firewall -> client
// By new flows, clients are reached only through modules that they asked for.
always new reach from internet -> module -> client
// Nobody begins a flow to the address that clients leave with.
never new reach from internet -> 192.0.2.1
// And the network does its work.
reach from client tcp dst port 80 -> internet
"""


@dataclass(frozen=True)
class Setting:
    """A network with its policy, a client of it, and what its figures are held against (milliseconds)."""

    name: str
    make: Callable[[], tuple[Snapshot, Policy]]
    client: int
    paper: str
    cold_target: float | None
    next_target: float | None


def figure3() -> tuple[Snapshot, Policy]:
    """The example network with its policy."""

    def text(name: str) -> str:
        return (EXAMPLES / name).read_text(encoding="utf-8")

    return load(Source("network.yaml", text("network.yaml")), text), parse_policy(
        Source("policy.innet", text("policy.innet"))
    )


def generated(boxes: int) -> Callable[[], tuple[Snapshot, Policy]]:
    """A generated network, written and read again, with a policy of the same kind as Figure 3's."""

    def make() -> tuple[Snapshot, Policy]:
        policy = parse_policy(Source("policy.innet", GENERATED_POLICY))
        return reload(operator_network(boxes)), policy

    return make


SETTINGS = (
    Setting("Figure 3", figure3, 0xAC100F85, "106 ms", 5, 5),
    Setting("10 boxes", generated(10), 0x0A000005, "", None, None),
    Setting("100 boxes", generated(100), 0x0A000305, "", None, None),
    Setting("1,000 boxes", generated(1000), 0x0A000305, "1.3 s", 150, 10),
)


@dataclass(frozen=True)
class Shape:
    """A kind of request: its text for a client's address and a random source, and whether it is to be granted."""

    name: str
    text: Callable[[str, random.Random], str]
    granted: bool


def port(choose: random.Random) -> int:
    """A port that no rule of the networks mentions."""
    return choose.randrange(1025, 40_000)


def batcher(client: str, choose: random.Random) -> str:
    number = port(choose)
    return f"""Batcher module:
FromNetfront() -> IPFilter(allow udp port {number}) -> IPRewriter(pattern - - {client} - 0 0)
  -> TimedUnqueue({choose.randrange(1, 200)}, 100) -> dst :: ToNetfront()

reach from internet udp -> Batcher:dst:0 dst {client}
  -> client dst port {number} const proto && dst port && payload
"""


def mirror(client: str, choose: random.Random) -> str:
    number = port(choose)
    return f"""Echo module:
FromNetfront() -> IPFilter(allow udp dst port {number}) -> m :: IPMirror -> out :: ToNetfront()

reach from client udp dst port {number} -> Echo:m:0 -> client udp src port {number} const payload
"""


def forwarder(client: str, choose: random.Random) -> str:
    outside, inside = port(choose), port(choose)
    return f"""Forwarder module:
in :: FromNetfront();
out :: ToNetfront();
rw :: IPRewriter(pattern - - {client} {inside} 0 0);
in -> Counter -> c :: IPClassifier(tcp dst port {outside} && src port > 1023, -);
c [0] -> [0] rw;
c [1] -> Discard;
rw [0] -> out;

reach from internet tcp dst port {outside} -> Forwarder:rw:0 -> client tcp dst port {inside} const src port
"""


def setter(client: str, choose: random.Random) -> str:
    low = port(choose)
    return f"""Relay module:
FromNetfront() -> f :: IPFilter(deny udp dst port {low}, allow udp && dst port >= {low}, deny all)
  -> SetIPAddress({client}) -> StoreIPAddress(dst) -> DecIPTTL -> out :: ToNetfront()

reach from internet udp dst port {low + choose.randrange(1, 900)} -> Relay:out:0 -> client udp
"""


def spoofer(client: str, choose: random.Random) -> str:
    number = port(choose)
    return f"""Spoofer module:
FromNetfront() -> IPFilter(allow udp port {number}) -> IPRewriter(pattern 8.8.{number % 256}.8 - {client} - 0 0)
  -> dst :: ToNetfront()

reach from internet udp -> Spoofer:dst:0 -> client
"""


def unanswered(client: str, choose: random.Random) -> str:
    number = port(choose)
    return f"""Filter module:
FromNetfront() -> IPFilter(allow tcp dst port {number})
  -> IPRewriter(pattern - - {client} - 0 0) -> out :: ToNetfront()

reach from internet udp -> Filter:out:0 -> client
"""


def question(client: str, choose: random.Random) -> str:
    return f"reach from client udp dst port {port(choose)} -> internet const proto && dst port && payload\n"


SHAPES = (
    Shape("batcher", batcher, True),
    Shape("echo", mirror, True),
    Shape("port forwarder", forwarder, True),
    Shape("relay", setter, True),
    Shape("spoofer", spoofer, False),
    Shape("unmet requirement", unanswered, False),
    Shape("question", question, True),
)
FIRST = tuple(s for s in SHAPES if s.granted and s.name != "question")
"""Shapes of first requests: those that take the whole way, from the module's text to a platform."""


# ---- one process


def ready() -> None:
    """Import every element class: they are imported when they are first named. Then what is there stays, as in the
    product's own processes once the network is read."""
    for name in REGISTRY:
        REGISTRY[name]
    files.settle()


def kinds(seed: int) -> list[Shape]:
    """A first request and others, each of another shape than the one before."""
    chosen = [FIRST[seed % len(FIRST)]]
    for n in range(NEXT):
        others = [s for s in SHAPES if s is not chosen[-1]]
        chosen.append(others[(seed + n) % len(others)])
    return chosen


def asked(setting: Setting, shapes: Sequence[Shape], seed: int, clock: Callable[[], float]) -> list[float]:
    """How many milliseconds requests of these shapes take, each with constants of its own, by a clock of seconds. The
    first makes the world. Raises SystemExit if an answer is wrong."""
    choose = random.Random(seed)
    snapshot, policy = setting.make()
    account = Account("client", Role.CLIENT, ((setting.client, setting.client),))
    texts = [shape.text(format_address(setting.client), choose) for shape in shapes]
    ready()
    times: list[float] = []
    world: World | None = None
    for shape, text in zip(shapes, texts, strict=True):
        started = clock()
        if world is None:
            world = World(snapshot, policy)
        made = plan(parse_request(Source("request.innet", text)), world, account)
        times.append((clock() - started) * 1e3)
        check(setting, shape, text, made)
    return times


def measure(setting: Setting, seed: int) -> list[tuple[str, float]]:
    """(shape, milliseconds) of the first request in this process, then of others."""
    shapes = kinds(seed)
    times = asked(setting, shapes, seed, time.perf_counter)
    return [(shape.name, ms) for shape, ms in zip(shapes, times, strict=True)]


def check(setting: Setting, shape: Shape, text: str, made: Plan) -> None:
    """A figure counts only if the answer is right: granted with replayed packets, or refused."""
    if made.granted is not shape.granted:
        raise SystemExit(
            f"wrong answer on {setting.name}: {shape.name} is {made.assessment.value}\n{text}{made}"
        )
    if shape.granted:
        shown = [c.witness is not None and c.witness.replayed for c in made.requirements]
        if not all(shown) or not shown:
            raise SystemExit(f"no packet shows the answer on {setting.name}: {shape.name}\n{text}{made}")


# ---- all processes


@dataclass(frozen=True)
class Result:
    """The figures for one network, in milliseconds."""

    setting: Setting
    cold: list[float]
    next: list[float]
    shapes: dict[str, float]
    """The median of `next` by shape."""

    def json(self) -> dict[str, object]:
        return {
            "network": self.setting.name,
            "cold_ms": {
                "median": statistics.median(self.cold),
                "p99": p99(self.cold),
                "samples": len(self.cold),
            },
            "next_ms": {
                "median": statistics.median(self.next),
                "p99": p99(self.next),
                "samples": len(self.next),
            },
            "next_ms_by_shape": self.shapes,
            "paper": self.setting.paper,
            "target_ms": {"cold": self.setting.cold_target, "next": self.setting.next_target},
        }


def p99(values: Sequence[float]) -> float:
    """The value that 99 in 100 do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * 99 // 100) - 1)]


def run(setting: Setting, processes: int) -> Result:
    """Measure in fresh processes, one at a time."""
    cold: list[float] = []
    later: list[tuple[str, float]] = []
    for seed in range(processes):
        command = [sys.executable, __file__, "--one", setting.name, "--seed", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr or f"a measuring process ended with status {done.returncode}")
        times = [(str(name), float(ms)) for name, ms in json.loads(done.stdout)]
        cold.append(times[0][1])
        later += times[1:]
    by_shape: dict[str, list[float]] = {}
    for name, ms in later:
        by_shape.setdefault(name, []).append(ms)
    medians = {name: statistics.median(found) for name, found in sorted(by_shape.items())}
    return Result(setting, cold, [ms for _, ms in later], medians)


def table(results: Sequence[Result]) -> str:
    """The figures as text."""
    lines = [
        f"{'milliseconds':14}{'cold':>10}{'p99':>10}{'target':>10}{'next':>10}{'p99':>10}{'target':>10}{'paper':>10}"
    ]
    for r in results:
        s = r.setting
        lines.append(
            f"{s.name:14}{statistics.median(r.cold):10.1f}{p99(r.cold):10.1f}{target(s.cold_target):>10}"
            f"{statistics.median(r.next):10.1f}{p99(r.next):10.1f}{target(s.next_target):>10}{s.paper or '–':>10}"
        )
    count = results[0]
    lines.append(
        f"cold: median of {len(count.cold)} new processes; next: median of {len(count.next)} further requests of other "
        "shapes and constants; every answer was checked"
    )
    return "\n".join(lines)


def target(ms: float | None) -> str:
    return "–" if ms is None else f"≤ {ms:g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 0 if every answer was right."""
    parser = argparse.ArgumentParser(prog="innet bench request", description="Milliseconds per request.")
    parser.add_argument(
        "--processes", type=int, default=PROCESSES, metavar="N",
        help=f"new processes per network, with {NEXT} further requests each (default: {PROCESSES})",
    )  # fmt: skip
    parser.add_argument(
        "--network", action="append", choices=[s.name for s in SETTINGS], help="only this network (repeat)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--one", choices=[s.name for s in SETTINGS], help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.one is not None:
        print(json.dumps(measure(next(s for s in SETTINGS if s.name == args.one), args.seed)))
        return 0
    chosen = [s for s in SETTINGS if args.network is None or s.name in args.network]
    results = [run(setting, max(1, args.processes)) for setting in chosen]
    if args.json:
        print(json.dumps({"schema": 1, "bench": "request", "networks": [r.json() for r in results]}))
    else:
        print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
