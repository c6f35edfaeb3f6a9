"""From declarations, and from text, to element instances; every mistake at once."""

from dataclasses import dataclass

import pytest

from innet.diagnostics import ConfigurationError, Severity, Source, Span
from innet.elements.arguments import NameBook
from innet.elements.build import assemble, build, build_one, load
from innet.elements.framing.strip import Strip
from innet.elements.ip.storeipaddress import StoreIPAddress
from innet.elements.meter.counter import Counter
from innet.elements.registry import REGISTRY
from innet.elements.switching.tee import Tee
from innet.lexical import Text


@dataclass(frozen=True)
class Declared:
    name: str
    class_name: str
    arguments: Text
    span: Span | None = None


def declared(name: str, class_name: str, arguments: str = "") -> Declared:
    return Declared(name, class_name, Text(arguments))


def codes(error: ConfigurationError) -> list[str]:
    return [d.code for d in error.diagnostics]


def test_build():
    found = build([declared("s", "Strip", "14"), declared("t", "Tee")])
    assert found == {"s": Strip(14), "t": Tee()}


def test_names_of_information_elements():
    names = [declared("c/i", "AddressInfo", "gw 192.0.2.1"), declared("c/s", "StoreIPAddress", "gw, dst")]
    assert build(names)["c/s"] == StoreIPAddress(0xC0000201, "dst")
    with pytest.raises(ConfigurationError):
        build([names[0], declared("s", "StoreIPAddress", "gw, dst")])


def test_every_mistake_is_told():
    wrong = [
        declared("a", "Strip", "x"),
        declared("b", "Strip", "1, 2"),
        declared("c", "Stripp"),
        declared("d", "IPFilter", "permit all, allow prt 5"),
        declared("e", "Tee", "3"),
    ]
    with pytest.raises(ConfigurationError) as caught:
        build(wrong, ports={"e": (1, 2)})
    found = codes(caught.value)
    assert found[:3] == ["C163", "C161", "C172"]
    assert found[-1] == "C171"
    assert len(found) >= 6
    assert "did you mean 'Strip'" in str(caught.value)
    assert "N is 3, but only outputs 0 to 1 are in use" in str(caught.value)


def test_assemble_gives_what_could_be_made():
    built = assemble([declared("a", "Strip", "x"), declared("b", "Strip", "1")])
    assert dict(built.elements) == {"b": Strip(1)}
    assert [d.code for d in built.diagnostics] == ["C163"]


def test_warnings_do_not_stop_the_work():
    built = assemble([declared("f", "IPFilter", "allow all, deny tcp")])
    assert [(d.code, d.severity) for d in built.diagnostics] == [("C174", Severity.WARNING)]


@dataclass(frozen=True)
class NeedsCounter(Strip):
    def references(self):
        return {"c": Counter}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([declared("c", "Counter")], None),
        ([], "there is no element 'c'"),
        ([declared("c", "Tee")], "'c' is of class Tee, but a Counter is needed"),
    ],
)
def test_references(others, message):
    classes = {**{name: REGISTRY[name] for name in ("Counter", "Tee")}, "NeedsCounter": NeedsCounter}
    built = assemble([declared("n", "NeedsCounter", "1"), *others], classes)
    assert [d.message for d in built.diagnostics] == (
        [] if message is None else [f"n :: NeedsCounter: {message}"]
    )


def test_load():
    resolved, elements = load(Source("c", "i :: Idle; i -> s :: Strip($n) -> Discard;"), variables={"n": "7"})
    assert elements["s"] == Strip(7)
    assert len(resolved.ports["s"].inputs) == 1


def test_language_and_arguments_are_complained_about_together():
    text = "i :: Idle -> Strip(x) -> Nosuch -> Discard(1);\nj :: Idle -> CheckLength() -> k;"
    with pytest.raises(ConfigurationError) as caught:
        load(Source("c", text))
    assert {"C160", "C161", "C163"} <= set(codes(caught.value))
    assert len(set(codes(caught.value))) > 3


def test_load_knows_the_interfaces():
    source = Source("c", "Idle -> StoreIPAddress(eth0, src) -> Discard")
    _, elements = load(source, interfaces={"eth0": "192.0.2.1/24"})
    assert StoreIPAddress(0xC0000201, "src") in elements.values()


def test_warnings_reach_the_resolved_configuration():
    resolved, _ = load(Source("c", "Idle -> IPFilter(allow all, deny tcp) -> Discard"))
    assert "C174" in [d.code for d in resolved.warnings]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("dst", StoreIPAddress(None, "dst")),
        ("DST", StoreIPAddress(None, "dst")),
        ("16", StoreIPAddress(None, 16)),
        ("10.0.0.1, 0x10", StoreIPAddress(0x0A000001, 16)),
        ("10.0.0.1, OFFSET src", StoreIPAddress(0x0A000001, "src")),
        ("DST_ANNO, src", StoreIPAddress(None, "src")),
    ],
)
def test_arguments_of_StoreIPAddress(text, element):
    assert build_one(StoreIPAddress, text) == element


@pytest.mark.parametrize("text", ["", "a, b, c", "10.0.0.1, srcc", "10.0.0, dst", "-1", "SIZE 5"])
def test_bad_arguments_of_StoreIPAddress(text):
    with pytest.raises(ConfigurationError):
        build_one(StoreIPAddress, text)


def test_build_takes_names_from_elsewhere():
    book = NameBook.of([declared("i", "AddressInfo", "gw 192.0.2.1")])
    assert build([declared("s", "SetIPAddress", "gw")], names=book)["s"].ipaddr == 0xC0000201
