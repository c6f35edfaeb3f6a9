"""One compiler process for all tests of a run: starting it costs more than using it."""

from collections.abc import Iterator

import pytest

from innet.xdp.compile import Compiler


@pytest.fixture(scope="session")
def compiler() -> Iterator[Compiler]:
    with Compiler() as one:
        yield one
