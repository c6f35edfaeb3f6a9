"""A middlebox of the operator: a Click configuration between the wires, on whole Ethernet frames."""

from collections.abc import Callable, Mapping
from random import Random

from innet.diagnostics import Source
from innet.elements.holder import Device
from innet.network import Middlebox
from innet.platform.ipv4 import ETHERNET_BYTES
from innet.platform.module import ROUNDS, DeviceIo, Outlet, start
from innet.platform.ports import Port


class RunningMiddlebox:
    """`Box` of the middlebox `node`; `ports` are its interfaces in use. Raises ConfigurationError if it cannot run.

    Frames keep their Ethernet addresses, as the configuration leaves them; an IPv4 packet without Ethernet header
    cannot leave, since a bump in the wire does not know whom to send it to.
    """

    def __init__(
        self,
        node: Middlebox,
        ports: Mapping[str, Port],
        clock: Callable[[], int],
        random: Random,
    ) -> None:
        self.node = node
        devices: dict[str, Device] = {name: Outlet(_sender(port)) for name, port in ports.items()}
        for name in node.interfaces:
            devices.setdefault(name, Outlet(lambda data, ethernet: False))  # nothing is plugged in
        self.router = start(Source(node.click, node.text), DeviceIo(devices), clock, random)

    def receive(self, interface: str, frame: bytes) -> None:
        for task in self.router.tasks:
            task.idle_runs = 0
        self.router.deliver(interface, frame)

    def work(self) -> bool:
        return self.router.work(ROUNDS)

    def next_wake(self) -> int | None:
        return None if self.router.ended else self.router.next_wake()


def _sender(port: Port) -> Callable[[bytes, bool], bool]:
    def send(data: bytes, ethernet: bool) -> bool:
        return ethernet and len(data) >= ETHERNET_BYTES and port.write(data)

    return send
