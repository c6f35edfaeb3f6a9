"""The same programs for this machine's own processor: for captures, and to hold one back end against another.

A `NativeGraph` is a graph as machine code in this process, with its tables and numbers beside it. It takes packets in
batches and needs no Python for each of them. What it does is what the interpreter does, packet by packet, table entry
by table entry and random number by random number: time and randomness are arguments here too.
"""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from innet.ir.interpret import NS, PacketBuffer, State
from innet.xdp.closing import Closing
from innet.xdp.copies import CLONE, COPIES_WORDS, HELD, JOB_BYTES, MAX_COPIES, copying, job, jobs
from innet.xdp.emit import Emitted, emit
from innet.xdp.graph import Graph, Input
from innet.xdp.layout import NUMBERS, Use
from innet.xdp.native_batch import Request, Result, batch
from innet.xdp.native_memory import Memory
from innet.xdp.native_prefix import PrefixTable
from innet.xdp.native_runtime import RANDOM, SUM, get_random, set_random
from innet.xdp.native_tables import HashTable, tables_text
from innet.xdp.native_target import MAX_PACKET, TAIL_ROOM, Native, engine, read_record
from innet.xdp.target import Leave, Redirect
from innet.xdp.unsupported import Unsupported


class Left(NamedTuple):
    """What became of a packet, given by its number, or of a copy of it: the verdict (`Native.drop`, `Native.abort`, or
    the code of the way it left by), its bytes, and if it was handed over the region and the packet with its marks.

    `Native.abort` is for packets that do not fit; their bytes mean nothing."""

    number: int
    code: int
    data: bytes
    region: Input | None = None
    packet: PacketBuffer | None = None


class Batch:
    """Room for packets on their way through a `NativeGraph`; used again for each batch.

    `packets` is how many it takes, `arena_bytes` how many bytes of them and of the room around them, `results` how many
    of them and of their copies (by default no copies). `offsets` and `lengths` say where packets are, `times`
    (nanoseconds) when they came; the first `made` of `results` what became of them, in order: all copies of one packet
    together, each before those that were made later.
    """

    def __init__(self, packets: int, arena_bytes: int, results: int = 0) -> None:
        results = max(results, packets)
        self.offsets, self.lengths = (ctypes.c_uint64 * packets)(), (ctypes.c_uint32 * packets)()
        self.times = (ctypes.c_uint64 * packets)()
        self.results = (Result * results)()
        self.made = 0
        self.arena = Memory(arena_bytes)
        self.arena_bytes = arena_bytes
        self.request = Request(
            offsets=ctypes.addressof(self.offsets),
            lengths=ctypes.addressof(self.lengths),
            results=ctypes.addressof(self.results),
            arena=self.arena.address,
            arena_bytes=arena_bytes,
            size=results,
        )

    def data(self, n: int) -> bytes:
        """The bytes of result `n`, in front of them a record if it was handed over."""
        result = self.results[n]
        return self.arena.read(result.at, result.length)


def place(packets: Sequence[bytes], batch: Batch) -> ctypes.Array[ctypes.c_char]:
    """Put `packets` one behind the other, and say in `batch` where they are."""
    at = 0
    for n, packet in enumerate(packets):
        batch.offsets[n], batch.lengths[n] = at, len(packet)
        at += len(packet)
    return ctypes.create_string_buffer(b"".join(packets), max(at, 1))


class Lowered(NamedTuple):
    """A graph as LLVM IR: room that packets need in front, and the most jobs of one packet."""

    emitted: Emitted
    head: int
    jobs: int


def lower(graph: Graph, divert: Leave, refused: Sequence[Unsupported] = ()) -> Lowered:
    """`graph` for this machine; packets for regions that cannot be compiled, or are `refused`, end with `divert`."""
    for way in (*graph.connections.values(), *graph.held.values()):
        if isinstance(way, Redirect):
            raise ValueError(f"no device {way.interface} here")
    target = Native()
    emitted = emit(graph, target, divert, NS, refused)
    most = most_jobs(graph, emitted)
    if most > MAX_COPIES:
        target = Native()
        emitted = emit(graph, target, divert, NS, [*emitted.slow, *too_many(graph)])
        most = most_jobs(graph, emitted)
    return Lowered(emitted, -(-target.head // 16) * 16, most)


class NativeGraph(Closing):
    """`graph` as machine code in this process, with its state.

    `emitted.slow` says which regions it hands over, and why: packets for these leave with the code of `divert`. Random
    numbers are those of `random` from where it is; by default those of `Random(0)`, as in the interpreter. Use it as a
    context manager, or `close` it.
    """

    def __init__(
        self,
        graph: Graph,
        divert: Leave,
        random: Random | None = None,
        refused: Sequence[Unsupported] = (),
        tail_room: int = TAIL_ROOM,
        lowered: Lowered | None = None,
    ) -> None:
        lowered = lower(graph, divert, refused) if lowered is None else lowered
        self.graph, self.divert, self._closed = graph, divert, False
        self.emitted: Emitted = lowered.emitted
        self.head_room, self._jobs = lowered.head, lowered.jobs
        self._most = MAX_PACKET + tail_room + self._jobs * self.head_room
        self._engine = engine(self._text())
        address = self._engine.get_function_address
        variable = self._engine.get_global_value_address
        self._run = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address("run"))
        self._numbers = (ctypes.c_uint64 * max(1, len(self.emitted.first))).from_address(variable(NUMBERS))
        self._heap = Memory(self._jobs * (self._most + self.head_room))
        self._job_list = Memory((self._jobs + 1) * JOB_BYTES)
        copies = (ctypes.c_uint64 * COPIES_WORDS).from_address(variable("copies"))
        copies[:] = [self._heap.address, 0, self._job_list.address, 0]
        self._random = variable("random")
        set_random(self._random, random or Random(0))
        self.tables: dict[tuple[str, str], HashTable] = {}
        self._prefixes = []
        for key, symbol in self.emitted.tables.items():
            layout = self.emitted.layouts[symbol]
            if layout.timed:
                self.tables[key] = HashTable(variable(symbol), address(f"{symbol}.update"), layout)
            else:
                self._prefixes.append(PrefixTable(variable(symbol), layout))

    def _text(self) -> str:
        first = self.emitted.first or (0,)
        values = ", ".join(f"i64 {number}" for number in first)
        numbers = f"@{NUMBERS} = global [{len(first)} x i64] [{values}], align 64\n"
        loop = batch(self.head_room, MAX_PACKET, self._most, self._jobs, Native.drop, Native.abort)
        return self.emitted.llvm + numbers + tables_text(self.emitted.layouts) + RANDOM + SUM + CLONE + loop

    def close(self) -> None:
        """Forget code and tables; numbers can still be read. It runs no packets any more (ValueError)."""
        if not self._closed:
            self._closed = True
            self._numbers = type(self._numbers)(*self._numbers)
            self.tables.clear()
            self._engine.close()

    def _open(self) -> None:
        if self._closed:
            raise ValueError("this graph was closed")

    # ---- packets

    @property
    def leaves(self) -> int:
        """Results that one packet may have, itself and all its copies."""
        return self._jobs + 1

    @property
    def room(self) -> int:
        """Bytes of arena that have to be free for a packet to be taken."""
        return self.leaves * (self.head_room + self._most + 16)

    def run_batch(
        self, batch: Batch, packets: int, count: int, first: int = 0, now_ns: int = 0, timed: bool = False
    ) -> int:
        """Run packets `first` to `count` of `batch`, whose offsets count from address `packets`; the first not run.

        It is `count` unless the arena (see `room`) or the results (see `leaves`) may be too few for another: what left
        has to be taken out before the next call. A packet of more than MAX_PACKET bytes is given up (`Native.abort`),
        as is one that would grow by more than TAIL_ROOM. It is `now_ns`, or with `timed` what `batch.times` say.
        """
        self._open()
        request = batch.request
        request.packets, request.count, request.first, request.now = packets, count, first, now_ns
        request.times = ctypes.addressof(batch.times) if timed else 0
        done = int(self._run(ctypes.addressof(request)))
        batch.made = request.made
        return done

    def run(self, packets: Sequence[bytes], now_ns: int = 0) -> list[Left]:
        """What becomes of each of `packets`, in order."""
        return self._run_all(packets, now_ns, 0, b"")

    def push(self, region: Input, packets: Sequence[PacketBuffer], now_ns: int = 0) -> list[Left]:
        """What becomes of each of `packets`, in order, that come back to `region` (one of the graph's `back`).

        Raises ValueError for a packet with a mark before its bytes.
        """
        records = b"".join(job(one) for one in packets)
        return self._run_all(
            [bytes(one.bytes) for one in packets], now_ns, self.graph.back.index(region) + 1, records
        )

    def _run_all(self, packets: Sequence[bytes], now_ns: int, point: int, records: bytes) -> list[Left]:
        longest = max(map(len, packets), default=0)
        if longest > MAX_PACKET:
            raise ValueError(f"a packet of {longest} bytes, the most is {MAX_PACKET}")
        batch = Batch(len(packets), self.room + (1 << 20), self.leaves + len(packets))
        given, jobs_given = place(packets, batch), ctypes.create_string_buffer(records, max(1, len(records)))
        batch.request.point, batch.request.records = point, ctypes.addressof(jobs_given)
        out: list[Left] = []
        done = 0
        while done < len(packets):
            done = self.run_batch(batch, ctypes.addressof(given), len(packets), done, now_ns)
            out += (self.left(batch, n) for n in range(batch.made))
        return out

    def left(self, batch: Batch, n: int) -> Left:
        """Result `n` of a batch that was run."""
        number, code, data = batch.results[n].packet, batch.results[n].code, batch.data(n)
        if code != self.divert.code:
            return Left(number, code, data)
        region, packet = read_record(data)
        return Left(number, code, packet.data, self.emitted.regions[region], packet)

    # ---- state

    def numbers(self) -> Mapping[tuple[Use, str, str], int]:
        """Counters, statistics and drops by (use, element, name)."""
        return {key: int(self._numbers[at // 8]) for key, at in self.emitted.numbers.items()}

    @property
    def drops(self) -> dict[tuple[str, str], int]:
        """Packets dropped so far by (element, reason)."""
        return {(o, name): n for (use, o, name), n in self.numbers().items() if use is Use.DROP and n}

    def forget(self) -> None:
        """Be as at the start: no entries, all numbers (drops, too) at their first values."""
        self._open()
        for table in self.tables.values():
            table.clear()
        self.reset_numbers()

    def load(self, state: State) -> None:
        """Go on with what `state` remembers: tables (added to what is there), numbers and random numbers."""
        self.load_numbers(state)
        for key, table in self.tables.items():
            if key in state.tables:
                table.fill(state.tables[key].rows)
        set_random(self._random, state.random)

    def load_numbers(self, state: State) -> None:
        """Go on with the counters and statistics that `state` has."""
        self._open()
        for (use, owner, name), at in self.emitted.numbers.items():
            held = {Use.COUNTER: state.counters, Use.STATISTIC: state.statistics}.get(use, {}).get(
                (owner, name)
            )
            if held is not None:
                self._numbers[at // 8] = held

    def reset_numbers(self) -> None:
        """Have all numbers, drops too, at their first values."""
        self._open()
        self._numbers[: len(self.emitted.first)] = list(self.emitted.first)

    @property
    def draws(self) -> bool:
        """Whether its programs take random numbers."""
        return "@random." in self.emitted.llvm

    def take_random(self, random: Random) -> None:
        """Take random numbers from where `random` is."""
        set_random(self._random, random)

    def give_random(self, random: Random) -> None:
        """Let `random` go on where this is."""
        get_random(self._random, random)

    def save(self, state: State, random: bool = True) -> None:
        """Let `state` remember what this does (if so asked without its random numbers); the interpreter can go on with
        it."""
        self.save_numbers(state)
        for key, table in self.tables.items():
            state.tables[key] = table.state()
        if random:
            get_random(self._random, state.random)

    def save_numbers(self, state: State) -> None:
        """Let `state` have the counters and statistics of this."""
        self._open()
        for (use, owner, name), number in self.numbers().items():
            if use is Use.COUNTER:
                state.counters[owner, name] = number
            elif use is Use.STATISTIC and (number or (owner, name) in state.statistics):
                state.statistics[owner, name] = number


def most_jobs(graph: Graph, emitted: Emitted) -> int:
    """The most jobs of one packet, all copies taken together."""
    slow = {Input(one.element, one.port) for one in emitted.slow}
    found: dict[Input, int] = {}
    for region in reversed([one for one in emitted.regions if one not in slow]):
        after = {port: found.get(way, 0) for port, way in ways(graph, region)}
        body = graph.programs[region].body
        found[region] = jobs(body, after, int(copying(body)))
    return max(found.values(), default=0)


def ways(graph: Graph, region: Input) -> Iterator[tuple[int, Input]]:
    """Where the outputs of an element lead that lead to others."""
    for (element, port), way in graph.connections.items():
        if element == region.element and isinstance(way, Input):
            yield port, way
    held = graph.held.get(region.element)
    if isinstance(held, Input):
        yield HELD, held


def too_many(graph: Graph) -> Iterator[Unsupported]:
    """All inputs whose packets are copied."""
    for region, program in graph.programs.items():
        if copying(program.body):
            yield Unsupported(
                region.element, region.port, "Copy", f"one packet may become more than {MAX_COPIES}"
            )
