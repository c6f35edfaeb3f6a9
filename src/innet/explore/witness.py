"""Concrete packets for symbolic paths: every yes, and every violation, is shown by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from innet.ir.interpret import fold, ones_sum
from innet.packet.headers import PROTO_ICMP, PROTO_TCP, PROTO_UDP
from innet.symbolic.evaluation import Unbound, evaluate_linear
from innet.symbolic.solve import satisfied, solve
from innet.symbolic.state import Injected, concrete
from innet.symbolic.store import Store
from innet.symbolic.terms import Blob, Sym
from innet.symbolic.work import BudgetExceeded

PREFERRED: Mapping[str, tuple[int, ...]] = {
    "ip.hl": (5,),
    "ip.tos": (0,),
    "ip.id": (1,),
    "ip.flags": (0, 1),
    "ip.fragment": (0,),
    "ip.ttl": (64, 128, 255),
    "ip.proto": (PROTO_UDP, PROTO_TCP, PROTO_ICMP),
    "length": (32, 20, 8, 64),
    "ip.src": (0xC6336407, 0xCB007102, 0x08080808),
    "ip.dst": (0xC633640A, 0x08080404),
    "ether.src": (0x020000000001,),
    "ether.dst": (0x020000000002,),
}
CARVED: Mapping[tuple[int, int], tuple[int, ...]] = {
    (0, 16): (40000, 1024, 80),
    (16, 16): (80, 1500, 53),
    (96, 4): (5,),
    (104, 8): (0x10, 0x02),
}


WITNESS_WORK = 300_000
"""Work that looking for a packet that shows something may cost, beside the question itself."""


@dataclass(frozen=True)
class Solution:
    """Values under which a path is taken, and the packet as injected."""

    values: Mapping[Sym, int]
    blobs: Mapping[Blob, bytes]
    frame: bytes


class _Complete(dict[Sym, int]):
    """Values, with zero for every symbol that nothing asks anything of (Ethernet addresses of routers, say)."""

    def __contains__(self, sym: object) -> bool:
        return super().__contains__(sym) or (isinstance(sym, Sym) and sym.blob is None)

    def __missing__(self, sym: Sym) -> int:
        return 0


def solutions(injected: Injected, origin: Injected, store: Store) -> Iterator[Solution]:
    """Packets of `injected` that meet `store`; `origin` is the packet as it was before anything ran. There may be more
    than those that are found within `WITNESS_WORK`.

    Checksums are right unless the path asks for wrong ones.
    """
    for (found,) in sequences((origin,), store):
        yield found


FIRST = ("ip.hl", "length", "ip.fragment", "ip.flags", "ip.proto", "ip.src", "ip.dst", "ip.ttl")
"""The fields that are chosen first: others depend on them."""


def sequences(origins: Sequence[Injected], store: Store) -> Iterator[tuple[Solution, ...]]:
    """Packets that meet `store` together, one for each of `origins`."""
    try:
        yield from _sequences(origins, store.fork(store.work.beside(WITNESS_WORK)))
    except BudgetExceeded:
        return


def _sequences(origins: Sequence[Injected], store: Store) -> Iterator[tuple[Solution, ...]]:
    allocated = [a for a in store.domains if isinstance(a, Sym) and a.origin.startswith("allocated")]
    order: list[Sym] = [*allocated]
    preferred: dict[Sym, tuple[int, ...]] = {sym: (store.domain(sym)[0][0],) for sym in allocated}
    for origin in origins:
        symbols = origin.symbols
        preferred |= {sym: PREFERRED[name] for name, sym in symbols.items() if name in PREFERRED}
        for (bit, width), sym in origin.payload.carved.items():
            if (bit, width) in CARVED:
                preferred[sym] = CARVED[bit, width]
        mine = [symbols[n] for n in (*FIRST, "ip.len") if n in symbols]
        order += [*mine, *(s for s in symbols.values() if s not in mine)]
        if "ip.len" in symbols:
            preferred[symbols["ip.len"]] = (52, 40, 28, 84)
    for values in solve(store, order, preferred):
        exact = dict(values)
        for origin in origins:
            hl, length, total = (origin.symbols.get(name) for name in ("ip.hl", "length", "ip.len"))
            if total is not None and hl is not None and length is not None:
                exact[total] = 4 * values[hl] + values[length]
        if exact != values:
            yield from _checked(origins, store, exact)
        yield from _checked(origins, store, values)


def _checked(
    origins: Sequence[Injected], store: Store, values: dict[Sym, int]
) -> Iterator[tuple[Solution, ...]]:
    for right in Sums:
        found = tuple(_build(origin, dict(values), right) for origin in origins)
        together = _Complete()
        blobs: dict[Blob, bytes] = {}
        for one in found:
            blobs.update(one.blobs)
        for origin, one in zip(origins, found, strict=True):
            for sym, value in one.values.items():
                if sym.blob is None or sym.blob.root not in blobs:
                    together.setdefault(sym, value)
            total = origin.symbols.get("ip.sum")
            if total is not None:
                together[total] = one.values[total]
        try:
            if satisfied(store, together, blobs):
                yield found
                return
        except Unbound:
            return


class Sums(Enum):
    """Which checksums of a packet are right: ALL, those of IPv4 HEADERS (where one lies in what the outer packet has
    for its transport header, not both can be), or NONE."""

    ALL = "all"
    HEADERS = "headers"
    NONE = "none"


def _build(origin: Injected, values: dict[Sym, int], right: Sums) -> Solution:
    roots = {origin.payload, origin.options}
    data: dict[Blob, bytearray] = {}
    for root in roots:
        size = max(0, evaluate_linear(root.length, values, {}))
        data[root] = (
            bytearray(b"In-Net witness " * (size // 15 + 1))[:size]
            if root is origin.payload
            else bytearray(size)
        )
        if root is origin.options and root is not origin.payload:
            data[root] = bytearray(b"\x01" * size)
    kept = _Complete()
    inner: list[int] = []
    for sym, value in values.items():
        if sym.blob is None:
            kept[sym] = value
            continue
        blob, offset = sym.blob, 0
        while blob.parent is not None and blob.skip is not None:
            offset += evaluate_linear(blob.skip, values, {})
            blob = blob.parent
        if blob not in data:
            kept[sym] = value
            continue
        _overlay(data[blob], offset * 8 + sym.bit, sym.width, value)
        if (sym.width, sym.bit % 8, value) == (4, 0, 4):
            apart = blob is origin.payload and origin.options is not origin.payload
            inner.append(offset + sym.bit // 8 + (len(data[origin.options]) if apart else 0))
    if right is not Sums.NONE:
        behind = [data[root] for root in dict.fromkeys((origin.options, origin.payload))]
        whole = bytearray().join(behind)
        for at in sorted(inner, reverse=True):  # the inmost first: it is part of what others may sum
            _inner_sum(whole, at)
        for part in behind:
            part[:], whole = whole[: len(part)], whole[len(part) :]
    blobs = {b: bytes(d) for b, d in data.items()}
    memory = origin.state.memory
    frame = concrete(memory, kept, blobs)
    total = origin.symbols.get("ip.sum")
    if total is None:
        return Solution(kept, blobs, frame)
    link = len(frame) - 4 * kept[origin.symbols["ip.hl"]] - len(blobs[origin.payload])
    if right is Sums.ALL:
        blobs[origin.payload] = with_transport_sum(frame[link:], blobs[origin.payload])
    payload = blobs[origin.payload]
    head = bytearray(frame[: len(frame) - len(payload)])
    head[link + 10 : link + 12] = bytes(2)  # the header checksum (RFC 791 section 3.1)
    correct = ~ones_sum(bytes(head[link:])) & 0xFFFF
    kept[total] = correct if right is not Sums.NONE else correct ^ 0x0101
    head[link + 10 : link + 12] = kept[total].to_bytes(2, "big")
    return Solution(kept, blobs, bytes(head) + payload)


def _overlay(data: bytearray, bit: int, width: int, value: int) -> None:
    first, last = bit // 8, (bit + width + 7) // 8
    if last > len(data):
        return
    shift = last * 8 - bit - width
    mask = (1 << width) - 1 << shift
    old = int.from_bytes(data[first:last], "big")
    data[first:last] = (old & ~mask | value << shift).to_bytes(last - first, "big")


def _inner_sum(payload: bytearray, at: int) -> None:
    """Set the header checksum right of what may be an IPv4 header behind another: a version is looked for there."""
    size = 4 * (payload[at] & 15) if at < len(payload) else 0
    if size >= 20 and at + size <= len(payload):
        payload[at + 10 : at + 12] = bytes(2)
        total = ~ones_sum(bytes(payload[at : at + size])) & 0xFFFF
        payload[at + 10 : at + 12] = total.to_bytes(2, "big")


def with_transport_sum(packet: bytes, payload: bytes) -> bytes:
    """The payload with the UDP length and the UDP, TCP or ICMP checksum set right, for a first fragment."""
    proto, fragment = packet[9], int.from_bytes(packet[6:8], "big") & 0x1FFF
    at = {PROTO_UDP: 6, PROTO_TCP: 16, PROTO_ICMP: 2}.get(proto)
    if fragment or at is None or len(payload) < at + 2:
        return payload
    out = bytearray(payload)
    if proto == PROTO_UDP:
        out[4:6] = len(payload).to_bytes(2, "big")
    out[at : at + 2] = b"\0\0"
    pseudo = (
        b"" if proto == PROTO_ICMP else packet[12:20] + bytes([0, proto]) + len(payload).to_bytes(2, "big")
    )
    total = ~fold(ones_sum(bytes(out)) + ones_sum(pseudo)) & 0xFFFF
    out[at : at + 2] = (total or (0xFFFF if proto == PROTO_UDP else 0)).to_bytes(2, "big")
    return bytes(out)


def summary(frame: bytes) -> str:
    """A packet in one line, in tcpdump's manner."""
    ip = frame[14:] if frame[12:14] == b"\x08\x00" and frame[14:15] and frame[14] >> 4 == 4 else frame
    if len(ip) < 20 or ip[0] >> 4 != 4:
        return f"{len(frame)} bytes, not IPv4"
    src, dst = (".".join(map(str, ip[n : n + 4])) for n in (12, 16))
    names = {PROTO_UDP: "udp", PROTO_TCP: "tcp", PROTO_ICMP: "icmp"}
    proto = names.get(ip[9], f"proto {ip[9]}")
    size = (ip[0] & 15) * 4
    fragment = int.from_bytes(ip[6:8], "big") & 0x1FFF
    note = f", fragment offset {fragment * 8}" if fragment else ""
    if ip[9] in (PROTO_UDP, PROTO_TCP) and not fragment and len(ip) >= size + 4:
        sport, dport = (int.from_bytes(ip[size + n : size + n + 2], "big") for n in (0, 2))
        return f"{proto} {src}:{sport} > {dst}:{dport}, ttl {ip[8]}, {len(ip)} bytes{note}"
    return f"{proto} {src} > {dst}, ttl {ip[8]}, {len(ip)} bytes{note}"
