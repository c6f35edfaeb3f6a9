"""Script and DriverManager."""

import re

import pytest

from innet.elements.base import Element
from innet.elements.control.drivermanager import DriverManager
from innet.elements.control.script import Script
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.device.todump import ToDump
from innet.runtime.graph import graph
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

S = 1_000_000_000


def run(*scripts: Element, stop: bool = True) -> Router:
    """A source of three packets beside the scripts, run to the end."""
    elements: dict[str, Element] = {"s": InfiniteSource(b"x", 3, stop=stop), "t": ToDump("out")}
    elements |= {f"d{n}": script for n, script in enumerate(scripts)}
    router = Router(graph(elements, [("s", 0, "t", 0)]), MemoryIo())
    router.run()
    return router


def test_a_driver_says_what_a_stop_means() -> None:
    router = run(DriverManager(("pause", "print s.count", "write s.reset", "pause", "print t.count", "stop")))
    assert router.printed == ["3\n", "6\n"]
    assert router.ended


def test_without_instructions_it_waits_for_one_stop() -> None:
    assert run(DriverManager(())).ended
    assert not run(DriverManager(()), stop=False).ended


def test_a_wait_takes_time_and_the_end_of_the_script_ends_the_run() -> None:
    router = run(DriverManager(("pause", "wait 0.25s", "print t.count")))
    assert (router.clock(), router.printed, router.ended) == (S // 4, ["3\n"], True)


def test_a_stop_ends_a_wait() -> None:
    router = run(DriverManager(("wait 100s", "print 'woken'")))
    assert (router.clock(), router.printed) == (0, ["woken\n"])


def test_pause_counts() -> None:
    router = run(DriverManager(("pause 2", "print 'done'")), Script(("wait 1s", "write s.reset")))
    assert (router.printed, router.clock()) == (["done\n"], S)


def test_variables_conditions_and_labels() -> None:
    script = Script(("set x 0", "label top", 'print "x is $x"', "goto end $x", "set x true", "goto top"))
    assert run(script).printed == ["x is 0\n", "x is true\n"]


def test_handlers_in_text() -> None:
    assert run(Script(("wait 1s", 'print "$(t.count) and $y"')), stop=False).printed == ["3 and $y\n"]


def test_a_loop_without_a_wait_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("innet.elements.control.script.MAX_JUMPS", 10)
    router = run(Script(("loop",)))
    assert router.messages == ["d0: too many jumps without a wait; the script ends"]


def test_a_passive_script_runs_when_told() -> None:
    router = run(Script(("print 'hello'",), type="PASSIVE"), Script(("write d0.run", "write d0.run")))
    assert router.printed == ["hello\n", "hello\n"]


def test_a_bad_handler_is_told_and_the_script_goes_on() -> None:
    router = run(Script(("wait 1s", "write s.nonsense 1", "read t.count", "print 'on'")), stop=False)
    assert router.messages == ["d0: no write handler 's.nonsense'", "d0: t.count:\n3"]
    assert router.printed == ["on\n"]


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("wate 1s", "'wate' is no instruction"),
        ("wait soon", "expected a time such as 'wait 0.1s'"),
        ("pause x", r"expected 'pause \[COUNT\]'"),
        ("write", "'write' needs an argument"),
        ("goto nowhere", "no label 'nowhere'"),
        ("stop it", "'stop' takes no argument"),
    ],
)
def test_mistakes(instruction: str, message: str) -> None:
    (problem,) = DriverManager((instruction,)).problems(0, 0)
    assert re.search(message, problem)
