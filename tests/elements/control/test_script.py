"""Script and DriverManager."""

import re

import pytest

from innet.diagnostics import ConfigurationError
from innet.elements.base import Element
from innet.elements.build import build_one
from innet.elements.control.drivermanager import DriverManager
from innet.elements.control.script import Script
from innet.elements.device.infinitesource import InfiniteSource
from innet.elements.device.todump import ToDump
from innet.elements.holder import HandlerError
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
    monkeypatch.setattr("innet.elements.control.scriptholder.MAX_JUMPS", 10)
    router = run(Script(("loop",)))
    assert router.messages == ["d0: too many jumps without a wait; the script ends"]


def test_a_passive_script_runs_when_told() -> None:
    router = run(Script(("print 'hello'",), type="PASSIVE"), Script(("write d0.run", "write d0.run")))
    assert router.printed == ["hello\n", "hello\n"]


def test_a_bad_handler_is_told_and_the_script_goes_on() -> None:
    router = run(Script(("wait 1s", "write s.nonsense 1", "read t.count", "print 'on'")), stop=False)
    assert router.messages == ["d0: no write handler 's.nonsense'", "t.count:\n3"]
    assert router.printed == ["on\n"]


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("set x", "expected 'set VARIABLE VALUE'"),
        ("label a b", "expected 'label NAME'"),
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


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("add 10 5 2", "17"),
        ("add", "0"),
        ("add 1 0x10 010", "25"),
        ("add 1 2.5", "3.5"),
        ("sub 10 5 2", "3"),
        ("mul 2 3 4", "24"),
        ("mul 9223372036854775807 2", "-2"),
        ("div 7 2", "3.5"),
        ("div 6 2", "3"),
        ("div 1 3", "0.333333333333"),
        ("idiv 7 2", "3"),
        ("idiv -7 2", "-3"),
        ("mod 7 3", "1"),
        ("mod -7 3", "-1"),
        ("rem 7.5 2", "1.5"),
        ("neg 5", "-5"),
        ("abs -2.5", "2.5"),
        ("min 5 10 2", "2"),
        ("max 5 10 2", "10"),
        ("avg 5 10 2", "5"),
        ("eq 10 0xA", "true"),
        ("eq 10x 10x", "true"),
        ("lt 9 10", "true"),
        ("lt 9x 10x", "false"),
        ("le 9 8", "false"),
        ("ge 1.5 1", "true"),
        ("gt a b", "false"),
        ("ne a b", "true"),
        ("not false", "true"),
        ("and true 1 yes", "true"),
        ("or false no", "false"),
        ("nand true false", "true"),
        ("nor false false", "true"),
        ("if true a b", "a"),
        ("if 0 a b", "b"),
        ("in foo bar foo", "true"),
        ('in foo "foo"', "true"),
        ("in foo", "false"),
        ("first a b", "a"),
        ("nth 1 a b c", "b"),
        ("length abcdef", "6"),
        ('unquote "a b"', "a b"),
        ('sprintf "%05x|%-4d|%s|%%" 127 5 hi', "0007f|5   |hi|%"),
        ('sprintf "%*d" 4 7', "   7"),
        ('sprintf "%.2s" abc', "ab"),
        ("htons 1", "256"),
        ("ntohl 1", "16777216"),
        ("random 1", "0"),
        ("random 7 7", "7"),
        ("readable t.count s.nonsense", "false"),
        ("writable s.reset", "true"),
        ("now", "0.000000"),
        ("get x", "1"),
    ],
)
def test_functions(call: str, value: str) -> None:
    assert run(Script(("setq x 1", f'print "$({call})"')), stop=False).printed == [value + "\n"]


@pytest.mark.parametrize(
    "call",
    [
        "add a",
        "mod 1 0",
        "div 1 0",
        "mod 1.5 1",
        "eq 1",
        "neg x",
        "not maybe",
        'sprintf "%d" x',
        "random 0",
        "get y",
    ],
)
def test_functions_that_have_no_value_leave_their_text(call: str) -> None:
    router = run(Script((f"set y2 $({call})", "print $y2")), stop=False)
    assert router.printed == [f"$({call})\n"]
    assert len(router.messages) == 1


def test_quotes_stay_unless_the_instruction_says_otherwise() -> None:
    script = Script(
        (
            'set x "$(t.filename)"',
            "print '$x' ",
            "print $x",
            'setq x "$(t.filename)"',
            "print $x",
            'print "<$x>"',
        )
    )
    assert run(script, stop=False).printed == ["$x\n", '"out"\n', "out\n", "<out>\n"]


def test_references_nest() -> None:
    script = Script(
        (
            "set x 0",
            "label again",
            "print $x",
            "set x $(add $x 1)",
            "goto again $(lt $x 3)",
            "print ${y-none}",
            "stop",
        )
    )
    assert run(script, stop=False).printed == ["0\n", "1\n", "2\n", "none\n"]


def test_a_passive_script_is_a_handler_with_arguments() -> None:
    total = Script(("return $(add $(t.count) $1 $#)",), type="PASSIVE")
    router = run(total, stop=False)
    assert router.handlers.read("d0.run 10 20") == "15"
    assert router.handlers.read("d0.run 1") == "5"
    failing = run(Script(("errorq 'it is broken'",), type="PASSIVE"), stop=False)
    with pytest.raises(HandlerError, match="it is broken"):
        failing.handlers.read("d0.run")


def test_exports_and_variables_are_handlers() -> None:
    router = run(Script(("exportq limit '7'", "init other 8"), type="PASSIVE"), stop=False)
    assert router.handlers.read("d0.limit") == "7"
    router.handlers.write("d0.set", "limit 9")
    assert (router.handlers.read("d0.limit"), router.handlers.read("d0.get other")) == ("9", "8")
    router.handlers.write("d0.set", "args a b")
    assert (router.handlers.read("d0.shift"), router.handlers.read("d0.get args")) == ("a", "b")


def test_a_proxy_stands_for_any_handler() -> None:
    proxy = Script(
        ("goto b $(ne $0 a)", 'returnq "a, $write, $args"', "label b", "error bad handler"), type="PROXY"
    )
    router = run(proxy, stop=False)
    assert router.handlers.read("d0.a x") == "a, false, x"
    with pytest.raises(HandlerError, match="bad handler"):
        router.handlers.read("d0.other")
    router.handlers.write("d0.a", "1")
    assert router.handlers.read("d0.class") == "Script"


@pytest.mark.parametrize(
    ("instructions", "left"),
    [
        (("end",), [3, 0]),
        ((), [3, 0]),
        (("return 1",), [0, 3]),
        (("exit",), [0, 0]),
        (("return 2",), [0, 0]),
        (("error no",), [0, 0]),
        (("init n 0", "set n $(add $n 1)", "return $(mod $n 2)"), [1, 2]),
        (("return $input",), [3, 0]),
    ],
)
def test_a_packet_script_chooses_an_output(instructions: tuple[str, ...], left: list[int]) -> None:
    elements: dict[str, Element] = {
        "s": InfiniteSource(b"x", 3),
        "d": Script(instructions),
        "t0": ToDump("0"),
        "t1": ToDump("1"),
    }
    links = [("s", 0, "d", 0), ("d", 0, "t0", 0), ("d", 1, "t1", 0)]
    router = Router(graph(elements, links), MemoryIo())
    router.run()
    assert [int(router.handlers.read(f"t{n}.count")) for n in (0, 1)] == left
    assert router.drops["d", "the script's answer"] == 3 - sum(left)


def test_steps_and_jumps_from_outside() -> None:
    stepped = Script(("pause", "print 1", "pause 2", "print 2", "label end2", "wait 100s", "print 3"))
    router = run(stepped, Script(("write d0.step", "write d0.step", "write d0.step 2")), stop=False)
    assert router.printed == ["1\n", "2\n", "3\n"]
    again = run(
        Script(("pause", "label x", "print 'x'")), Script(("write d0.goto x", "write d0.goto x")), stop=False
    )
    assert again.printed == ["x\n", "x\n"]


def test_output_goes_to_files() -> None:
    script = Script(("print >a 'one'", "print >>a 'two'", "save t.count b", "print > - 'here'"))
    router = Router(
        graph({"t": ToDump("out"), "s": InfiniteSource(b"x", 0), "d": script}, [("s", 0, "t", 0)]),
        io := MemoryIo(),
    )
    router.run()
    assert (io.files["a"].getvalue(), io.files["b"].getvalue(), router.printed) == (
        b"one\ntwo\n",
        b"0\n",
        ["here\n"],
    )


def test_the_status_of_a_write() -> None:
    script = Script(("write s.nonsense 1", "print $?", "write s.reset", "print $?"))
    assert run(script, stop=False).printed == ["-1\n", "0\n"]


def test_scripts_that_call_each_other_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("innet.elements.control.scriptholder.MAX_JUMPS", 1000)
    a, b = Script(("read d1.run",), type="PASSIVE"), Script(("read d0.run",), type="PASSIVE")
    router = run(a, b, stop=False)
    assert router.handlers.read("d0.run") == ""


def test_a_signal_starts_a_script() -> None:
    router = run(Script(("print 'caught'",), type="SIGNAL USR1 10"), stop=False)
    holder = router.by_name["d0"].holder
    assert holder is not None
    assert holder.signals == ("USR1", "10")
    holder.signalled()
    router.run()
    assert router.printed == ["caught\n"]


@pytest.mark.parametrize(
    ("element", "inputs", "outputs"),
    [(Script(type="PACKET"), 0, 1), (Script(type="ACTIVE"), 1, 1), (Script(type="DRIVER"), 1, 0)],
)
def test_only_packet_scripts_have_ports(element: Script, inputs: int, outputs: int) -> None:
    assert element.problems(inputs, outputs)


@pytest.mark.parametrize("kind", ["SIGNAL", "SIGNAL FOO", "ACTIVE INT", "SOMETIMES"])
def test_what_is_no_type(kind: str) -> None:
    with pytest.raises(ConfigurationError):
        build_one(Script, f"TYPE {kind}")
