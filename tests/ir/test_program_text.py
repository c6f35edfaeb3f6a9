"""Program text: what is printed can be read, every mistake is told where it is, no text is too much."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from innet import click, ir
from innet.diagnostics import ConfigurationError, Source, TraceError
from innet.elements.base import OUTSIDE, Element, Role
from innet.elements.build import build_one, load
from innet.elements.registry import REGISTRY
from innet.ir import cursor
from innet.ir.cursor import Limits
from innet.ir.definition import Definition, define, extent
from innet.ir.dump import dump
from innet.ir.operands import FIELDS
from innet.ir.read import read
from tests.elements.test_registry import CASES, shapes
from tests.xdp.programs import Maker

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "program-text.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GOOD = [text for kind, _, text in BLOCKS if kind == "click"]
WRONG = [(code, text) for kind, code, text in BLOCKS if kind == "wrong"]


def programs(element: Element) -> list[ir.Program]:
    """The programs of an element with few and with many ports, also those for proofs of what it holds."""
    found = []
    fitting = [(i, o) for i, o in shapes(type(element)) if not element.problems(i, o)]
    for inputs, outputs in {fitting[0], fitting[-1]}:
        ports = list(range(inputs))
        if element.ROLE in (Role.ENTRY, Role.SOURCE):
            ports.append(OUTSIDE)
        for port in ports:
            found.append(element.trace(port, outputs, "e", inputs))
            with suppress(TraceError):  # whether they are well-formed is what other tests ask
                released = None if port == OUTSIDE else element.release(port, outputs, "e", inputs)
                found += [] if released is None else [released]
    return found


def body(*lines: str) -> str:
    return "A {\n" + "\n".join(lines) + "\nemit 0\n}"


def defined(text: str, limits: Limits | None = None) -> Definition:
    found, mistakes = define(Source("text", text), 0, len(text), limits)
    assert not mistakes, str(ConfigurationError(mistakes))
    assert found is not None
    return found


def mistakes(text: str, limits: Limits | None = None) -> list[tuple[str, str, str]]:
    """Code, message and the characters pointed at."""
    _, found = define(Source("text", text), 0, len(text), limits)
    return [(d.code, d.message, text[d.span.start : d.span.end] if d.span is not None else "") for d in found]


# ---- what is printed can be read


@pytest.mark.parametrize(("element", "example"), CASES)
def test_programs_of_elements_survive_printing(element: type[Element], example: str) -> None:
    for program in programs(build_one(element, example)):
        assert read(dump(program)) == program


@given(seed=st.integers(0, 2**32))
def test_random_programs_survive_printing(seed: int) -> None:
    program = Maker(seed).program()
    assert read(dump(program)) == program


def test_all_that_a_program_can_have_survives_printing() -> None:
    """Names that are no words of the language, tables of others, prefixes, shared counters."""
    v = {n: ir.Var(f"e/f[out]%{n}", w) for n, w in (("1", 1), ("x", 16), ("if", 16), ("3", 64))}
    other = ir.Var("other[0]%1", 16)
    routes = ir.Table("a b", (64, 64), (32,), 2, ir.TableKind.PREFIX, ((5 << 120, 8, (7,)),))
    theirs = ir.Table("if", (16,), (), 5, owner='some "one"', guarantee_s=0)
    again = ir.Table("if", (16,), (), 6)
    count = ir.Counter("a b", 16, 3, True, 9)
    c64, c16 = ir.Const(3, 64), ir.Const(300, 16)
    statements = (
        ir.Lookup(routes, (c64, c64), (ir.Var("e/f[out]%r", 32),), v["1"]),
        ir.Lookup(theirs, (c16,), (), v["1"]),
        ir.Lookup(again, (c16,), (), v["1"]),
        ir.Next(count, v["x"]),
        ir.Let(v["if"], v["x"]),
        ir.Let(other, ir.Binary(ir.Op.SUB, v["if"], ir.Binary(ir.Op.SUB, v["x"], c16))),
        ir.Let(other, ir.Binary(ir.Op.DIV, ir.Binary(ir.Op.MOD, other, c16), c16)),
        ir.Allocate(again, (v["x"],), v["x"], 3, 9, c16, ir.Order.RANDOM, count, v["1"]),
        ir.Havoc(ir.Mark.NET, -4, None),
        ir.Havoc(ir.Mark.NET, 4, other),
        ir.Count('say "x"', ir.Sum(ir.Mark.NET, -2, other)),
        ir.SetMark(ir.Mark.DATA, ir.Mark.NET, -3, ir.Const(5, 16)),
        ir.SetMark(ir.Mark.AUX, ir.Mark.NET, 0, ir.Const(5, 16)),
        ir.Drop('not "this" \\ way\n\x81é…'),
    )
    program = ir.Program("e/f", OUTSIDE, 1, statements)
    assert read(dump(program)) == program


def test_long_chains_and_deep_nests_are_read() -> None:
    """As long as filters make them, and as deep as blocks get."""
    chain: ir.Expr = ir.Const(0, 1)
    for n in range(100):
        chain = ir.Binary(ir.Op.OR, chain, ir.Binary(ir.Op.EQ, ir.Field(ir.Mark.NET, 0, 8), ir.Const(n, 8)))
    block: ir.Block = (ir.Emit(0),)
    for _ in range(60):
        block = (ir.Branch(chain, block), ir.Drop("x"))
    program = ir.Program("e", 0, 1, block)
    assert read(dump(program)) == program


# ---- the page


@pytest.mark.parametrize("text", GOOD, ids=range(len(GOOD)))
def test_examples_of_the_page_are_right(text: str) -> None:
    at = text.index("elementprogram") + len("elementprogram")
    found = extent(text, at)
    assert found is not None
    assert found[1] is not None
    _, wrong = define(Source("page", text), at, found[1] + 1)
    assert not wrong, str(ConfigurationError(wrong))
    analysis = click.analyse(Source("page", text), REGISTRY)
    assert not analysis.errors, str(ConfigurationError(analysis.errors))


@pytest.mark.parametrize(("code", "text"), WRONG, ids=[code for code, _ in WRONG])
def test_mistakes_of_the_page_are_mistakes(code: str, text: str) -> None:
    assert {d.code for d in click.analyse(Source("page", text), REGISTRY).errors} == {code}


def test_every_code_has_a_section() -> None:
    codes = {
        value for value in vars(cursor).values() if isinstance(value, str) and re.fullmatch("T1..", value)
    }
    assert codes | {"T100"} == set(re.findall(r"^### (T1..):", PAGE, re.MULTILINE))


def test_printed_program_of_the_page_can_be_read() -> None:
    (text,) = (text for kind, _, text in BLOCKS if kind == "program")
    assert dump(read(text)) + "\n" == text


def test_every_field_is_on_the_page() -> None:
    assert [f for f, field in FIELDS.items() if field.width <= 64 and f not in PAGE] == []


def test_limits_of_the_page_are_those_of_the_code() -> None:
    limits = Limits()
    told = re.search(r"^Limits: (.*?) What is larger", PAGE, re.MULTILINE | re.DOTALL)
    assert told is not None
    numbers = [int(n.replace(",", "")) for n in re.findall(r"[0-9][0-9,]*(?= )", " ".join(told[1].split()))]
    wanted = [
        limits.characters >> 10, limits.statements, limits.nesting, limits.depth, limits.terms, limits.width,
        limits.offset, limits.inputs, limits.outputs, limits.parameters, limits.tables, limits.columns,
        limits.memory >> 20, 48, limits.counters, limits.copies, click.Limits().programs,
    ]  # fmt: skip
    assert numbers == wanted


# ---- meaning: what statements become


@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        (["x = ip.ttl - 1"], ["x = (ip.ttl - 1u8)"]),
        (["x = 1 + ip.ttl"], ["x = (1u8 + ip.ttl)"]),
        (["ip.tos = 0x10"], ["ip.tos = 0x10u8"]),
        (["x = 3u16 + 4"], ["x = (3u16 + 4u16)"]),
        (["x = u16(7)"], ["x = 7u16"]),
        (["x = u16(ip.ttl) << 8"], ["x = (u16(ip.ttl) << 8u16)"]),
        (["x = 5u8; x = x + 1"], ["x = 5u8", "x = (x + 1u8)"]),
        (["x = 10.0.0.1; y = 2:0:0:0:0:ff; z = \"AB\\x00\""],
         ["x = 0xa000001u32", "y = 0x200000000ffu48", "z = 0x414200u24"]),
        (["x = ip.ttl > 5"], ["x = (5u8 < ip.ttl)"]),
        (["x = ip.ttl >= 5 and not ip.tos == 1 or ip.hl != 5"],
         ["x = (((5u8 <= ip.ttl) & ~(ip.tos == 1u8)) | (ip.hl != 5u4))"]),
        (["x = ip.src in 10.0.0.0/8"], ["x = ((ip.src & 0xff000000u32) == 0xa000000u32)"]),
        (["x = ip.off & 0x1fff == 0"], ["x = ((ip.off & 0x1fffu16) == 0u16)"]),
        (["x = ip.ttl | ip.tos ^ 3 & 1 + 2 * 3u8"], ["x = (ip.ttl | (ip.tos ^ (3u8 & (1u8 + (2u8 * 3u8)))))"]),
        (["x = 9 - ip.ttl - 1 - 2"], ["x = (((9u8 - ip.ttl) - 1u8) - 2u8)"]),
        (["x = ip.id / 3 % 2"], ["x = ((ip.id / 3u16) % 2u16)"]),
        (["x = ip.id +1s 1"], ["x = (ip.id +1s 1u16)"]),
        (["x = net[12+4]; y = end[-4+4]; z = net[-16:8]"], ["x = ip.src", "y = end[-32:32]", "z = net[-16:8]"]),
        (["x = has @net and has transport[8+4]"], ["x = (has @net & has transport[8+4])"]),
        (["x = @end - @net"], ["x = (@end - @net)"]),
        (["x = sum net[0+20]"], ["x = sum net[0+0x14u16]"]),
        (["@data = @data + 14"], ["@data = @data + 14"]),
        (["@data = @data - 14"], ["@data = @data - 14"]),
        (["@aux = @net + 2 + u16(ip.hl) * 4"], ["@aux = @net + 2 + (u16(ip.hl) * 4u16)"]),
        (["@aux = @net + u16(ip.hl)", "@aux = none"], ["@aux = @net + u16(ip.hl)", "@aux = none"]),
        (["count a; count b 5; count c ip.len"], ["count a 1u64", "count b 5u64", "count c ip.len"]),
        (["t = now; r = random u5"], ["t = now", "r = random u5"]),
        (["f, o, _ = option 7 131"], ["f, o, __1 = option 7 131"]),
        (["ip.sum follows 1u16 -> ip.id unless zero"], ["ip.sum follows 1u16 -> ip.id unless zero"]),
        (["if ip.ttl == 1 { drop \"a\" } else if ip.ttl == 2 { drop \"b\" } else { x = 1u8 }"],
         ["if (ip.ttl == 1u8) {", "  drop \"a\"", "} else {", "  if (ip.ttl == 2u8) {", "    drop \"b\"", "  } else {",
          "    x = 1u8", "  }", "}"]),
        (["ip.tos = 4 updating ip.sum"],
         ["__1 = ip.tos", "__2 = 4u8", "ip.tos = __2", "ip.sum follows u16(__1) -> u16(__2)"]),
        (["udp.dport = 53 updating udp.sum, tcp.sum"],
         ["__1 = tcp.dport", "__2 = 0x35u16", "tcp.dport = __2",
          "udp.sum follows __1 -> __2 addresses 0u16 unless zero",
          "tcp.sum follows __1 -> __2 addresses 0u16"]),
        (["/* a\ncomment */ x = ( // another\n1u8 +\n2 )"], ["x = (1u8 + 2u8)"]),
    ],
)  # fmt: skip
def test_what_a_statement_becomes(lines: list[str], printed: list[str]) -> None:
    program = ir.Program("e", 0, 1, defined(body(*lines)).block(0, 1, "e[0]", {}))
    assert dump(program).split("\n")[1:-2] == [f"  {line}" for line in printed]


@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        (["found, n = t[ip.src]"], "found, n = t[ip.src]"),
        (["insert t[ip.src] = [1]"], "__1 = insert t[ip.src] = [1u16] idle 30s"),
        (["ok = insert t[1] = [1] idle u32(ip.ttl)"], "ok = insert t[1u32] = [1u16] idle (u32(ip.ttl))"),
        (["update t[1] = [2] idle 7"], "update t[1u32] = [2u16] idle 7s"),
        (["delete t[1]"], "delete t[1u32]"),
        (["found = s[ip.ttl, 1]"], "found = s[ip.ttl, 1u1]"),
        (["insert s[1, 0]"], "__1 = insert s[1u8, 0u1] = [] idle 5s"),
        (["insert p[1] = [2] with [3] = [4] idle 9s"], "__1 = insert p[1u16] = [2u8] with [3u16] = [4u8] idle 9s"),
        (["n = next c"], "n = next c"),

         (["ok, v = allocate u16 5 to 9 random c so that p[v] is free"],
          "ok, v = allocate u16 5 to 9 random c so that p[v] is free"),
    ],
)  # fmt: skip
def test_what_a_statement_with_a_table_becomes(lines: list[str], printed: str) -> None:
    declared = (
        "table t [ip] -> [u16] capacity 9 idle 30s", "table s [u8, bool] capacity 9 idle 5s",
        "table p paired [port] -> [u8] capacity 5 guarantee 3s", "counter c u16 from 3 wrap 9",
    )  # fmt: skip
    program = ir.Program("e", 0, 1, defined(body(*declared, *lines)).block(0, 1, "e[0]", {}))
    assert dump(program).split("\n")[-3] == f"  {printed}"
    assert read(dump(program)) == program


def test_ports_and_codes_of_definitions() -> None:
    def codes(text: str) -> tuple[str, str, str]:
        one = defined(text)
        return one.PORTS, one.PROCESSING, one.FLOW

    assert codes("A { emit 0 }") == ("1/1", "a/a", "x/x")
    assert codes('A { optional output 1 "no"; emit 1 }') == ("1/1-2", "a/ah", "x/x")
    assert codes("A { outputs 3; processing h/h; flow x/[^y]; emit 2 }") == ("1/3", "h/h", "x/[^y]")
    assert codes("A { outputs 2; input 0, 1 { emit 1 } }") == ("2/2", "h/h", "x/x")
    assert codes('A { outputs 0; drop "all" }') == ("1/0", "a/a", "x/x")


def test_outputs_that_are_not_connected() -> None:
    one = defined(
        'A { optional output 1 "nobody"; optional output 2 "no one"; copy 1; if ip.ttl == 1 { emit 2 }; emit 1 }'
    )
    assert one.block(0, 3, "e", {})[0] == ir.Copy(1)
    (branch, last) = one.block(0, 1, "e", {})
    assert last == ir.Drop("nobody")
    assert isinstance(branch, ir.Branch)
    assert branch.then == (ir.Drop("no one"),)
    assert one.block(0, 2, "e", {})[-1] == ir.Emit(1)


# ---- mistakes


@pytest.mark.parametrize(
    ("line", "code", "message", "pointed"),
    [
        ("x = ", "T101", "the end of the line comes too early", "\n"),
        ("x y", "T101", "'y' does not belong here", "y"),
        ("x = 1u8 2", "T101", "'2' does not belong here", "2"),
        ("x = -1", "T101", "'-' does not belong here", "-"),
        ("x = (1u8 + 2", "T101", "'emit' does not belong here", "emit"),
        ("x = $Y", "T101", "'$' does not belong here", "$"),
        ("drop no", "T101", "'no' does not belong here", "no"),
        ('drop "no', "T101", "this string is not closed", '"'),
        ("else { emit 0 }", "T101", "'else' does not belong here", "else"),
        ("table u [ip] capacity 4 idle 4s", "T106", "'table' comes too late", "table"),
        ("while ip.ttl { }", "T101", "'ip.ttl' does not belong here", "ip.ttl"),
        ("x = 1u8 == 1 == 1", "T101", "'==' does not belong here", "=="),
        ("ip.ttl += 1", "T101", "'+' does not belong here", "+"),
        ("ip.id = next c", "T101", "'next' does not belong here", "next"),
        ("ip.id = t[1] + 1", "T101", "'t' does not belong here", "t"),
        ("x = net", "T101", "the end of the line comes too early", "\n"),
        ("x = y", "T102", "nothing is called 'y'", "y"),
        ("x = %7", "T102", "nothing is called '%7'", "%7"),
        ("x = ip", "T102", "nothing is called 'ip'", "ip"),
        ("x = ip.sorc", "T102", "there is no field 'ip.sorc'", "ip.sorc"),
        ("x = u[1]", "T102", "there is no table 'u'", "u"),
        ("x = next c", "T102", "there is no counter 'c'", "c"),
        ("if ip.ttl == 1 { y = 1u8 }; x = y", "T102", "'y' has no value here on some paths", "y"),
        ("count drops", "T102", "no statistic can be called 'drops'", "drops"),
        ("P = 1u8", "T102", "'P' is a parameter and cannot change", "P"),
        ("x = N", "T102", "'N' is a prefix", "N"),
        ("x = 5", "T103", "nothing says how wide this number is", "5"),
        ("x = ip.ttl + ip.len", "T103", "'+' stands between 8 and 16 bits", "ip.ttl + ip.len"),
        ("ip.ttl = 256", "T103", "256 does not fit into 8 bits", "256"),
        ("x = 300u8", "T103", "300 does not fit into 8 bits", "300u8"),
        ("x = 1u65", "T103", "u65 is no width", "1u65"),
        ("x = u0(ip.ttl)", "T103", "u0 is no width", "u0"),
        ("if ip.ttl { emit 0 }", "T103", "a condition is one bit, this has 8", "ip.ttl"),
        ("if 5 { emit 0 }", "T103", "a condition is a comparison", "5"),
        ("x = 1u8; x = 1u16", "T103", "this has 16 bits, but 'x' has 8", "1u16"),
        ("x = net[0:128]", "T103", "a field of 128 bits", "net[0:128]"),
        ("net[4:16] = 1 updating ip.sum", "T103", "a checksum cannot follow 16 bits at bit 4",
         "net[4:16] = 1 updating ip.sum"),
        ("udp.dport follows 1u8 -> 2u8", "T103", "what a checksum follows has 8 bits", "1u8 -> 2u8"),
        ("emit 1", "T104", "there is no output 1", "emit 1"),
        ("emit 0; x = 1u8", "T104", "nothing comes here: every packet has met its verdict before", "x"),
        ("x = net[40000:8]", "T105", "a field so far from its mark", "net[40000:8]"),
        ("hold", "T107", "'hold' is for built-in elements", "hold"),
        ("havoc net[0+4]", "T107", "'havoc' is for built-in elements", "havoc"),
        ("x = anno[49+1]", "T107", "these annotation bytes belong to the platform", "anno[49+1]"),
        ("x = anno[47+2]", "T107", "these annotation bytes belong to the platform", "anno[47+2]"),
        ("anno[63+1] = 1", "T107", "these annotation bytes belong to the platform", "anno[63+1]"),
        ("x = sum anno[0+64]", "T107", "annotations have no checksum", "sum anno[0+64]"),
        ("x = anno[64+1]", "T108", "no annotation has this place", "anno[64+1]"),
        ("x = anno[-1+1]", "T108", "no annotation has this place", "anno[-1+1]"),
        ("x = end[0+1]", "T108", "nothing lies behind the end of the packet", "end[0+1]"),
        ("x = 10.0.0.256", "T108", "'10.0.0.256' is not an IPv4 address", "10.0.0.256"),
        ("x = 12ab", "T108", "'12ab' is not a number", "12"),
        ("x = 0x", "T108", "'0x' is not a number", "0"),
        ("x = ip.ttl << 8", "T108", "this shifts all 8 bits out", "8"),
        ("x = ip.ttl << ip.tos", "T108", "shifts are by a number that is known", "ip.tos"),
        ("x = ip.ttl / 0", "T108", "division is by a number that is known", "0"),
        ("x = ip.ttl % ip.tos", "T108", "division is by a number that is known", "ip.tos"),
        ("x = \"\"", "T108", "a string stands for its bytes, as one number", '""'),
        ("x = \"123456789\"", "T108", "a string stands for its bytes, as one number", '"123456789"'),
        (r'x = "\q"', "T108", "an unknown escape in a string", r'"\q"'),
        ("@data = none", "T108", "'@data' is always set", "@data = none"),
        ("@anno = @net", "T108", "annotations have no position", "@anno"),
        ("drop \"\"", "T108", "no fitting reason", 'drop ""'),
        ("f, g = t[1]; f, g, h = t[1]", "T101", "3 names for 2 results", "f, g, h = t[1]"),
    ],
)  # fmt: skip
def test_one_mistake(line: str, code: str, message: str, pointed: str) -> None:
    text = f"A(P u8, N prefix) {{\ntable t [ip] -> [u8] capacity 9 idle 5s\n{line}\nemit 0\n}}"
    if "late" in message:
        text = text.replace(f"\n{line}", f"\nx = 1u8\n{line}")
    if line.startswith(("emit 1", "hold")):
        text = text.replace("\nemit 0", "")
    found = mistakes(text)
    if code != "T104" and "drop" in line:
        found = [m for m in found if m[0] != "T104"]
    assert found == [(code, message, pointed)]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("A", "T101", "the end of the text comes too early"),
        ("A { emit 0", "T101", "this '{' is never closed"),
        ("A { if has @net { emit 0 } emit 0 }", "T101", "'emit' does not belong here"),
        ("A { emit 0 } }", "T101", "'}' does not belong here"),
        ("A(p u8) { emit 0 }", "T106", "'p' cannot be an argument"),
        ("A(P) { emit 0 }", "T101", "')' does not belong here"),
        ("A(P number) { emit 0 }", "T101", "'number' does not belong here"),
        ("A(P u8, P u8) { emit 0 }", "T106", "'P' is declared twice"),
        ("A(P u8 = 1, Q u8) { emit 0 }", "T106", "'Q' has no value of its own, but one before it has"),
        ("A(P u8 = 300) { emit 0 }", "T103", "300 does not fit into 8 bits"),
        ("A(P prefix = 10.1.0.0/8) { emit 0 }", "T108", "10.1.0.0/8 has bits behind its prefix"),
        ("A(P bytes[9]) { emit 0 }", "T108", "9 is out of range"),
        ("A { outputs 2; input 0 { emit 1 }; emit 0 }", "T106", "statements stand beside 'input' blocks"),
        ("A { input 1 { emit 0 } }", "T106", "input 0 is missing"),
        ("A { input 0 { emit 0 }; input 0 { emit 0 } }", "T106", "input 0 is there twice"),
        ("A { input 0 { x = 1u8; emit 0 }; input 1 { ip.ttl = x; emit 0 } }", "T102", "nothing is called 'x'"),
        ("A { input 0 { } }", "T104", "some packets get here and meet no verdict"),
        ("A { if has @net { emit 0 } }", "T104", "some packets get here and meet no verdict"),
        ("A { processing q/q; emit 0 }", "T108", "'q/q' is not a processing code"),
        ("A { outputs 2; processing a/a; emit 0 }", "T106", "'a/a' does not go with 1 inputs and 2 outputs"),
        ("A { flow ?; emit 0 }", "T108", "'?' is not a flow code"),
        ("A { outputs 2; flow #/#; emit 0 }", "T106", "flow '#/#' pairs 1 inputs with 2 outputs"),
        ("A { table t [ip] -> [u8] idle 5s; emit 0 }", "T106", "nothing says how large table 't' may get"),
        ("A { table t [ip] capacity 5; insert t[1]; emit 0 }", "T106", "nothing says when this entry is forgotten"),
        ("A { table t [] capacity 5; emit 0 }", "T106", "0 columns"),
        ("A { table t prefix [ip] capacity 5; emit 0 }", "T101", "'prefix' does not belong here"),
        ('A { table t "u" of "e" [ip] capacity 5; emit 0 }', "T101", "'\"u\"' does not belong here"),
        ("A { counter c u16 shared; emit 0 }", "T107", "a counter belongs to one element"),
        ("A { counter c u16 from 5 wrap 5; emit 0 }", "T108", "it starts at 5, which is not below 5"),
        ("A { counter if u16; emit 0 }", "T101", "'if' does not belong here"),
        ("A { table t paired [u8] -> [u8] capacity 5 idle 5; insert t[1] = [1]; emit 0 }", "T101",
         "';' does not belong here"),
        ("A { table t [u8] -> [u8] capacity 5 idle 5; insert t[1, 2] = [1]; emit 0 }", "T103",
         "2 values, but the key of 't' has 1 columns"),

         ("A { table t [u8] capacity 5; counter c u8; o, v = allocate u8 9 to 5 random c so that t[v] is free;emit 0 }",
         "T108", "9 to 5 runs backwards"),
    ],
)  # fmt: skip
def test_one_mistake_in_a_definition(text: str, code: str, message: str) -> None:
    assert [m[:2] for m in mistakes(text)] == [(code, message)]


def test_all_mistakes_are_told_in_the_order_of_the_text() -> None:
    text = body("x = ip.foo", "y = 5", "if ip.ttl { z = q }", "hold")
    assert [m[0] for m in mistakes(text)] == ["T102", "T103", "T103", "T102", "T107", "T104"]


def test_a_mistake_is_told_once() -> None:
    """What follows from it is not."""
    assert len(mistakes(body("x = ip.foo", "y = x + 1", "x = y", "ip.ttl = x", "z = (x + 3) * 2"))) == 1


# ---- limits


@pytest.mark.parametrize(
    "text",
    [
        body(*["ip.ttl = 1"] * 2001),
        body("if has @net {" * 30 + "}" * 30),
        body("x = " + "(" * 40 + "1u8" + ")" * 40),
        body("x = " + "~" * 40 + "1u8"),
        body("x = " + "not " * 3 + "has @net" + " and has @net" * 40),
        body("x = " + "u8(" * 40 + "1u8" + ")" * 40),
        body("x = 1u8" + " + 1" * 40),
        body(*["x=1u8" + "+1" * 30] * 700),
        body(*[f"table t{n} [ip] capacity 5" for n in range(9)]),
        body("table t [" + ", ".join(["u8"] * 9) + "] capacity 5"),
        body("table t [ip] capacity 1000000"),
        body(*[f"counter c{n} u16" for n in range(17)]),
        body("outputs 64", 'optional output 64 "x"'),
        body(*["copy 0"] * 65),
        "A(" + ", ".join(f"P{n} u8" for n in range(33)) + ") { emit 0 }",
        "A { emit 0 }" + " " * 70_000,
        body("if has @net { emit 0 } else " * 30 + "{ emit 0 }"),
    ],
)
def test_what_is_too_large_is_refused(text: str) -> None:
    assert [m[0] for m in mistakes(text)][-1] == "T105"


def test_a_bounded_number_of_mistakes_is_told() -> None:
    found = mistakes(body(*["x = ip.foo"] * 900))
    assert len(found) == 51
    assert found[-1][0] == "T100"


# ---- no text is too much

TEXTS = [re.sub(r"^elementprogram ", "", text) for text in GOOD if text.startswith("elementprogram")]
PIECES = sorted({word for text in TEXTS for word in re.findall(r"\w+(?:\.\w+)?|\s+|[^\w\s]+", text)})


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A text of the page in which words were taken out, put in or exchanged."""
    words = re.findall(r"\w+(?:\.\w+)?|\s+|[^\w\s]", draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words) - 1))
        if draw(st.booleans()):
            words[at] = draw(st.sampled_from(PIECES))
        else:
            del words[at : at + draw(st.integers(0, 3))]
        words = words or ["A"]
    return "".join(words)


@given(text=damaged() | st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join))
@example(text="A(" * 3000)
@example(text="A { x = %")
@example(text="A { if ~")
@example(text="A { /* ")
@example(text="A { x = " + "1" * 5000 + " }")
@example(text="A { x = 1u" + "9" * 5000 + " }")
def test_any_text_is_a_definition_or_has_mistakes(text: str) -> None:
    """It never raises; what has no mistake can be traced whatever the ports (`verify`), and survives printing."""
    found, wrong = define(Source("text", text), 0, len(text))
    if wrong:
        return
    assert found is not None
    values = {name: 1 for p in found.parameters for name in (f"${p.name}", f"${p.name}.mask")}
    for port in range(len(found.inputs)):
        program = ir.Program(
            "e", port, found.required, found.block(port, found.required, f"e[{port}]", values)
        )
        assert read(dump(program)) == program


@given(
    text=st.text(max_size=300)
    | st.lists(st.sampled_from(["program e[0] -> 1 outputs {\n", *PIECES]), max_size=40).map(" ".join)
)
def test_any_text_is_a_program_or_has_mistakes(text: str) -> None:
    with suppress(ConfigurationError):
        read(text)


@given(text=damaged())
@example(text="F(IDLE prefix, IDLE u8) { input 0 -> { emit 0 } }")
@example(text="F(IDLE prefix = 1.0.0.0/8, idle u8, a.b u8) { input 0 -> { emit 0 } }")
def test_a_damaged_definition_does_not_hide_the_rest(text: str) -> None:
    """Whatever it is, the configuration around it has a proper answer."""
    source = Source("text", f"elementprogram {text}\nFromNetfront() -> ToNetfront();\n")
    with suppress(ConfigurationError):
        load(source)
