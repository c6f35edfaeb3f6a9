"""What `const` may name: header fields in tcpdump's words, raw bytes (`ip[8]`, `tcp[4:4]`), and `payload`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from innet import ir
from innet.diagnostics import Span, suggest
from innet.flowspec.names import FLOW_CONSTANTS, FLOW_PROTOCOLS, number
from innet.flowspec.predicate import DPORT, FRAGMENT_OFFSET, IP_DST, IP_SRC, SPORT, named
from innet.flowspec.text import Findings, quoted
from innet.ir import Mark
from innet.records import quick


@quick
@dataclass(frozen=True, slots=True)
class ConstField:
    """Something that must not change on a hop: the bits of `fields`; none means the payload.

    The payload is everything behind the transport header, up to where the IP header's length says that the packet ends
    (or where it does, if that is earlier), and its length: behind the bytes that `PAYLOAD_STARTS` says, and all behind
    the IP header for other protocols and for later fragments.
    """

    name: str
    fields: tuple[ir.Field, ...]
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def is_payload(self) -> bool:
        return not self.fields


PAYLOAD_STARTS: Mapping[int, int] = {1: 8, 6: 20, 17: 8, 132: 12}
"""Bytes of the transport header by protocol; TCP's options count as payload."""

FIELDS: Mapping[str, tuple[ir.Field, ...]] = {
    "proto": (named("ip.proto"),),
    "src host": (IP_SRC,),
    "dst host": (IP_DST,),
    "host": (IP_SRC, IP_DST),
    "src port": (SPORT,),
    "dst port": (DPORT,),
    "port": (SPORT, DPORT),
    "ip vers": (named("ip.vers"),),
    "ip hl": (named("ip.hl"),),
    "tos": (named("ip.tos"),),
    "ttl": (named("ip.ttl"),),
    "id": (named("ip.id"),),
    "len": (named("ip.len"),),
    "ip off": (FRAGMENT_OFFSET,),
    "ip sum": (named("ip.sum"),),
    "tcp flags": (named("tcp.flags"),),
    "tcp seq": (named("tcp.seq"),),
    "tcp ack": (named("tcp.ack"),),
    "tcp win": (named("tcp.win"),),
    "udp len": (named("udp.len"),),
    "icmp type": (named("icmp.type"),),
    "icmp code": (named("icmp.code"),),
    "icmp id": (named("icmp.id"),),
    "icmp seq": (named("icmp.seq"),),
    "payload": (),
}
ALIASES: Mapping[str, str] = {
    "src": "src host",
    "dst": "dst host",
    **{f"ip {name}": name for name in ("proto", "tos", "ttl", "id", "len", "host", "src host", "dst host")},
    "ip src": "src host",
    "ip dst": "dst host",
    **{f"{p} {name}": name for p in ("tcp", "udp", "sctp") for name in ("src port", "dst port", "port")},
}
_BYTES = re.compile(r"([a-z]+) ?\[ ?([\w-]+) ?(?:: ?([124]) ?)?\]", re.ASCII)
MAX_BYTE = 65535


def read_field(words: str, span: Span, code: str, findings: Findings) -> ConstField | None:
    """The field that `words` (separated by single spaces) name; None, and a note under `code`, if there is none."""
    name = ALIASES.get(words, words)
    if name in FIELDS:
        return ConstField(name, FIELDS[name], span)
    raw = _BYTES.fullmatch(words)
    if raw is not None and (raw[1] == "ip" or raw[1] in FLOW_PROTOCOLS):
        place = FLOW_CONSTANTS.get(raw[2], number(raw[2]))
        size = int(raw[3] or 1)
        if place is not None and place <= MAX_BYTE:
            mark = Mark.NET if raw[1] == "ip" else Mark.TRANSPORT
            text = f"{raw[1]}[{place}]" if size == 1 else f"{raw[1]}[{place}:{size}]"
            return ConstField(text, (ir.Field(mark, 8 * place, 8 * size),), span)
    near = suggest(words, [*FIELDS, *ALIASES]) if len(words) < 40 else ""
    findings.error(
        code,
        f"{quoted(words)} is not a field" if words else "a field is missing",
        span,
        "proto, src host, dst host, src port, dst port, tos, ttl, id, len, tcp flags, icmp type, ip[8], payload, ...",
        f"did you mean '{near}'?"
        if near
        else "separate fields with '&&'"
        if " " in words or "," in words
        else "",
    )
    return None
