"""What stands behind `vlan` in a flow: the same tests, of the packet behind the VLAN tag (IEEE 802.1Q).

As in libpcap, the word moves everything that follows it in the text by the four bytes of a tag. Such a packet has no
NET mark, so its header is found from the Ethernet header, and what follows it for each header length there can be.
"""

from collections.abc import Mapping
from typing import assert_never

from innet import ir
from innet.flowspec import predicate as pr
from innet.flowspec.predicate import Predicate
from innet.ir import Mark, Op
from innet.packet.headers import ETHERTYPE_IPV4

TAG_TYPES = (0x8100, 0x88A8, 0x9100)
"""Ethernet types that libpcap takes for a tag's."""
MAX_ID = 4095
TYPE_BIT, HEADER_BIT, TAG_BITS = 96, 112, 32
ETHERNET_BYTES = 14


def tag(number: int | None, before: int) -> Predicate:
    """A frame that has a tag, of VLAN `number` if there is one, behind `before` others."""
    kind = ir.Field(Mark.MAC, TYPE_BIT + TAG_BITS * before, 16)
    tagged = pr.disjunction(pr.equal(kind, value) for value in TAG_TYPES)
    if number is None:
        return tagged
    return pr.conjunction(
        (tagged, pr.equal(ir.Field(Mark.MAC, HEADER_BIT + TAG_BITS * before + 4, 12), number))
    )


def ether_type(tags: int) -> ir.Field:
    """Where the type of what a frame with so many tags carries stands."""
    return ir.Field(Mark.MAC, TYPE_BIT + TAG_BITS * tags, 16)


def behind(predicate: Predicate, tags: int) -> Predicate:
    """One primitive, about what follows so many tags."""
    if not tags:
        return predicate
    marks = {field.mark for test in pr.tests(predicate) for field in _fields(test)}
    net = HEADER_BIT + TAG_BITS * tags
    if Mark.TRANSPORT in marks:
        length = ir.Field(Mark.MAC, net + 4, 4)
        cases = ((n, {Mark.NET: net, Mark.TRANSPORT: net + 32 * n}) for n in range(16))
        moved = pr.disjunction(
            pr.conjunction((pr.equal(length, n), _moved(predicate, starts))) for n, starts in cases
        )
    else:
        moved = _moved(predicate, {Mark.NET: net})
    if marks & {Mark.NET, Mark.TRANSPORT}:
        return pr.conjunction((pr.equal(ether_type(tags), ETHERTYPE_IPV4), moved))
    return moved


def _fields(test: pr.Test | pr.Comparison) -> list[ir.Field]:
    todo: list[ir.Expr] = [test.field] if isinstance(test, pr.Test) else [test.left, test.right]
    found: list[ir.Field] = []
    while todo:
        match todo.pop():
            case ir.Field() as field:
                found.append(field)
            case ir.Binary(_, left, right):
                todo += (left, right)
            case ir.Cast(value) | ir.Not(value):
                todo.append(value)
    return found


def _moved(predicate: Predicate, starts: Mapping[Mark, int]) -> Predicate:
    """`predicate` with the fields of each mark counted from the Ethernet header, where they start at these bits."""
    match predicate:
        case pr.Truth():
            return predicate
        case pr.Test(field, mask, relation, value, early):
            return pr.Test(_field(field, starts), mask, relation, value, early)
        case pr.Comparison(left, relation, right):
            return pr.Comparison(_expr(left, starts), relation, _expr(right, starts))
        case pr.And(parts):
            return pr.conjunction(_moved(part, starts) for part in parts)
        case pr.Or(parts):
            return pr.disjunction(_moved(part, starts) for part in parts)
        case pr.Not(part):
            return pr.negation(_moved(part, starts))
        case _:
            assert_never(predicate)


def _field(field: ir.Field, starts: Mapping[Mark, int]) -> ir.Field:
    start = starts.get(field.mark)
    return field if start is None else ir.Field(Mark.MAC, start + field.bit, field.width)


def _expr(expr: ir.Expr, starts: Mapping[Mark, int]) -> ir.Expr:
    match expr:
        case ir.Field():
            return _field(expr, starts)
        case ir.Distance(Mark.NET, end):  # all that is behind the Ethernet header, the tag too
            return ir.Binary(Op.SUB, ir.Distance(Mark.MAC, end), ir.Const(ETHERNET_BYTES, 16))
        case ir.Binary(op, left, right):
            return ir.Binary(op, _expr(left, starts), _expr(right, starts))
        case ir.Cast(value, width):
            return ir.Cast(_expr(value, starts), width)
        case _:
            return expr


__all__ = ["MAX_ID", "behind", "ether_type", "tag"]
