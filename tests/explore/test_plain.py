"""Programs are shared by elements that are made of the same parts, and by no others."""

from innet.elements.base import OUTSIDE, Role
from innet.elements.build import build_one
from innet.elements.ports import shapes
from innet.elements.registry import REGISTRY
from innet.explore.machine import plain
from innet.ir import dump


def test_equal_parts_make_equal_programs_and_differing_ones_have_other_keys():
    programs: dict[object, str] = {}
    shared = set()
    for element in REGISTRY.classes():
        for example in (*element.EXAMPLES, *element.EXAMPLES):
            bound = build_one(element, example)
            key = plain(bound)
            if key is None:
                continue
            inputs, outputs = next((i, o) for i, o in shapes(element) if not bound.problems(i, o))
            ports = [*range(inputs), *([OUTSIDE] if bound.ROLE in (Role.ENTRY, Role.SOURCE) else [])]
            text = "".join(dump.dump(bound.trace(port, outputs, "e", inputs)) for port in ports)
            if key in programs:
                shared.add(element.__name__)
            assert programs.setdefault(key, text) == text, (element, example)
    assert {"Paint", "IPRewriter", "ICMPPingRewriter"} <= shared


def test_what_differs_in_class_only_differs():
    on, one = (build_one(REGISTRY["Paint"], text) for text in ("1", "1, 2"))
    assert plain(on) != plain(one)
    assert plain(on) == plain(build_one(REGISTRY["Paint"], "1"))


def test_what_is_made_of_too_much_is_not_compared():
    long = ", ".join(f"pattern - - 10.0.0.{n} - 0 0" for n in range(99))
    assert plain(build_one(REGISTRY["IPRewriter"], long)) is None


def test_where_it_is_written_does_not_tell_elements_apart():
    """Rules keep their text and its place, for messages; programs are made of what they say."""
    one, other, third = (
        build_one(REGISTRY["IPFilter"], text)
        for text in (
            "allow udp port 53, deny all",
            "allow  udp port 53,  deny all",
            "allow udp port 54, deny all",
        )
    )
    assert plain(one) == plain(other) is not None
    assert plain(one) != plain(third)
