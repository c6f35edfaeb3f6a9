"""The same on tcx: modules whose programs see the kernel's own packets do what they do in the interpreter."""

from collections.abc import Iterator

import pytest

from innet.dataplane.options import Options
from innet.dataplane.plane import KernelAgent
from tests.dataplane.lab import Lab, lab
from tests.dataplane.test_differential import CASES, differ
from tests.xdp.differential import TCX

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, KernelAgent]]:
    with lab(tmp_path_factory.mktemp("state"), "difftcx") as made:
        yield made, made.agent(Options(target=TCX))


@pytest.mark.parametrize(("name", "sandbox", "whitelist"), CASES)
def test_tcx_does_what_the_interpreter_does(
    world: tuple[Lab, KernelAgent], name: str, sandbox: bool, whitelist: tuple[str, ...]
) -> None:
    differ(*world, name, sandbox, whitelist)
