"""The compiled part of a router at work: packets in, one or many; files written; and what comes out for Python."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from innet.elements.device.todump import ToDumpHolder
from innet.ir.interpret import PacketBuffer, State
from innet.native.chunks import CHUNK, MAX_INTERFACES, ChunkCapture
from innet.native.partition import DIVERT, FILES, HOPS_AT, HOPS_BYTES, Plan
from innet.packet.pcap import Writer
from innet.runtime.node import NodeContext
from innet.xdp.copies import JOB_BYTES, job
from innet.xdp.graph import Input, Resume
from innet.xdp.native import Batch, NativeGraph
from innet.xdp.native_batch import Result
from innet.xdp.native_capture import Dump, File, Scan, capture_code
from innet.xdp.native_memory import Memory
from innet.xdp.native_target import MAX_PACKET, Native, read_record

BATCH = 1024
"""Packets taken from a capture at a time."""
ARENA = 1 << 21
"""Bytes that packets of one batch may come to lie in, beyond the room for one that grows as far as one can."""
TAIL_ROOM = 15 << 16
FILE_ROOM = 1 << 20
"""Bytes of a file that are collected."""


@dataclass(frozen=True)
class ForPython:
    """A packet that a Python element gets next."""

    element: str
    port: int
    packet: PacketBuffer
    hops: int
    """Elements that it entered, if there are loops."""


class Sink:
    """The file of a ToDump; `holder` counts its packets."""

    def __init__(self, holder: ToDumpHolder, context: NodeContext, file: File) -> None:
        self.holder, self.context, self.file = holder, context, file
        self.writer = holder.sink
        assert isinstance(self.writer, Writer)
        self.buffer = bytearray(FILE_ROOM)
        file.room = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        file.size = FILE_ROOM
        file.keep = min(holder.element.snaplen or FILE_ROOM, self.writer.snaplen)
        file.unit = self.writer.unit
        file.extra = (1 << 64) - 1 if holder.element.extra_length else 0

    def flush(self) -> bool:
        """Write what was collected; whether there was anything."""
        used = self.file.used
        if used:
            self.holder.count += self.file.packets
            self.file.used = self.file.packets = 0
            assert isinstance(self.writer, Writer)
            self.writer.stream.write(memoryview(self.buffer)[:used])
        return bool(used)


class Machine:
    """A plan in machine code."""

    def __init__(
        self, plan: Plan, holders: Sequence[tuple[ToDumpHolder, NodeContext]], random: Random
    ) -> None:
        self.plan = plan
        self.native = NativeGraph(plan.graph, DIVERT, random, tail_room=TAIL_ROOM, lowered=plan.lowered)
        self.draws = self.native.draws
        self.code = capture_code()
        self.batch = Batch(
            BATCH, self.native.room + ARENA, BATCH * min(self.native.leaves, 4) + self.native.leaves
        )
        self.batch.request.stop = DIVERT.code
        self.scanned = Scanned()
        self.files = (File * max(1, len(holders)))()
        self.sinks = [Sink(*one, file) for one, file in zip(holders, self.files, strict=False)]
        self.dump = Dump(
            arena=self.batch.arena.address,
            results=ctypes.addressof(self.batch.results),
            low=FILES,
            files=len(holders),
            file=ctypes.addressof(self.files),
        )
        self.points: dict[tuple[str, int], int] = {}
        for n, back in enumerate(plan.graph.back, 1):
            region = back.region if isinstance(back, Resume) else back
            self.points[region.element, region.port] = n
        self._one = Memory(MAX_PACKET + 1)
        self._job = (ctypes.c_char * JOB_BYTES)()
        self._offsets, self._lengths = (ctypes.c_uint64 * 1)(), (ctypes.c_uint32 * 1)()
        self._told: dict[tuple[str, str], int] = {}
        self.packets = 0
        """How many packets came in."""

    def close(self) -> None:
        """Give the memory back."""
        self.native.close()

    def knows(self, name: str) -> bool:
        """Whether it does something for the element."""
        return name in self.plan.elements or name in self.plan.feeders or name in self.plan.files

    # ---- packets

    def takes(self, packet: PacketBuffer) -> bool:
        """Whether machine code can take it: not too long, no mark in front of its bytes."""
        return len(packet.bytes) <= MAX_PACKET and min(packet.marks.values()) >= 0

    def one(
        self, point: int, packet: PacketBuffer, now_ns: int, random: Random, hops: int = 0
    ) -> ForPython | None:
        """Run a packet that machine code `takes` from `point` on; where Python goes on with it. It has entered `hops`
        elements."""
        if self.plan.loops:
            packet.annotations[HOPS_AT : HOPS_AT + HOPS_BYTES] = hops.to_bytes(HOPS_BYTES, "big")
        request = self.batch.request
        length = len(packet.bytes)
        ctypes.memmove(self._one.address, bytes(packet.bytes), length)
        self._lengths[0] = length
        self._job.raw = job(packet)
        request.offsets, request.lengths = ctypes.addressof(self._offsets), ctypes.addressof(self._lengths)
        request.records, request.point = ctypes.addressof(self._job), point
        if self.draws:
            self.native.take_random(random)
        self.native.run_batch(self.batch, self._one.address, 1, 0, now_ns % (1 << 64))
        if self.draws:
            self.native.give_random(random)
        self.packets += 1
        self.write()
        self.flush()
        return self.stopped()

    def many(
        self, point: int, capture: ChunkCapture, now_ns: int, random: Random
    ) -> tuple[int, ForPython | None]:
        """Run packets of `capture` from `point` on, until one goes to Python or there are no more to be had this way;
        how many were run."""
        scanned, request = self.scanned, self.batch.request
        chunks = capture.chunks
        taken = 0
        if self.draws:
            self.native.take_random(random)
        found: ForPython | None = None
        while found is None and scanned.more(capture):
            request.offsets, request.lengths = (
                ctypes.addressof(scanned.offsets),
                ctypes.addressof(scanned.lengths),
            )
            request.records, request.point = ctypes.addressof(scanned.jobs), point
            first = scanned.next
            done = self.native.run_batch(self.batch, chunks.address, scanned.count, first, now_ns % (1 << 64))
            scanned.take(capture, done)
            taken += done - first
            self.write()
            found = self.stopped()
        if self.draws:
            self.native.give_random(random)
        self.flush()
        self.packets += taken
        return taken, found

    def stopped(self) -> ForPython | None:
        """What the last run ended with, if that is for Python."""
        made = self.batch.made
        if made == 0:
            return None
        last: Result = self.batch.results[made - 1]
        assert last.code != Native.abort, "a packet that was taken has room"
        if last.code != DIVERT.code:
            return None
        region, packet = read_record(self.batch.data(made - 1))
        way: Input = self.native.emitted.regions[region]
        hops = 0
        if self.plan.loops:
            hops = int.from_bytes(packet.annotations[HOPS_AT : HOPS_AT + HOPS_BYTES], "big")
            packet.annotations[HOPS_AT : HOPS_AT + HOPS_BYTES] = bytes(HOPS_BYTES)
        return ForPython(way.element, way.port, packet, hops)

    # ---- files

    def write(self) -> None:
        """Write the results of the last run that go to files."""
        if not self.sinks:
            return
        dump, made = self.dump, self.batch.made
        dump.made = made
        at = 0
        while at < made:
            dump.first = at
            at = self.code.dump(ctypes.addressof(dump))
            if at < made and not self.flush():
                self._refused(at)
                at += 1

    def _refused(self, n: int) -> None:
        """A result that no file can hold: let the holder say so."""
        sink = self.sinks[self.batch.results[n].code - FILES]
        _, packet = read_record(self.batch.data(n))
        sink.holder.push(packet, 0, sink.context)

    def flush(self) -> bool:
        """Write what was collected; whether there was anything."""
        return any([sink.flush() for sink in self.sinks])  # noqa: C419 - every one of them

    # ---- state

    def save(self, state: State, tables: bool) -> dict[tuple[str, str], int]:
        """Let `state` remember what this does, its tables only if asked; the drops since the last time."""
        if tables:
            self.native.save(state, random=False)
        else:
            self.native.save_numbers(state)
        drops = self.native.drops
        new = {key: count - self._told.get(key, 0) for key, count in drops.items()}
        self._told = drops
        return {key: count for key, count in new.items() if count}

    def load(self, state: State, tables: bool) -> None:
        """Remember what `state` does and nothing else; of tables, if asked."""
        if tables:
            self.native.forget()
            self.native.load(state)
        else:
            self.native.reset_numbers()
            self.native.load_numbers(state)
        self._told = {}


class Scanned:
    """Packets of a capture that were found; `next` is the first one that was not run."""

    def __init__(self) -> None:
        self.offsets, self.lengths = (ctypes.c_uint64 * BATCH)(), (ctypes.c_uint32 * BATCH)()
        self.ends, self.units = (ctypes.c_uint64 * BATCH)(), (ctypes.c_uint64 * MAX_INTERFACES)()
        self.jobs = (ctypes.c_char * (JOB_BYTES * BATCH))()
        self.jobs.raw = job(PacketBuffer()) * BATCH
        self.next = self.count = 0
        self.request = Scan(
            most=BATCH,
            offsets=ctypes.addressof(self.offsets),
            lengths=ctypes.addressof(self.lengths),
            ends=ctypes.addressof(self.ends),
            jobs=ctypes.addressof(self.jobs),
            units=ctypes.addressof(self.units),
        )
        self._capture: ChunkCapture | None = None
        self._loads = self._begin = -1

    def more(self, capture: ChunkCapture) -> bool:
        """Whether there is a packet to run; look for more if all were."""
        chunks = capture.chunks
        if self._capture is capture and self._loads == chunks.loads:
            while self.next < self.count and self._starts(self.next) < chunks.at:
                self.next += 1  # Python has read this one
            if self.next < self.count and self._starts(self.next) == chunks.at:
                return True
        self._scan(capture)
        return self.count > 0

    def _scan(self, capture: ChunkCapture) -> None:
        """Look for packets from where the capture is read now."""
        chunks, request = capture.chunks, self.request
        self.next = self.count = 0
        request.data, request.swapped = chunks.address, int(capture.order == ">")
        if capture.form is None:
            request.interfaces = 0
            for n, unit in enumerate(capture.units()):
                self.units[n], request.interfaces = unit, n + 1
            scan = capture_code().scan_blocks
        else:
            request.unit = capture.form[1]
            scan = capture_code().scan
        while True:
            request.at, request.end = chunks.at, chunks.end
            self.count = scan(ctypes.addressof(request))
            if self.count or chunks.end - chunks.at > LONGEST or not chunks.refill():
                break
        self._capture, self._loads, self._begin = capture, chunks.loads, chunks.at

    def _starts(self, n: int) -> int:
        """Where the record of packet `n` begins."""
        return int(self.ends[n - 1]) if n else self._begin

    def take(self, capture: ChunkCapture, done: int) -> None:
        """All before packet `done` were run."""
        if done > self.next:
            behind = int(self.ends[done - 1])
            capture.reader.offset += behind - capture.chunks.at
            capture.chunks.at = behind
            self.next = done


LONGEST = MAX_PACKET + 1024
"""Bytes of a record that is looked for; a longer one is left to Python."""
assert 2 * LONGEST < CHUNK
