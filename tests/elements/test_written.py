"""Element classes written in program text: arguments, meaning, and how they stand in a configuration."""

import pytest

from innet import click
from innet.diagnostics import ConfigurationError, Source
from innet.elements.arguments import unparse
from innet.elements.build import build_one, load
from innet.elements.registry import REGISTRY
from innet.ir.interpret import State
from innet.runtime.build import build
from tests.elements.packets import ipv4, send, udp
from tests.elements.written import CLASSES, FILTER, NAT, game
from tests.runtime.fakes import MemoryIo

# ---- arguments


def test_arguments_are_those_of_the_head() -> None:
    cls = CLASSES["TokenFilter"]
    one = build_one(cls, '"GS01", 9, NET 10.1.0.0/16')
    assert one == build_one(cls, r"TOKEN \<47 53 30 31>, PORT 9, NET 10.1.0.0/16, ON true")
    assert build_one(cls, unparse(one)) == one
    assert unparse(one) == '"GS01", 9, NET 10.1.0.0/16'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "TokenFilter: TOKEN: required argument missing"),
        ('"GS0"', "TokenFilter: TOKEN: 3 bytes stand where 4 are needed"),
        ('"GS01", 70000', "TokenFilter: PORT: '70000' is not a port"),
        ('"GS01", ON maybe', "TokenFilter: ON: 'maybe' is not true or false"),
        ('"GS01", NET x', "TokenFilter: NET: 'x' is not an IPv4 prefix ADDR/LEN or an IPv4 address"),
        ('"GS01", FOO 3', "TokenFilter: FOO: unknown argument"),
    ],
)
def test_wrong_arguments_are_told_as_for_built_in_classes(arguments: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        build_one(CLASSES["TokenFilter"], arguments)
    assert error.value.diagnostics[0].message == message


def test_one_text_is_one_class() -> None:
    """So that elements of two readings of a configuration are equal."""
    source = Source(
        "x", f"elementprogram {NAT}\nIdle -> a :: Nat(192.0.2.1) -> Discard; Idle -> [1] a [1] -> Discard;"
    )
    (_, first), (_, second) = load(source), load(source)
    assert first["a"] == second["a"]
    assert type(first["a"]) is type(second["a"])


# ---- meaning


@pytest.mark.parametrize(
    ("packet", "to"),
    [
        (game(b"GS01!"), 0),
        (game(b"GS01"), 0),
        (game(b"GS0"), "wrong token"),
        (game(b"GS02xxx"), "wrong token"),
        (game(b"GS01", port=53), "not for the game"),
        (ipv4(udp(b"GS01", dport=7777), proto=6), "not a UDP datagram"),
        (ipv4(udp(b"GS01", dport=7777), off=0x2001), "not a UDP datagram"),
    ],
)
def test_what_becomes_of_a_packet(packet: bytes, to: int | str) -> None:
    assert send(build_one(CLASSES["TokenFilter"], '"GS01"'), packet).to == to


def test_what_a_packet_looks_like_afterwards() -> None:
    one, state = build_one(CLASSES["TokenFilter"], '"GS01"'), State()
    for n in (1, 2):
        seen = send(one, game(b"GS01"), state=state)
        assert seen.packet.data[4:6] == (4 + n).to_bytes(2, "big")
        assert seen.packet.data[1] == n << 2
        assert seen.packet.data[8] == 63
        assert seen.packet.data[16:20] == bytes([192, 0, 2, 77])
    outside = send(one, game(b"GS01", src="11.0.0.1"), state=state)
    assert outside.packet.data[1] == 0


# ---- in a configuration


def test_it_runs_in_a_router_with_handlers_and_inside_compounds() -> None:
    text = f"""
        elementprogram {FILTER}
        elementclass Guard {{ $token | input -> f :: TokenFilter($token) -> output; f [1] -> Discard }}
        i :: InfiniteSource(DATA \\<00>, LIMIT 3, STOP true) -> MarkIPHeader -> g :: Guard("GS01") -> Discard;
    """
    router, _ = build(Source("x", text), MemoryIo())
    router.run()
    assert router.handlers.read("g/f.drops") == "3"
    assert router.handlers.read("g/f.wrong") == "0"
    assert router.handlers.read("g/f.class") == "TokenFilter"


def test_it_is_printed_with_the_configuration() -> None:
    text = f'// before\nelementprogram {FILTER}\nIdle -> TokenFilter("GS01") -> Discard;\n'
    tree = click.parse(Source("x", text))
    assert click.parse(Source("y", click.unparse(tree))) == tree
    assert f"elementprogram {FILTER}\n" in click.unparse(tree)
    resolved, _ = load(Source("x", text))
    flat = str(resolved.configuration)
    again, _ = load(Source("flat", flat))
    assert str(again.configuration) == flat
    assert again.configuration.programs == resolved.configuration.programs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("elementprogram Counter { emit 0 }", [("C125", "'Counter' is a built-in element class")]),
        ("elementprogram Null3 { emit 0 }", [("C125", "'Null3' is a built-in element class")]),
        ("elementprogram A { emit 0 } elementprogram A { emit 0 }", [("C125", "'A' is an element class already")]),
        ("elementclass A { input -> output } elementprogram A { emit 0 }",
         [("C125", "'A' is an element class already")]),
        ("elementclass B { elementprogram A { emit 0 } input -> A -> output }",
         [("C117", "an element program inside a compound element or a group")]),
        ("Idle -> A -> Discard; elementprogram A { emit 0 }", [("C121", "undeclared element 'A'")]),
        ("elementprogram 5 -> x;", [("C101", "syntax error near '->'")]),
        ("elementprogram A; Idle -> Discard;", [("C101", "syntax error near ';'")]),
        ("elementprogram A { emit 0 ", [("T101", "this '{' is never closed")]),
        ("elementprogram A { emit 1 } Idle -> A -> Foo;", [
            ("T104", "there is no output 1"), ("C121", "undeclared element 'Foo'")]),
        ("elementprogram A { outputs 2; emit 1 } Idle -> A -> Discard;",
         [("C154", "'A@2 :: A' output 1 unused")]),
    ],
)  # fmt: skip
def test_mistakes_with_element_programs(text: str, told: list[tuple[str, str]]) -> None:
    found = [(d.code, d.message) for d in click.analyse(Source("x", text), REGISTRY).errors]
    assert found == told


def test_a_mistake_is_shown_where_it_stands() -> None:
    text = "// a\nelementprogram A {\n  ip.ttl = ip.len\n  emit 0\n}\nIdle -> A -> Discard;\n"
    with pytest.raises(ConfigurationError) as error:
        load(Source("x.click", text))
    assert str(error.value) == (
        "x.click:3:12: error[T103]: this has 16 bits, but ip.ttl has 8\n"
        "3 |   ip.ttl = ip.len\n"
        "  |            ^^^^^^\n"
        "  = expected: a value of u8\n"
        "  = help: u8(ip.len)"
    )


def test_too_many_programs() -> None:
    text = "".join(f"elementprogram A{n} {{ emit 0 }}\n" for n in range(40))
    assert [d.code for d in click.analyse(Source("x", text), REGISTRY).errors] == ["C118"]
