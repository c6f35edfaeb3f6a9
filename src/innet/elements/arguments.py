"""From the argument strings of a configuration to elements, by the fields that an element class declares.

A field without default is a mandatory positional argument, one with a default an optional one, one behind `KW_ONLY`
keyword-only; its keyword is its name in upper case (without the unit that some carry, `interval_ms`), or what
`Key("...")` says. `Annotated[int, Unsigned(8)]` says how its text is read; plain `bool`, `int`, `float`, `str`,
`bytes` and `Text` need no annotation. A field marked `Rest(...)` takes all remaining arguments.

A class with a grammar of its own defines `configure(cls, arguments, names)`, which `bind` then calls instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields, replace
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from innet.diagnostics import MAX_TOLD, ConfigurationError, Diagnostic, Span, suggest
from innet.elements.argument_addresses import (
    Annotation,
    ElementRef,
    EtherAddress,
    IP6Address,
    IP6Prefix,
    IPAddress,
    IPPrefix,
    Port,
    Protocol,
)
from innet.elements.argument_names import NO_NAMES, NameBook, Names
from innet.elements.argument_types import (
    ArgumentType,
    Bool,
    ByteString,
    CountCall,
    Filename,
    FixedPoint,
    Fraction,
    HandlerCall,
    Key,
    Keyword,
    ListOf,
    OneOf,
    Raw,
    RawString,
    Real,
    Rest,
    Signed,
    String,
    Unsigned,
    Word,
    WordOr,
    read_real,
)
from innet.elements.argument_units import (
    Bandwidth,
    Seconds,
    read_bandwidth,
    read_seconds,
)
from innet.elements.base import Element
from innet.lexical import Assignment, Parameter, Text, arguments, assign

__all__ = [
    "NO_NAMES",
    "Annotation",
    "Argument",
    "ArgumentType",
    "Bandwidth",
    "Bool",
    "ByteString",
    "CountCall",
    "ElementRef",
    "EtherAddress",
    "Filename",
    "FixedPoint",
    "Fraction",
    "HandlerCall",
    "IP6Address",
    "IP6Prefix",
    "IPAddress",
    "IPPrefix",
    "Key",
    "Keyword",
    "ListOf",
    "NameBook",
    "Names",
    "OneOf",
    "Port",
    "Protocol",
    "Raw",
    "RawString",
    "Real",
    "Rest",
    "Seconds",
    "Signed",
    "String",
    "Unsigned",
    "Word",
    "WordOr",
    "arguments_of",
    "bind",
    "handlers_named",
    "read_bandwidth",
    "read_real",
    "read_seconds",
    "shown",
    "unparse",
    "with_argument",
]

E = TypeVar("E", bound=Element)

_PLAIN: dict[object, ArgumentType[Any]] = {
    bool: Bool(),
    int: Signed(),
    float: Real(),
    str: String(),
    bytes: ByteString(),
    Text: Raw(),
}


@dataclass(frozen=True)
class Argument:
    """One argument of an element class. For a `rest` argument, `type` reads each of the arguments it takes."""

    field: str
    keyword: str
    type: ArgumentType[Any]
    positional: bool
    mandatory: bool
    rest: bool
    text: Callable[[Text], Any] | None = None
    """What makes a value of each text, for a `rest` argument that is not parsed."""


def arguments_of(cls: type[Element]) -> tuple[Argument, ...]:
    """The arguments that `cls` declares, in order."""
    known = _KNOWN.get(cls)
    if known is None:
        hints = get_type_hints(cls, include_extras=True)
        known = _KNOWN[cls] = tuple(
            _argument(cls, f, hints[f.name])
            for f in fields(cls)
            if f.init and f.metadata.get("argument", True)
        )
    return known


_KNOWN: dict[type[Element], tuple[Argument, ...]] = {}
"""What `arguments_of` found; mypy takes an element's __hash__ for its class's, which rules out functools.cache."""


def _argument(cls: type[Element], declared: "Field[Any]", hint: Any) -> Argument:
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    rest_mark = next((extra for extra in extras if isinstance(extra, Rest) or extra is Rest), None)
    kind = next((extra for extra in extras if isinstance(extra, ArgumentType)), None)
    text: Callable[[Text], Any] | None = None
    if rest_mark is not None:
        kind = rest_mark.inner if isinstance(rest_mark, Rest) else None
        if kind is None:
            item = get_args(hint)[0] if get_args(hint) else str
            text = (lambda given: given) if item is Text else (lambda given: given.value)
            kind = Raw()
    if kind is None:
        kind = _PLAIN.get(_without_none(hint))
    if kind is None:
        raise TypeError(
            f"{cls.__name__}.{declared.name}: {hint} needs an argument type, as in Annotated[int, Unsigned(8)], "
            "or the class a method `configure`"
        )
    keyword = next((extra.keyword for extra in extras if isinstance(extra, Key)), None)
    if keyword is None:
        keyword = declared.name.removesuffix(getattr(kind, "suffix", "")).upper()
    mandatory = declared.default is MISSING and declared.default_factory is MISSING
    return Argument(
        declared.name, keyword, kind, not declared.kw_only, mandatory, rest_mark is not None, text
    )


def _without_none(hint: Any) -> object:
    """`int` for `int | None`."""
    if get_origin(hint) in (UnionType, Union):
        some = [part for part in get_args(hint) if part is not NoneType]
        return some[0] if len(some) == 1 else hint
    return hint


def bind(cls: type[E], text: Text, names: Names = NO_NAMES, span: Span | None = None) -> E:
    """The element of class `cls` with the arguments `text`; raises ConfigurationError with every mistake in them.

    `names` are the configuration's names as this element sees them; `span` is where the element is declared, for
    mistakes that no argument is to blame for.
    """
    given = cls.expand(arguments(text))
    configure: Callable[[tuple[Text, ...], Names], E] | None = getattr(cls, "configure", None)
    if configure is not None:
        return configure(given, names)
    kind: Any = cls  # mypy takes an element's __hash__ for its class's
    rest, named, parameters = _parameters(kind)
    found = assign(given, parameters, cls.KEYWORDS_FIRST, rest is not None)
    mistakes = list(_misplaced(cls, named, rest, given, found, text, span))
    values: dict[str, Any] = {}
    for number, value in found.values.items():
        argument = named[number]
        _parse(cls, argument, value, names, values, mistakes)
    if rest is not None and (found.extra or rest.mandatory):
        values[rest.field] = _rest(cls, rest, found.extra, names, mistakes)
    if mistakes:
        raise ConfigurationError(sorted(mistakes, key=lambda d: d.span.start if d.span is not None else -1))
    try:
        return cls(**values).among(names)
    except ConfigurationError as e:  # of several arguments together
        where = text.span if text.value.strip() and text.span is not None else span
        whole = [d if d.span is not None else replace(d, span=where) for d in e.diagnostics]
        raise ConfigurationError(whole) from None


@lru_cache(maxsize=1024)  # texts define classes of their own
def _parameters(cls: Any) -> tuple[Argument | None, tuple[Argument, ...], tuple[Parameter, ...]]:
    """The argument of a class that takes all the others, if it has one, and these, as `assign` wants them, too."""
    declared = arguments_of(cls)
    rest = next((argument for argument in declared if argument.rest), None)
    named = tuple(argument for argument in declared if not argument.rest)
    return rest, named, tuple(Parameter(a.keyword, a.positional, a.mandatory) for a in named)


def _parse(
    cls: type[Element],
    argument: Argument,
    text: Text,
    names: Names,
    values: dict[str, Any],
    mistakes: list[Diagnostic],
) -> None:
    try:
        values[argument.field] = argument.type.parse(text, names)
    except ConfigurationError as e:
        mistakes.extend(_of(cls, argument, e))


def _of(cls: type[Element], argument: Argument, error: ConfigurationError) -> list[Diagnostic]:
    """The mistakes, each with the argument that it is in."""
    prefix = f"{cls.__name__}: {argument.keyword}: "
    return [replace(d, message=prefix + d.message) for d in error.diagnostics]


def _rest(
    cls: type[Element], argument: Argument, given: list[Text], names: Names, mistakes: list[Diagnostic]
) -> tuple[Any, ...]:
    if argument.text is not None:
        return tuple(argument.text(text) for text in given)
    values: list[Any] = []
    most = argument.type.MOST
    if most is not None and len(given) > most:
        told = f"{cls.__name__}: {len(given):,} of {argument.keyword}; no more than {most:,} can be compiled and proven"
        mistakes.append(
            Diagnostic(
                "C166",
                told,
                given[most].span,
                f"{most:,} at most",
                "join those that have the same outcome, or give the rest to another element",
                given[most].facts(),
            )
        )
        return ()
    parse = argument.type.parse
    for text in given:
        if len(mistakes) >= MAX_TOLD:
            break
        try:
            values.append(parse(text, names))
        except ConfigurationError as e:
            mistakes.extend(_of(cls, argument, e))
    return tuple(values)


def _misplaced(
    cls: type[Element],
    named: Sequence[Argument],
    rest: Argument | None,
    given: tuple[Text, ...],
    found: Assignment,
    text: Text,
    span: Span | None,
) -> list[Diagnostic]:
    """Arguments that are missing, too many, or of an unknown keyword."""
    if not (found.missing or found.extra or found.unknown) and (rest is None or not rest.mandatory):
        return []
    class_name = cls.__name__
    end = text.span_of(len(text), len(text))
    at = text.span if text.value.strip() else span or end
    missing = [named[number] for number in found.missing]
    if rest is not None and rest.mandatory and not found.extra:
        missing.append(rest)
    mistakes = [
        Diagnostic(
            "C160",
            f"{class_name}: {argument.keyword}: required argument missing",
            at,
            argument.type.describe(),
            f"arguments of {class_name}: {signature(cls)}",
        )
        for argument in missing
    ]
    if found.extra and rest is None:
        positional = sum(argument.positional for argument in named)
        most = f"at most {positional}" if positional else "none"
        if not named:
            most = "no arguments"
        extra = found.extra[0]
        message = f"{class_name}: too many arguments"
        help_ = f"arguments of {class_name}: {signature(cls)}" if named else ""
        if any(argument.keyword for argument in named) and positional:
            most += " without a keyword"
        mistakes.append(Diagnostic("C161", message, extra.span, most, help_, extra.facts()))
    keywords = [argument.keyword for argument in named]
    for keyword, _ in found.unknown:
        word = keyword.value
        near = suggest(word, keywords)
        if near:
            help_ = f"did you mean '{near}'?"
        elif word in keywords:
            help_ = f"'{word}' is given already"
        else:
            help_ = ""
        expected = f"one of {', '.join(keywords)}" if keywords else "no arguments"
        message = f"{class_name}: {word}: unknown argument"
        mistakes.append(Diagnostic("C162", message, keyword.span, expected, help_, keyword.facts()))
    return mistakes


def signature(cls: type[Element]) -> str:
    """The arguments of `cls` as a manual page shows them: `LENGTH [, BURST]; KW: STOP`."""
    if getattr(cls, "configure", None) is not None:
        return "see its page"
    out = ""
    keywords = []
    for argument in arguments_of(cls):
        name = argument.keyword + (", ..." if argument.rest else "")
        if not argument.positional:
            keywords.append(name)
        elif argument.mandatory:
            out += f", {name}" if out else name
        else:
            out += f" [, {name}]" if out else f"[{name}]"
    return "; ".join(part for part in (out, f"KW: {', '.join(keywords)}" if keywords else "") if part)


def with_argument(element: E, field: str, value: str, names: Names = NO_NAMES) -> E:
    """`element` with one argument read anew from `value`; raises ConfigurationError if it cannot be."""
    argument = next(a for a in arguments_of(type(element)) if a.field == field)
    values: dict[str, Any] = {}
    mistakes: list[Diagnostic] = []
    _parse(type(element), argument, Text(value.strip()), names, values, mistakes)
    if mistakes:
        raise ConfigurationError(mistakes)
    return replace(element, **values)


@lru_cache(maxsize=1024)  # texts define classes of their own
def _naming(cls: Any) -> tuple[tuple[str, int], ...]:
    """The fields of a class that say which handlers to write, and where in such a value the handler is."""
    if getattr(cls, "configure", None) is not None:
        return ()
    return tuple(
        (argument.field, 0 if isinstance(argument.type, HandlerCall) else 1)
        for argument in arguments_of(cls)
        if isinstance(argument.type, HandlerCall | CountCall)
    )


def handlers_named(element: Element) -> tuple[str, ...]:
    """The handlers that the arguments of `element` say to write, whatever makes it do so."""
    kind: Any = type(element)
    values = [(getattr(element, field), at) for field, at in _naming(kind)]
    return tuple([str(value[at]) for value, at in values if value is not None])


def unparse(element: Element) -> str:
    """An argument string that `bind` makes an equal element of. Arguments that have their default are left out."""
    defaults = {f.name: _default(f) for f in fields(element)}
    positional: list[str] = []
    keywords: list[str] = []
    skipped = False
    for argument in arguments_of(type(element)):
        value = getattr(element, argument.field)
        if argument.rest:
            texts = [str(v) if argument.text is not None else argument.type.unparse(v) for v in value]
            positional.extend(texts)
        elif not argument.mandatory and (value == defaults[argument.field] or value is None):
            skipped = skipped or argument.positional
        elif argument.positional and not skipped:
            positional.append(argument.type.unparse(value))
        else:
            keywords.append(f"{argument.keyword} {argument.type.unparse(value)}")
    return ", ".join(positional + keywords)


def shown(element: Element, field: str) -> str:
    """The argument in `field` as a read handler shows it; empty if it is not given."""
    value = getattr(element, field)
    argument = next(a for a in arguments_of(type(element)) if a.field == field)
    if value is None:
        return ""
    show = str if argument.text is not None else argument.type.show
    return ", ".join(map(show, value)) if argument.rest else show(value)


def _default(declared: "Field[Any]") -> Any:  # the field's own type
    return declared.default_factory() if declared.default_factory is not MISSING else declared.default
