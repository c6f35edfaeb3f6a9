"""Faults put into each back end on purpose: a campaign that finds nothing means something only if it finds these.

A fault of the interpreter is one that another back end contradicts. The elements named are those in whose programs it
shows; the search is bounded: some configurations with each of them, no more. The faults of the symbolic executor are
those of `tests.backends.faults`.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from innet import ir
from innet.elements.registry import REGISTRY
from innet.ir import interpret
from innet.ir.interpret import PacketBuffer, TableState
from innet.ir.nodes import Mark, Op
from innet.runtime.router import Router
from innet.xdp import emit, native, native_batch, native_prefix
from innet.xdp.facts import Value
from innet.xdp.memory import Memory
from innet.xdp.native_target import Native
from innet.xdp.sums import Sums
from innet.xdp.tables import Tables
from innet.xdp.target import Xdp
from innet.xdp.writer import Writer
from tests.agreement.configurations import NotFound, configuration
from tests.agreement.examine import Ends, examine
from tests.backends import faults
from tests.backends.campaign import Report
from tests.backends.faults import Patcher
from tests.backends.flows import AnyState, Instance, instances, new_flow
from tests.backends.forms import cases

STALE = """in :: FromNetfront();
mark :: MarkIPHeader(14);
first :: Classifier(12/0800 26/0a, -);
second :: Classifier(26/c0, -);
exit0 :: Discard(); exit1 :: Discard(); exit2 :: Discard();
in -> mark -> first -> StoreIPAddress(192.0.2.1, src) -> second -> exit0;
second[1] -> exit1;
first[1] -> exit2;
"""
"""Reads a byte of a field, writes the field, and reads the byte again."""
FORGETFUL = """in :: FromNetfront();
ways :: RoundRobinSwitch; hosts :: EtherSwitch(TIMEOUT 30);
exit0 :: Discard(); exit1 :: Discard();
in -> SetTimestamp -> ways;
ways[0] -> [0] hosts [0] -> exit0;
ways[1] -> [1] hosts [1] -> exit1;
"""
"""Forgets hosts that were not heard of for a while."""
TRIES = 12
"""Configurations for each example of each element of a fault, at most."""
PACKETS = 60


@dataclass(frozen=True)
class Mutant:
    """A fault in a back end (`interpreter`, `native`, `kernel` or `symbolic`), and elements where it shows, or whole
    configurations."""

    end: str
    put: Callable[[Patcher], None]
    elements: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.put.__name__

    def __str__(self) -> str:
        return f"{self.end}: {self.name}"


class Patch:
    """Puts faults in, and takes them out again."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, str, Any, bool]] = []

    def setattr(self, target: Any, name: str, value: Any) -> None:
        own = name in vars(target)
        self.done.append((target, name, vars(target).get(name), own))
        setattr(target, name, value)

    def undo(self) -> None:
        for target, name, value, own in reversed(self.done):
            if own:
                setattr(target, name, value)
            else:
                delattr(target, name)
        self.done.clear()


# ---- the interpreter


def bits_beside_are_cleared(patch: Patcher) -> None:
    def fault(self: PacketBuffer, f: ir.Field, value: int) -> None:
        store(self, replace(f, bit=f.bit - f.bit % 8, width=f.width + f.bit % 8), value)

    store = PacketBuffer.store
    patch.setattr(PacketBuffer, "store", fault)


def one_byte_more_is_there(patch: Patcher) -> None:
    present = PacketBuffer.present
    patch.setattr(
        PacketBuffer,
        "present",
        lambda self, mark, offset, length: present(self, mark, offset, max(length - 1, 0)),
    )


def ends_do_not_make_room(patch: Patcher) -> None:
    set_mark = PacketBuffer.set_mark

    def fault(self: PacketBuffer, mark: Mark, at: int) -> None:
        set_mark(self, mark, min(at, len(self.bytes)) if mark is Mark.END else at)

    patch.setattr(PacketBuffer, "set_mark", fault)


def stripped_bytes_are_zero(patch: Patcher) -> None:
    set_mark = PacketBuffer.set_mark

    def fault(self: PacketBuffer, mark: Mark, at: int) -> None:
        set_mark(self, mark, at)
        if mark is Mark.DATA:
            self.bytes[: self.marks[mark]] = bytes(self.marks[mark])

    patch.setattr(PacketBuffer, "set_mark", fault)


def copies_share_annotations(patch: Patcher) -> None:
    copy = PacketBuffer.copy

    def fault(self: PacketBuffer) -> PacketBuffer:
        other = copy(self)
        other.annotations = bytearray(64)
        return other

    patch.setattr(PacketBuffer, "copy", fault)


def sums_of_none_are_adjusted(patch: Patcher) -> None:
    adjust = interpret._Run.adjust
    patch.setattr(interpret._Run, "adjust", lambda self, f, old, new, keep: adjust(self, f, old, new, False))


def adjustments_forget_the_complement(patch: Patcher) -> None:
    adjust = interpret._Run.adjust
    patch.setattr(
        interpret._Run, "adjust", lambda self, f, old, new, keep: adjust(self, f, ir.Not(old), new, keep)
    )


def shortest_prefix_first(patch: Patcher) -> None:
    get = TableState.get

    def fault(self: TableState, key: tuple[int, ...]) -> tuple[int, ...] | None:
        if len(self.prefixes) > 1:
            self.prefixes.pop(max(self.prefixes))
        return get(self, key)

    patch.setattr(TableState, "get", fault)


def partners_live_on(patch: Patcher) -> None:
    patch.setattr(TableState, "delete", lambda self, key: self.rows.pop(key, None))


def less_is_less_or_equal(patch: Patcher) -> None:
    patch.setattr(interpret, "PLAIN", {**interpret.PLAIN, Op.LT: interpret.PLAIN[Op.LE]})


def ones_do_not_come_round(patch: Patcher) -> None:
    patch.setattr(interpret, "PLAIN", {**interpret.PLAIN, Op.ONES: lambda a, b: a + b & 0xFFFF})


def odd_bytes_are_not_summed(patch: Patcher) -> None:
    ones_sum = interpret.ones_sum
    patch.setattr(interpret, "ones_sum", lambda data: ones_sum(data[: len(data) // 2 * 2]))


def padding_options_end_the_list(patch: Patcher) -> None:
    find = interpret.find_option

    def fault(packet: PacketBuffer, kinds: tuple[int, ...]) -> tuple[int, int] | None:
        net = packet.marks.get(Mark.NET, 0)
        return None if packet.bytes[net + 20 : net + 21] == b"\x01" else find(packet, kinds)

    patch.setattr(interpret, "find_option", fault)


def allocation_forgets_where_it_was(patch: Patcher) -> None:
    candidates = interpret._Run.candidates

    def fault(self: interpret._Run, stmt: ir.Allocate, cursor: tuple[str, str]) -> Any:
        self.state.counters.pop(cursor, None)
        return candidates(self, stmt, cursor)

    patch.setattr(interpret._Run, "candidates", fault)


def counters_count_twice(patch: Patcher) -> None:
    stmt_of = interpret._Run.stmt

    def fault(self: interpret._Run, stmt: ir.Stmt) -> ir.Verdict | None:
        if isinstance(stmt, ir.Next):
            stmt_of(self, stmt)
        return stmt_of(self, stmt)

    patch.setattr(interpret._Run, "stmt", fault)


def copies_go_last_first(patch: Patcher) -> None:
    outcome = Router.outcome

    def fault(self: Router, node: Any, port: int, packet: PacketBuffer) -> Any:
        return list(outcome(self, node, port, packet))[::-1]

    patch.setattr(Router, "outcome", fault)


# ---- the emitter, which machine code and kernel share


def complements_are_left_out(patch: Patcher) -> None:
    value = emit.Expressions.value
    patch.setattr(
        emit.Expressions,
        "value",
        lambda self, e: value(self, e.value if isinstance(e, ir.Not) and e.width > 1 else e),
    )


def presence_is_one_off(patch: Patcher) -> None:
    extent = Memory.extent
    patch.setattr(Memory, "extent", lambda self, mark, a, b: extent(self, mark, a, b - 1 if b - a > 1 else b))


def no_sum_is_adjusted(patch: Patcher) -> None:
    adjust = emit._Emitter.adjust
    patch.setattr(emit._Emitter, "adjust", lambda self, s: adjust(self, replace(s, keep_zero=False)))


def transport_is_four_on(patch: Patcher) -> None:
    set_mark = Memory.set_mark

    def fault(self: Memory, mark: Mark, base: Mark, offset: int, plus: Value | None) -> None:
        set_mark(self, mark, base, offset + 4 * (mark is Mark.TRANSPORT), plus)

    patch.setattr(Memory, "set_mark", fault)


def carries_are_lost(patch: Patcher) -> None:
    patch.setattr(Sums, "fold", lambda self, total: self.writer.extend(total, 16))


def nothing_is_deleted(patch: Patcher) -> None:
    patch.setattr(Tables, "delete", lambda self, element, stmt: None)


def nothing_is_updated(patch: Patcher) -> None:
    patch.setattr(Tables, "update", lambda self, element, stmt: None)


def numbers_keep_their_byte_order(patch: Patcher) -> None:
    patch.setattr(Writer, "swap", lambda self, value: value)


def stale_fields_are_read(patch: Patcher) -> None:
    patch.setattr(Memory, "forget", lambda self, changed: None)


def less_is_the_other_way(patch: Patcher) -> None:
    binary = Writer.binary
    patch.setattr(
        Writer,
        "binary",
        lambda self, op, a, b: binary(self, op, b, a) if op is Op.LT else binary(self, op, a, b),
    )


# No packet of a test run makes the kernel delete an entry: elements do that only when an entry is too old.
EMITTER = [
    (complements_are_left_out, ("SetIPECN", "IPRewriter", "CheckIPHeader", "StoreIPAddress")),
    (presence_is_one_off, ("CheckIPHeader", "StoreData", "Classifier")),
    (no_sum_is_adjusted, ("IPRewriter",)),
    (transport_is_four_on, ("MarkIPHeader", "IPMirror")),
    (carries_are_lost, ("CheckIPHeader", "SetIPChecksum")),
    (nothing_is_deleted, (FORGETFUL,)),
    (nothing_is_updated, ("IPRewriter", "ChangeEnforcer")),
    (numbers_keep_their_byte_order, ("IPFilter", "DecIPTTL")),
    (stale_fields_are_read, (STALE,)),
    (less_is_the_other_way, ("DecIPTTL", "CheckLength", "IPFilter")),
]


# ---- machine code


def odd_bytes_are_left_out(patch: Patcher) -> None:
    patch.setattr(native, "SUM", native.SUM.replace("add i64 %total, %lastwide", "add i64 %total, 0"))


def random_numbers_are_others(patch: Patcher) -> None:
    patch.setattr(native, "RANDOM", native.RANDOM.replace("lshr i32 %y0, 11", "lshr i32 %y0, 12"))


def counters_do_not_wrap(patch: Patcher) -> None:
    following = Native.next
    patch.setattr(Native, "next", lambda self, writer, at, modulus: following(self, writer, at, 1 << 64))


def entries_stay_when_deleted(patch: Patcher) -> None:
    patch.setattr(Native, "delete", lambda self, writer, symbol, key: None)


def use_is_not_noted(patch: Patcher) -> None:
    patch.setattr(Native, "used", lambda self, writer, symbol, value: None)


def prefixes_lose_their_holes(patch: Patcher) -> None:
    ranges = native_prefix.ranges

    def fault(table: ir.Table) -> Any:
        least = min((length for _, length, _ in table.entries), default=0)
        return ranges(replace(table, entries=tuple(e for e in table.entries if e[1] == least)))

    patch.setattr(native_prefix, "ranges", fault)


def copies_come_last_first(patch: Patcher) -> None:
    patch.setattr(
        native_batch, "RUN_JOBS", native_batch.RUN_JOBS.replace("  call void @reverse(i64 %before)\n", "")
    )


def time_stands_still(patch: Patcher) -> None:
    patch.setattr(Native, "nanoseconds", lambda self, writer: writer.name("add i64 7, 0"))


# ---- the kernel


def frames_keep_their_tail(patch: Patcher) -> None:
    patch.setattr(Memory, "fit_tail", lambda self: None)


def updates_of_maps_are_lost(patch: Patcher) -> None:
    patch.setattr(
        Xdp, "update", lambda self, writer, symbol, key, value, partner=False: writer.name("add i64 0, 0")
    )


def entries_stay_in_maps(patch: Patcher) -> None:
    patch.setattr(Xdp, "delete", lambda self, writer, symbol, key: None)


def counters_never_wrap(patch: Patcher) -> None:
    following = Xdp.next
    patch.setattr(Xdp, "next", lambda self, writer, at, modulus: following(self, writer, at, 1 << 64))


def all_ways_are_one(patch: Patcher) -> None:
    finish = Xdp.finish

    def fault(self: Xdp, writer: Writer, way: Any) -> None:
        finish(self, writer, emit.Leave(way.code | 2) if isinstance(way, emit.Leave) else way)

    patch.setattr(Xdp, "finish", fault)


INTERPRETER = [
    (bits_beside_are_cleared, ("SetIP6DSCP", "ICMPError")),
    (one_byte_more_is_there, ("StoreData", "CheckIPHeader", "Classifier")),
    (ends_do_not_make_room, ("Pad",)),
    (stripped_bytes_are_zero, ("Unstrip", "UnstripIPHeader")),
    (copies_share_annotations, ("Tee", "PaintTee")),
    (sums_of_none_are_adjusted, ("IPRewriter",)),
    (adjustments_forget_the_complement, ("DecIPTTL", "SetIPDSCP")),
    (shortest_prefix_first, ("RadixIPLookup", "StaticIPLookup")),
    (partners_live_on, ("IPRewriter",)),
    (less_is_less_or_equal, ("DecIPTTL", "CheckLength")),
    (ones_do_not_come_round, ("SetUDPChecksum", "CheckUDPHeader", "CheckTCPHeader", "SetTCPChecksum")),
    (odd_bytes_are_not_summed, ("CheckUDPHeader", "SetUDPChecksum", "ICMPPingResponder")),
    (padding_options_end_the_list, ("SetUDPChecksum", "ICMPError", "SetTCPChecksum")),
    (allocation_forgets_where_it_was, ("IPRewriter",)),
    (counters_count_twice, ("RoundRobinSwitch", "IPEncap")),
    (copies_go_last_first, ("Tee", "PaintTee")),
]
MACHINE_CODE = [
    (odd_bytes_are_left_out, ("CheckUDPHeader", "SetUDPChecksum", "ICMPPingResponder")),
    (random_numbers_are_others, ("RandomSwitch",)),
    (counters_do_not_wrap, ("RoundRobinSwitch", "StrideSwitch")),
    (entries_stay_when_deleted, ("IPRewriter",)),
    (use_is_not_noted, ("IPRewriter", "ChangeEnforcer")),
    (prefixes_lose_their_holes, ("RadixIPLookup", "StaticIPLookup")),
    (copies_come_last_first, ("Tee", "PaintTee")),
    (time_stands_still, ("SetTimestamp", "StoreTimestamp", "TimeFilter", "IPRewriter")),
]
IN_KERNEL = [
    (frames_keep_their_tail, ("Truncate", "Pad", "CheckIPHeader")),
    (updates_of_maps_are_lost, ("IPRewriter",)),
    (entries_stay_in_maps, ("IPRewriter",)),
    (counters_never_wrap, ("RoundRobinSwitch",)),
    (all_ways_are_one, ("Classifier", "IPClassifier", "IPFilter", "PaintSwitch")),
]
MUTANTS = [
    *(Mutant("interpreter", put, elements) for put, elements in INTERPRETER),
    *(Mutant("native", put, elements) for put, elements in (*EMITTER, *MACHINE_CODE)),
    *(
        Mutant("kernel", put, elements)
        for put, elements in (*EMITTER, *IN_KERNEL)
        if put is not nothing_is_deleted
    ),
    *(Mutant("symbolic", put, elements) for put, elements in faults.MUTANTS),
]


ROWS = 20
"""Rows of packets that are tried through each example of an element."""


def caught(mutant: Mutant, ends: Ends, tries: int = TRIES) -> bool:
    """Whether a bounded campaign finds the fault."""
    only = "" if mutant.end == "interpreter" else mutant.end
    if mutant.end == "interpreter":
        ends = replace(ends, compiler=None)  # there are enough others to contradict it
    patch = Patch()
    for text, seed in texts(mutant, tries):
        mutant.put(patch)
        try:
            found = contradicts(text, seed, ends, only)
        finally:
            patch.undo()
        if found:
            return not contradicts(text, seed, ends, only)  # it is the fault that does it
    return mutant.end == "symbolic" and caught_in_rows(mutant, patch)


def caught_in_rows(mutant: Mutant, patch: Patch) -> bool:
    """Whether packets in a row through one element, held against paths that go on from each other, find the fault."""
    for name in mutant.elements:
        for instance in instances(list(cases(REGISTRY[name]))) if name in REGISTRY else ():
            for n in range(ROWS):
                mutant.put(patch)
                try:
                    found = row_contradicts(instance, n)
                finally:
                    patch.undo()
                if found:
                    return not row_contradicts(instance, n)
            mutant.put(patch)
            try:
                found = any_state_contradicts(instance)
            finally:
                patch.undo()
            if found:
                return not any_state_contradicts(instance)
    return False


def row_contradicts(instance: Instance, n: int) -> bool:
    """Whether interpreter and symbolic executor differ on a row of packets."""
    try:
        new_flow(instance, [Report() for _ in instance.cases], Random(f"{n} {instance}"))
    except Exception:
        return True
    return False


def any_state_contradicts(instance: Instance) -> bool:
    """The same where tables may hold anything, and have room for a few flows only now and then."""
    try:
        any_state = AnyState(instance)
        for n in range(ROWS):
            any_state.run([Report() for _ in instance.cases], Random(f"any {n} {instance}"))
    except Exception:
        return True
    return False


def contradicts(text: str, seed: int, ends: Ends, only: str) -> bool:
    """Whether back ends differ, or the interpreter falls over."""
    try:
        examine(text, None, seed, ends, PACKETS, only=only)
    except Exception:
        return True
    return False


def texts(mutant: Mutant, tries: int) -> Sequence[tuple[str, int]]:
    """Configurations with the elements of a fault, each with its seed; made before the fault is there."""
    found = []
    for turn in range(tries):
        for name in mutant.elements:
            if "::" in name:
                found.append((name, 7_000_000 + len(found)))
            if name not in REGISTRY:
                continue
            for example in REGISTRY[name].EXAMPLES:
                seed = 7_000_000 + len(found)
                with contextlib.suppress(NotFound):
                    whole = configuration(Random(seed), (name, example), alone=turn % 2 == 0)
                    found.append((whole.text, seed))
    return found
