"""A small network, agents and a prover that says yes, for tests of what the controller does with them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random

from innet.controller import Controller, Settings, Store
from innet.diagnostics import Diagnostic, PlatformError, Source
from innet.messages import Account, Answer, Assessment, Check, Placement, Plan, Role
from innet.network import Snapshot, format_address, load
from innet.platform import Deployment, ModuleReport, Observation
from innet.policy import Request, parse_request
from innet.verify.recheck import Held, Recheck, Standing
from innet.verify.world import Deployed

NETWORK = """
nodes:
  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}
  border:
    kind: router
    interfaces: {out: 203.0.113.1/30, p1: 10.0.1.1/30, p2: 10.0.2.1/30}
    routes: {0.0.0.0/0: out}
  one: {kind: platform, interfaces: {nic: 10.0.1.2/30}, pool: 198.51.100.0/30, capacity: {modules: 2}}
  two: {kind: platform, interfaces: {nic: 10.0.2.2/30}, pool: 198.51.101.0/24, capacity: {modules: 3}}
links: [[internet, border:out], [border:p1, one], [border:p2, two]]
"""
CLIENT = Account("mobile", Role.CLIENT, ((1, 1),))
OTHER = Account("other", Role.CLIENT)
PROVIDER = Account("content", Role.THIRD_PARTY, ((0x0A000001, 0x0A000002),))
OPERATOR = Account("operator", Role.OPERATOR)

ECHO = "FromNetfront() -> IPMirror -> ToNetfront()"


def snapshot() -> Snapshot:
    return load(Source("network.yaml", NETWORK), lambda name: "")


def request(*names: str) -> Request:
    """A request of modules that answer everything."""
    text = "".join(f"{name} module:\n{ECHO}\n" for name in names or ("Echo",))
    return parse_request(Source("request", text))


class YesProver:
    """Places modules on the first platform with room, and finds everything safe."""

    def __init__(self, network: Snapshot, assessment: Assessment = Assessment.SAFE) -> None:
        self.network, self.assessment = network, assessment
        self.asked = 0
        self.on_plan: Callable[[], None] = lambda: None

    def recheck(
        self,
        snapshot: Snapshot,
        deployed: tuple[Deployed, ...],
        held: Iterable[Held],
        reserved: frozenset[int] = frozenset(),
    ) -> Recheck:
        return Recheck((), tuple(Standing(one) for one in held))

    def plan(
        self,
        request: Request,
        deployed: tuple[Deployed, ...],
        account: Account,
        reserved: frozenset[int] = frozenset(),
        *,
        all_platforms: bool = False,
    ) -> Plan:
        self.asked += 1
        for platform in self.network.platforms:
            here = [d for d in deployed if d.platform == platform.name]
            room = (platform.capacity.modules or 0) - len(here)
            taken = {d.address for d in deployed} | reserved
            free = [a for a in range(platform.pools[0].low + 1, platform.pools[0].high) if a not in taken]
            if room >= len(request.modules) <= len(free):
                placements = tuple(
                    Placement(
                        m.name,
                        platform.name,
                        format_address(a),
                        sandbox=self.assessment is Assessment.SANDBOX,
                    )
                    for m, a in zip(request.modules, free, strict=False)
                )
                self.on_plan()
                return Plan(self.assessment, placements)
        return Plan(Assessment.REFUSED, requirements=(Check("room", Answer.NO),))

    def texts(self, request: Request, placed: Plan) -> Mapping[str, str]:
        return {m.name: m.code for m in request.modules}


class FakeAgent:
    """`PlatformAgent` that remembers in a folder what runs, so that it outlives the controller's process."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder / name
        self.folder.mkdir(exist_ok=True)
        self.fails_for: set[str] = set()
        self.forgets: set[str] = set()
        self.seen: list[Deployment] = []

    def apply(self, deployment: Deployment) -> None:
        if deployment.module in self.fails_for:
            raise PlatformError(Diagnostic("T1", f"{self.name} is out of order"))
        self.seen.append(deployment)
        if deployment.module not in self.forgets:
            (self.folder / deployment.id).write_text(deployment.address)

    def remove(self, id: str) -> None:
        (self.folder / id).unlink(missing_ok=True)

    def observe(self) -> Observation:
        files = sorted(self.folder.iterdir())
        return Observation(self.name, tuple(ModuleReport(f.name, f.read_text()) for f in files))


class Bench:
    """A controller with everything around it; make several on one folder for several controllers."""

    def __init__(
        self,
        folder: Path,
        checkpoint: Callable[[str], None] = lambda step: None,
        assessment: Assessment = Assessment.SAFE,
    ) -> None:
        self.snapshot = snapshot()
        self.agents = {p.name: FakeAgent(p.name, folder) for p in self.snapshot.platforms}
        self.prover = YesProver(self.snapshot, assessment)
        self.seconds = 1000.0
        self.store = Store(folder / "state.sqlite", lambda: self.seconds)
        self.controller = Controller(
            Settings(self.snapshot, self.prover, self.store, self.agents.__getitem__, Random(1), checkpoint)
        )

    def running(self) -> list[str]:
        """What runs on all platforms."""
        return [report.id for agent in self.agents.values() for report in agent.observe().modules]

    def slots(self) -> int:
        """How many addresses are held."""
        return int(self.store._db.execute("SELECT count(*) FROM slots").fetchone()[0])
