"""Plain data from JSON: the other half of `innet.messages.to_json`, strict about names and types, and diagnostics."""

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from innet.diagnostics import Diagnostic, Severity, Source, Span
from innet.messages import to_json

T = TypeVar("T")
MAX_SHOWN = 60


class MalformedError(ValueError):
    """JSON that is not what it should be; the message says where and what was expected."""


def from_json(kind: type[T], value: object) -> T:
    """`value` (what `json.loads` gave) as the frozen dataclass `kind`. Raises MalformedError: for a wrong type, a
    missing field, and a field that `kind` does not have."""
    return cast(T, _read(kind, value, kind.__name__))


@cache
def _hints(kind: type) -> dict[str, Any]:  # types of fields are of any kind
    return typing.get_type_hints(kind)


def _read(kind: Any, value: object, where: str) -> object:
    if is_dataclass(kind) and isinstance(kind, type):
        return _object(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise wrong(where, "one of " + ", ".join(str(m.value) for m in kind), value) from None
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (only,) = (a for a in arguments if a is not type(None))
        return _read(only, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise wrong(where, "a list", value)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_read(arguments[0], v, f"{where}[{n}]") for n, v in enumerate(value))
        if len(value) != len(arguments):
            raise wrong(where, f"{len(arguments)} values", value)
        parts = zip(arguments, value, strict=True)
        return tuple(_read(a, v, f"{where}[{n}]") for n, (a, v) in enumerate(parts))
    assert kind in (str, int, bool, float), f"{where}: no rule for {kind}"
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise wrong(
            where, {str: "text", int: "a whole number", bool: "true or false"}.get(kind, "a number"), value
        )
    return value


def _object(kind: Any, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise wrong(where, "an object", value)
    known = {f.name: f for f in fields(kind)}
    for name in value:
        if name not in known:
            raise MalformedError(f"{where} has no field '{str(name)[:MAX_SHOWN]}'")
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise MalformedError(f"{where} lacks the field '{name}'")
    return kind(**{name: _read(_hints(kind)[name], v, f"{where}.{name}") for name, v in value.items()})


def wrong(where: str, expected: str, value: object) -> MalformedError:
    """The error for a value of the wrong kind."""
    shown = repr(value)
    shown = shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + " …"
    return MalformedError(f"{where} should be {expected}, not {shown}")


# ---- diagnostics: spans refer to sources by number, so that a text is there once


def diagnostics_to_json(diagnostics: tuple[Diagnostic, ...]) -> dict[str, object]:
    """All that `diagnostics_from_json` needs to tell them again, carets included."""
    sources: dict[tuple[str, str], int] = {}
    rows = []
    for d in diagnostics:
        span = None
        if d.span is not None:
            key = d.span.source.name, d.span.source.text
            span = [sources.setdefault(key, len(sources)), d.span.start, d.span.end]
        rows.append(
            {
                "code": d.code,
                "message": d.message,
                "span": span,
                "expected": d.expected,
                "help": d.help,
                "facts": to_json(d.facts),
                "severity": d.severity.value,
            }
        )
    return {"sources": [list(key) for key in sources], "diagnostics": rows}


def diagnostics_from_json(value: object) -> tuple[Diagnostic, ...]:
    """The diagnostics again. Raises MalformedError."""
    try:
        assert isinstance(value, dict)
        sources = [Source(str(name), str(text)) for name, text in value["sources"]]
        found = []
        for row in value["diagnostics"]:
            span = None if row["span"] is None else _span(sources, *row["span"])
            facts = tuple((str(label), str(text)) for label, text in row["facts"])
            words = (str(row[name]) for name in ("code", "message", "expected", "help"))
            code, message, expected, help = words
            found.append(Diagnostic(code, message, span, expected, help, facts, Severity(row["severity"])))
        return tuple(found)
    except (AssertionError, KeyError, TypeError, ValueError, IndexError) as error:
        raise MalformedError(f"diagnostics that are none: {error}") from None


def _span(sources: list[Source], number: int, start: int, end: int) -> Span:
    return Span(sources[number], int(start), int(end))
