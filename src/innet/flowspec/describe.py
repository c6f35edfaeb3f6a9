"""A predicate as people read it, for messages and traces."""

from collections.abc import Mapping
from typing import assert_never

from innet import ir
from innet.flowspec import predicate as pr
from innet.flowspec.names import dotted, prefix_text
from innet.flowspec.predicate import Predicate, Relation
from innet.ir import Mark
from innet.ir.trace import MARK_OF
from innet.packet import headers
from innet.packet.names import PROTOCOLS

_PROTOCOL_NAMES: Mapping[int, str] = {number: name for name, number in PROTOCOLS.items()}
_FIELD_NAMES: Mapping[ir.Field, str] = {
    **{
        ir.Field(MARK_OF[f.header], f.bit, f.width): f.name.replace(".", " ")
        for f in headers.IPV4 + headers.ETHERNET
    },
    pr.SPORT: "src port",
    pr.DPORT: "dst port",
    pr.IP_SRC: "src",
    pr.IP_DST: "dst",
    pr.IP_PROTO: "proto",
    pr.FRAGMENT_OFFSET: "fragment offset",
}
_HEADERS: Mapping[Mark, str] = {Mark.NET: "ip", Mark.TRANSPORT: "transport", Mark.MAC: "ether"}
LIMIT = 2000


def describe(predicate: Predicate) -> str:
    """`predicate` in words close to tcpdump's; cut if it is very long."""
    text = _text(predicate, 0)
    return text if len(text) <= LIMIT else text[: LIMIT - 3] + "..."


def _text(predicate: Predicate, binding: int) -> str:
    """The text; in parentheses if its operator binds less than `binding` (1: or, 2: and, 3: not)."""
    match predicate:
        case pr.Truth(value):
            return "any packet" if value else "no packet"
        case pr.Test():
            return _test(predicate)
        case pr.Comparison(left, relation, right):
            return f"{_expr(left)} {relation.value} {_expr(right)}"
        case pr.And(parts):
            own, text = 2, " and ".join(_text(part, 3) for part in parts)
        case pr.Or(parts):
            own, text = 1, " or ".join(_text(part, 2) for part in parts)
        case pr.Not(part):
            own, text = 3, f"not {_text(part, 4)}"
        case _:
            assert_never(predicate)
    return f"({text})" if own < binding else text


def _test(test: pr.Test) -> str:
    field, mask, relation, value = test.field, test.mask, test.relation, test.value
    whole = mask == (1 << field.width) - 1
    if test == pr.FIRST_FRAGMENT:
        return "first fragment"
    if field == pr.IP_PROTO and whole and relation is Relation.EQ:
        return _PROTOCOL_NAMES.get(value, f"proto {value}")
    if field in (pr.IP_SRC, pr.IP_DST) and relation in (Relation.EQ, Relation.NE):
        target = dotted(value) if whole else prefix_text(value, mask)
        return f"{_FIELD_NAMES[field]} {'' if relation is Relation.EQ else '!= '}{target}"
    if field.width == 48:
        return f"{field_text(field)} {relation.value} {value.to_bytes(6, 'big').hex(':')}"
    shown = f"{value:#x}" if mask >= 0 and not whole else str(value)
    return f"{field_text(field)}{'' if whole else f' & {mask:#x}'} {relation.value} {shown}"


def field_text(field: ir.Field) -> str:
    """The field's name, or its place: `tcp[13]` style for whole bytes, bit numbers otherwise."""
    if field in _FIELD_NAMES:
        return _FIELD_NAMES[field]
    header = _HEADERS.get(field.mark, field.mark.value)
    if field.bit % 8 == 0 and field.width % 8 == 0:
        size = f":{field.width // 8}" if field.width > 8 else ""
        return f"{header}[{field.bit // 8}{size}]"
    return f"{header} bits {field.bit}-{field.bit + field.width - 1}"


def _expr(expr: ir.Expr) -> str:
    match expr:
        case ir.Const(value, _):
            return str(value)
        case ir.Field():
            return field_text(expr)
        case ir.Cast(value, _):
            return _expr(value)
        case ir.Distance(Mark.NET, Mark.END):
            return "len"
        case ir.Binary(op, left, right):
            return f"({_expr(left)} {op.value} {_expr(right)})"
        case ir.Not(value):
            return f"~{_expr(value)}"
        case _:
            return str(expr)
