"""Declarations in program text: the tables and counters that an element keeps."""

from collections.abc import Sequence

from innet.diagnostics import Source, Span
from innet.ir import nodes as ir
from innet.ir.cursor import DECLARED, LIMIT, RESERVED, VALUE, WIDTH, Limits
from innet.ir.dump import is_name
from innet.ir.operands import Operands, width_of
from innet.ir.words import Kind, Word

ENTRY_BYTES = 48
"""What an entry of a table takes beside its key and values."""
TYPES = {"bool": 1, "proto": 8, "port": 16, "ip": 32, "seconds": 32, "ether": 48}
"""Words for widths, beside `u1`, `u2`, ..."""


class Declarations(Operands):
    """Reads what is declared."""

    def __init__(self, source: Source, start: int, end: int, limits: Limits) -> None:
        super().__init__(source, start, end, limits)
        self.tables: dict[str, ir.Table] = {}
        self.idle: dict[str, int] = {}
        self.counters: dict[str, ir.Counter] = {}
        self.declared: dict[str, Span] = {}
        self.memory = 0

    def blank(self) -> None:
        """Skip line ends."""
        while self.word.kind is Kind.NEWLINE:
            self.next()

    def declaration(self) -> bool:
        """A declaration, if one stands here."""
        if self.sees("table"):
            self.table()
        elif self.sees("counter"):
            self.counter()
        else:
            return False
        return True

    def new_name(self, what: str) -> tuple[str, Word]:
        """A name for what is declared."""
        word = self.word
        if word.kind is not Kind.NAME or not is_name(word.text):
            help_ = (
                f"'{word.text}' is a word of the language: use another name" if word.kind is Kind.NAME else ""
            )
            self.unexpected(f"the name of the {what}", help_)
        self.next()
        before = self.declared.get(word.text)
        if before is not None:
            self.mistakes.tell(
                DECLARED, f"'{word.text}' is declared twice", self.span(word), "another name", "",
                (("previously declared here", str(before)),),
            )  # fmt: skip
        self.declared[word.text] = self.span(word)
        return word.text, word

    def type(self, most: int | None = None) -> int:
        """A width: `u16`, or a word for one."""
        word = self.word
        width = TYPES.get(word.text) if word.text in TYPES else width_of(word.text)
        if word.kind is not Kind.NAME or width is None:
            self.unexpected(f"a type: u1 to u{self.limits.width}, {', '.join(TYPES)}")
        self.next()
        most = most or self.limits.width
        if not 0 < width <= most:
            self.mistakes.tell(WIDTH, f"{word.text} is no width", self.span(word), f"u1 to u{most}")
            return 1
        return width

    def columns(self, least: int) -> tuple[int, ...]:
        """`[u32, u16]`."""
        first = self.needs("[", "'[' and the columns' types, as in [ip, u16]")
        found: list[int] = []
        while not self.sees("]"):
            found.append(self.type())
            if not self.sees("]"):
                self.needs(",", "',' or ']'")
        self.next()
        if not least <= len(found) <= self.limits.columns:
            code, span = (LIMIT if found else DECLARED), self.since(first)
            self.mistakes.tell(code, f"{len(found)} columns", span, f"{least} to {self.limits.columns}")
        return tuple(found[: self.limits.columns])

    def seconds(self, what: str) -> int:
        """`60s`."""
        number = self.integer(what, 0, (1 << 32) - 1)
        self.takes("s")
        return number

    def table(self) -> None:
        first = self.needs("table")
        alias, word = self.new_name("table")
        name, owner = alias, ""
        if self.word.kind is Kind.STRING and not self.tenant:
            name = self.string("its name")
        if self.sees("of") and not self.tenant:
            self.next()
            owner = self.string("whose it is")
        kind = ir.TableKind.EXACT
        if self.takes("paired"):
            kind = ir.TableKind.PAIRED
        elif self.sees("prefix"):
            if self.tenant:
                self.unexpected(
                    "'paired' or the key's columns", "use LookupIPRoute or IPClassifier for prefixes"
                )
            self.next()
            kind = ir.TableKind.PREFIX
        key = self.columns(1)
        values: tuple[int, ...] = ()
        if self.takes("->"):
            values = self.columns(0)
        capacity = guarantee = idle = None
        while self.sees("capacity", "guarantee", "idle"):
            option = self.next()
            if option.text == "capacity":
                capacity = self.integer("how many entries", 1, 1 << 40)
            elif option.text == "guarantee":
                guarantee = self.seconds("seconds")
            else:
                idle = self.seconds("seconds")
        if capacity is None:
            shown = self.source.text[word.start : word.end]
            self.mistakes.tell(
                DECLARED, f"nothing says how large table '{shown}' may get", self.since(first), "capacity N",
                f"add 'capacity 1024'{'' if idle is not None else ' idle 60s'}",
            )  # fmt: skip
            capacity = 1
        entries = self.entries(key, values) if kind is ir.TableKind.PREFIX and self.sees("{") else ()
        self.tables[alias] = ir.Table(name, key, values, capacity, kind, entries, owner, guarantee)
        if idle is not None:
            self.idle[alias] = idle
        rows = capacity * (2 if kind is ir.TableKind.PAIRED else 1)
        before = self.memory
        self.memory += rows * (ENTRY_BYTES + sum(-(-width // 8) for width in key + values))
        if len(self.tables) > self.limits.tables:
            self.too_large("tables of one element", self.since(first), self.limits.tables)
        if before <= self.limits.memory < self.memory:
            self.mistakes.tell(
                LIMIT, f"the tables may take {self.memory >> 20} MiB", self.since(first),
                f"at most {self.limits.memory >> 20} MiB: {ENTRY_BYTES} bytes an entry beside key and values",
                "a smaller capacity",
            )  # fmt: skip

    def entries(
        self, key: Sequence[int], values: Sequence[int]
    ) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
        """What a prefix table holds: `{ PREFIX/LENGTH [VALUE, ...] ... }`."""
        self.needs("{")
        found: list[tuple[int, int, tuple[int, ...]]] = []
        self.blank()
        while not self.sees("}"):
            prefix = self.integer("a prefix", 0, 1 << sum(key))
            self.needs("/")
            length = self.integer("the length of a prefix", 0, sum(key))
            self.needs("[")
            row: list[int] = []
            while not self.sees("]"):
                row.append(self.integer("a value", 0, 1 << 128))
                self.takes(",")
            self.next()
            found.append((prefix, length, tuple(row)))
            self.blank()
        self.next()
        return tuple(found)

    def counter(self) -> None:
        first = self.needs("counter")
        alias, _ = self.new_name("counter")
        name = self.string("its name") if self.word.kind is Kind.STRING and not self.tenant else alias
        width = self.type()
        shared, start, wrap = False, 0, None
        while self.sees("shared", "from", "wrap"):
            option = self.next()
            if option.text == "shared":
                shared = True
                if self.tenant:
                    self.mistakes.tell(
                        RESERVED, "a counter belongs to one element", self.span(option), "'from', 'wrap' or the end",
                        "leave 'shared' out",
                    )  # fmt: skip
            elif option.text == "from":
                start = self.integer("where it starts", 0, (1 << width) - 1)
            else:
                wrap = self.integer("where it starts anew", 1, 1 << width)
        if wrap is not None and start >= wrap:
            self.mistakes.tell(VALUE, f"it starts at {start}, which is not below {wrap}", self.since(first))
            start = 0
        self.counters[alias] = ir.Counter(name, width, start, shared, wrap)
        if len(self.counters) > self.limits.counters:
            self.too_large("counters of one element", self.since(first), self.limits.counters)
