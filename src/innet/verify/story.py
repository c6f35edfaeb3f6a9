"""Traces for people: what a symbolic packet went through, hop by hop, as the paper's Figure 2b."""

from collections.abc import Callable, Sequence

from innet.explore.flow import STORY, Hop, look
from innet.messages import Step
from innet.network import format_address
from innet.symbolic import ranges as rs
from innet.symbolic.ranges import Ranges
from innet.symbolic.state import State, possible, resolve
from innet.symbolic.store import Store
from innet.symbolic.terms import K, Lin, Term

PROTOCOLS = {1: "icmp", 4: "ipip", 6: "tcp", 17: "udp", 47: "gre"}
MAX_RANGES = 3
NAMES = tuple(name for name, *_ in STORY)


def steps(
    hop: Hop, store: Store, last: State | None = None, told: Callable[[str], bool] = lambda place: True
) -> tuple[Step, ...]:
    """The hops of a path at `told` places, each with the fields as the packet leaves it; what changed is named."""
    story = hop.story()
    views = [h.fields for h in story[1:]] + [look(last) if last is not None else story[-1].fields]
    out: list[Step] = []
    known: dict[tuple[str, int], str] = {}  # by field and term: most of them stay as they are

    def shown_as(name: str, term: Term) -> str:
        text = known.get((name, id(term)))
        if text is None:
            text = known[name, id(term)] = describe(name, term, store)
        return text

    before: Sequence[Term | None] = story[0].fields
    for h, after in zip(story, views, strict=True):
        if told(h.place):
            shown = [
                (name, shown_as(name, term))
                for name, term in zip(NAMES, after, strict=True)
                if term is not None
            ]
            changed = [
                name
                for name, old, new in zip(NAMES, before, after, strict=True)
                if old is not new and old is not None and new is not None and old != new
            ]
            out.append(Step(h.place, tuple(shown), tuple(changed)))
        before = [old if new is None else new for old, new in zip(before, after, strict=True)]
    return tuple(out)


def describe(name: str, term: Term, store: Store) -> str:
    """A value as people write it: a number, an address, or the name of what is unknown, with its range."""
    known = resolve(term, store)
    if isinstance(known, K):
        return number(name, known.value)
    domain = possible(term, store)
    text = _plain(known)
    if rs.size(domain) < 1 << term.width:
        return f"{text} in {span(name, domain)}"
    return text


def _plain(term: Term) -> str:
    """A term as people write it: what is subtracted is not shown as a large sum."""
    match term:
        case Lin(linear=(const, ((atom, 1),))):
            by = const if const < 1 << term.width - 1 else const - (1 << term.width)
            return f"{atom} {'-' if by < 0 else '+'} {abs(by)}"
    return str(term)


def number(name: str, value: int) -> str:
    if name in ("ip src", "ip dst"):
        return format_address(value)
    return PROTOCOLS.get(value, str(value)) if name == "proto" else str(value)


def span(name: str, domain: Ranges) -> str:
    """A set of numbers, cut short if it has many parts."""
    parts = [
        number(name, low) if low == high else f"{number(name, low)}-{number(name, high)}"
        for low, high in domain[:MAX_RANGES]
    ]
    return ", ".join(parts) + (", …" if len(domain) > MAX_RANGES else "")
