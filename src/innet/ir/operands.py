"""Expressions of program text: how they are read, and how each part gets its width.

Every number has a width. A field, a variable, a table's column have one; a number without a suffix takes that of what
it stands beside. Reading makes an `Operand`, a tree that remembers where it was written; `Typing` makes `ir.Expr` of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from innet.diagnostics import Diagnostic, Source, Span, suggest
from innet.ir import nodes as ir
from innet.ir.dump import LANGUAGE
from innet.ir.nodes import Mark, Op
from innet.ir.trace import MARK_OF
from innet.ir.words import Kind, Word, unescape, words
from innet.packet import headers

SYNTAX, NAME, WIDTH, VERDICT, LIMIT, DECLARED, RESERVED, VALUE = (
    "T101", "T102", "T103", "T104", "T105", "T106", "T107", "T108",
)  # fmt: skip

MARKS = {mark.value: mark for mark in Mark}
FIELDS = {f.name: ir.Field(MARK_OF[f.header], f.bit, f.width) for f in headers.ALL}
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
            {"*": Op.MUL},
        )
    )
    for word, op in row.items()
}
"""Operators with how tightly they bind, the loosest first."""

COMPARES = 2
SHOWN_FIELDS = "a field such as ip.src or net[96:32]"


class Trouble(Exception):  # noqa: N818 - never leaves this package: the current statement cannot be read further
    """The statement cannot be read further; what is wrong was told."""


class Enough(Exception):  # noqa: N818 - never leaves this package: there is no use in going on
    """The text cannot be read further; what is wrong was told."""


@dataclass(frozen=True)
class Limits:
    """How large program text may be. Exceeding a limit is an error, never a crash or a long wait."""

    characters: int = 65_536
    """Of one program or element program."""
    statements: int = 2_000
    nesting: int = 24
    """Blocks inside each other."""
    depth: int = 32
    """Operators and parentheses inside each other."""
    terms: int = 20_000
    """Operands of all expressions."""
    width: int = 64
    """Bits of a number."""
    offset: int = 4_096
    """Bytes between a mark and a field."""
    columns: int = 8
    """Of a table's key, and of its values."""
    tables: int = 8
    counters: int = 16
    memory: int = 16 << 20
    """Bytes that all tables may take when they are full."""
    inputs: int = 16
    outputs: int = 64
    parameters: int = 32
    copies: int = 64
    """Statements that copy a packet."""
    errors: int = 50
    """Mistakes told."""


GENEROUS = Limits(
    1 << 30, 200_000, 120, 120, 1 << 24, 4096, 1 << 29, 1 << 10, 1 << 16, 1 << 16, 1 << 60, 1 << 16, 1 << 16, 0, 1 << 20
)  # fmt: skip
"""For programs that were traced: what `dump` printed can be read."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written; `width` is None if nothing says it."""

    value: int
    width: int | None
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What has its width; `expr` is None after a mistake that was told."""

    expr: ir.Expr | None
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator between two operands."""

    op: Op
    left: "Operand"
    right: "Operand"
    sign: Span
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Flipped:
    """`~value`, and `not value`, which is one bit."""

    value: "Operand"
    span: Span
    depth: int
    logical: bool = False


@dataclass(frozen=True, slots=True)
class Converted:
    """`u16(value)`."""

    width: int
    value: "Operand"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Summed:
    """`sum mark[offset+length]`."""

    mark: Mark
    offset: int
    length: "Operand"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Member:
    """`value in prefix`."""

    value: "Operand"
    address: ir.Expr
    mask: ir.Expr
    span: Span
    depth: int


Operand: TypeAlias = Number | Known | Applied | Flipped | Converted | Summed | Member
Prefixed: TypeAlias = Mapping[str, tuple[ir.Expr, ir.Expr]]


@dataclass
class Mistakes:
    """What is wrong with a text, in the order it was found."""

    limits: Limits
    found: list[Diagnostic] = field(default_factory=list)

    def tell(
        self,
        code: str,
        message: str,
        span: Span,
        expected: str = "",
        help: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.found.append(Diagnostic(code, message, span, expected, help, facts))
        if len(self.found) >= self.limits.errors:
            rest = f"{len(self.found)} mistakes: the rest of the text was not looked at"
            self.found.append(Diagnostic("T100", rest, span))
            raise Enough


class Cursor:
    """A place in the words of a text, and the mistakes found on the way."""

    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        self.source, self.limits = source, limits
        self.mistakes = Mistakes(limits)
        self.words: list[Word] = []
        self.at = 0
        if end - start > limits.characters:
            message = f"a program of {end - start} characters"
            self.mistakes.found.append(
                Diagnostic(LIMIT, message, Span(source, start, start + 1), f"at most {limits.characters}")
            )
            end = start
        self.words = words(source.text, start, end)

    # ---- words

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def peek(self, more: int = 1) -> Word:
        return self.words[min(self.at + more, len(self.words) - 1)]

    def next(self) -> Word:
        """The current word; go on to the one behind it."""
        word = self.words[self.at]
        if word.kind is not Kind.END:
            self.at += 1
        return word

    def sees(self, *texts: str) -> bool:
        """Whether the current word is one of `texts`, names or signs."""
        word = self.words[self.at]
        return word.text in texts and word.kind in (Kind.NAME, Kind.SIGN)

    def takes(self, *texts: str) -> Word | None:
        """The current word if it is one of `texts`; then go on."""
        return self.next() if self.sees(*texts) else None

    def needs(self, text: str, expected: str = "", help: str = "") -> Word:
        word = self.takes(text)
        if word is None:
            self.unexpected(expected or f"'{text}'", help)
        return word

    def span(self, first: Word | int | None = None, last: Word | int | None = None) -> Span:
        """From the start of `first` to the end of `last`; by default the current word, which may be a line's end."""
        if first is None:
            first = self.word
        start = first if isinstance(first, int) else first.start
        end = last if isinstance(last, int) else last.end if last is not None else None
        if end is None:
            end = first.end if isinstance(first, Word) else self.words[max(self.at - 1, 0)].end
        return Span(self.source, start, max(end, start))

    def since(self, first: Word) -> Span:
        """From the start of `first` to the end of what was read last."""
        return Span(self.source, first.start, max(self.words[max(self.at - 1, 0)].end, first.start))

    # ---- mistakes

    def unexpected(self, expected: str, help: str = "") -> NoReturn:
        """The current word does not belong here."""
        word = self.word
        if word.kind is Kind.WRONG and word.text == '"':
            self.mistakes.tell(
                SYNTAX, "this string is not closed", self.span(), "'\"' on the same line",
                r'quotes and backslashes inside are written \" and \\',
            )  # fmt: skip
        elif word.kind in (Kind.END, Kind.NEWLINE) and word.text != ";":
            self.mistakes.tell(SYNTAX, f"{word.kind.value} comes too early", self.span(), expected, help)
        else:
            shown = word.text if len(word.text) <= 40 else word.text[:37] + "..."
            if word.text == "$":
                help = (
                    "values come from outside by the arguments of the element: name a parameter in its head"
                )
            self.mistakes.tell(SYNTAX, f"'{shown}' does not belong here", self.span(), expected, help)
        raise Trouble

    def too_large(self, message: str, span: Span, most: int | str) -> NoReturn:
        """A limit is exceeded; nothing behind it is looked at."""
        self.mistakes.tell(LIMIT, message, span, f"at most {most}")
        raise Enough

    # ---- small things

    def integer(self, what: str, low: int = 0, high: int = (1 << 63)) -> int:
        """A plain number, with its sign if `low` is negative."""
        first = self.word
        negative = low < 0 and self.takes("-") is not None
        if self.word.kind is not Kind.NUMBER:
            self.unexpected(what)
        word = self.next()
        value, width = number_of(word.text)
        if width is not None or value is None:
            self.mistakes.tell(VALUE, f"'{word.text}' is not {what}", self.span(word), what)
            return max(low, 0)
        value = -value if negative else value
        if not low <= value <= high:
            self.mistakes.tell(
                VALUE, f"{value} is out of range", self.since(first), f"{what}, {low} to {high}"
            )
            return max(low, 0)
        return value

    def string(self, what: str) -> str:
        if self.word.kind is not Kind.STRING:
            self.unexpected(what)
        word = self.next()
        value = unescape(word.text)
        if value is None:
            self.mistakes.tell(
                VALUE, "an unknown escape in a string", self.span(word), r"\\, \", \n, \r, \t, \0 or \xHH"
            )
            return ""
        return value


def number_of(text: str) -> tuple[int | None, int | None]:
    """Value and width of a NUMBER; the value is None if it is none, as in `0x`."""
    digits, _, suffix = text.partition("u")
    width = int(suffix) if suffix and len(suffix) < 6 else 1 << 20 if suffix else None
    lower = digits.lower().replace("_", "")
    base = 16 if lower.startswith("0x") else 2 if lower.startswith("0b") else 10
    if base == 10:
        if len(lower) > 1300:
            return None, width
        return int(lower), width
    return (int(lower[2:], base), width) if lower[2:] else (None, width)


class Operands(Cursor):
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
        self.unexpected("a value: a number, a field, a variable, or an expression in parentheses")

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
        text = self.string("a string")
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
        if text in MARKS or "." in text:
            if text in MARKS and behind.text != "[":
                self.next()
                self.unexpected(
                    "'[': which bits or bytes",
                    f"{text}[96:32] is 32 bits from bit 96, {text}[12+4] 4 bytes from byte 12",
                )
            found, span = self.field()
            return Known(found, span)
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
        if binds and word.text.startswith("__"):
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
            most = self.limits.width
            self.mistakes.tell(
                WIDTH,
                f"a field of {width} bits",
                span,
                f"at most {most} bits",
                f"read it in pieces of {most} bits or fewer",
            )
            return None, span
        return (ir.Field(mark, bit, width), span) if self.inside(mark, bit, width, span) else (None, span)

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
            named = any(f == ir.Field(mark, bit, width) for f in FIELDS.values())
            if bit < 0 or bit + width > 8 * headers.ANNOTATION_BYTES:
                self.mistakes.tell(
                    VALUE,
                    "no annotation has this place",
                    span,
                    f"bytes 0 to {headers.CLICK_ANNOTATION_BYTES - 1}",
                )
                return False
            if self.tenant and not named and bit + width > 8 * headers.CLICK_ANNOTATION_BYTES:
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

    # ---- widths

    def value(self, operand: Operand, width: int | None, told: str = "") -> ir.Expr | None:
        """`operand` as an expression of `width` bits (None: of its own); None after a mistake, which was told."""
        found = self.typed(operand, width)
        if found is not None and width is not None and found.width != width:
            self.mismatch(operand, found.width, width, told)
            return None
        return found

    def mismatch(self, operand: Operand, has: int, needs: int, told: str) -> None:
        text = self.source.text[operand.span.start : operand.span.end]
        short = " ".join(text.split())
        what = f"{told} has" if told else "here stands"
        help_ = (
            ""
            if len(short) > 60
            else f"u{needs}({short.removeprefix('(').removesuffix(')') if _wrapped(short) else short})"
        )
        if needs == 1:
            help_ = f"compare it: {short} != 0" if len(short) <= 60 else "compare it"
            self.mistakes.tell(
                WIDTH, f"a condition is one bit, this has {has}", operand.span, "a comparison", help_
            )
            return
        why = (
            f"this has {has} bits, but {what} {needs}"
            if told
            else f"this has {has} bits where {needs} are needed"
        )
        self.mistakes.tell(WIDTH, why, operand.span, f"a value of u{needs}", help_)

    def natural(self, operand: Operand) -> int | None:
        """The width that `operand` has by itself; None if it takes that of what it stands beside."""
        while True:
            match operand:
                case Number(_, width):
                    return width
                case Known(expr):
                    return None if expr is None else expr.width
                case Converted(width):
                    return width
                case Member():
                    return 1
                case Summed():
                    return 16
                case Flipped(value, _, _, logical):
                    if logical:
                        return 1
                    operand = value
                case Applied(op, left, right):
                    if op.is_predicate:
                        return 1
                    width = self.natural(left)
                    if width is not None or op in (Op.SHL, Op.SHR):
                        return width
                    operand = right

    def typed(self, operand: Operand, want: int | None) -> ir.Expr | None:
        match operand:
            case Number(value, width, span):
                return self.constant(value, width if width is not None else want, span)
            case Known(expr):
                return expr
            case Applied():
                return self.binary(operand, want)
            case Flipped(value, _, _, logical):
                inner = self.value(value, 1 if logical else want)
                return None if inner is None else ir.Not(inner)
            case Converted(width, value):
                own = self.natural(value)
                if own is None and isinstance(value, Number):
                    return self.constant(value.value, width, value.span)
                inner = self.typed(value, own)
                return None if inner is None else ir.Cast(inner, width)
            case Summed(mark, offset, length):
                inner = self.value(length, 16, "the length")
                return None if inner is None else ir.Sum(mark, offset, inner)
            case Member(value, address, mask):
                inner = self.value(value, 32, "an address")
                return None if inner is None else ir.Binary(Op.EQ, ir.Binary(Op.AND, inner, mask), address)

    def constant(self, value: int, width: int | None, span: Span) -> ir.Expr | None:
        if width is None:
            self.mistakes.tell(
                WIDTH, "nothing says how wide this number is", span, "a suffix, or a value beside it that has a width",
                f"{value}u16, if it has 16 bits",
            )  # fmt: skip
            return None
        if value >> width:
            self.mistakes.tell(
                WIDTH, f"{value} does not fit into {width} bits", span, f"0 to {(1 << width) - 1}"
            )
            return None
        return ir.Const(value, width)

    def binary(self, operand: Applied, want: int | None) -> ir.Expr | None:
        op, left, right = operand.op, operand.left, operand.right
        own = self.natural(left)
        if op in (Op.SHL, Op.SHR):
            a = self.typed(left, own or want)
            if not isinstance(right, Number):
                self.mistakes.tell(VALUE, "shifts are by a number that is known", right.span, "a number")
                return None
            if a is None:
                return None
            b = self.constant(right.value, a.width, right.span)
            if b is not None and right.width not in (None, a.width):
                self.mismatch(right, right.width or 0, a.width, "")
                return None
            if self.tenant and right.value >= a.width:
                self.mistakes.tell(
                    VALUE, f"this shifts all {a.width} bits out", right.span, f"0 to {a.width - 1}"
                )
            return None if b is None else ir.Binary(op, a, b)
        own = own or self.natural(right)
        if op is Op.ONES:
            own = 16
        width = own if own is not None or op.is_predicate else want
        if width is None and (broken(left) or broken(right)):
            return None
        a, b = self.typed(left, width), self.typed(right, width)
        if a is None or b is None:
            return None
        if a.width != b.width:
            narrow = left if a.width < b.width else right
            short = " ".join(self.source.text[narrow.span.start : narrow.span.end].split())
            self.mistakes.tell(
                WIDTH, f"'{self.text(operand.sign)}' stands between {a.width} and {b.width} bits", operand.span,
                "two values of one width",
                f"u{max(a.width, b.width)}({short})" if len(short) <= 60 else "",
            )  # fmt: skip
            return None
        if op is Op.ONES and a.width != 16:
            self.mistakes.tell(WIDTH, "one's complement sums have 16 bits", operand.span, "two values of u16")
            return None
        return ir.Binary(op, a, b)

    def text(self, span: Span) -> str:
        return self.source.text[span.start : span.end]


def broken(operand: Operand) -> bool:
    """Whether a mistake in `operand` was told."""
    match operand:
        case Known(expr):
            return expr is None
        case Applied(_, left, right):
            return broken(left) or broken(right)
        case Flipped(value) | Converted(_, value) | Summed(_, _, value) | Member(value):
            return broken(value)
    return False


def _wrapped(text: str) -> bool:
    """Whether one pair of parentheses encloses all of `text`."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for at, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return at == len(text) - 1
    return False


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
