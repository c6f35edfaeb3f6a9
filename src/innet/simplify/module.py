"""A module's programs made smaller by what is proven of all packets that its platform hands to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from innet import ir
from innet.elements.base import OUTSIDE, Role
from innet.explore.flow import Arrival, Budget, BudgetExceeded, End
from innet.explore.machine import Machine
from innet.explore.modules import Box
from innet.ir.check import check
from innet.simplify.decisions import Decisions, Told, placing
from innet.simplify.flowtables import Candidate, Observable, Port, candidate, emptied, prove, stateful
from innet.simplify.steps import Step, StepKind, table_step, told_step
from innet.simplify.tidy import constants, tidied
from innet.simplify.values import Values
from innet.symbolic.execute import Emitted, Lost, execute
from innet.symbolic.state import State, Tables, empty, stamp
from innet.verify.security import inject, settle

BUDGET, WORK = 4000, 400_000
"""Element executions and work (`innet.symbolic.work`) that looking at one module may cost: half a second."""


@dataclass(frozen=True)
class Simplified:
    """The programs of a module by element and input, smaller ones in place of those that could be; what was left out,
    and what could not be, and why."""

    programs: Mapping[Port, ir.Program]
    steps: tuple[Step, ...] = ()
    kept: tuple[Step, ...] = ()
    computed: frozenset[int] = frozenset()
    """Numbers that are no constants of what is written but were computed of them: modules differ in these."""
    undecided: str = ""
    """Why nothing could be proven of the module; empty if something could be."""


def simplify(machine: Machine, start: Iterable[Arrival], watched: frozenset[str] = frozenset()) -> Simplified:
    """The programs of a configuration to which the packets of `start` come, one after another.

    What is left out makes no difference to any of them, in any state of the tables that such packets can lead to; what
    holds for each packet holds for each sequence: see decision 0011. `watched` are elements whose handlers others call.
    """
    programs = {at: machine.program(*at) for at in _ports(machine)}
    tables = Tables(any_state=True)
    values = Values(tables)
    decisions = Decisions(tables, values)
    with_tables = stateful(programs)
    arrived: list[tuple[Port, State]] = []

    def watch(element: str, port: int, state: State) -> Iterable[State]:
        if element in with_tables:
            arrived.append(((element, port), state.fork()))
        return (state,)

    def observe(stmt: ir.Stmt, state: State) -> None:
        match stmt:
            case ir.Branch():
                decisions.see(stmt, state)
            case ir.Let():
                values.bound(stmt, state)
            case ir.Assign():
                values.assigned(stmt, state)

    try:
        tables.observe = observe
        box, budget = Box("", machine, {}, {}, ""), Budget(BUDGET, work=WORK)
        for flow in settle(box, start, tables, budget, watch):
            if flow.end in (End.LOST, End.LOOP):
                return Simplified(programs, undecided=f"{flow.place}: {flow.reason}")
        removed, kept = _unobservable(machine, programs, arrived, tables, watched)
    except BudgetExceeded:
        return Simplified(programs, undecided="it is too large to be looked at within the limits")
    steps = [table_step(one.element, one.tables) for one in removed]
    without = {one.element for one in removed}
    made, computed = {}, frozenset[ir.Const]()
    for at, program in programs.items():
        told: list[Told] = []
        body = decisions.applied(program.body, told, placing(program.body))
        if at[0] in without:
            body = emptied(body)
        made[at] = program if body == program.body else check(tidied(replace(program, body=body)))
        computed |= constants(made[at].body) - constants(body)
        steps += [step for stmt, rest in told if (step := told_step(program, stmt, rest)) is not None]
    large = frozenset(one.value for one in computed if one.width >= 16 and one.value >= 256)
    return Simplified(made, tuple(dict.fromkeys(steps)), tuple(kept), large)


def _ports(machine: Machine) -> Iterator[Port]:
    """The inputs of a module whose programs run on packets: those in use, and those for packets from outside."""
    for name, element in machine.elements.items():
        if element.ROLE in (Role.ENTRY, Role.SOURCE):
            yield name, OUTSIDE
        for port in range(machine.inputs(name)):
            yield name, port


def handed_over(machine: Machine, gate: ir.Program, address: int) -> list[Arrival]:
    """All that comes to the elements of a module at `address`: at every entry any packets that its platform's entry
    `gate` lets in, and what its sources make.
    """
    injected = inject(address).state
    stamp(injected.memory)
    found: list[Arrival] = [(source, OUTSIDE, empty()) for source in machine.with_role(Role.SOURCE)]
    for result in execute(gate, injected, Tables(any_state=True)):
        assert not isinstance(result, Lost), "the gate's program is the platform's own"
        if isinstance(result, Emitted):
            found += [(entry, OUTSIDE, result.state.fork()) for entry in machine.with_role(Role.ENTRY)]
    return found


def _unobservable(
    machine: Machine,
    programs: Mapping[Port, ir.Program],
    arrived: list[tuple[Port, State]],
    tables: Tables,
    watched: frozenset[str],
) -> tuple[list[Candidate], list[Step]]:
    """The elements whose tables make no difference, and those whose do, and how."""
    removed: list[Candidate] = []
    kept: list[Step] = []
    for element in sorted(stateful(programs)):
        try:
            if element in watched:
                raise Observable("handlers of it are called")
            one = candidate(element, machine, programs)
            noted = tables.noted
            prove(one, [(at, state) for at, state in arrived if at[0] == element], tables)
            if tables.noted != noted:
                raise Observable("new entries turned up")
            removed.append(one)
        except Observable as why:
            kept.append(Step(element, StepKind.TABLE, "its table is kept", str(why)))
    return removed, kept
