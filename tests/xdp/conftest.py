"""One compiler process for all tests of a run: starting it costs more than using it."""

import os
from collections.abc import Iterator

import pytest

from innet.xdp.compile import Compiler


@pytest.fixture(scope="session")
def compiler() -> Iterator[Compiler]:
    with Compiler() as one:
        yield one


@pytest.fixture
def open_files() -> Iterator[list[str]]:
    """What this process has open at first; fails if it is not the same at the end."""
    before = sorted(os.listdir("/proc/self/fd"))
    yield before
    assert sorted(os.listdir("/proc/self/fd")) == before
