"""What client, controller and platform say to each other: frozen dataclasses (or named tuples), and their JSON.

`to_json` gives plain objects; enums become their values, tuples lists, None stays null.
"""

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import NamedTuple

from innet.records import quick

SCHEMA = 1
"""The version of every JSON object the commands print (`"schema"`)."""


class Assessment(Enum):
    """What the proof says of a module: may it run, and how."""

    SAFE = "safe"
    SANDBOX = "sandbox"
    REFUSED = "refused"
    UNDECIDED = "undecided"


class Answer(Enum):
    """Whether a requirement or rule holds."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


class Role(Enum):
    """Whose account it is (DESIGN section 3)."""

    OPERATOR = "operator"
    CLIENT = "client"
    THIRD_PARTY = "third-party"


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: a role, and the addresses proven to be owned, as (first, last) numbers."""

    name: str
    role: Role
    owned: tuple[tuple[int, int], ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class Step:
    """One hop of a trace: where, and the fields of the packet as it leaves there (name, value), changed ones marked."""

    place: str
    fields: tuple[tuple[str, str], ...] = ()
    changed: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """A concrete packet that shows a fact: in one line, as bytes (hexadecimal, from the IPv4 header), and what left.

    `packet` is empty where a module sends by itself. `before` are packets that have to come first, in order, and `note`
    says what else it takes.
    """

    summary: str
    packet: str
    result: str = ""
    replayed: bool = False
    before: tuple[str, ...] = ()
    note: str = ""

    @property
    def packets(self) -> tuple[str, ...]:
        """All packets to send, in order."""
        return (*self.before, self.packet) if self.packet else self.before


@quick
@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer. `reason` says why not, in the asker's words; `remedy` how to mend it."""

    text: str
    holds: Answer
    reason: str = ""
    remedy: str = ""
    witness: Witness | None = None
    trace: tuple[Step, ...] = ()


class Trial(NamedTuple):
    """A platform that was tried. `requirements` and `rules` are the answers with the modules placed there. (A named
    tuple, since it is made fast, and there may be very many.)"""

    name: str
    fits: bool
    reasons: tuple[str, ...] = ()
    requirements: tuple[Check, ...] = ()
    rules: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a module runs and how it is reached; protocol and port None mean all. `sandbox`: in a ChangeEnforcer.

    `slow` are the elements that a platform cannot run in the kernel, and why; its agent runs them. `left_out` is what
    the kernel's programs lack of what is written, since it makes no difference, and `kept` what was looked at and makes
    one: element, what, why; empty if nobody asked.
    """

    module: str
    platform: str
    address: str
    protocol: str | None = None
    port: int | None = None
    sandbox: bool = False
    slow: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str, str], ...] = ()
    kept: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to a request: nothing is changed by it.

    `security` holds the checks of every module; `requirements` and `rules` the answers for the platforms chosen (or,
    if none fits, for the last one tried). `platforms` are in the order tried.
    """

    assessment: Assessment
    placements: tuple[Placement, ...] = ()
    platforms: tuple[Trial, ...] = ()
    security: tuple[Check, ...] = ()
    requirements: tuple[Check, ...] = ()
    rules: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    milliseconds: float = 0.0

    @property
    def granted(self) -> bool:
        """Whether everything asked for can be had."""
        return self.assessment in (Assessment.SAFE, Assessment.SANDBOX) and all(
            c.holds is Answer.YES for c in self.requirements
        )


def to_json(value: object) -> object:
    """`value` as what `json.dumps` takes."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Trial):
        return {name: to_json(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [to_json(v) for v in value]
    if isinstance(value, dict):
        return {str(k): to_json(v) for k, v in value.items()}
    return value
