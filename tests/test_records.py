"""Quick records are the dataclasses that they look like."""

import importlib
import inspect
import pkgutil
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields, make_dataclass
from typing import Any

import pytest

import innet
from innet.records import QUICK, quick

SKIPPED = ("innet.xdp", "innet.native", "innet.cli", "innet.web", "innet.platform")
"""What needs a kernel or a compiler to be imported; none of them has quick records."""


def records() -> list[Any]:
    """All that the package has."""
    found: dict[Any, None] = {}
    for info in pkgutil.walk_packages(innet.__path__, "innet."):
        if info.name.startswith(SKIPPED):
            continue
        for kind in vars(importlib.import_module(info.name)).values():
            code = getattr(getattr(kind, "__init__", None), "__code__", None)
            if isinstance(kind, type) and code is not None and code.co_filename == QUICK:
                found[kind] = None
    return list(found)


RECORDS = records()


def test_there_are_some() -> None:
    assert {"Span", "Text", "Field", "Event", "Traffic"} <= {kind.__name__ for kind in RECORDS}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_made_as_dataclasses_are(kind: Any) -> None:
    """With the arguments of the usual `__init__`, its defaults, and its values in the fields."""
    usual = make_dataclass(
        "Usual",
        [(f.name, Any, field(default=f.default, init=f.init)) for f in fields(kind)],
        frozen=True, slots=True,
    )  # fmt: skip
    mine, other = inspect.signature(kind).parameters, inspect.signature(usual).parameters
    assert [(p.name, p.default, p.kind) for p in mine.values()] == [
        (p.name, p.default, p.kind) for p in other.values()
    ]
    given = {p.name: object() for p in mine.values()}
    for some in ({}, given):
        arguments = {p.name: given[p.name] for p in mine.values() if p.default is p.empty} | some
        one, two = kind(**arguments), usual(**arguments)
        assert all(getattr(one, f.name) is getattr(two, f.name) for f in fields(kind))
    with pytest.raises(FrozenInstanceError):
        setattr(one, fields(kind)[0].name, 1)
    with pytest.raises(TypeError):
        kind(*range(len(given) + 1))


@quick
@dataclass(frozen=True, slots=True)
class Pair:
    """A record."""

    one: int
    two: str = "two"
    three: int = field(default=3, init=False, compare=False)


def test_a_record_is_a_dataclass() -> None:
    assert Pair(1) == Pair(1, "two") != Pair(2)
    assert repr(Pair(1)) == "Pair(one=1, two='two', three=3)"
    assert hash(Pair(1)) == hash(Pair(1))
    assert Pair.__init__.__annotations__ == {"one": int, "two": str, "return": None}
    assert Pair.__init__.__defaults__ == ("two",)
    assert fields(Pair)[0].default is MISSING


def test_what_it_cannot_do_it_says() -> None:
    @dataclass(frozen=True)
    class NoSlots:
        one: int

    @dataclass(frozen=True, slots=True)
    class Made:
        one: list[int] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Checked:
        one: int

        def __post_init__(self) -> None:
            pass

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        one: int

    for kind in (NoSlots, Made, Checked, Named):
        with pytest.raises(TypeError):
            quick(kind)
