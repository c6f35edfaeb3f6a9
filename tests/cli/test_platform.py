"""`innet platform`, and apply, list, top, tail and kill with it: real packets in namespaces."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from innet.cli.main import main
from innet.cli.tail import choose, packet
from innet.cli.top import Row, Sample, cells, columns, rows
from innet.diagnostics import ConfigurationError, Source
from innet.emulation import Emulation, Inventory, inventory, namespaces, udp_socket
from innet.network import load
from innet.platform.ipv4 import udp
from innet.platform.protocol import DropEvent, ModuleReport, ModuleState, Observation, Traffic

SOURCE = Path(__file__).resolve().parents[2] / "src"
NETWORK = """
nodes:
  internet: {kind: internet, interfaces: {net: 203.0.113.2/30}}
  border:
    kind: router
    interfaces: {out: 203.0.113.1/30, p1: 10.0.1.1/30}
    routes: {0.0.0.0/0: out}
  one: {kind: platform, interfaces: {nic: 10.0.1.2/30}, pool: 198.51.100.0/28, capacity: {modules: 8}}
links: [[internet, border:out], [border:p1, one]]
"""
ACCOUNTS = "accounts: {ops: {role: operator}}\n"
ECHO = "Echo module:\nFromNetfront() -> f :: IPFilter(allow udp dst port 1500) -> IPMirror -> ToNetfront()\n"
INTERNET = "203.0.113.2"
HELLO = b"hello, module"


class Site:
    """Files of a controller and daemons, and how to call them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "network.yaml").write_text(NETWORK)
        (folder / "accounts.yaml").write_text(ACCOUNTS)
        (folder / "echo.innet").write_text(ECHO)
        self.network = ["--network", str(folder / "network.yaml")]
        self.controller = ["--state", str(folder / "controller.sqlite"), "--platforms", str(folder / "run")]
        self.daemon = ["--run", str(folder / "run"), "--state", str(folder / "platforms")]

    def apply(self) -> int:
        request = str(self.folder / "echo.innet")
        return main(["apply", request, *self.network, "--account", "ops", "--json", *self.controller])

    def start(self, name: str, namespace: str, driver: str) -> "subprocess.Popen[str]":
        """A daemon that is ready."""
        words = ["platform", name, "--namespace", namespace, "--driver", driver, "--json"]
        process = start([*words, *self.network, *self.daemon])
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait()
            assert process.stderr is not None
            pytest.fail(process.stderr.read())
        assert json.loads(line)["driver"] == driver
        return process


def start(words: list[str]) -> "subprocess.Popen[str]":
    """A command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NO_COLOR": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "innet.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def end(process: "subprocess.Popen[str]", number: int) -> tuple[str, str]:
    """Send a signal, and what was printed from now on."""
    process.send_signal(number)
    return process.communicate(timeout=60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Nothing of its platform is left in the kernel at the end, also where a test failed."""
    one = Site(tmp_path)
    yield one
    if (tmp_path / "platforms").exists():
        main(["platform", "down", "one", *one.daemon])


def left_behind(site: Site, before: Inventory) -> dict[str, list[str]]:
    """What is here and was not before, and is not another test's."""
    more = inventory(folders=(site.folder,)).more_than(before)
    ours = {
        "pins": re.compile(r"/sys/fs/bpf/innet(/one.*)?"),
        "files": re.compile(re.escape(str(site.folder)) + ".*"),
        "devices": re.compile("innet.*"),
    }
    found = {
        kind: [n for n in names if ours[kind].fullmatch(n)] for kind, names in more.items() if kind in ours
    }
    return {kind: names for kind, names in found.items() if names}


@contextlib.contextmanager
def lab() -> Iterator[Emulation]:
    with Emulation(load(Source("network.yaml", NETWORK), lambda name: "")) as network:
        border = network.namespace("border")
        with namespaces.inside(border):
            # veth takes what XDP redirects to it only if the other end receives by NAPI
            subprocess.run(["ethtool", "-K", "p1", "gro", "on"], check=True)
        yield network


def echoed(network: Emulation, address: str, port: int = 1500) -> bool:
    """Whether a packet to a module comes back; the wait is long where it should and short where it should not."""
    with udp_socket(network.namespace("internet"), INTERNET) as link:
        link.settimeout(20.0 if port == 1500 else 0.3)
        link.sendto(HELLO, (address, port))
        try:
            return link.recvfrom(100) == (HELLO, (address, port))
        except TimeoutError:
            return False


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The last JSON object printed."""
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.mark.kernel
@pytest.mark.parametrize("driver", ["interpreter", "xdp"])
def test_from_request_to_packets_and_back(
    site: Site, capsys: pytest.CaptureFixture[str], driver: str
) -> None:
    before = inventory(folders=(site.folder,))
    with lab() as network:
        inside = inventory(folders=(site.folder,))
        daemon = site.start("one", network.namespace("one"), driver)
        try:
            with_daemon(site, network, daemon, capsys, driver)
        finally:
            daemon.kill()
            daemon.communicate()
        # killed: what it left is removed all the same
        assert main(["platform", "down", "one", *site.daemon]) == 0
        assert "dead already" in capsys.readouterr().out
        assert left_behind(site, inside) == {"files": [str(site.folder / "controller.sqlite")]}
        with_none(network)
    assert left_behind(site, before).keys() == {"files"}


def with_none(network: Emulation) -> None:
    """No device is left in the platform's namespace but its own."""
    with namespaces.inside(network.namespace("one")):
        assert [name for _, name in socket.if_nameindex()] == ["lo", "nic"]


def with_daemon(
    site: Site,
    network: Emulation,
    daemon: "subprocess.Popen[str]",
    capsys: pytest.CaptureFixture[str],
    driver: str,
) -> None:
    assert site.apply() == 0
    out, err = capsys.readouterr()
    reply = json.loads(out)
    name, place = reply["identifier"], reply["placements"][0]
    assert reply["connected"] == ["one"]
    assert "innet: connected: one" in err
    assert place["platform"] == "one"
    assert echoed(network, place["address"])

    assert main(["list", "--json", *site.controller]) == 0
    listed = answer(capsys)
    assert listed["deployments"][0]["running"] == {"Echo": "running"}  # type: ignore[index]
    assert main(["list", *site.controller]) == 0
    assert re.search(r"Echo +running +one", capsys.readouterr().out)

    tail = ["tail", "Echo", "--platforms", str(site.folder / "run")]
    with start(tail) as watching, contextlib.ExitStack() as undo:
        undo.callback(watching.kill)
        watched(network, place["address"], watching)

    assert main(["top", "--once", "--json", "--platforms", str(site.folder / "run")]) == 0
    (row,) = answer(capsys)["modules"]  # type: ignore[misc]
    assert (row["module"], row["state"], row["driver"]) == (f"{name}.Echo", "running", driver)
    assert main(["top", "--once", "--platforms", str(site.folder / "run")]) == 0
    shown = capsys.readouterr().out
    assert "\033" not in shown
    assert re.search(rf"{name}\.Echo +one +running +{driver}", shown)

    # gone for a while: what is deployed meanwhile, and killed, is caught up with
    end(daemon, signal.SIGTERM)
    assert daemon.returncode == 0
    assert echoed(network, place["address"]) if driver == "xdp" else True
    assert site.apply() == 0
    out, err = capsys.readouterr()
    second = json.loads(out)
    assert second["connected"] == []
    assert "no platform is connected" in err
    assert main(["kill", name, *site.controller]) == 0
    capsys.readouterr()
    again = site.start("one", network.namespace("one"), driver)
    try:
        assert site.apply() == 0
        third = answer(capsys)
        main(["list", "--json", *site.controller])
        states = [d["running"] for d in answer(capsys)["deployments"]]  # type: ignore[attr-defined]
        assert len(states) == 2
        assert {state["Echo"] for state in states} <= {"running", "cold"}
        for one in (second, third):
            assert echoed(network, one["placements"][0]["address"])  # type: ignore[index]
        assert main(["kill", str(third["identifier"]), *site.controller]) == 0
        capsys.readouterr()
        main(["top", "--once", "--json", "--platforms", str(site.folder / "run")])
        (row,) = answer(capsys)["modules"]  # type: ignore[misc]
        assert row["module"] == f"{second['identifier']}.Echo"
    finally:
        again.kill()
        again.communicate()


def watched(network: Emulation, address: str, watching: "subprocess.Popen[str]") -> None:
    """`innet tail` tells of one packet, and ends when it is asked to."""
    assert watching.stdout is not None
    assert watching.stderr is not None
    assert "watching" in watching.stderr.readline()
    assert not echoed(network, address, 1501)
    line = watching.stdout.readline()
    wanted = rf"\d\d:\d\d:\d\d\.\d{{3}}  f: no rule matched  udp {INTERNET}:\d+ > {address}:1501, ttl \d+, 41 bytes\n"
    assert re.fullmatch(wanted, line), line
    rest, err = end(watching, signal.SIGINT)
    assert (rest, watching.returncode) == ("", 0)
    assert "1 drops shown" in err


@pytest.mark.kernel
def test_down_of_a_live_daemon(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with lab() as network:
        before = inventory(folders=(site.folder,))
        daemon = site.start("one", network.namespace("one"), "interpreter")
        try:
            assert left_behind(site, before)
            again = start(
                ["platform", "one", *site.network, *site.daemon, "--namespace", network.namespace("one")]
            )
            err = again.communicate(timeout=60)[1]
            assert again.returncode == 4
            assert f"already run, by process {daemon.pid}" in err
            assert main(["platform", "down", "one", *site.daemon, "--json"]) == 0
            assert answer(capsys) == {"schema": 1, "platform": "one", "stopped": True, "removed": True}
            daemon.communicate(timeout=60)
            assert daemon.returncode == 0
            assert left_behind(site, before) == {}
        finally:
            daemon.kill()
            daemon.communicate()
        assert main(["platform", "down", "one", *site.daemon]) == 0
        assert "is not up" in capsys.readouterr().err


@pytest.mark.kernel
def test_a_daemon_has_few_capabilities(site: Site) -> None:
    with lab() as network:
        daemon = site.start("one", network.namespace("one"), "interpreter")
        try:
            status = Path(f"/proc/{daemon.pid}/status").read_text()
            assert re.search(r"CapEff:\s*0+\n", status)
            assert re.search(r"CapBnd:\s*0+\n", status)
        finally:
            daemon.kill()
            daemon.communicate()
        assert main(["platform", "down", "one", *site.daemon]) == 0


@pytest.mark.kernel
def test_nothing_is_left_of_a_start_that_failed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = inventory(folders=(site.folder,))
    words = ["platform", "one", *site.network, *site.daemon]
    assert main([*words, "--interface", "innet-none"]) == 4
    assert "innet-none" in capsys.readouterr().err
    assert main([*words, "--namespace", "innet-nowhere"]) == 4
    with lab() as network:
        text = (site.folder / "network.yaml").read_text()
        (site.folder / "network.yaml").write_text(
            text.replace("10.0.1.1/30", "10.0.1.5/29").replace("10.0.1.2/30", "10.0.1.2/29")
        )
        with start([*words, "--namespace", network.namespace("one")]) as process:
            err = process.communicate(timeout=60)[1]
        assert process.returncode == 4
        assert "does not answer ARP" in err
    assert left_behind(site, before) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one"], "--network FILE"),
        (["up", "one"], "is not understood"),
        (["three", "NETWORK"], "expected: one"),
        (["border", "NETWORK"], "no platform 'border'"),
        (["one", "NETWORK", "--next-hop", "1:2"], "--next-hop"),
        (["one", "NETWORK", "--driver", "fast"], "fast"),
    ],
)
def test_bad_arguments(
    site: Site, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    given = [word for a in arguments for word in (site.network if a == "NETWORK" else [a])]
    if "--next-hop" in given:
        given += ["--interface", "lo"]
    assert main(["platform", *given, *site.daemon]) == 2
    assert words in capsys.readouterr().err


def test_top_and_tail_say_that_nobody_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["top", "--once"], ["tail", "x"]):
        assert main([*words, "--platforms", str(tmp_path)]) == 4
        assert "no platform is connected" in capsys.readouterr().err


# ---- without daemons


def drop(captured: int) -> DropEvent:
    frame = bytes(12) + b"\x08\x00" + udp((0x01020304, 5), (0x06070809, 10), bytes(100))
    return DropEvent(0, "a.M", "f", "why", frame[:captured].hex(), len(frame))


@pytest.mark.parametrize(
    ("captured", "shown"),
    [
        (142, "udp 1.2.3.4:5 > 6.7.8.9:10, ttl 64, 128 bytes"),
        (48, "udp 1.2.3.4:5 > 6.7.8.9:10, ttl 64, 128 bytes"),
        (38, "udp 1.2.3.4:5 > 6.7.8.9:10, ttl 64, 128 bytes"),
        (37, "142 bytes, of which only the first 37 are known"),
        (32, "142 bytes, of which only the first 32 are known"),
        (0, ""),
    ],
)
def test_of_a_dropped_packet_only_what_is_known_is_shown(captured: int, shown: str) -> None:
    assert packet(drop(captured)) == shown


MODULES = [("abc.M", "one"), ("abc.N", "one"), ("def.M", "two"), ("ghi.Solo", "two"), ("M.x", "two")]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("abc.N", ("abc.N", "one")),
        ("N", ("abc.N", "one")),
        ("def", ("def.M", "two")),
        ("Solo", ("ghi.Solo", "two")),
    ],
)
def test_a_module_has_three_names(word: str, found: tuple[str, str]) -> None:
    assert choose(word, MODULES) == found


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("M", "abc.M on one, def.M on two"),
        ("abc", "abc.M on one, abc.N on one"),
        ("Soloo", "did you mean 'Solo'"),
        ("", "no module ''"),
    ],
)
def test_what_is_no_one_modules_name_lists_the_candidates(word: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        choose(word, MODULES)


def report(id: str, packets: int, cpu_ms: int, memory: int | None, drops: int = 0) -> ModuleReport:
    return ModuleReport(
        id, "", Traffic(packets, packets * 100), drops=(("e", "r", drops),),
        cpu_ns=cpu_ms * 1_000_000, memory_bytes=memory,
    )  # fmt: skip


def sample(second: int, *reports: ModuleReport) -> dict[str, Sample]:
    return {"one": Sample(second * 1_000_000_000, Observation("one", reports))}


BEFORE = sample(10, report("a.M", 100, 50, 10), report("b.M", 0, 0, 3000), report("c.M", 1000, 900, None, 7))
AFTER = sample(
    12, report("a.M", 300, 60, 10, 4), report("b.M", 2, 800, 3000), report("c.M", 50, 20, None, 1),
    report("new.M", 9, 9, 9),
)  # fmt: skip


@pytest.mark.parametrize(("sort", "order"), [("packets", "acbn"), ("memory", "banc"), ("cpu", "bcan")])
def test_rates_are_per_second_and_sorted(sort: str, order: str) -> None:
    found = rows(BEFORE, AFTER, sort)
    assert "".join(r.module[0] for r in found) == order
    by_name = {r.module: r for r in found}
    a = by_name["a.M"]
    assert (a.packets, a.bytes, a.drops, a.cpu) == (100.0, 10_000.0, 2.0, 0.5)
    assert by_name["c.M"].packets == 25.0, "it was set up anew and began at zero"
    assert by_name["new.M"].packets == 0.0, "nothing is known of its rate yet"


def test_rows_are_readable() -> None:
    row = Row("a.M", "one", ModuleState.COLD.value, "xdp", 1234567.8, 99.0, 0.0, 5 << 20, 12.34)
    lines = list(columns((("M", "P", "S", "D", "PK", "B", "D", "MEM", "CPU"), cells(row)), 4))
    assert lines[1] == "a.M  one  cold  xdp  1,234,568  99  0  5.0 MiB  12.3"
    assert len(lines[0]) == len(lines[1])
