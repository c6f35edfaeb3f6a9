"""The registry, and what every element promises: examples that bind, trace, check and dump; a complete docstring."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import innet.elements
from innet.elements.arguments import unparse
from innet.elements.base import OUTSIDE, Role
from innet.elements.build import build_one
from innet.elements.ports import shapes
from innet.elements.registry import REGISTRY, modules
from innet.ir import dump

SECTIONS = ("Ports", "Arguments", "State", "Drops", "Checksum", "Verifier", "Errors", "Source")


CASES = [
    pytest.param(element, example, id=f"{element.__name__}({example})")
    for element in REGISTRY.classes()
    for example in element.EXAMPLES
]


@pytest.mark.parametrize(("element", "example"), CASES)
def test_example_binds_traces_and_dumps(element, example):
    bound = build_one(element, example)
    assert type(bound) is element
    fitting = [(i, o) for i, o in shapes(element) if not bound.problems(i, o)]
    assert fitting, "no number of ports suits the example"
    for inputs, outputs in {fitting[0], fitting[-1]}:
        ports = list(range(inputs))
        if bound.ROLE in (Role.ENTRY, Role.SOURCE):
            ports.append(OUTSIDE)
        for port in ports:
            program = bound.trace(port, outputs, "e", inputs)
            assert dump.dump(program).count("\n") > 0


@pytest.mark.parametrize(("element", "example"), CASES)
def test_what_is_released_is_a_program(element, example):
    bound = build_one(element, example)
    for inputs, outputs in shapes(element):
        if not bound.problems(inputs, outputs):
            for port in range(inputs):
                bound.release(port, outputs, "e", inputs)


@pytest.mark.parametrize("element", REGISTRY.classes(), ids=lambda element: element.__name__)
def test_element_is_documented(element):
    assert element.EXAMPLES or element.ROLE is Role.INFORMATION
    text = element.__doc__ or ""
    found = re.findall(r"^    ([A-Z][a-z]+):", text, re.MULTILINE)
    wanted = ["Source"] if element.ROLE is Role.INFORMATION else ["Ports", "Source"]
    assert [s for s in wanted if s not in found] == []
    assert found == [s for s in SECTIONS if s in found], "sections are in order, and no others"
    assert re.match(r"[A-Z][^\n]*[.;:]?\n", text)


@pytest.mark.parametrize("element", REGISTRY.classes(), ids=lambda element: element.__name__)
def test_codes_are_well_formed(element):
    assert re.fullmatch(r"(\d+|\d*-\d*)/(\d+|\d*-\d*|=\+?)", element.PORTS)
    assert re.fullmatch(r"[hla]+/[hla]+", element.PROCESSING)
    assert re.fullmatch(r"\S+/\S+", element.FLOW)


def test_look_up_by_name_and_alias():
    assert REGISTRY["DecIPTTL"].__name__ == "DecIPTTL"
    assert REGISTRY["LookupIPRoute"] is REGISTRY["StaticIPLookup"]
    assert REGISTRY["Null3"] is REGISTRY["Null"]


@pytest.mark.parametrize("name", ["decipttl", "header", "Header", "NoSuchElement", "Element", ""])
def test_what_is_no_class(name):
    assert name not in REGISTRY
    assert REGISTRY.get(name) is None


def test_names_are_unique():
    names = [n for element in REGISTRY.classes() for n in (element.__name__, *element.ALIASES)]
    assert len(names) == len(set(names)) == len(REGISTRY)


def test_one_look_up_loads_one_family_module():
    code = (
        "import sys; from innet.elements.registry import REGISTRY; REGISTRY['Strip'];"
        "print(sorted(m for m in sys.modules if m.startswith('innet.elements.') and m.count('.') > 2))"
    )
    source = Path(innet.elements.__path__[0]).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['innet.elements.framing.strip']"


def test_modules_do_not_share_a_name():
    folders = [Path(path) for path in innet.elements.__path__]
    files = [f.stem for folder in folders for f in folder.glob("*/*.py") if f.stem != "__init__"]
    shared = {stem for stem in files if files.count(stem) > 1}
    assert not shared & {element.__name__.lower() for element in REGISTRY.classes()}
    assert set(modules()) == set(files)


def test_all_pairs_of_names_differ_beyond_case():
    names = [element.__name__ for element in REGISTRY.classes()]
    assert not [(a, b) for a, b in product(names, names) if a < b and a.lower() == b.lower()]


@pytest.mark.parametrize(("element", "example"), CASES)
def test_example_survives_printing(element, example):
    bound = build_one(element, example)
    assert build_one(element, unparse(bound)) == bound
