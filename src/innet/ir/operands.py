"""Expressions of program text, read word by word: operators and what stands between them."""

from collections.abc import Iterable, Mapping

from innet.diagnostics import Source, Span, suggest
from innet.ir import nodes as ir
from innet.ir.cursor import LIMIT, NAME, RESERVED, VALUE, WIDTH, Limits, Trouble, number_of
from innet.ir.dump import LANGUAGE
from innet.ir.nodes import Mark, Op
from innet.ir.trace import MARK_OF
from innet.ir.widths import Applied, Converted, Flipped, Known, Member, Number, Operand, Summed, Widths
from innet.ir.words import Kind, Word
from innet.packet import headers

MARKS = {mark.value: mark for mark in Mark}
FIELDS = {f.name: ir.Field(MARK_OF[f.header], f.bit, f.width) for f in headers.ALL}
OPEN = frozenset(FIELDS[f"anno.{name}"] for name in ("packet_type", "time_s", "time_ns"))
"""Annotations behind Click's bytes that all may use; the others there belong to the platform."""
HEADERS = frozenset(name.partition(".")[0] for name in FIELDS)

_OPERATORS: Mapping[str, tuple[int, Op]] = {
    word: (level, op)
    for level, row in enumerate(
        (
            {"or": Op.OR},
            {"and": Op.AND},
            {"==": Op.EQ, "!=": Op.NE, "<": Op.LT, "<=": Op.LE, ">": Op.LT, ">=": Op.LE},
            {"|": Op.OR},
            {"^": Op.XOR},
            {"&": Op.AND},
            {"<<": Op.SHL, ">>": Op.SHR},
            {"+": Op.ADD, "-": Op.SUB, "+1s": Op.ONES},
            {"*": Op.MUL, "/": Op.DIV, "%": Op.MOD},
        )
    )
    for word, op in row.items()
}
"""Operators with how tightly they bind, the loosest first."""

COMPARES = 2
RESULTS = ("now", "random", "next", "option", "allocate", "insert")
"""Words that begin what is no value, but the right side of a statement."""
SHOWN_FIELDS = "a field such as ip.src or net[96:32]"


class Operands(Widths):
    """Reads operands. `variables` are those bound so far and their widths, `None` where a mistake was told."""

    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        super().__init__(source, start, end, limits)
        self.scope = "%"
        self.variables: dict[str, int] = {}
        self.everywhere: dict[str, tuple[int | None, Span]] = {}
        self.parameters: dict[str, ir.Expr] = {}
        self.prefixes: dict[str, tuple[ir.Expr, ir.Expr]] = {}
        self.tenant = False
        self.terms = 0
        self.levels = 0

    # ---- reading

    def operand(self, tightest: int = 0) -> Operand:
        """Operands between operators that bind at least as tightly as `tightest` says."""
        left = self.negation() if tightest <= COMPARES and self.sees("not") else self.unary()
        compared = False
        while self.word.kind in (Kind.SIGN, Kind.NAME):
            if self.sees("in"):
                if tightest > COMPARES:
                    break
                left = self.member(left)
                continue
            level, op = _OPERATORS.get(self.word.text, (-1, Op.ADD))
            if level < tightest:
                break
            if level == COMPARES and compared:
                self.unexpected("'and', 'or' or the end", "compare two values at a time: a < b and b < c")
            compared = compared or level == COMPARES
            if level < COMPARES:
                compared = False
            sign = self.next()
            right = self.operand(level + 1)
            swapped = sign.text in (">", ">=")
            left = self.applied(op, right, left, sign) if swapped else self.applied(op, left, right, sign)
        return left

    def negation(self) -> Operand:
        sign = self.needs("not")
        twice = self.takes("not")
        value = self.operand(COMPARES)
        if twice is not None:
            value = Flipped(value, self.since(twice), self.deeper(value, twice), True)
        return Flipped(value, self.since(sign), self.deeper(value, sign), True)

    def applied(self, op: Op, left: Operand, right: Operand, sign: Word) -> Operand:
        start = min(left.span.start, right.span.start)
        span = Span(self.source, start, max(left.span.end, right.span.end))
        depth = max(left.depth, right.depth) + 1
        if depth > self.limits.depth:
            self.too_large("operators inside each other", self.span(sign), f"{self.limits.depth} deep")
        return Applied(op, left, right, self.span(sign), span, depth)

    def deeper(self, value: Operand, at: Word) -> int:
        if value.depth >= self.limits.depth:
            self.too_large("operators inside each other", self.span(at), f"{self.limits.depth} deep")
        return value.depth + 1

    def member(self, value: Operand) -> Operand:
        sign = self.needs("in")
        word = self.word
        if word.kind is Kind.NAME and word.text in self.prefixes:
            self.next()
            address, mask = self.prefixes[word.text]
            return Member(value, address, mask, self.whole(value, word), self.deeper(value, sign))
        if word.kind is not Kind.ADDRESS:
            self.unexpected("a prefix such as 10.0.0.0/8, or a parameter of that type")
        base = self.address(self.next())
        length = 32
        if self.takes("/"):
            length = self.integer("the length of a prefix", 0, 32)
        bits = (0xFFFF_FFFF << (32 - length)) & 0xFFFF_FFFF
        if base & ~bits:
            self.mistakes.tell(
                VALUE, f"{dotted(base)}/{length} has bits behind its prefix", self.since(word), "",
                f"{dotted(base & bits)}/{length}",
            )  # fmt: skip
        return Member(
            value,
            ir.Const(base & bits, 32),
            ir.Const(bits, 32),
            self.whole(value, word),
            self.deeper(value, sign),
        )

    def whole(self, value: Operand, last: Word) -> Span:
        return Span(self.source, value.span.start, max(self.since(last).end, value.span.start))

    def address(self, word: Word) -> int:
        parts = [int(part) for part in word.text.split(".")]
        if max(parts) > 255:
            self.mistakes.tell(
                VALUE, f"'{word.text}' is not an IPv4 address", self.span(word), "four numbers, 0 to 255"
            )
            return 0
        return int.from_bytes(bytes(parts), "big")

    def unary(self) -> Operand:
        word = self.word
        self.terms += 1
        if self.terms > self.limits.terms:
            self.too_large("operands in one program", self.span(), self.limits.terms)
        if word.kind is Kind.SIGN and word.text in ("~", "(", "@", "%"):
            self.levels += 1
            if self.levels > self.limits.depth:
                self.too_large("parentheses inside each other", self.span(), f"{self.limits.depth} deep")
            try:
                return self.signed()
            finally:
                self.levels -= 1
        match word.kind:
            case Kind.NUMBER:
                return self.number()
            case Kind.ADDRESS:
                return Number(self.address(self.next()), 32, self.span(word))
            case Kind.ETHER:
                self.next()
                value = int.from_bytes(bytes(int(part, 16) for part in word.text.split(":")), "big")
                return Number(value, 48, self.span(word))
            case Kind.STRING:
                return self.characters()
            case Kind.NAME:
                self.levels += 1
                if self.levels > self.limits.depth:
                    self.too_large("parentheses inside each other", self.span(), f"{self.limits.depth} deep")
                try:
                    return self.named()
                finally:
                    self.levels -= 1
        if word.text in ("-", "+"):
            self.unexpected("a value", "numbers have no sign: to take n away, subtract it")
        if word.text == "=":
            self.unexpected("a value", "values are compared with '=='")
        return self.unexpected("a value: a number, a field, a variable, or an expression in parentheses")

    def signed(self) -> Operand:
        sign = self.next()
        match sign.text:
            case "~":
                value = self.unary()
                return Flipped(value, self.since(sign), self.deeper(value, sign))
            case "(":
                value = self.operand()
                self.needs(")", "')' or an operator")
                return value
            case "@":
                self.at -= 1
                end = self.mark("@")
                self.needs("-", "'-' and a second mark: the bytes between them, as in @end - @data")
                start = self.mark("@")
                if Mark.ANNOTATION in (start, end):
                    self.mistakes.tell(
                        VALUE, "annotations have no position", self.since(sign), "another mark"
                    )
                    return Known(None, self.since(sign))
                return Known(ir.Distance(start, end), self.since(sign))
        self.at -= 1
        return self.variable()

    def mark(self, sign: str = "") -> Mark:
        """A mark's name, behind `sign`."""
        word = self.next() if self.sees(sign) else self.unexpected(f"'{sign}' and a mark") if sign else None
        name = self.word
        mark = MARKS.get(name.text)
        if name.kind is not Kind.NAME or mark is None or (word is not None and word.end != name.start):
            near = suggest(name.text, MARKS)
            self.unexpected(f"a mark: {', '.join(MARKS)}", f"did you mean '{sign}{near}'?" if near else "")
        self.next()
        return mark

    def number(self) -> Operand:
        word = self.next()
        value, width = number_of(word.text)
        after = self.word
        if value is None or (
            after.kind in (Kind.NAME, Kind.NUMBER) and after.start == word.end and after.text != "s"
        ):
            shown = word.text if value is None else word.text + after.text
            self.mistakes.tell(
                VALUE,
                f"'{shown[:40]}' is not a number",
                self.span(word),
                "a number such as 10, 0x1f, 0b11 or 10u16",
            )
            if value is not None:
                self.next()
            return Known(None, self.span(word))
        if width is not None and not 0 < width <= self.limits.width:
            self.mistakes.tell(WIDTH, f"u{width} is no width", self.span(word), f"u1 to u{self.limits.width}")
            return Known(None, self.span(word))
        if value.bit_length() > max(self.limits.width, width or 0):
            self.mistakes.tell(
                VALUE, "this number is too large", self.span(word), f"at most {self.limits.width} bits"
            )
            return Known(None, self.span(word))
        return Number(value, width, self.span(word))

    def characters(self) -> Operand:
        word = self.word
        told = len(self.mistakes.found)
        text = self.string("a string")
        if len(self.mistakes.found) > told:
            return Known(None, self.span(word))
        most = self.limits.width // 8
        if not 0 < len(text) <= most or any(ord(c) > 255 for c in text):
            self.mistakes.tell(
                VALUE, "a string stands for its bytes, as one number", self.span(word),
                f"1 to {most} bytes; those beyond ASCII as \\xHH",
                "compare longer ones piece by piece" if len(text) > most else "",
            )  # fmt: skip
            return Known(None, self.span(word))
        return Number(int.from_bytes(text.encode("latin-1"), "big"), 8 * len(text), self.span(word))

    def named(self) -> Operand:
        word = self.word
        text, behind = word.text, self.peek()
        if text in ("true", "false"):
            self.next()
            return Number(int(text == "true"), 1, self.span(word))
        if text == "has":
            return self.presence()
        if text == "sum":
            return self.summed()
        if (width := width_of(text)) is not None and behind.text == "(":
            self.next()
            self.next()
            if not 0 < width <= self.limits.width:
                self.mistakes.tell(
                    WIDTH, f"u{width} is no width", self.span(word), f"u1 to u{self.limits.width}"
                )
                width = 1
            value = self.operand()
            self.needs(")", "')' or an operator")
            return Converted(width, value, self.since(word), self.deeper(value, word))
        if text in RESULTS:
            self.unexpected("a value", f"give it to a variable first: x = {text} ...; then use x")
        if behind.text == "[" and text not in MARKS:
            self.unexpected(
                "a value", f"look it up in a statement of its own: found, x = {text}[...]; then use x"
            )
        if text in MARKS or "." in text:
            if text in MARKS and behind.text != "[":
                self.next()
                self.unexpected(
                    "'[': which bits or bytes",
                    f"{text}[96:32] is 32 bits from bit 96, {text}[12+4] 4 bytes from byte 12",
                )
            found, span = self.field()
            return Known(found, span)
        if text in HEADERS:
            self.next()
            self.unknown(text, self.span(word))
            return Known(None, self.span(word))
        if text in self.prefixes:
            self.next()
            self.mistakes.tell(NAME, f"'{text}' is a prefix", self.span(word), f"VALUE in {text}")
            return Known(None, self.span(word))
        if text in self.parameters:
            self.next()
            return Known(self.parameters[text], self.span(word))
        return self.variable()

    def variable(self) -> Operand:
        """A variable, which must be bound on every path that comes here."""
        first = self.word
        name, shown = self.variable_name(binds=False)
        span = self.since(first)
        width = self.variables.get(name)
        if width is not None:
            return Known(ir.Var(name, width), span)
        seen = self.everywhere.get(name)
        if seen is None:
            self.unknown(shown, span)
            self.everywhere[name] = (None, span)
        elif seen[0] is not None:
            facts = (("it is set at", str(seen[1])),)
            self.mistakes.tell(
                NAME, f"'{shown}' has no value here on some paths", span, "a variable that is set on every path",
                f"give it a value before the 'if': {shown} = 0u{seen[0]}", facts,
            )  # fmt: skip
        return Known(None, span)

    def unknown(self, name: str, span: Span) -> None:
        short = name.removeprefix("%")
        known = [n.removeprefix(self.scope) for n in self.variables]
        near = suggest(short, [*known, *self.parameters, *self.prefixes, *FIELDS])
        help_ = f"did you mean '{near}'?" if near else f"set it first: {name} = ..."
        if short in HEADERS:
            fields = ", ".join(f for f in FIELDS if f.startswith(f"{short}."))
            help_ = f"its fields are {fields}"
        expected = "a variable, a parameter or a field"
        self.mistakes.tell(NAME, f"nothing is called '{name}'", span, expected, help_)

    def variable_name(self, binds: bool) -> tuple[str, str]:
        """A variable's full name, and as it is written: `name`, `%3` or `%"full name"`."""
        word = self.word
        if word.text == "%" and word.kind is Kind.SIGN:
            self.next()
            inner = self.word
            if inner.kind is Kind.STRING and not self.tenant:
                return self.string("a name"), f"%{inner.text}"
            if (
                inner.start != word.end
                or not inner.text.isalnum()
                or inner.kind not in (Kind.NAME, Kind.NUMBER)
            ):
                self.unexpected("a variable's number: %1, %2, ...")
            self.next()
            return self.scope + inner.text, f"%{inner.text}"
        what = "the name of a variable"
        if word.kind is not Kind.NAME:
            self.unexpected(what)
        if "." in word.text:
            self.no_field(word)
            raise Trouble
        if word.text in LANGUAGE or width_of(word.text) is not None:
            self.unexpected(what, f"'{word.text}' is a word of the language: use another name")
        if binds and (word.text in self.parameters or word.text in self.prefixes):
            self.mistakes.tell(
                NAME, f"'{word.text}' is a parameter and cannot change", self.span(), "another name"
            )
        if binds and self.tenant and word.text.startswith("__"):
            self.mistakes.tell(NAME, f"'{word.text}' starts with '__'", self.span(), "another name")
        self.next()
        return self.scope + word.text, word.text

    # ---- fields

    def field(self) -> tuple[ir.Field | None, Span]:
        """`ip.src`, `net[96:32]` (bits) or `net[12+4]` (bytes)."""
        word = self.next()
        if word.text not in MARKS:
            found = FIELDS.get(word.text)
            if found is None:
                self.no_field(word)
            elif found.width > self.limits.width:
                self.too_wide(found.width, self.span(word))
                found = None
            return found, self.span(word)
        mark = MARKS[word.text]
        if not self.sees("["):
            self.unexpected("'[': which bits or bytes", f"{mark.value}[96:32] or {mark.value}[12+4]")
        self.next()
        first = self.place()
        if self.takes(":"):
            bit, width = first, self.integer("how many bits", 1, 1 << 20)
        elif self.takes("+"):
            bit, width = 8 * first, 8 * self.integer("how many bytes", 1, 1 << 17)
        else:
            self.unexpected("':' and how many bits, or '+' and how many bytes")
        self.needs("]")
        span = self.since(word)
        if width > self.limits.width:
            self.too_wide(width, span)
            return None, span
        return (ir.Field(mark, bit, width), span) if self.inside(mark, bit, width, span) else (None, span)

    def too_wide(self, width: int, span: Span) -> None:
        most = self.limits.width
        help_ = f"use it in pieces of {most} bits or fewer"
        self.mistakes.tell(WIDTH, f"a field of {width} bits", span, f"at most {most} bits", help_)

    def no_field(self, word: Word) -> None:
        near = suggest(word.text, FIELDS)
        header = word.text.partition(".")[0]
        same = [f for f in FIELDS if f.startswith(f"{header}.")]
        expected = ", ".join(same) if same else SHOWN_FIELDS
        help_ = f"did you mean '{near}'?" if near else ""
        self.mistakes.tell(NAME, f"there is no field '{word.text}'", self.span(word), expected, help_)

    def place(self) -> int:
        """Bits or bytes from a mark; before it if negative."""
        return self.integer("a number", -(1 << 40), 1 << 40)

    def inside(self, mark: Mark, bit: int, width: int, span: Span) -> bool:
        """Whether a program may look at these bits; says so if not."""
        most = self.limits.offset
        if mark is Mark.END and bit >= 0:
            self.mistakes.tell(
                VALUE, "nothing lies behind the end of the packet", span, "a negative place: end[-4+4]"
            )
            return False
        if mark is Mark.ANNOTATION:
            if self.tenant and (bit < 0 or bit + width > 8 * headers.ANNOTATION_BYTES):
                self.mistakes.tell(
                    VALUE,
                    "no annotation has this place",
                    span,
                    f"bytes 0 to {headers.CLICK_ANNOTATION_BYTES - 1}",
                )
                return False
            if (
                self.tenant
                and ir.Field(mark, bit, width) not in OPEN
                and bit + width > 8 * headers.CLICK_ANNOTATION_BYTES
            ):
                last = headers.CLICK_ANNOTATION_BYTES - 1
                self.mistakes.tell(
                    RESERVED, "these annotation bytes belong to the platform", span,
                    f"bytes 0 to {last}, or a field such as anno.time_s",
                )  # fmt: skip
                return False
            return True
        if not -8 * most <= bit <= 8 * most:
            self.mistakes.tell(
                LIMIT, "a field so far from its mark", span, f"at most {most} bytes before or behind it"
            )
            return False
        return True

    def extent(self) -> tuple[Word, Mark]:
        mark = self.word
        if mark.text not in MARKS or mark.kind is not Kind.NAME:
            self.unexpected(f"a mark and its bytes, as in net[0+20]; marks are {', '.join(MARKS)}")
        self.next()
        self.needs("[", f"'[': which bytes, as in {mark.text}[0+20]")
        return mark, MARKS[mark.text]

    def presence(self) -> Operand:
        """`has @mark` or `has mark[offset+length]`."""
        word = self.needs("has")
        if self.sees("@"):
            mark = self.mark("@")
            return Known(ir.Marked(mark), self.since(word))
        _, mark = self.extent()
        offset = self.place()
        self.needs("+", "'+' and how many bytes")
        length = self.integer("how many bytes", 0, 1 << 20)
        self.needs("]")
        span = self.since(word)
        fits = -self.limits.offset <= offset and offset + length <= 2 * self.limits.offset
        if mark is Mark.ANNOTATION and self.tenant:
            self.mistakes.tell(VALUE, "annotations are always there", span)
            return Known(None, span)
        if not fits:
            most = self.limits.offset
            self.mistakes.tell(
                LIMIT, "bytes so far from their mark", span, f"at most {most} bytes before or behind it"
            )
            return Known(None, span)
        return Known(ir.Present(mark, offset, length), span)

    def summed(self) -> Operand:
        """`sum mark[offset+length]`, the length an operand."""
        word = self.needs("sum")
        _, mark = self.extent()
        offset = self.place()
        self.needs("+", "'+' and how many bytes")
        length = self.operand()
        self.needs("]", "']' or an operator")
        span = self.since(word)
        if mark is Mark.ANNOTATION and self.tenant:
            self.mistakes.tell(RESERVED, "annotations have no checksum", span, "another mark")
            return Known(None, span)
        if not -self.limits.offset <= offset <= self.limits.offset:
            most = self.limits.offset
            self.mistakes.tell(
                LIMIT, "bytes so far from their mark", span, f"at most {most} bytes before or behind it"
            )
            return Known(None, span)
        return Summed(mark, offset, length, span, self.deeper(length, word))


def width_of(word: str) -> int | None:
    """The bits that a type such as `u16` says."""
    digits = word[1:]
    if word[:1] != "u" or not (digits.isascii() and digits.isdigit()) or len(digits) > 6:
        return None
    return int(digits)


def dotted(address: int) -> str:
    return ".".join(str(byte) for byte in address.to_bytes(4, "big"))


def listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "there is none"
