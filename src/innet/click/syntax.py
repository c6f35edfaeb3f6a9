"""The syntax tree of a Click configuration. Two trees are equal if they say the same; spans do not count."""

from dataclasses import dataclass, field
from typing import TypeAlias

from innet.diagnostics import Source, Span
from innet.ir.definition import Definition
from innet.lexical import Text
from innet.records import quick


@quick
@dataclass(frozen=True, slots=True)
class Identifier:
    """The name of an element or a class."""

    name: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports `first` to `last`, both included; open-ended if `last` is None."""

    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Ports:
    """A port specification in brackets; only the last range may be open-ended."""

    ranges: tuple[PortRange, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Formal:
    """A compound's parameter: `$variable`, or `KEYWORD $variable`."""

    variable: str
    keyword: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """One body of a compound. `formals` is empty for `{ ... }` and `{ | ... }` alike."""

    formals: tuple[Formal, ...]
    statements: tuple["Statement", ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compound:
    """`{ variant || variant || ... }`; `extends` says that it ends in `|| ...`."""

    variants: tuple[Variant, ...]
    extends: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """`( statements )`: statements of the scope around it, with ports of its own."""

    statements: tuple["Statement", ...]
    span: Span = field(compare=False, repr=False)


@quick
@dataclass(frozen=True, slots=True)
class ElementUse:
    """`[inputs] what :: class (arguments) [outputs]`.

    `what` is None at an implicit end of a chain, which then has `inputs` only: at the start they are ports of
    `input`, at the end ports of `output`. `arguments` is None if there are no parentheses.
    """

    inputs: Ports | None
    what: "Identifier | Compound | Group | None"
    cls: "Identifier | Compound | None"
    arguments: Text | None
    outputs: Ports | None
    span: Span = field(compare=False, repr=False)


@quick
@dataclass(frozen=True, slots=True)
class Chain:
    """`list -> list => list`: element lists and the arrows between them (one fewer)."""

    lists: tuple[tuple[ElementUse, ...], ...]
    arrows: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ElementClass:
    """`elementclass NAME { ... }`, or `elementclass NAME Existing`."""

    name: Identifier
    definition: Identifier | Compound
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Define:
    """`define($variable value, ...)`."""

    arguments: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Require:
    """`require(package NAME, library FILE, ...)`."""

    arguments: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ElementProgram:
    """`elementprogram NAME(...) { ... }`: a class defined by a packet program. In-Net's own, at the outermost level."""

    definition: Definition
    span: Span = field(compare=False, repr=False)


Statement: TypeAlias = Chain | ElementClass | ElementProgram | Define | Require


@dataclass(frozen=True, slots=True)
class File:
    """A whole configuration. `lost` are names in statements that could not be read (see `parser.read`)."""

    statements: tuple[Statement, ...]
    source: Source = field(compare=False, repr=False)
    lost: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
