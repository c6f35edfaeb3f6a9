"""The modules of this folder: what their header comments promise, and the judgement of one module by itself."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from innet.diagnostics import Source
from innet.explore.flow import Budget
from innet.explore.machine import Machine
from innet.explore.modules import Box
from innet.messages import Account, Assessment, Role
from innet.policy import Module
from innet.symbolic import ranges as rs
from innet.symbolic.work import MAX_WORK
from innet.verify.plan import SECURITY_BUDGET, unsuitable
from innet.verify.security import Rules, Security, assess
from innet.verify.world import PARSE, machine_of, module_box
from tests.adversarial.traffic import ADDRESS, OWNER

FOLDER = Path(__file__).parent
OWNED = ((OWNER, OWNER + 1),)


@dataclass(frozen=True)
class Case:
    """A module of the corpus: `expected` by role, and the roles it cheats in."""

    path: Path
    expected: dict[Role, Assessment]
    cheats: frozenset[Role]

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")


def corpus(folder: str) -> list[Case]:
    """Every Click file of a folder, with what its header says."""
    return [_read(path) for path in sorted((FOLDER / folder).glob("*.click"))]


def _read(path: Path) -> Case:
    head = dict(re.findall(r"^// ([A-Z][a-z ]+): (.*)$", path.read_text("utf-8"), re.MULTILINE))
    expected = {
        Role(role): Assessment(word) for role, word in re.findall(r"([a-z-]+) ([a-z]+)", head["Expected"])
    }
    cheats = frozenset(Role(word) for word in head.get("Cheats as", "").split(", ") if word)
    return Case(path, expected, cheats)


def machine(text: str) -> Machine:
    return machine_of(Source("module.click", text), {"ADDR": "198.51.100.1"})


def rules(role: Role, connectionless: bool = True, owned: tuple[tuple[int, int], ...] = OWNED) -> Rules:
    return Rules(
        ADDRESS, Account("tenant", role, owned), rs.normal([*owned, (ADDRESS, ADDRESS)]), connectionless
    )


def box(text: str) -> Box:
    return module_box("M", machine(text), "nic")


@cache
def judge(text: str, role: Role, work: int = MAX_WORK, show: bool = True) -> Security:
    """As `plan` judges a module: what cannot run on a platform is refused before anything is proven."""
    made = box(text)
    if unsuitable(Module("M", text), made.machine):
        return Security(Assessment.REFUSED, ())
    return assess(made, PARSE, rules(role), Budget(SECURITY_BUDGET, work=work), show)
