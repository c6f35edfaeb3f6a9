"""What of a module the kernel will not run, and what is left out of it, told before anything is deployed: emitted, not
compiled, nothing loaded."""

from collections.abc import Iterable
from dataclasses import dataclass

from innet.dataplane.compose import Composed, Wire, compose
from innet.dataplane.library import together, too_heavy
from innet.simplify import Step
from innet.xdp.emit import emit
from innet.xdp.host import Hosted
from innet.xdp.target import Redirect, Xdp
from innet.xdp.unsupported import Unsupported

NOWHERE = Wire(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Preview:
    """The elements of a module that run in the platform's agent, and why; those that run there for some packets only,
    too. What is left out of the programs, and what was looked at and is kept: element, what, why.
    """

    slow: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str, str], ...]
    kept: tuple[tuple[str, str, str], ...]


def preview(text: str, address: str, sandbox: bool = False) -> Preview:
    """Look at a module: Click text as it is deployed.

    The kernel may still find other elements too complex; the agent's report has them. Raises PlatformError for a text
    that is no configuration.
    """
    composed = compose(text, "module", address, NOWHERE, sandbox)
    refused: list[Unsupported] = list(composed.slow)
    while True:
        emitted = emit(composed.graph, Xdp(), Redirect(0), refused=refused, host=Hosted(), shared=True)
        more = [*together(composed, emitted.slow), *too_heavy(emitted)]
        if not more:
            break
        refused = [*emitted.slow, *more]
    lines = composed.lines
    found = {
        composed.names.get(one.element, one.element): one.reason + lines.get(one.element, "")
        for one in (*emitted.slow, *emitted.divided)
    }
    for name in composed.agents:
        found.setdefault(
            composed.names[name], "it keeps, makes or is asked for packets" + lines.get(name, "")
        )
    return Preview(
        tuple(sorted(found.items())), _told(composed.steps, composed), _told(composed.kept, composed)
    )


def _told(steps: Iterable[Step], composed: Composed) -> tuple[tuple[str, str, str], ...]:
    """Each step, with where its element stands in the text."""
    number = {own: name for name, own in composed.names.items()}
    lines = composed.lines
    return tuple((f"{one.element}{lines.get(number[one.element], '')}", one.what, one.why) for one in steps)
