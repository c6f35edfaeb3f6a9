"""What of a module the kernel will not run, told before anything is deployed: emitted, not compiled, nothing loaded."""

from innet.dataplane.compose import Wire, compose
from innet.dataplane.library import together, too_heavy
from innet.xdp.emit import emit
from innet.xdp.host import Hosted
from innet.xdp.target import Redirect, Xdp
from innet.xdp.unsupported import Unsupported

NOWHERE = Wire(0, 0, 0)


def slow_elements(text: str, address: str, sandbox: bool = False) -> tuple[tuple[str, str], ...]:
    """The elements of a module (Click text as it is deployed) that run in the platform's agent, and why; those that
    run there for some packets only, too.

    The kernel may still find others too complex; the agent's report has them. Raises PlatformError for a text that is
    no configuration.
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
    return tuple(sorted(found.items()))
