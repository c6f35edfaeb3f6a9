"""Configurations put together at random, with queues, copies and calls between elements of all kinds."""

from random import Random

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import Role
from innet.elements.registry import everything
from innet.runtime.build import build
from innet.runtime.files import StreamIo
from tests.native.both import Files, both, capture
from tests.native.test_runs import frames

GIVEN = {"a": capture([*frames(40, 3), b"", b"x" * 13, b"y" * 33])}
POOL = [
    (name, example, kind)
    for name, kind in sorted(everything().items())
    if kind.ROLE not in (Role.ENTRY, Role.EXIT, Role.SOURCE, Role.INFORMATION) and kind.__name__ == name
    for example in kind.EXAMPLES or ("",)
]
STARTS = ("f -> e0;", "f -> Strip(14) -> CheckIPHeader -> e0;", "f -> MarkIPHeader(14) -> e0;")


def configuration(r: Random) -> str:
    """Elements one behind the other by their first outputs; their other outputs lead to later ones."""
    count = r.randrange(3, 9)
    text = [
        f"f :: FromDump(a, STOP {r.choice(('true', 'false'))}); o :: ToDump(o); p :: ToDump(p, NANO true); Idle -> p;",
    ]
    links = [r.choice(STARTS)]
    for n in range(count):
        after = f"e{n + 1}" if n + 1 < count else "o"
        draw, outputs = r.random(), 1
        if draw < 0.1:
            text.append(f"e{n} :: Queue({r.choice((3, 1000))}); u{n} :: Unqueue;")
            links.append(f"e{n} -> u{n} -> {after};")
            continue
        if draw < 0.2:
            one, outputs = "Tee(3)", 3
        elif draw < 0.3:
            call = r.choice(("stop", "f.active false", "e0.reset"))
            one = f"Counter(COUNT_CALL {r.randrange(5, 80)} {call})"
        else:
            name, example, kind = r.choice(POOL)
            one = f"{name}({example})"
            least = kind.PORTS.partition("/")[2].partition("-")[0]
            outputs = int(least) if least.isdecimal() else 2
        text.append(f"e{n} :: {one};")
        for k in range(outputs):
            later = [f"e{m}" for m in range(n + 1, min(count, n + 4))]
            links.append(f"e{n}[{k}] -> {after if k == 0 else r.choice([*later, 'o', 'p'])};")
    return " ".join((*text, *links))


def accepted(text: str) -> bool:
    """Whether it is a configuration, with FromDump pushing."""
    try:
        router, _ = build(Source("test", text), StreamIo(Files(GIVEN).open))
    except ConfigurationError:
        return False
    return router.by_name["f"].outputs == "h"


@pytest.mark.parametrize("seed", range(12))
def test_both_do_the_same(seed: int) -> None:
    r = Random(seed)
    text = configuration(r)
    while not accepted(text):
        text = configuration(r)
    both(text, GIVEN, ("f.count",))
