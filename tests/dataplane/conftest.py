"""What the tests of the data plane share: agents of a lab, and what those of the kernel back end have."""

from collections.abc import Iterator

import pytest

from tests.dataplane.lab import Lab, Make
from tests.xdp.conftest import compiler, open_files


@pytest.fixture
def make(place: Lab) -> Iterator[Make]:
    """Make an agent on the platform of the test module's lab; the last one takes everything down afterwards."""
    yield place.agent
    for agent in place.agents[-1:]:
        agent.down()
    place.agents.clear()
    place.received()


__all__ = ["compiler", "make", "open_files"]
