"""Click texts for what a router does beside routing: access lists, and devices of which nothing is known."""

from collections.abc import Iterable, Sequence

from innet.network.importers.device import Rule

INSIDE, OUTSIDE = "inside", "outside"
"""The interfaces of a filter in the wire: the router's side, and the other."""
FRAMES = "Classifier(12/0806, 12/0800)"
"""ARP by output 0, IPv4 by output 1. Other frames are not followed, and do not pass."""


def filter_text(title: str, inward: Sequence[Rule] | None, outward: Sequence[Rule] | None) -> str:
    """A filter in the wire to a router: `inward` towards it, `outward` away from it; None passes all."""
    out = [f"// {title}", f"to_in :: ToDevice({INSIDE});", f"to_out :: ToDevice({OUTSIDE});"]
    for name, device, target, rules in (
        ("inward", OUTSIDE, "to_in", inward),
        ("outward", INSIDE, "to_out", outward),
    ):
        if rules is None:
            out.append(f"FromDevice({device}) -> {target};")
            continue
        out += [
            f"FromDevice({device}) -> {name} :: {FRAMES};",
            f"{name} [0] -> {target};",
            f"{name} [1] -> {name}_rules :: {ip_filter(rules)};",
            f"{name}_rules [0] -> {target};",
        ]
        doubt = doubtful(rules)
        if doubt:
            out.append(f"{name}_rules [1] -> {perhaps(doubt)} -> {target};")
    return "\n".join(out) + "\n"


def ip_filter(rules: Iterable[Rule]) -> str:
    """IPFilter with these rules: what they permit leaves by output 0, what is uncertain by output 1; the rest is
    dropped."""
    rows = []
    for rule in rules:
        action = "1" if rule.permit is None else "allow" if rule.permit else "deny"
        rows.append(f"{action} {rule.pattern or 'all'}")
        if rule.permit is None and not rule.pattern:
            break
    if not rows:
        rows.append("deny all")
    return "IPFilter(\n  " + ",\n  ".join(rows) + ")"


def doubtful(rules: Iterable[Rule]) -> str:
    """Where the first rule is that is not understood; empty if all are."""
    return next((str(rule.span) for rule in rules if rule.permit is None), "")


def perhaps(place: str) -> str:
    """The element that may let packets pass, or not."""
    return f'Perhaps("{quoted(place)}")'


def quoted(text: str) -> str:
    """`text` for a Click string or comment: what is not plain is left out."""
    return "".join(c for c in text if c.isascii() and c.isprintable() and c not in '"\\')[:200]


def opaque_text(title: str, names: Sequence[str]) -> str:
    """A device that may send anything by any of its interfaces."""
    out = [
        f"// {title}",
        f'unknown :: Opaque("{quoted(title)}");',
        f"any :: Tee({len(names)});",
        "unknown -> any;",
    ]
    for n, name in enumerate(names):
        out += [f"FromDevice({name}) -> unknown;", f"any [{n}] -> ToDevice({name});"]
    return "\n".join(out) + "\n"


def wiring_text(title: str, wires: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Frames from each interface go, unchanged, to those that hear it."""
    out = [f"// {title}"]
    names = dict.fromkeys([name for name, _ in wires] + [one for _, heard in wires for one in heard])
    number = {name: n for n, name in enumerate(names)}
    out += [f"Idle -> to{n} :: ToDevice({name});" for name, n in number.items()]
    hears = dict(wires)
    for name, n in number.items():
        heard = hears.get(name, ())
        if not heard:
            out.append(f"FromDevice({name}) -> Discard;")
        elif len(heard) == 1:
            out.append(f"FromDevice({name}) -> to{number[heard[0]]};")
        else:
            out.append(f"FromDevice({name}) -> all{n} :: Tee({len(heard)});")
            out += [f"all{n} [{k}] -> to{number[one]};" for k, one in enumerate(heard)]
    return "\n".join(out) + "\n"
