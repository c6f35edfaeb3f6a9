"""Two readings of a packet that share no code with the product: one of predicates (ELEMENTS 3.2), one of IR terms."""

from dataclasses import dataclass
from typing import assert_never

from innet import ir
from innet.diagnostics import InNetError
from innet.flowspec import And, Comparison, Not, Or, Predicate, Relation, Test, Truth
from innet.ir import Mark, Op


def is_told(error: InNetError) -> None:
    """Every mistake has a code and a place, and can be rendered."""
    assert error.diagnostics
    assert all(d.code and d.span is not None for d in error.diagnostics)
    assert str(error)


@dataclass(frozen=True)
class Cut:
    """An IPv4 packet, perhaps cut short; the Ethernet header in front of it may be missing."""

    data: bytes
    net: int = 0

    @classmethod
    def ipv4(cls, data: bytes) -> "Cut":
        return cls(data)

    def start(self, mark: Mark) -> int | None:
        match mark:
            case Mark.DATA:
                return 0
            case Mark.MAC:
                return 0 if self.net else None
            case Mark.NET:
                return self.net
            case Mark.TRANSPORT:
                return self.net + 4 * (self.data[self.net] & 15) if len(self.data) > self.net else None
            case Mark.END:
                return len(self.data)
            case _:
                return None

    def bits(self, field: ir.Field) -> str:
        """The field's bits, most significant first; '?' for those of absent bytes."""
        start = self.start(field.mark)
        if start is None:
            return "?" * field.width
        whole = "".join(f"{byte:08b}" for byte in self.data[start:])
        return whole[field.bit : field.bit + field.width].ljust(field.width, "?")


def means(predicate: Predicate, packet: Cut) -> bool:
    """What the predicate says, read off its definition."""
    match predicate:
        case Truth(value):
            return value
        case And(parts):
            return all(means(part, packet) for part in parts)
        case Or(parts):
            return any(means(part, packet) for part in parts)
        case Not(part):
            return not means(part, packet)
        case Test(field, mask, relation, value, early):
            bits = packet.bits(field)
            if early and mask == (1 << field.width) - 1 and relation not in (Relation.EQ, Relation.NE):
                least = value + (relation in (Relation.GT, Relation.LE))
                reached = at_least(bits, field.bit % 8, least)
                return reached is not None and reached == (relation in (Relation.GT, Relation.GE))
            wanted = f"{mask:0{field.width}b}"
            first = field.bit % 8
            for at, bit in enumerate(wanted):
                byte = (first + at) // 8
                inside = bits[max(0, 8 * byte - first) : 8 * byte + 8 - first]
                if bit == "1" and "?" in inside:
                    return False
            kept = "".join(b if w == "1" else "0" for b, w in zip(bits, wanted, strict=True))
            return relation.holds(int(kept, 2), value)
        case Comparison():
            raise NotImplementedError("arithmetic is checked against libpcap")
        case _:
            assert_never(predicate)


def at_least(bits: str, first: int, least: int) -> bool | None:
    """Whether the number is `least` or more, judged in runs from the top; None if a run has an absent byte."""
    if not 0 < least < 1 << len(bits):
        return None if "?" in bits else least <= 0
    above, wanted = f"{least - 1:0{len(bits)}b}", f"{least:0{len(bits)}b}"
    at = 0
    while "1" in wanted[at:]:
        end = at
        if above[at] == "0":
            while end < len(bits) and above[end] == "0":
                end += 1
        else:
            while end < len(bits) and wanted[end] == "1":
                end += 1
        stop = end + -(first + end) % 8  # the whole of the last byte is read
        if "?" in bits[at:stop]:
            return None
        if above[at] == "0" and "1" in bits[at:end]:
            return True
        if above[at] == "1" and "0" in bits[at:end]:
            return False
        zeros, at = above[at] == "0", end
    return not zeros


def value(expr: ir.Expr, packet: Cut) -> int:
    """What an IR term is worth for `packet`."""
    match expr:
        case ir.Const(number, _):
            return number
        case ir.Field(mark, bit, width):
            first, last = bit // 8, (bit + width - 1) // 8
            if not value(ir.Present(mark, first, last - first + 1), packet):
                return 0
            return int(packet.bits(expr), 2)
        case ir.Present(mark, offset, length):
            start = packet.start(mark)
            return int(start is not None and start + offset + length <= len(packet.data))
        case ir.Marked(mark):
            return int(packet.start(mark) is not None)
        case ir.Distance(start_mark, end_mark):
            start, end = packet.start(start_mark), packet.start(end_mark)
            return 0 if start is None or end is None else (end - start) % 65536
        case ir.Not(inner):
            return ~value(inner, packet) & (1 << inner.width) - 1
        case ir.Cast(inner, width):
            return value(inner, packet) & (1 << width) - 1
        case ir.Binary(op, left, right):
            assert left.width == right.width, expr
            a, b, full = value(left, packet), value(right, packet), (1 << left.width) - 1
            table = {
                Op.ADD: a + b, Op.SUB: a - b, Op.MUL: a * b, Op.AND: a & b, Op.OR: a | b, Op.XOR: a ^ b,
                Op.SHL: a << min(b, 64), Op.SHR: a >> min(b, 64), Op.DIV: a // (b or 1), Op.MOD: a % (b or 1),
                Op.EQ: a == b, Op.NE: a != b, Op.LT: a < b, Op.LE: a <= b,
            }  # fmt: skip
            return int(table[op]) & full
        case _:
            raise AssertionError(f"unexpected in a condition: {expr}")
