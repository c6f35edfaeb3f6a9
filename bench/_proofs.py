"""What `innet bench proof` measures, one function a row: each runs in a process of its own and checks its answers."""

import json
import random
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from bench import request
from innet.diagnostics import Source
from innet.messages import Account, Answer, Plan, Role
from innet.network import End, Snapshot, format_address, load, neutral, parse_address
from innet.network.forwarding import loops, pairs
from innet.network.generate import operator_network
from innet.policy import Policy, Reach, parse_policy, parse_request
from innet.verify.forwarded import Collected
from innet.verify.plan import plan
from innet.verify.questions import prepare
from innet.verify.reach import answer
from innet.verify.world import PARSE, Deployed, World

Values = dict[str, list[float]]

NETWORKS = tuple(parent / "shared" / "networks" for parent in Path(__file__).resolve().parents)
"""Where collected networks are looked for: beside the project, which does not hold them."""


def timed(work: Callable[[], object]) -> float:
    """The CPU time of `work` in milliseconds."""
    started = process_time()
    work()
    return (process_time() - started) * 1e3


def megabytes() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---- requests


def requests(seed: int, boxes: int) -> Values:
    """A first request and further ones, on Figure 3 (0 boxes) or a generated network: cold and next."""
    if boxes == 0:
        setting = request.SETTINGS[0]
    else:
        snapshot = operator_network(boxes)
        policy = parse_policy(Source("policy.innet", request.GENERATED_POLICY))
        setting = request.Setting(f"{boxes} boxes", lambda: (snapshot, policy), 0x0A000305, "", None, None)
    return {**asked(setting, request.kinds(seed), seed), "memory": [megabytes()]}


def figure4(seed: int) -> Values:
    """The request of the paper's Figure 4 on the network of Figure 3: the first of a process, and more of its kind with
    other ports and times."""
    shape = next(one for one in request.SHAPES if one.name == "batcher")
    return asked(request.SETTINGS[0], [shape] * (1 + request.NEXT), seed)


def asked(setting: request.Setting, shapes: Sequence[request.Shape], seed: int) -> Values:
    """How long requests of these shapes take: cold the first, next the others."""
    times = request.asked(setting, shapes, seed, process_time)
    return {"cold": times[:1], "next": times[1:]}


def rules(seed: int, boxes: int, count: int) -> Values:
    """Requests under a policy of `count` rules: the first, and more of them."""
    choose = random.Random(seed)
    snapshot = operator_network(boxes)
    texts = []
    for n in range(count):
        subnet = f"10.0.{choose.randrange(250)}.0/24"
        port = choose.randrange(1, 1024)
        texts.append((
            f"never new reach from internet udp dst port {port} -> {subnet}",
            f"always reach from internet tcp src port {port} -> firewall -> client",
            f"always new reach from internet tcp dst port {port} -> module -> client",
            f"never reach from module tcp src port {port} -> {subnet}",
        )[n % 4])  # fmt: skip
    world = World(snapshot, parse_policy(Source("policy.innet", "\n".join(texts))))
    client = 0x0A00_0305
    account = Account("client", Role.CLIENT, ((client, client),))
    request.ready()
    times = []
    for n in range(13):
        shape = request.FIRST[n % len(request.FIRST)]
        text = shape.text(format_address(client), choose)
        times.append(timed(lambda text=text: granted(plan(parse_request(Source("r", text)), world, account))))
    return {"cold": times[:1], "next": times[1:]}


def granted(made: Plan) -> Plan:
    """The plan; a bench ends with a wrong answer."""
    if not made.granted:
        raise SystemExit(f"refused: {made}")
    return made


POOL = "198.0.0.0/15"


def tenants(seed: int, number: int) -> Values:
    """With `number` modules deployed: one more is planned and deployed, and one leaves."""

    def text(name: str) -> str:
        read = (request.EXAMPLES / name).read_text(encoding="utf-8")
        return read.replace("198.51.100.0/24", POOL).replace("modules: 1000", "modules: 100000")

    choose = random.Random(seed)
    snapshot = load(Source("network.yaml", text("network.yaml")), text)
    policy = parse_policy(Source("policy.innet", text("policy.innet")))
    low = parse_address(POOL.partition("/")[0]) + 1
    clients = parse_address("172.16.0.0")

    def module(n: int, address: int) -> Deployed:
        client = clients + 2 + n
        owner = Account(f"client{n}", Role.CLIENT, ((client, client),))
        shape = request.FIRST[n % len(request.FIRST)]
        made = parse_request(Source("r", shape.text(format_address(client), choose))).modules[0]
        return Deployed(made.name, owner, "platform3", address, made.code, identifier=f"m{n}")

    request.ready()
    deployed = tuple(module(n, low + n) for n in range(number))
    world = World(snapshot, policy).with_deployed(deployed)
    added: list[float] = []
    left: list[float] = []
    for n in range(number, number + 10):
        client = clients + 2 + n
        account = Account(f"client{n}", Role.CLIENT, ((client, client),))
        shape = request.FIRST[n % len(request.FIRST)]
        asked = shape.text(format_address(client), choose)
        started = process_time()
        made = granted(plan(parse_request(Source("r", asked)), world, account))
        address = parse_address(made.placements[0].address)
        world = world.with_deployed((*world.deployed, module(n, address)))
        added.append((process_time() - started) * 1e3)
        gone = choose.randrange(number)
        rest = tuple(d for k, d in enumerate(world.deployed) if k != gone)
        question = request.question(format_address(client), choose)
        started = process_time()
        world = world.with_deployed(rest)
        granted(plan(parse_request(Source("r", question)), world, account))
        left.append((process_time() - started) * 1e3)
    return {"next": added[1:], "leaves": left[1:], "cold": added[:1]}


# ---- routes


def random_routes(choose: random.Random, count: int, outputs: list[str]) -> dict[str, str]:
    """As many prefixes as in a full table: mostly /24 and shorter ones above them, each with an output."""
    found = {"0.0.0.0/0": outputs[0]}
    while len(found) < count:
        length = choose.choices((8, 12, 16, 18, 20, 22, 23, 24), (1, 2, 8, 6, 10, 14, 12, 60))[0]
        address = choose.randrange(11 << 24, 224 << 24) >> 32 - length << 32 - length
        found[f"{format_address(address)}/{length}"] = choose.choice(outputs)
    return found


def prefixes(seed: int, count: int) -> Values:
    """A router with `count` prefixes between the internet and seven subnets: seconds to load, and questions."""
    ports = [f"p{n}" for n in range(7)]
    routes = random_routes(random.Random(seed), count, ["out", *ports])
    lines = ["nodes:", "  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}"]
    inner = ", ".join(f"{port}: 10.0.{n}.1/24" for n, port in enumerate(ports))
    lines += [
        "  core:",
        "    kind: router",
        f"    interfaces: {{out: 203.0.113.1/30, {inner}}}",
        "    routes:",
    ]
    lines += [f"      {prefix}: {port}" for prefix, port in routes.items()]
    lines += [f"  n{n}: {{kind: clients, interfaces: {{lan: 10.0.{n}.2/24}}}}" for n in range(7)]
    lines += [
        "links:",
        "  - [internet, core:out]",
        *(f"  - [core:{port}, n{n}]" for n, port in enumerate(ports)),
    ]
    lines += ["operator: {prefixes: [10.0.0.0/8], ingress_filtering: true, connectionless: allowed}", ""]
    source = Source("network.yaml", "\n".join(lines))
    snapshots: list[Snapshot] = []

    def read() -> None:
        snapshots.append(load(source, lambda name: ""))
        World(snapshots[0], Policy(())).network.outputs("core")

    seconds = timed(read) / 1e3
    request.ready()
    world = World(snapshots[0], Policy(()))
    world.network.outputs("core")
    times = []
    for n in range(12):
        text = f"reach from internet tcp dst port {80 + n} -> 10.0.{n % 7}.0/24 const dst port"
        reach = parse_request(Source("r", text)).requirements[0]

        def ask() -> None:
            found = answer(prepare(reach, {}), world.network, world.tables)  # noqa: B023  # called at once
            if found.holds is not Answer.YES or found.witness is None:
                raise SystemExit(f"wrong: {found}")

        times.append(timed(ask))
    return {"load": [seconds], "question": times}


def routes(seed: int, count: int) -> Values:
    """Nine routers in a ring with chords and edge ports, as a collected network: load, and all pairs."""
    choose = random.Random(seed)
    names = [f"r{n}" for n in range(9)]
    wires = [(n, (n + 1) % 9) for n in range(9)] + [(0, 4), (2, 6), (3, 8)]
    near: dict[int, list[int]] = {n: [] for n in range(9)}
    for a, b in wires:
        near[a].append(b)
        near[b].append(a)
    edges = [(n, f"edge{k}") for n in range(9) for k in range(6)]
    step = {
        target: toward(near, target) for target in range(9)
    }  # for each target: for each router its next one
    nodes: dict[str, dict[str, object]] = {}
    table: dict[int, list[list[object]]] = {n: [] for n in range(9)}
    for prefix in random_routes(choose, count // 9, [""]):
        target, port = choose.choice(edges)
        for n in range(9):
            table[n].append([prefix, [port if n == target else f"to{step[target][n]}"]])
    for n, name in enumerate(names):
        ports = [f"to{m}" for m in near[n]] + [port for m, port in edges if m == n]
        nodes[name] = {"kind": "router", "ports": ports, "routes": table[n]}
    links = [[names[a], f"to{b}", names[b], f"to{a}"] for n, m in wires for a, b in ((n, m), (m, n))]
    text = json.dumps({"name": "nine", "nodes": nodes, "links": links})
    networks: list[neutral.Forwarding] = []
    spent = timed(lambda: networks.append(neutral.load(Source("nine.json", text))))
    found: list[dict[tuple[End, End], int]] = []
    pairs_ms = timed(lambda: found.append(pairs(networks[0])))
    targets = {target for _, target in found[0]}
    if not targets or len(found[0]) != len(targets) * (len(edges) - 1):
        raise SystemExit(f"wrong: {len(found[0])} pairs to {len(targets)} ports")
    return {"load": [spent], "pairs": [pairs_ms]}


def toward(near: dict[int, list[int]], target: int) -> dict[int, int]:
    """The next router on a shortest way to `target`, from each."""
    found = {target: target}
    work = [target]
    for n in work:
        for m in near[n]:
            if m not in found:
                found[m] = n
                work.append(m)
    return found


def stanford(seed: int) -> Values:
    """The collected network of Stanford: pairs and loops as its file of answers has them; questions."""
    path = next((p / "stanford.json" for p in NETWORKS if (p / "stanford.json").exists()), None)
    if path is None:
        return {}
    known = json.loads(path.with_name("stanford.answers.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {}

    def all_of_it() -> None:
        network = neutral.load(Source("stanford.json", path.read_text(encoding="utf-8")))
        found.update(network=network, pairs=pairs(network), loops=loops(network))

    spent = timed(all_of_it)
    if len(found["pairs"]) != len(known["pairs"]) or len(found["loops"]) != len(known["loops"]):
        raise SystemExit("wrong: not the pairs and loops of stanford.answers.json")
    network = found["network"]
    assert isinstance(network, neutral.Forwarding)
    collected, reached, choose = Collected(network, PARSE), found["pairs"], random.Random(seed)
    nets = [low & ~255 for table in network.tables.values() for low, _, _ in table]
    times: list[float] = []
    for n in range(101):
        a, b = choose.sample(network.edges, 2)
        text = f"reach from {a} dst net {format_address(choose.choice(nets))}/24 -> {b}"
        started = process_time()
        answer_found = collected.answer(statement(text))
        times.append((process_time() - started) * 1e3)
        if answer_found.holds is Answer.YES and (a, b) not in reached:
            raise SystemExit(f"wrong: {text}: {answer_found}")
        if n == 0:
            times.clear()  # the first one makes ready for all of them
    return {"all": [spent], "question": times}


def statement(text: str) -> Reach:
    """One statement."""
    return parse_policy(Source("statement", text)).rules[0]


def table1(seed: int) -> Values:
    """All cells of Table 1."""
    from innet.cli.table1 import assess_all

    request.ready()
    found: list[object] = []
    spent = timed(lambda: found.append(assess_all()))
    return {"all": [spent]}


MEASURES: dict[str, Callable[..., Values]] = {
    "figure4": figure4,
    "requests": requests,
    "rules": rules,
    "tenants": tenants,
    "prefixes": prefixes,
    "routes": routes,
    "stanford": stanford,
    "table1": table1,
}
