"""What `innet demo` tells and does: five chapters, on a network that is gone at the end, however it ends."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType, MappingProxyType

import innet
from innet.cli import codes, files
from innet.cli.labs import Lab, NamespaceLab, SimulatedLab, UdpEnd
from innet.cli.output import Style, plan_json, plan_text, print_json
from innet.cli.timeline import Timeline
from innet.controller import Controller, Proofs, Settings, Store
from innet.diagnostics import Source
from innet.emulation import Inventory, inventory, recover
from innet.messages import Account, Answer, Placement, Plan
from innet.network import Capacity, Internet, Platform, Snapshot, format_address, parse_address
from innet.policy import Policy, Request, parse_request

DEVICE: UdpEnd = ("172.16.15.133", 1500)
"""Where the paper's client waits for notifications."""

OTHER_PORTS = (1501, 53, 4500)
NOTIFICATIONS = 12
PER_INTERVAL = 4
PAYLOAD_BYTES = 1024
AGAIN_S = 3.0
"""A second Ctrl-C sooner than this after the first one does not disturb the cleaning up."""

OUTSIDE_PORT = 40000

KINDS = ("namespaces", "devices", "pins", "processes", "files")


@dataclass
class Scene:
    """What the chapters share."""

    folder: Path
    snapshot: Snapshot
    policy: Policy
    accounts: dict[str, Account]
    interval_s: float
    say: Callable[[str], None]
    style: Style
    run: str = "none"
    """What this run's namespaces are called: `innet-RUN-NODE`."""
    facts: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def expect(self, fact: bool, otherwise: str) -> None:
        """Note what did not go as it should."""
        if not fact:
            self.problems.append(otherwise)
            self.say(f"   NOT AS IT SHOULD BE: {otherwise}")

    def chapter(self, number: int, title: str) -> None:
        self.say("")
        self.say(self.style.title(f"{number}. {title}"))

    def show(self, text: str, prefix: str = "   ") -> None:
        """Indented lines."""
        for line in text.splitlines():
            self.say(f"{prefix}{line}".rstrip())

    def request(self, name: str, **parameters: str) -> Request:
        """An example request."""
        source = files.read_source(str(self.folder / name), "the example request")
        return parse_request(Source(f"examples/{name}", source.text), parameters)


def tell(args: argparse.Namespace) -> int:
    """The whole demo; 0 if everything went as it should."""
    scene = set_scene(args)
    simulate, reason = choose(args)
    scene.facts["kind"] = "simulated" if simulate else "namespaces"
    scene.say(scene.style.title("In-Net: from a request to packets (the paper's section 4.5)"))
    if simulate:
        scene.say(f"{reason}: the network runs in this process, in virtual time, with simulated packets.")
    began = time.monotonic()
    if not simulate:
        for run in recover():
            print(f"innet: removed what the killed run {run} had left behind", file=sys.stderr)
    with stoppable():
        before = inventory()
        try:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="innet-demo-")))
                perform(scene, stack, folder, simulate)
        except KeyboardInterrupt:
            left = left_behind(before, scene.run)
            print(
                "innet: stopped; " + (f"left behind: {left}" if left else "nothing is left behind"),
                file=sys.stderr,
            )
            raise
        compare(scene, before, folder)
    scene.facts["seconds"] = round(time.monotonic() - began, 3)
    scene.say("")
    if scene.problems:
        scene.say("Not everything went as it should:")
        for problem in scene.problems:
            scene.say(f"  - {problem}")
    else:
        scene.say(f"Everything went as it should, in {time.monotonic() - began:.1f} s.")
    if args.json:
        print_json({"passed": not scene.problems, "problems": scene.problems, **scene.facts})
    return codes.REFUSED if scene.problems else codes.YES


def set_scene(args: argparse.Namespace) -> Scene:
    """Read what the demo is about. Raises ConfigurationError or PolicyError if the examples are not there."""
    folder = Path(args.examples) if args.examples else Path(innet.__file__).resolve().parents[2] / "examples"
    if not (folder / "figure3" / "network.yaml").is_file():
        raise files.problem(
            "B110",
            f"there are no examples in '{folder}'",
            "figure3/network.yaml and others",
            "name them: --examples",
        )
    figure = folder / "figure3"
    from innet.controller import load_accounts

    out = sys.stderr if args.json else sys.stdout
    return Scene(
        folder,
        files.read_network(str(figure / "network.yaml")),
        files.read_policy(str(figure / "policy.innet")),
        dict(load_accounts(files.read_source(str(figure / "accounts.yaml"), "the accounts file"))),
        args.interval,
        lambda text: print(text, file=out, flush=True),
        Style(False if args.json else None),
    )


def choose(args: argparse.Namespace) -> tuple[bool, str]:
    """Whether to simulate, and why."""
    if args.simulate:
        return True, "As asked (--simulate)"
    if os.geteuid() != 0:
        return True, "Not root, so no network namespaces"
    return False, ""


@contextmanager
def stoppable() -> Iterator[None]:
    """Make SIGINT, SIGTERM and SIGHUP end the block as Ctrl-C does, once; what it made is then removed in peace."""
    last = [-AGAIN_S]

    def stop(number: int, frame: FrameType | None) -> None:
        if time.monotonic() - last[0] >= AGAIN_S:
            last[0] = time.monotonic()
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


# ---- chapters


def perform(scene: Scene, stack: ExitStack, folder: Path, simulate: bool) -> None:
    """All chapters, on a network and a state file that `stack` takes down."""
    lab = build(scene, stack, simulate)
    store = Store(folder / "controller.sqlite", time.time)
    stack.callback(store.close)
    proofs = Proofs(scene.snapshot, scene.policy)
    controller = Controller(Settings(scene.snapshot, proofs, store, lab.agents.__getitem__))
    controller.recover()
    placed = batcher(scene, controller)
    if placed is not None:
        timeline = notifications(scene, lab, placed[1])
    others(scene, controller, store, lab)
    if placed is not None:
        end(scene, controller, lab, placed, timeline)
    for record in controller.list():
        controller.kill(record.identifier)
        scene.say(f"   killed {record.identifier} as well ({', '.join(m.module for m in record.modules)})")


def build(scene: Scene, stack: ExitStack, simulate: bool) -> Lab:
    """Chapter 1."""
    nodes = scene.snapshot.nodes
    scene.chapter(1, "The network of the paper's Figure 3")
    scene.say(
        f"   examples/figure3/network.yaml: {len(nodes)} nodes, {len(scene.snapshot.links)} links, platforms "
        f"{', '.join(p.name for p in scene.snapshot.platforms)}; the proof reads the same file."
    )
    began = time.monotonic()
    lab: SimulatedLab | NamespaceLab
    if simulate:
        lab = stack.enter_context(SimulatedLab(scene.snapshot))
        how = "in this process"
    else:
        lab = NamespaceLab(scene.snapshot)
        scene.run = lab.run
        stack.enter_context(lab)
        how = f"in {len(nodes)} network namespaces joined by veth (innet-{lab.run}-*)"
    took = time.monotonic() - began
    scene.facts["build_seconds"] = round(took, 3)
    scene.say(f"   Built {how} in {took:.2f} s; middleboxes run their Click configurations on it.")
    why = "this process runs them all" if isinstance(lab, SimulatedLab) else lab.interpreted
    scene.facts["driver"] = "interpreter" if why else "xdp"
    scene.say(
        f"   Modules run in the interpreter: {why}."
        if why
        else "   Modules run as programs of the kernel (XDP)."
    )
    return lab


def batcher(scene: Scene, controller: Controller) -> tuple[str, Placement] | None:
    """Chapter 2: the request of Figure 4."""
    scene.chapter(2, "A client asks for a batcher (the request of the paper's Figure 4)")
    account = scene.accounts["mobile"]
    request = scene.request("batcher.innet", INTERVAL=f"{scene.interval_s:g}")
    scene.show(files.read_source(str(scene.folder / "batcher.innet"), "the example request").text, "   | ")
    scene.say("")
    scene.say(
        f"   Asked as '{account.name}' ({account.role.value}), INTERVAL={scene.interval_s:g}. "
        "The answer, with the operator's rules spelled out:"
    )
    plan = ask(scene, "batcher", controller, request, account)
    reply = controller.apply(request, account)
    scene.expect(reply.identifier is not None, "the batcher is not deployed")
    if reply.identifier is None:
        return None
    place = reply.plan.placements[0]
    scene.expect(place.platform == "platform3", f"platform3 should be chosen, not {place.platform}")
    scene.expect(plan.granted, "the plan and the deployment disagree")
    protocol = "any protocol" if place.protocol is None else place.protocol
    port = "any port" if place.port is None else f"port {place.port}"
    scene.say("")
    scene.say(
        f"   Deployed as '{reply.identifier}' on {place.platform}. To use it: {place.address}, {protocol}, {port}."
    )
    scene.facts["identifier"] = reply.identifier
    return reply.identifier, place


def ask(scene: Scene, name: str, controller: Controller, request: Request, account: Account) -> Plan:
    """Plan a request on all platforms and show the answer."""
    plan = controller.plan(request, account, all_platforms=True)
    scene.say("")
    scene.show(plan_text(plan, scene.style, [module.name for module in request.modules]))
    scene.facts[name] = plan_json(plan)
    return plan


def notifications(scene: Scene, lab: Lab, place: Placement) -> Timeline:
    """Chapter 3: packets."""
    scene.chapter(3, f"Notifications from the internet to {place.address}")
    timeline = Timeline(lab, internet(scene.snapshot), device_node(scene.snapshot), DEVICE, PAYLOAD_BYTES)
    for port in OTHER_PORTS:
        timeline.listen(port)
    scene.say(
        f"   {NOTIFICATIONS} UDP notifications of {PAYLOAD_BYTES} bytes to port {DEVICE[1]}, and one each to ports "
        f"{', '.join(map(str, OTHER_PORTS))}; the client is {DEVICE[0]}:{DEVICE[1]}."
    )
    gap = scene.interval_s / PER_INTERVAL
    first = lab.now_s() + 0.05
    for n in range(NOTIFICATIONS):
        lab.wait(first + n * gap)
        timeline.send(place.address, DEVICE[1])
        if n % PER_INTERVAL == 1 and n // PER_INTERVAL < len(OTHER_PORTS):
            timeline.send(place.address, OTHER_PORTS[n // PER_INTERVAL])
    lab.wait(first + NOTIFICATIONS * gap + 1.3 * scene.interval_s)
    scene.say("")
    scene.show(timeline.text())
    unchanged, batches = timeline.delivered(DEVICE[1]), timeline.batches()
    scene.say("")
    scene.say(
        f"   {unchanged} of {NOTIFICATIONS} delivered with unchanged payload, in {len(batches)} batches; "
        f"{timeline.elsewhere()} of {len(OTHER_PORTS)} to other ports."
    )
    scene.expect(unchanged == NOTIFICATIONS, f"only {unchanged} of {NOTIFICATIONS} notifications came")
    scene.expect(timeline.elsewhere() == 0, "notifications to other ports came through")
    scene.expect(
        1 < len(batches) < NOTIFICATIONS, f"{len(batches)} batches for {NOTIFICATIONS} notifications"
    )
    for report in lab.agents[place.platform].observe().modules:
        drops = "".join(f"; dropped {count}: {element}: {reason}" for element, reason, count in report.drops)
        scene.say(
            f"   {place.platform} accounts {report.id}: received {report.received.packets} packets "
            f"({report.received.bytes} bytes), sent {report.sent.packets} ({report.sent.bytes} bytes){drops}."
        )
    scene.facts["timeline"] = timeline.to_json()
    return timeline


def others(scene: Scene, controller: Controller, store: Store, lab: Lab) -> None:
    """Chapter 4: three more requests."""
    scene.chapter(4, "Three more requests")
    client, provider = scene.accounts["mobile"], scene.accounts["content"]

    scene.say(
        "   examples/spoofer.innet, as 'mobile': its module rewrites the source to an address that is not its own."
    )
    refused = ask(scene, "spoofer", controller, scene.request("spoofer.innet"), client)
    scene.expect(not refused.granted, "the spoofer is not refused")
    shown = [c for c in refused.security if c.holds is not Answer.YES and c.witness is not None and c.trace]
    scene.expect(bool(shown), "no security rule shows trace and witness")

    request = scene.request("webserver.innet")
    scene.say("")
    scene.say("   examples/webserver.innet, as 'content': pages for clients have to pass the HTTP optimizer.")
    plan = ask(scene, "webserver", controller, request, provider)
    fits = [trial.name for trial in plan.platforms if trial.fits]
    scene.expect(fits == ["platform2"], f"platform2 alone should fit, not {', '.join(fits) or 'none'}")
    reply = controller.apply(request, provider)
    scene.expect(reply.identifier is not None, "the web server is not deployed")
    if reply.identifier is not None:
        place = reply.plan.placements[0]
        scene.say("")
        scene.say(f"   Deployed as '{reply.identifier}' on {place.platform}, address {place.address}.")
        scene.say("")
        scene.say(f"   The same again, {place.platform} being full (say its capacity is one module):")
        full = with_capacity(scene.snapshot, place.platform, 1)
        crowded = Controller(Settings(full, Proofs(full, scene.policy), store, lab.agents.__getitem__))
        again = ask(scene, "webserver_full", crowded, request, provider)
        scene.expect(not again.placements, "the second web server is placed although the platform is full")

    scene.say("")
    scene.say("   examples/tunnel-question.innet, as 'mobile': requirements only, nothing to deploy.")
    answer = ask(scene, "question", controller, scene.request("tunnel-question.innet"), client)
    scene.expect(bool(answer.requirements), "the question is not answered")
    scene.expect(not answer.placements, "a question deploys nothing")


def end(
    scene: Scene, controller: Controller, lab: Lab, placed: tuple[str, Placement], timeline: Timeline
) -> None:
    """Chapter 5: the module goes."""
    name, place = placed
    scene.chapter(5, "The module is killed")
    controller.kill(name, scene.accounts["mobile"])
    before = len(lab.deliveries)
    for _ in range(PER_INTERVAL):
        timeline.send(place.address, DEVICE[1])
    lab.wait(lab.now_s() + 1.5 * scene.interval_s)
    came = len(lab.deliveries) - before
    scene.say(f"   '{name}' is killed; of {PER_INTERVAL} more notifications {came or 'none'} came.")
    scene.expect(came == 0, f"{came} notifications came after the module was killed")
    scene.expect(not lab.agents[place.platform].observe().modules, "a module still runs")


def compare(scene: Scene, before: Inventory, folder: Path) -> None:
    """Nothing is left behind."""
    more = left_behind(before, scene.run)
    if folder.exists():
        more["files"] = [*more.get("files", []), str(folder)]
    scene.facts["left_behind"] = more
    if not more:
        kinds = ", ".join(f"{len(getattr(before, kind))} {kind}" for kind in KINDS)
        scene.say(f"   The network is taken down. Inventory before and after is equal: {kinds}.")
    scene.expect(not more, f"left behind: {more}")


def left_behind(before: Inventory, run: str) -> dict[str, list[str]]:
    """What is here and was not before, but for what others on this machine made meanwhile: whatever has a name of its
    own has this run's in it; devices are those of this process's namespace."""
    after = replace(inventory(), processes=inventory(f"innet-{run}-").processes)
    found: dict[str, list[str]] = {}
    for kind, names in after.more_than(before).items():
        ours = [name for name in names if kind in ("devices", "processes") or (run and run in name)]
        if ours:
            found[kind] = ours
    return found


# ---- the example's nodes


def internet(snapshot: Snapshot) -> tuple[str, UdpEnd]:
    """The host on the internet: its node, and an end of its own."""
    for node in snapshot.nodes.values():
        for interface in node.interfaces.values():
            if isinstance(node, Internet) and interface.address is not None:
                return node.name, (format_address(interface.address), OUTSIDE_PORT)
    raise files.problem("B111", "the example network has no internet node with an address")


def device_node(snapshot: Snapshot) -> str:
    """The node that the client's device is in."""
    owner = snapshot.owner(parse_address(DEVICE[0]))
    if owner is None:
        raise files.problem("B111", f"the example network has nobody at {DEVICE[0]}")
    return owner.node


def with_capacity(snapshot: Snapshot, platform: str, modules: int) -> Snapshot:
    """The network with another number of places on one platform."""
    node = snapshot.nodes[platform]
    assert isinstance(node, Platform)
    changed = replace(node, capacity=Capacity(modules, node.capacity.memory))
    return replace(snapshot, nodes=MappingProxyType({**snapshot.nodes, platform: changed}))
