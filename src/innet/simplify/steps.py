"""What was left out of a module's programs, and why that makes no difference."""

from dataclasses import dataclass
from enum import Enum


class StepKind(Enum):
    """What a step left out."""

    TABLE = "table"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing left out of `element`: `what` it is, `why` nobody can tell the difference."""

    element: str
    kind: StepKind
    what: str
    why: str
