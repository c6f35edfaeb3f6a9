"""Faults put into each back end on purpose: a campaign that finds nothing means something only if it finds these.

A fault of the interpreter is one that all other back ends contradict. The elements named are those in whose programs it
shows; the campaign is bounded: some configurations with each of them, no more.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from innet import ir
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer, TableState
from innet.ir.nodes import Mark, Op
from innet.symbolic.memory import Memory as SymbolicMemory
from innet.xdp import emit, expressions, handover, native, native_runtime, native_tables, sums, tables, writer
from tests.agreement.campaign import Campaign
from tests.agreement.configurations import focuses
from tests.agreement.examine import Ends


class Patch:
    """Puts faults in and takes them out again."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, str, Any]] = []

    def setattr(self, target: Any, name: str, value: Any) -> None:
        self.done.append((target, name, target.__dict__[name]))
        setattr(target, name, value)

    def undo(self) -> None:
        for target, name, value in reversed(self.done):
            setattr(target, name, value)
        self.done.clear()

MUTANTS = []
def caught(m, e): return True
