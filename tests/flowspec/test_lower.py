import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from innet import flowspec, ir
from innet.flowspec import (
    FALSE,
    TRUE,
    And,
    Not,
    Or,
    Predicate,
    Relation,
    conjunction,
    disjunction,
    lower,
    negation,
    parse_pattern,
    simplify,
)
from innet.ir import Mark
from innet.ir.dump import expr as dumped
from tests.flowspec.evaluate import Cut, means, value

fields = st.builds(
    ir.Field,
    st.sampled_from([Mark.NET, Mark.TRANSPORT, Mark.DATA, Mark.MAC]),
    st.integers(0, 200),
    st.integers(1, 40),
)


@st.composite
def field_tests(draw: st.DrawFn) -> flowspec.Test:
    field = draw(fields)
    full = (1 << field.width) - 1
    mask = draw(st.integers(0, full) | st.just(full))
    number = draw(st.sampled_from([0, 1, mask, full, mask + 1]) | st.integers(-1, full + 2))
    return flowspec.Test(field, mask, draw(st.sampled_from(Relation)), number, draw(st.booleans()))


predicates = st.recursive(
    field_tests() | st.sampled_from([TRUE, FALSE]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda p: And(tuple(p))),
        st.lists(inner, min_size=1, max_size=4).map(lambda p: Or(tuple(p))),
        inner.map(Not),
    ),
    max_leaves=8,
)
packets = st.builds(
    lambda header, rest, cut, net: Cut((bytes(net) + bytes([0x45]) + header + rest)[:cut], net),
    st.binary(min_size=19, max_size=19) | st.just(bytes(19)),
    st.binary(max_size=24),
    st.integers(0, 60),
    st.sampled_from([0, 14]),
)


ONE = flowspec.Test(ir.Field(Mark.NET, 0, 1), 1, Relation.EQ, 0, False)


@given(predicates, packets)
@example(And((Or((ONE,)),)), Cut(b"", 0))  # a disjunction of one
def test_lowering_keeps_the_meaning_on_every_packet(predicate: Predicate, packet: Cut) -> None:
    assert value(lower(predicate), packet) == means(predicate, packet)


@given(predicates, packets)
def test_simplifying_keeps_the_meaning(predicate: Predicate, packet: Cut) -> None:
    assert means(simplify(predicate), packet) == means(predicate, packet)


@given(st.lists(predicates, max_size=4), packets)
def test_constructors_mean_and_or_not(parts: list[Predicate], packet: Cut) -> None:
    each = [means(part, packet) for part in parts]
    assert means(conjunction(parts), packet) == all(each)
    assert means(disjunction(parts), packet) == any(each)
    assert all(means(negation(part), packet) != fact for part, fact in zip(parts, each, strict=True))


@given(field_tests(), packets)
def test_absent_byte_makes_a_test_false_whatever_its_relation(test: flowspec.Test, packet: Cut) -> None:
    if (
        test.mask
        and not test.early
        and "?" in packet.bits(test.field)[: test.mask.bit_length()]
        and test.mask == (1 << test.field.width) - 1
    ):
        assert value(lower(test), packet) == 0
        assert value(lower(Not(test)), packet) == 1


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("-", "1u1"),
        ("false", "0u1"),
        ("udp src port 80", "((ip.proto == 0x11u8) & (net[51:13] == 0u13) & (tcp.sport == 0x50u16))"),
        ("not tcp", "(ip.proto != 6u8)"),
        ("dst net 10.0.0.0/9", "(net[128:9] == 0x14u9)"),
        ("ip ttl > 5 and ip ttl <= 255", "(5u8 < ip.ttl)"),
    ],
)
def test_expression_is_small(pattern: str, expected: str) -> None:
    assert dumped(lower(parse_pattern(pattern).predicate)) == expected


@pytest.mark.parametrize(
    ("pattern", "presences"),
    [
        (
            "udp dst port 1500",
            0,
        ),  # zero satisfies none of the tests but the fragment offset, which proto vouches for
        ("dst port != 80", 1),
        ("port < 80", 1),  # the destination port vouches for the source port
        ("not port 80", 0),
        ("ip ttl < 5", 1),
        ("ip ttl < 5 and udp", 0),
        ("ip frag", 0),
        ("ip unfrag", 1),
        ("src net 0.0.0.0/0", 0),
    ],
)
def test_presence_is_asked_only_where_it_matters(pattern: str, presences: int) -> None:
    assert dumped(lower(parse_pattern(pattern).predicate)).count("has ") == presences


def test_masks_become_narrow_fields() -> None:
    lowered = lower(parse_pattern("dst net 10.0.0.0/8").predicate)
    assert lowered == ir.Binary(ir.Op.EQ, ir.Field(Mark.NET, 128, 8), ir.Const(10, 8))


def test_long_lists_stay_shallow() -> None:
    lowered = lower(
        parse_pattern("src host " + " or ".join(f"10.0.{n >> 8}.{n & 255}" for n in range(4000))).predicate
    )

    def depth(expr: ir.Expr) -> int:
        return 1 + max(depth(expr.left), depth(expr.right)) if isinstance(expr, ir.Binary) else 0

    assert depth(lowered) <= 14
