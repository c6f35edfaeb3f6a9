"""The data plane without the kernel's help: the reference interpreter on ports of this process."""

from collections.abc import Callable, Mapping

from innet.platform.agent import Agent
from innet.platform.drive import BATCH
from innet.platform.ports import PollablePort
from innet.platform.protocol import Deployment, DropEvents, Observation


class InterpretedPlane:
    """`DataPlane` of `agent` on its ports, by interface name; `release` gives the ports back. A module that is
    suspended keeps its memory. Nothing runs any more when this is closed."""

    def __init__(self, agent: Agent, ports: Mapping[str, PollablePort], release: Callable[[], None]) -> None:
        self._agent = agent
        self._release = release
        self._ready = {port.fileno(): self._reader(name, port) for name, port in ports.items()}

    def _reader(self, name: str, port: PollablePort) -> Callable[[], None]:
        def read() -> None:
            for _ in range(BATCH):
                frame = port.read()
                if frame is None:
                    return
                self._agent.receive(name, frame)

        return read

    def descriptors(self) -> Mapping[int, Callable[[], None]]:
        return self._ready

    def apply(self, deployment: Deployment) -> None:
        self._agent.apply(deployment)

    def remove(self, id: str) -> None:
        self._agent.remove(id)

    def observe(self) -> Observation:
        return self._agent.observe()

    def work(self) -> bool:
        return self._agent.work()

    def next_wake(self) -> int | None:
        return self._agent.next_wake()

    def suspend(self, id: str) -> None:
        self._agent.suspend(id)

    def resume(self, id: str) -> None:
        self._agent.resume(id)

    def tail(self, id: str, on: bool) -> None:
        self._agent.tail(id, on)

    def events(self) -> DropEvents:
        return self._agent.events()

    def close(self) -> None:
        self._release()

    def down(self) -> None:
        """As `close`: it makes nothing that outlives it."""
        self._release()
