"""The agent of a platform whose machine is not connected: it checks what it is told, and runs nothing."""

from collections.abc import Callable
from random import Random

from innet.network import Platform
from innet.platform.agent import Agent
from innet.platform.protocol import Deployment, Observation


class NoPort:
    """`Port` that is plugged into nothing."""

    mac = 0
    peer_mac = None

    def write(self, frame: bytes) -> bool:
        return False


class StandbyAgent:
    """`PlatformAgent` that sets each module up, so that one which cannot run is refused, and never gives it a
    packet. It knows only what it was told itself, so places are counted by the controller alone."""

    def __init__(self, node: Platform, clock: Callable[[], int]) -> None:
        self._agent = Agent(node, NoPort(), clock, Random())

    def apply(self, deployment: Deployment) -> None:
        self._agent.apply(deployment)

    def remove(self, id: str) -> None:
        self._agent.remove(id)

    def observe(self) -> Observation:
        return self._agent.observe()


class AbsentAgent:
    """`PlatformAgent` of a platform that is not connected: nothing runs there as far as this process knows. It is told
    what should run when it is connected again (`Deployments.synchronize`); until then what is said to it is not lost,
    for the controller's state has it."""

    def __init__(self, platform: str) -> None:
        self._platform = platform

    def apply(self, deployment: Deployment) -> None:
        pass

    def remove(self, id: str) -> None:
        pass

    def observe(self) -> Observation:
        return Observation(self._platform)
