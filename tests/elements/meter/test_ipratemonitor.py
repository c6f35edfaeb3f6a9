"""IPRateMonitor."""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.holder import HandlerError
from innet.elements.meter.rateannotations import FWD_RATE, REV_RATE
from innet.ir.interpret import PacketBuffer
from innet.runtime.build import build
from innet.runtime.router import Router
from tests.elements.packets import buffer, ipv4
from tests.runtime.fakes import MemoryIo

MS = 1_000_000


class Monitor:
    """A monitor with both inputs."""

    def __init__(self, arguments: str) -> None:
        text = f"Idle -> m :: IPRateMonitor({arguments}) -> Discard; Idle -> [1] m; m [1] -> Discard;"
        self.router: Router = build(Source("c", text), MemoryIo())[0]

    def send(self, ms: float, src: str = "10.1.2.3", dst: str = "20.0.0.1", port: int = 0) -> tuple[int, int]:
        self.router.run(int(ms * MS))
        packet = buffer(ipv4(bytes(80), src, dst))
        self.router.push(self.router.by_name["m"], port, packet)
        return annotations(packet)

    def look(self) -> list[str]:
        return [line.split("\t")[-3] for line in self.router.handlers.read("m.look").splitlines()[1:]]


def annotations(packet: PacketBuffer) -> tuple[int, int]:
    area = packet.annotations
    return tuple(int.from_bytes(area[at : at + 4], "big") for at in (FWD_RATE, REV_RATE))  # type: ignore[return-value]


def test_rates_go_into_the_packet() -> None:
    monitor = Monitor("PACKETS, 1, 1000000")
    rates = [monitor.send(n) for n in range(1000)]
    assert rates[0] == (0, 0)
    assert 900 < rates[-1][0] < 1100
    assert rates[-1][1] == 0
    assert 0 < monitor.send(1001, dst="10.1.2.3", port=1)[0] < 1100  # the same address, as a destination
    assert monitor.send(1002, src="11.0.0.1") == (0, 0)


def test_bytes_are_counted_by_the_header() -> None:
    monitor = Monitor("BYTES, 1, 100000000")
    assert 90_000 < [monitor.send(n) for n in range(1000)][-1][0] < 110_000


def test_busy_prefixes_are_looked_into() -> None:
    monitor = Monitor("PACKETS, 1, 100")
    for n in range(1000):
        monitor.send(n)
        monitor.send(n, src="30.0.0.1") if n % 200 == 0 else None
    assert monitor.look()[:4] == ["10", "10.1", "10.1.2", "10.1.2.3"]
    assert monitor.router.handlers.read("m.thresh") == "100"
    monitor.router.run(2500 * MS)
    monitor.send(2500, src="99.0.0.1")
    monitor.send(4000, src="99.0.0.1")
    assert "10.1" not in monitor.look()


def test_handlers() -> None:
    monitor = Monitor("PACKETS, 1, 50")
    for n in range(600):
        monitor.send(n)
    write, read = monitor.router.handlers.write, monitor.router.handlers.read
    assert int(read("m.mem")) > 4 * 2000
    write("m.anno_level", "10.0.0.0 0 100")
    assert monitor.send(600)[0] > 500
    with pytest.raises(HandlerError, match="expected an IPv4 address"):
        write("m.anno_level", "10.0.0.0 7 100")
    write("m.reset", "")
    assert monitor.look() == []


def test_no_annotation_and_no_header() -> None:
    monitor = Monitor("PACKETS, 1, 50, 200, false")
    assert [monitor.send(n) for n in range(100)][-1] == (0, 0)
    bare = PacketBuffer(b"abc")
    monitor.router.push(monitor.router.by_name["m"], 0, bare)
    assert annotations(bare) == (0, 0)


def test_memory_is_limited() -> None:
    monitor = Monitor("PACKETS, 1, 1, 100")
    for n in range(400):
        monitor.send(n * 10, src=f"{n % 200}.{n % 7}.{n % 11}.1")
    assert int(monitor.router.handlers.read("m.mem")) <= 100 * 1024


def test_ports() -> None:
    with pytest.raises(ConfigurationError, match="2 inputs need as many outputs"):
        build(Source("c", "Idle -> m :: IPRateMonitor(PACKETS, 1, 5) -> Discard; Idle -> [1] m;"), MemoryIo())
