"""Terms that share their parts: what takes few statements to write must not take for ever to look at."""

from innet import ir
from innet.diagnostics import Source
from innet.ir.nodes import Op
from innet.messages import Account, Assessment, Role
from innet.policy import parse_request
from innet.symbolic.evaluation import evaluate
from innet.symbolic.execute import Emitted, execute
from innet.symbolic.solve import _inputs
from innet.symbolic.state import Tables, inject_ip
from innet.symbolic.terms import Fn, Sym, Term, levels, opaque
from innet.symbolic.values import MAX_LEVELS
from innet.verify.plan import plan
from innet.verify.world import machine_of
from tests.verify.networks import figure3

DEEP = 100


def squared(start: Sym, times: int) -> Fn:
    """A number that is multiplied by itself again and again."""
    term: Term = start
    for _ in range(times):
        term = opaque(Op.MUL, term, term, 32)
    assert isinstance(term, Fn)
    return term


def test_a_shared_part_is_computed_once() -> None:
    start = Sym("x", 32)
    assert evaluate(squared(start, DEEP), {start: 3}, {}) == pow(3, 1 << DEEP, 1 << 32)
    assert _inputs(squared(start, DEEP)) == {start}


def test_equal_terms_are_found_equal() -> None:
    start = Sym("x", 32)
    assert squared(start, DEEP) == squared(start, DEEP)
    assert squared(start, DEEP) != squared(Sym("x", 32), DEEP)
    assert squared(start, DEEP) != squared(start, DEEP - 1)


def test_a_term_is_printed_in_part() -> None:
    assert len(repr(squared(Sym("x", 32), DEEP))) < 2_000
    assert repr(squared(Sym("x", 32), 2)) == "*(*(x, x), *(x, x))"


def test_what_is_nested_too_deep_is_any_number() -> None:
    lines = "".join(f"  ip.src = ip.src + {n + 1} updating ip.sum\n" for n in range(400))
    text = f"elementprogram E {{\n  outputs 1\n{lines}  emit 0\n}}\nFromNetfront() -> E -> ToNetfront();"
    machine = machine_of(Source("m.click", text))
    (name,) = (name for name in machine.elements if name.startswith("E@"))
    state = inject_ip(link=False).state
    (there,) = execute(ir.Program("net", 0, 1, (ir.SetMark(ir.Mark.NET, ir.Mark.DATA, 0, None), ir.Emit(0))),
                       state, Tables(False))  # fmt: skip
    (result,) = execute(machine.program(name, 0), there.state, Tables(False))
    assert isinstance(result, Emitted)
    assert "a number that is computed of many others" in result.state.over
    cells = [term for cells in result.state.memory.cells.values() for _, term, _ in cells.values()]
    assert max(map(levels, cells)) <= MAX_LEVELS


def test_a_requirement_about_a_number_that_is_hard_to_reach_is_answered() -> None:
    lines = "".join(f"  x = u32(u16(x * x) +1s u16(x * 3 + {n}))\n" for n in range(60))
    text = f"""M module:
elementprogram E {{
  outputs 1
  x = ip.src
{lines}  if x != 77 {{ drop "no" }}
  emit 0
}}
FromNetfront() -> IPFilter(allow udp) -> E -> IPMirror -> out :: ToNetfront();

reach from internet udp -> M:out:0
"""
    made = plan(parse_request(Source("r", text)), figure3(""), Account("a", Role.CLIENT))
    assert made.assessment is Assessment.UNDECIDED
