"""Random small networks: branches, one to four boxes, several platforms, and modules of several accounts on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from innet.diagnostics import ConfigurationError, Source
from innet.explore.flow import Budget
from innet.messages import Account, Assessment, Role
from innet.network import format_address, load
from innet.policy import Policy
from innet.verify.deployed import PARSE, Deployed, allowed_for, machine_of, module_box
from innet.verify.security import Rules, assess
from innet.verify.world import World
from tests.adversarial import modules as hostile
from tests.verify.networks import CLIENT, OPERATOR, PASS, PROVIDER, STATEFUL, inward

WRAP = "Strip(14) -> IPEncap(4, 10.0.0.9, 172.16.9.9) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
UNWRAP = "IPClassifier(proto 4) -> Strip(34) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
WRAP_UDP = WRAP.replace("IPEncap(4, 10.0.0.9, 172.16.9.9)", "UDPIPEncap(10.0.0.9, 53, 172.16.9.9, 80)")
UNWRAP_UDP = UNWRAP.replace("proto 4", "udp dst port 80").replace("Strip(34)", "Strip(42)")
BOXES = (
    PASS, PASS, STATEFUL,
    *map(inward, (
        "IPFilter(allow udp)", "IPFilter(deny dst port 80, allow all)", "IPFilter(allow frag, deny tcp, allow all)",
        "IPClassifier(tcp or icmp type 8)", "IPFilter(allow src net 203.0.113.0/24)", "DecIPTTL",
        "IPRewriter(pattern - - 172.16.7.7 - 0 0)", "IPRewriter(pattern - - 10.9.9.9 - 0 0)",
        "StoreIPAddress(172.16.7.7, dst)", "StoreIPAddress(203.0.113.9, src)", "SetIPDSCP(5)", WRAP, UNWRAP,
        "IPAddrRewriter(pattern - 172.16.7.7 0 0)", "CheckIPHeader(14)", "IPFilter(allow ip hl 5 and ip ttl > 3)",
        "CheckLength(60)", "Queue(4) -> Unqueue", "IPRewriter(pattern 203.0.113.5 1000-1007 - - 0 0)",
        "StoreData(40, \\<0000>)", "StoreData(34, \\<0050>)", "StoreData(50, \\<5555>)", "Truncate(50)", "Truncate(34)",
        "VLANEncap(5)", "VLANDecap -> Classifier(12/0800)", WRAP_UDP, UNWRAP_UDP,
    )),
    """
n :: IPRewriter(pattern 203.0.113.5 1024-1027 - - 0 1, drop);
FromDevice(inside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow udp or tcp) -> [0] n;
FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow dst host 203.0.113.5) -> [1] n;
n [0] -> ToDevice(outside); n [1] -> ToDevice(inside);
""",
)  # fmt: skip
MODULES = (
    "FromNetfront() -> IPMirror -> dst :: ToNetfront();",
    "FromNetfront() -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> dst :: ToNetfront();",
    "FromNetfront() -> IPFilter(allow udp) -> IPRewriter(pattern $ADDR 5000-5003 172.16.7.7 - 0 0) "
    "-> dst :: ToNetfront();",
    "FromNetfront() -> Strip(14) -> CheckIPHeader -> StripIPHeader -> CheckIPHeader -> StoreIPAddress($ADDR, src)"
    " -> dst :: ToNetfront();",
)
COPYING_BOXES = (
    """
FromDevice(outside) -> t :: Tee -> ToDevice(inside);
t [1] -> MarkIPHeader(14) -> IPMirror -> back :: ToDevice(outside);
FromDevice(inside) -> back;
""",
    """
FromDevice(outside) -> MarkIPHeader(14) -> t :: Tee -> in :: ToDevice(inside);
t [1] -> StoreIPAddress(172.16.7.7, dst) -> in;
FromDevice(inside) -> ToDevice(outside);
""",
    """
FromDevice(outside) -> MarkIPHeader(14) -> c :: IPClassifier(udp, -) -> t :: Tee(3) -> in :: ToDevice(inside);
t [1] -> Discard; t [2] -> StoreIPAddress(198.51.100.1, dst) -> in; c [1] -> in;
FromDevice(inside) -> ToDevice(outside);
""",
    """
FromDevice(outside) -> t :: Tee -> ToDevice(inside);
t [1] -> MarkIPHeader(14) -> IPMirror -> EtherMirror -> back :: ToDevice(outside);
FromDevice(inside) -> back;
""",
)
"""Boxes that send several packets for one."""
COPYING_MODULES = (
    "FromNetfront() -> t :: Tee -> IPMirror -> dst :: ToNetfront(); t [1] -> StoreIPAddress(172.16.7.7, dst) -> dst;",
    "FromNetfront() -> t :: Tee(3) -> IPMirror -> dst :: ToNetfront(); t [1] -> IPFilter(allow udp) -> "
    "StoreIPAddress(172.16.15.133, dst) -> dst; t [2] -> IPMirror -> StoreIPAddress($ADDR, src) -> dst;",
)
TALKING_MODULES = (
    "FromNetfront() -> StoreIPAddress(198.51.100.1, dst) -> dst :: ToNetfront();",
    "FromNetfront() -> StoreIPAddress(198.51.101.1, dst) -> dst :: ToNetfront();",
    "FromNetfront() -> StoreIPAddress($ADDR, src) -> StoreIPAddress(198.51.102.1, dst) -> dst :: ToNetfront();",
    "FromNetfront() -> c :: IPClassifier(tcp, -) -> IPMirror -> dst :: ToNetfront(); "
    "c [1] -> StoreIPAddress(198.51.100.2, dst) -> dst;",
    "FromNetfront() -> IPRewriter(pattern $ADDR 6000-6003 198.51.101.1 - 0 0, drop) -> dst :: ToNetfront();",
)
"""Modules that write to where others may be."""
LOCAL = Account("home", Role.CLIENT, ((0xAC100707, 0xAC100707),))
ACCOUNTS = (CLIENT, CLIENT, PROVIDER, LOCAL, OPERATOR)
BOX_NAMES, MODULE_NAMES = ("first", "second", "third", "fourth"), ("M", "N", "O")
PLATFORMS = ("platform", "cloud", "annex")
POOLS = (0xC6336400, 0xC6336500, 0xC6336600)
"""The first addresses of the platforms' pools: 198.51.100.0/24, 198.51.101.0/24, 198.51.102.0/24."""
PREFIXES = ("172.16.0.0/17", "172.16.128.0/17")


@dataclass(frozen=True)
class Shape:
    """A network. `boxes` are texts, one row of them for each branch, from the edge to the branch's clients; `platforms`
    says at which router each platform is: a branch's, or (-1) the edge. `crossing`: the branches are linked behind the
    boxes, and the second one's packets leave through the first. `split_horizon`: no router sends packets back."""

    boxes: tuple[tuple[str, ...], ...]
    platforms: tuple[int, ...] = (0,)
    crossing: bool = False
    split_horizon: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return BOX_NAMES[: sum(map(len, self.boxes))]


@dataclass(frozen=True)
class Guest:
    """A module: its text with its address in place, its account, and which platform it is on."""

    text: str
    account: Account
    platform: int
    address: int
    sandbox: bool


def network(shape: Shape) -> World:
    """The network of a shape, without modules."""
    router = "kind: router, split_horizon: true" if shape.split_horizon else "kind: router"
    nodes = ["internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}"]
    links = ["[internet, edge:out]"]
    edge, out = ["out: 203.0.113.1/30"], ["0.0.0.0/0: out"]
    names, files = iter(BOX_NAMES), {}
    for n, row in enumerate(shape.boxes):
        access, before = ("access", "other")[n], f"edge:in{n}"
        edge.append(f"in{n}: 10.0.{n}.1/30")
        out.append(f"{PREFIXES[n]}: in{n}")
        for text in row:
            name = next(names)
            files[f"{name}.click"] = text
            nodes.append(
                f"{name}: {{kind: middlebox, click: {name}.click, interfaces: {{outside: {{}}, inside: {{}}}}}}"
            )
            links.append(f"[{before}, {name}:outside]")
            before = f"{name}:inside"
        links.append(f"[{before}, {access}:up]")
        inside = [f"up: 10.0.{n}.2/30", f"homes: {('172.16.127.254', '172.16.255.254')[n]}/17"]
        routes = ["0.0.0.0/0: cross" if shape.crossing and n else "0.0.0.0/0: up"]
        if shape.crossing and len(shape.boxes) > 1:
            inside.append(f"cross: 10.0.9.{n + 1}/30")
            routes += [f"{PREFIXES[1 - n]}: cross"]
        homes = ("homes", "flats")[n]
        for m, at in enumerate(shape.platforms):
            if at == n:
                inside.append(f"p{m}: 10.0.1{m}.1/30")
                out.append(f"198.51.{100 + m}.0/24: in{n}")
                links.append(f"[{access}:p{m}, {PLATFORMS[m]}]")
            elif shape.crossing and at == 1 - n:
                routes.append(f"198.51.{100 + m}.0/24: cross")
        if n == 0:
            out.append("10.9.0.0/16: in0")
        nodes.append(
            f"{access}: {{{router}, interfaces: {{{', '.join(inside)}}}, routes: {{{', '.join(routes)}}}}}"
        )
        nodes.append(
            f"{homes}: {{kind: clients, interfaces: {{lan: {('172.16.0.1', '172.16.128.1')[n]}/17}}}}"
        )
        links.append(f"[{access}:homes, {homes}]")
    if shape.crossing and len(shape.boxes) > 1:
        links.append("[access:cross, other:cross]")
    for m, at in enumerate(shape.platforms):
        nodes.append(
            f"{PLATFORMS[m]}: {{kind: platform, interfaces: {{nic: 10.0.1{m}.2/30}}, pool: 198.51.{100 + m}.0/24}}"
        )
        if at < 0:
            edge.append(f"p{m}: 10.0.1{m}.1/30")
            links.append(f"[edge:p{m}, {PLATFORMS[m]}]")
    nodes.append(f"edge: {{{router}, interfaces: {{{', '.join(edge)}}}, routes: {{{', '.join(out)}}}}}")
    text = "nodes:\n" + "".join(f"  {node}\n" for node in nodes)
    text += "links:\n" + "".join(f"  - {link}\n" for link in links)
    own = "172.16.0.0/16, 198.51.100.0/24, 198.51.101.0/24, 198.51.102.0/24, 10.0.0.0/8"
    text += f"operator: {{prefixes: [{own}], ingress_filtering: true, connectionless: allowed}}\n"
    return World(load(Source("network.yaml", text), files.__getitem__), Policy(()))


def guest(text: str, account: Account, platform: int, address: int) -> Guest | None:
    """The module as it would be deployed, in the sandbox where that is what its assessment says; one that would be
    refused is the operator's. None if it is no configuration."""
    text = text.replace("$ADDR", format_address(address))
    try:
        machine = machine_of(Source("module.click", text))
    except ConfigurationError:
        return None
    rules = Rules(address, account, allowed_for(account, ()), True)
    found = assess(
        module_box("M", machine, "nic"), PARSE, rules, Budget(5_000, work=200_000), False
    ).assessment
    if found in (Assessment.REFUSED, Assessment.UNDECIDED):
        account = OPERATOR
    return Guest(text, account, platform, address, found is Assessment.SANDBOX)


def shape(random: Random) -> Shape:
    """A network at random."""
    branches = random.choice((1, 1, 2))
    count = random.choice((1, 1, 2, 2, 3, 4))
    rows: list[list[str]] = [[] for _ in range(branches)]
    for n in range(count):
        pool = COPYING_BOXES if random.random() < 0.12 else BOXES
        rows[n % branches if random.random() < 0.7 else 0].append(random.choice(pool))
    platforms = tuple(random.choice((*range(branches), -1)) for _ in range(random.choice((1, 1, 2, 3))))
    crossing = branches > 1 and random.random() < 0.4
    return Shape(tuple(map(tuple, rows)), platforms, crossing, random.random() < 0.2)


def guests(random: Random, made: Shape) -> list[Guest]:
    """One to three modules at random, of one account or several."""
    found: list[Guest] = []
    account = random.choice(ACCOUNTS)
    for n in range(random.choice((1, 1, 2, 2, 3))):
        account = random.choice(ACCOUNTS) if random.random() < 0.5 else account
        platform = random.randrange(len(made.platforms))
        taken = sum(one.platform == platform for one in found)
        text = random.choice((*MODULES, *MODULES, *TALKING_MODULES, *COPYING_MODULES, ""))
        if not text:
            text = hostile.module(random)
        one = guest(text, account, platform, POOLS[platform] + 1 + taken)
        if one is not None:
            found.append(one)
        elif n == 0:
            found.append(Guest(MODULES[0], CLIENT, platform, POOLS[platform] + 1, False))
    return found


def deployed(made: Sequence[Guest]) -> tuple[Deployed, ...]:
    """The modules, as the controller would keep them."""
    return tuple(
        Deployed(name, one.account, PLATFORMS[one.platform], one.address, one.text, one.sandbox)
        for name, one in zip(MODULE_NAMES, made, strict=False)
    )


__all__ = [
    "BOXES",
    "MODULES",
    "PASS",
    "PLATFORMS",
    "Guest",
    "Shape",
    "deployed",
    "guest",
    "guests",
    "network",
    "shape",
]
