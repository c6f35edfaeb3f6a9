"""Packets that show what a module may do wrong: every violation that is told is one that really happened in a run.

What a proof finds is a path. Tried in turn, until a run breaks the rule: the packet that takes the path; packets one
after the other, from empty tables, found symbolically; and packets to a module that runs in virtual time, for what
hangs on counts, queues, dice, clocks and packets of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from innet.elements.base import OUTSIDE, Role
from innet.explore.flow import Budget, BudgetExceeded
from innet.explore.modules import Box
from innet.explore.replay import enter, memory, module_frame
from innet.explore.runs import Left, runs
from innet.explore.twins import Log, Twins
from innet.explore.witness import sequences, summary
from innet.messages import Witness
from innet.symbolic.memory import Imprecise, Memory, Split
from innet.symbolic.state import Injected, State, Tables, stamp
from innet.symbolic.store import Store
from innet.verify import crafted
from innet.verify.session import HIGHEST, LOWEST, SECOND_NS, Setting, leaving

MAX_PATHS = 6
MAX_SOLUTIONS = 12
LONGEST = 3
"""Packets of a sequence that is searched for symbolically."""
STEPS, WORK = 1_500, 400_000
"""Element executions and work that this search may cost."""
CROWD = 1_100
"""Packets that are sent to a running module to see what is counted, metered or overflows."""
MAX_TRIES = 20
"""Runs that finding a shorter sequence may take."""
SEEDS = 4
YEARS = (1_700_000_000, 2_200_000_000, 1)
"""Seconds since 1970 at which a module is run."""
STRANGER = 0xC6336407  # 198.51.100.7


@dataclass(frozen=True)
class Question:
    """What is looked for: a run of `box` in which a frame leaves that is `wrong`, given the sources that the packet may
    have had that caused it, and those of all packets that came so far.

    `inject(label)` is any packet that may come; `breaks` gives the stores of the packets at an exit that
    break the rule, in a state, with the packet that caused them.
    """

    box: Box
    address: int
    owner: int
    """An address of the account, or any other."""
    victim: int
    """An address that nobody may use."""
    inject: Callable[[str], Injected]
    breaks: Callable[[Left, State, Injected, Tables], Iterable[Store]]
    wrong: Callable[[bytes, set[int], set[int]], bool]


def find(question: Question, origin: Injected, paths: Sequence[Store]) -> Witness | None:
    """Packets that make the module break the rule; `paths` are the stores of packets that may."""
    examples: list[bytes] = []
    for path in paths[:MAX_PATHS]:
        for n, (found,) in enumerate(sequences((origin,), path)):
            frame = crafted.plain(found.frame)
            if n == 0:
                examples.append(frame)
            shown = stepped(question, [frame])
            if shown is not None or n >= MAX_SOLUTIONS:
                break
        if examples and shown is not None:
            return shown
    return _in_steps(question) or _in_crowds(question, examples)


def stepped(question: Question, frames: Sequence[bytes]) -> Witness | None:
    """What the reference interpreter makes of frames one after the other, time standing still."""
    machine, state = question.box.machine, memory(0)
    seen: set[int] = set()
    for n, frame in enumerate(frames):
        source = int.from_bytes(frame[26:30], "big")
        seen.add(source)
        for names in question.box.entries.values():
            for entry in names:
                for _, packet in enter(machine, entry, frame, state):
                    left = module_frame(packet)
                    if left is not None and question.wrong(left, {source}, seen):
                        return _witness(frames[: n + 1], left, "")
    return None


def _witness(frames: Sequence[bytes], left: bytes, note: str) -> Witness:
    *before, last = (frame[14:].hex() for frame in frames)
    return Witness(summary(frames[-1]), last, summary(left), True, tuple(before), note)


# ---- one packet after the other, symbolically


def _in_steps(question: Question) -> Witness | None:
    try:
        for frames in _sequences(question):
            shown = stepped(question, frames)
            if shown is not None:
                return shown
    except BudgetExceeded:
        pass
    return None


def _sequences(question: Question) -> Iterator[list[bytes]]:
    """Frames in order that break the rule from empty tables, as far as the proof engine can tell."""
    box = question.box
    machine = box.machine
    twins = Twins((machine, machine), (box.scope, "\0"), equal=False)
    tables = Tables(any_state=False)
    tables.oracle = twins
    budget = Budget(STEPS, work=WORK)
    entries = [(e, OUTSIDE) for names in box.entries.values() for e in names]
    blank = State(Memory(), Store())
    blank.progress = Log()
    started: list[tuple[tuple[Injected, ...], State]] = [((), blank)]
    for length in range(1, LONGEST + 1):
        following: list[tuple[tuple[Injected, ...], State]] = []
        for origins, known in started:
            injected = question.inject(f"{length}: " if origins else "")
            state = injected.state.fork()
            stamp(state.memory)
            origin = replace(injected, state=state.fork())
            store = known.store.fork()
            store.domains.update(state.store.domains)
            state.store, state.entries, state.progress = store, known.entries, known.progress
            for run in runs(machine, entries, state, tables, budget, box.scope, twins.choose, twins.note):
                if run.lost:
                    continue
                for left in run.left:
                    yield from _frames(question, left, run.state, (*origins, origin), tables)
                if length < LONGEST and _changed(run.state, known):
                    following.append(((*origins, origin), run.state))
        started = following


def _frames(
    question: Question, left: Left, state: State, origins: tuple[Injected, ...], tables: Tables
) -> Iterator[list[bytes]]:
    try:
        stores = list(question.breaks(left, state, origins[-1], tables))
    except (Imprecise, Split):
        return
    for store in stores:
        for n, found in enumerate(sequences(origins, store)):
            if n >= 4:
                break
            yield [crafted.plain(one.frame) for one in found]


def _changed(after: State, before: State) -> bool:
    """Whether the packet left something behind that a later one may find."""
    assert isinstance(after.progress, Log)
    assert isinstance(before.progress, Log)
    counted = {k: n for k, n in after.progress.drawn.items() if k[2] == "counter"}
    return after.entries != before.entries or any(
        before.progress.drawn.get(k) != n for k, n in counted.items()
    )


# ---- a module that runs


def _in_crowds(question: Question, examples: list[bytes]) -> Witness | None:
    for frames, setting, note in _plays(question, examples):
        found = _played(question, frames, setting)
        if found is None:
            continue
        left, at = found
        if at is None:
            return Witness("no packet: the module sends by itself", "", summary(left), True, note=note)
        shorter = _shorter(question, frames[: at + 1], setting)
        left, _ = _played(question, shorter, setting) or (left, None)
        return _witness(shorter, left, note)
    return None


def _plays(question: Question, examples: list[bytes]) -> Iterator[tuple[list[bytes], Setting, str]]:
    """What is sent to a running module: frames, how it is set up, and a word about that."""
    machine = question.box.machine
    start = YEARS[0] * SECOND_NS
    if machine.with_role(Role.SOURCE):
        for seed in range(3):
            yield [], Setting(seed, start), ""
    if not machine.with_role(Role.ENTRY):
        return
    sources = list(dict.fromkeys((question.owner, STRANGER)))
    plain = crafted.udp(STRANGER, question.address, bytes(20))
    frames = [*examples, crafted.ETHERNET + plain]
    for frame in frames[:3]:
        for seed in (0, LOWEST, HIGHEST, *range(1, SEEDS)):
            yield [frame] * 3, Setting(seed, start), "when the dice fall so" if seed else ""
    for sequence in crafted.sequences(machine, sources, question.address, question.victim):
        yield sequence, Setting(0, start), ""
    for year in YEARS[1:]:
        for frame in frames[:2]:
            yield [frame], Setting(0, year * SECOND_NS), f"when it is {year} seconds past 1970"
    several = frames[: len(frames) if len(frames) < 3 else 2]
    for frame in several:
        big = crafted.large(frame)
        yield [crafted.varied(frame, n) for n in range(CROWD)], Setting(0, start), ""
        yield [crafted.from_other(frame, n << 3) for n in range(CROWD)], Setting(0, start), ""
        yield [frame] * CROWD, Setting(0, start), ""
        yield [crafted.varied(big, n) for n in range(CROWD)], Setting(1, start), ""


def _played(question: Question, frames: Sequence[bytes], setting: Setting) -> tuple[bytes, int | None] | None:
    """The first frame that leaves and breaks the rule, and which of `frames` it came after (None: none)."""
    seen: set[int] = set()
    for n, lefts in enumerate(leaving(question.box.machine, frames, setting, 5 * SECOND_NS)):
        if n < len(frames):
            seen.add(int.from_bytes(frames[n][26:30], "big"))
        for left in lefts:
            if question.wrong(left, seen, seen):
                return left, min(n, len(frames) - 1) if frames else None
    return None


def _shorter(question: Question, frames: list[bytes], setting: Setting) -> list[bytes]:
    """Fewer of the frames, as far as halving leads."""
    size, tries = len(frames) // 2, MAX_TRIES
    while size and tries:
        at = 0
        while at + size < len(frames) and tries:
            tries -= 1
            fewer = frames[:at] + frames[at + size :]
            if _played(question, fewer, setting) is not None:
                frames = fewer
            else:
                at += size
        size //= 2
    return frames


__all__ = ["Question", "find", "stepped"]
