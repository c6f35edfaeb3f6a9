"""AggregateCounter."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import CountCall, Unsigned
from innet.elements.base import Element
from innet.elements.holder import Call, HandlerError, Remembered, handler_bool, show_bool
from innet.elements.times.instants import FOREVER_S
from innet.flowspec.names import dotted
from innet.ir.nodes import Mark
from innet.ir.trace import Packet, Value, constant

COUNTS = ir.Table("counts", key=(32,), values=(32,))
TOTALS = ir.Table("totals", key=(1,), values=(32, 1, 1), capacity=1)
"""The sum of all counts, whether it has reached COUNT_FREEZE, and whether counting came to its end."""
ARRIVALS, PACKETS = ir.Counter("arrivals", 32), ir.Counter("packets", 32)
"""New aggregates that came; packets that were counted, where each counts for one."""
EXTRA_PACKETS = 24
CallArgument = Annotated[tuple[int, str, str] | None, CountCall()]


@dataclass(frozen=True)
class AggregateCounter(Element):
    """Count packets or bytes by their AGGREGATE annotation.

    Ports:      in 0: packets.  in 1 (optional): packets that count only for aggregates that are known already.
                out 0: packets that were counted; if it is the only output, all.  out 1 (optional): the others.
    Arguments:  BYTES (keyword, bool, default false): count bytes.  IP_BYTES (keyword, bool, default false): only those
                from the IP header on.  MULTIPACKET (keyword, bool, default true): add the EXTRA_PACKETS annotation to
                packets.  EXTRA_LENGTH (keyword, bool, default true): add the annotation of that name to bytes.
                AGGREGATE_FREEZE N, AGGREGATE_STOP N or AGGREGATE_CALL `N HANDLER [VALUE]` (keywords): when another
                aggregate comes though there are N, count known ones only from then on; end the run and count no more;
                or write a handler, once.  COUNT_FREEZE, COUNT_STOP, COUNT_CALL: the same when the sum of all counts has
                reached N.  BANNER (keyword, string): a line in front of the table. FREEZE_AFTER_AGG,
                STOP_AFTER_AGG, CALL_AFTER_AGG, FREEZE_AFTER_COUNT, STOP_AFTER_COUNT, CALL_AFTER_COUNT are old names.
    State:      a count for each of at most 65536 aggregates. Read handlers `table` (`AGGREGATE COUNT` lines), `nagg`,
                `count` (their sum), `freeze`, `active`, `banner`; the last three can be written, as can `clear` (new
                aggregates are counted on, towards a limit), `reaggregate_counts` (each count becomes an aggregate, how
                often it is there its count), and, where there are files, `write_text_file`, `write_ip_file` and
                `write_file` (the table, binary).
    Errors:     more than one of FREEZE, STOP and CALL for aggregates or for counts.
    Source:     Click manual, AggregateCounter. A handler that is called acts on the packets behind this one; Click
                keeps any number of aggregates.
    """

    PORTS: ClassVar[str] = "1-2/1-2"
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "",
        "BYTES true",
        "BYTES true, IP_BYTES true, AGGREGATE_FREEZE 3",
        "AGGREGATE_STOP 2",
        "COUNT_FREEZE 5, AGGREGATE_CALL 2 stop",
        "COUNT_STOP 5, MULTIPACKET false",
    )
    READS: ClassVar[tuple[str, ...]] = (
        "table",
        "ip_table",
        "packed_table",
        "nagg",
        "freeze",
        "active",
        "banner",
    )
    WRITES: ClassVar[tuple[str, ...]] = ("freeze", "active", "banner", "clear", "reaggregate_counts")
    SAVES: ClassVar[Mapping[str, str]] = {
        "write_text_file": "table",
        "write_ascii_file": "table",
        "write_ip_file": "ip_table",
        "write_file": "packed_table",
    }

    _: KW_ONLY
    bytes: bool = False
    ip_bytes: bool = False
    multipacket: bool = True
    extra_length: bool = True
    aggregate_freeze: Annotated[int | None, Unsigned()] = None
    aggregate_stop: Annotated[int | None, Unsigned()] = None
    aggregate_call: CallArgument = None
    count_freeze: Annotated[int | None, Unsigned()] = None
    count_stop: Annotated[int | None, Unsigned()] = None
    count_call: CallArgument = None
    freeze_after_agg: Annotated[int | None, Unsigned()] = None
    stop_after_agg: Annotated[int | None, Unsigned()] = None
    call_after_agg: CallArgument = None
    freeze_after_count: Annotated[int | None, Unsigned()] = None
    stop_after_count: Annotated[int | None, Unsigned()] = None
    call_after_count: CallArgument = None
    banner: str = ""
    freeze: bool = False
    active: bool = True

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        for what, limits in (
            ("aggregates", (self._freeze_agg, self._stop_agg, self._call_agg)),
            ("counts", (self._freeze_count, self._stop_count, self._call_count)),
        ):
            if sum(limit is not None for limit in limits) > 1:
                found.append(f"FREEZE, STOP and CALL for {what} exclude each other")
        return tuple(found)

    @property
    def _freeze_agg(self) -> int | None:
        return self.freeze_after_agg if self.aggregate_freeze is None else self.aggregate_freeze

    @property
    def _stop_agg(self) -> int | None:
        return self.stop_after_agg if self.aggregate_stop is None else self.aggregate_stop

    @property
    def _call_agg(self) -> tuple[int, str, str] | None:
        return self.call_after_agg if self.aggregate_call is None else self.aggregate_call

    @property
    def _freeze_count(self) -> int | None:
        return self.freeze_after_count if self.count_freeze is None else self.count_freeze

    @property
    def _stop_count(self) -> int | None:
        return self.stop_after_count if self.count_stop is None else self.count_stop

    @property
    def _call_count(self) -> tuple[int, str, str] | None:
        return self.call_after_count if self.count_call is None else self.count_call

    def calls(self) -> tuple[Call, ...]:
        found = []
        if self._stop_agg is not None:
            found.append(Call("beyond", 1, "stop", exact=False))
        if self._call_agg is not None:
            found.append(Call("beyond", 1, *self._call_agg[1:], exact=False))
        if self._stop_count is not None:
            found.append(Call("count", max(self._stop_count, 1), "stop", exact=False))
        if self._call_count is not None:
            at, handler, value = self._call_count
            found.append(Call("count", max(at, 1), handler, value, exact=False))
        return tuple(found)

    @property
    def _limited(self) -> bool:
        limits = (self._stop_agg, self._freeze_count, self._stop_count)
        return any(limit is not None for limit in limits)

    def push(self, p: Packet, port: int) -> None:
        if not self.active:
            self._pass(p)
            return
        aggregate, amount = p.anno.aggregate, self._amount(p)
        totals: tuple[Value, ...] = ()
        if self._limited:
            _, totals = p.lookup(TOTALS, (0,))
        if self._stop_agg is not None or self._stop_count is not None:
            with p.when(totals[2]):
                self._pass(p)
        found, (count,) = p.lookup(COUNTS, (aggregate,))
        with p.when(found):
            p.update(COUNTS, (aggregate,), (count + amount,), FOREVER_S)
            self._count(p, amount, totals)
            p.emit(0)
        if self.freeze or port == 1:
            self._pass(p)
            return
        if self._freeze_count is not None:
            with p.when(totals[1]):
                self._pass(p)
        if self.bytes:
            with p.when(amount == 0):
                p.emit(0)
        self._new(p, totals)
        with p.when(p.insert(COUNTS, (aggregate,), (amount,), FOREVER_S)):
            self._count(p, amount, totals)
            p.emit(0)
        self._pass(p)

    def _new(self, p: Packet, totals: tuple[Value, ...]) -> None:
        """What a new aggregate meets if there are so many already."""
        limit = self._freeze_agg if self._call_agg is None else self._call_agg[0]
        limit = self._stop_agg if limit is None else limit
        if limit is None:
            return
        arrivals = p.next(ARRIVALS)
        if limit:
            with p.when(arrivals >= limit):
                self._beyond(p, totals)
        else:
            self._beyond(p, totals)

    def _beyond(self, p: Packet, totals: tuple[Value, ...]) -> None:
        if self._freeze_agg is None:
            p.count("beyond")
        if self._stop_agg is not None:
            p.insert(TOTALS, (0,), (totals[0], totals[1], 1), FOREVER_S)
        if self._call_agg is None:
            self._pass(p)

    def _count(self, p: Packet, amount: Value, totals: tuple[Value, ...]) -> None:
        p.count("count", amount)
        limit = self._freeze_count if self._stop_count is None else self._stop_count
        if limit is None:
            return
        varies = self.bytes or self.multipacket
        total = totals[0].cast(64) + amount.cast(64) if varies else p.next(PACKETS).cast(64) + 1
        reached = p.bind(total >= limit)
        frozen, over = totals[1], totals[2]
        if self._stop_count is None:
            frozen = frozen | reached
        else:
            over = reached
        p.insert(TOTALS, (0,), (total.cast(32), frozen, over), FOREVER_S)

    def _amount(self, p: Packet) -> Value:
        if not self.bytes:
            extra = p.raw(Mark.ANNOTATION, EXTRA_PACKETS, 4) if self.multipacket else Value(constant(0, 32))
            return p.bind(extra + 1)
        length = p.local(p.length)
        if self.ip_bytes:
            with p.when(p.marked(Mark.NET)):
                length.set(p.distance(Mark.NET, Mark.END))
        amount = length.value.cast(32)
        return p.bind(amount + p.anno.extra_length) if self.extra_length else amount

    def _pass(self, p: Packet) -> None:
        p.emit(1 if p.outputs > 1 else 0)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        rows = sorted((key, count) for (key,), (count,) in memory.rows(COUNTS).items() if count)
        head = f"{self.banner}\n" if self.banner else ""
        head += f"$num_nonzero {len(rows)}\n"
        match handler:
            case "nagg":
                return str(len(rows))
            case "freeze":
                return show_bool(self.freeze or self._reached(memory, len(rows)))
            case "active":
                (_, _, over) = memory.rows(TOTALS).get((0,), (0, 0, 0))
                return show_bool(self.active and not over)
            case "banner":
                return self.banner
            case "ip_table":
                return head + "".join(f"{dotted(key)} {count}\n" for key, count in rows)
            case "packed_table":
                packed = b"".join(n.to_bytes(4, "little") for row in rows for n in row)
                return f"{head}$packed_le\n" + packed.decode("latin-1")
        return head + "".join(f"{key} {count}\n" for key, count in rows)

    def _reached(self, memory: Remembered, aggregates: int) -> bool:
        """Whether a limit to what is counted was reached."""
        if self._freeze_count is not None and memory.statistic("count") >= self._freeze_count:
            return True
        return self._freeze_agg is not None and aggregates >= self._freeze_agg

    def write(self, handler: str, value: str, memory: Remembered) -> "Element | None":
        match handler:
            case "freeze":
                frozen = handler_bool(value)
                if frozen:
                    return replace(self, freeze=True)
                return replace(
                    self, freeze=False, aggregate_freeze=None, freeze_after_agg=None, count_freeze=None,
                    freeze_after_count=None,
                )  # fmt: skip
            case "active":
                return replace(self, active=handler_bool(value))
            case "banner":
                return replace(self, banner=value.rstrip("\n"))
            case "clear":
                memory.clear(COUNTS)
                memory.clear(TOTALS)
                return None
            case "reaggregate_counts":
                self._reaggregate(memory)
                return None
        raise HandlerError(f"no write handler '{handler}'")

    def _reaggregate(self, memory: Remembered) -> None:
        counts = [count for (count,) in memory.rows(COUNTS).values()]
        memory.clear(COUNTS)
        for count in set(counts):
            memory.put(COUNTS, (count,), (counts.count(count),), FOREVER_S)
        if self._limited:
            memory.put(TOTALS, (0,), (len(counts) % 2**32, 0, 0), FOREVER_S)
