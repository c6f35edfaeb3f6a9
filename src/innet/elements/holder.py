"""Elements that keep, make or send packets: the plain Python half of an element, beside its packet program.

A program is loop-free and forgets the packet; a queue, a timer, a file or a device cannot be one. Such an element
has a `Holder`: an object with state and no I/O of its own. Time, the way to its neighbours and the outside world are
handed in: `Context` while it works, `Io` when it is made. A router (`innet.runtime`) calls it in one of three ways:

* `push`: a program of the element ended in `hold`, the packet is the holder's; the answer is what leaves at once.
* `pull`: an element downstream asks for a packet (outputs in pull context).
* `run`: the element's task. `wake_ns` says when it wants to run next.

For proofs a holder does not exist: a held packet leaves by any output, unchanged, or as `Element.released` says.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol, TypeAlias

from innet import ir
from innet.ir.interpret import NS, PacketBuffer
from innet.packet.record import Record

if TYPE_CHECKING:
    from innet.elements.base import Element

Out: TypeAlias = tuple[int, PacketBuffer]
"""An output port and the packet that leaves by it."""

Pulling: TypeAlias = Generator[int, PacketBuffer | None, PacketBuffer | None]
"""A pull in progress: yields the number of an input to ask, is sent what came of it, returns the packet or None."""


class Capture(Protocol):
    """A capture file that is being read."""

    link_type: int
    """The LINKTYPE_ number of its packets."""

    def records(self) -> Iterator[Record]:
        """Its packets, once."""
        ...


class CaptureSink(Protocol):
    """A capture file that is being written."""

    def write(self, data: bytes, time_ns: int, wire_length: int | None = None) -> None:
        """Append a packet: bytes, nanoseconds from 1970, length on the wire."""
        ...


class Device(Protocol):
    """Where frames go. Frames come in through `Router.deliver`."""

    def send(self, data: bytes, ethernet: bool) -> bool:
        """Send a frame that starts with its Ethernet header, or (`ethernet` false) an IPv4 packet; false: failed."""
        ...


class Io(Protocol):
    """The outside world, as elements see it. Errors are `ConfigurationError`s that name the file or device."""

    def open_capture(self, name: str) -> Capture: ...

    def create_capture(self, name: str, link_type: int, snaplen: int, nanoseconds: bool) -> CaptureSink: ...

    def open_file(self, name: str) -> BinaryIO: ...

    def create_file(self, name: str, append: bool = False) -> BinaryIO: ...

    def device(self, name: str) -> Device: ...


class Context(Protocol):
    """What a holder may ask of the router around it while one of its methods runs."""

    @property
    def now_ns(self) -> int:
        """The time in nanoseconds."""
        ...

    @property
    def random(self) -> Random:
        """Where random numbers come from."""
        ...

    @property
    def outputs(self) -> int:
        """How many outputs the element has here."""
        ...

    @property
    def memory(self) -> "Remembered":
        """The element's tables and statistics."""
        ...

    def pull(self, port: int) -> PacketBuffer | None:
        """Ask the element before input `port` for a packet. Only in `run`."""
        ...

    def emit(self, port: int, packet: PacketBuffer) -> None:
        """Push a packet out and everything it causes, before returning. Only in `run` and `pull`."""
        ...

    def outside(self, packet: PacketBuffer) -> PacketBuffer | None:
        """Run the element's `receive` or `originate` program on `packet` and push what leaves by push outputs.

        What leaves by an output in pull context is returned.
        """
        ...

    def waiting(self, port: int) -> bool:
        """Click's empty notifier: false if the elements before input `port` know that they have nothing."""
        ...

    def blocked(self, port: int) -> bool:
        """Click's full notifier: true if every queue after output `port` is full (and there is one)."""
        ...

    def queues(self) -> Sequence["Holder"]:
        """The queues it watches: those it names, or else those after it if it is pushed to, before it if not."""
        ...

    def drop(self, reason: str) -> None:
        """Count a packet that ends here."""
        ...

    def other(self, element: str) -> "Holder | None":
        """The holder of another element, by its full name; None if it has none, or is not here."""
        ...

    def read(self, handler: str) -> str:
        """The value of `ELEMENT.HANDLER`, the name seen from this element. Raises HandlerError."""
        ...

    def write(self, handler: str, value: str) -> None:
        """Write `ELEMENT.HANDLER`. Raises HandlerError."""
        ...

    def readable(self, handler: str) -> bool:
        """Whether there is a read handler of that name."""
        ...

    def writable(self, handler: str) -> bool:
        """Whether there is a write handler of that name."""
        ...

    def say(self, text: str) -> None:
        """Tell the person who runs the router; the element's name goes before it."""
        ...

    def log(self, line: str) -> None:
        """Write a line to the standard error of the run (Click's chatter)."""
        ...

    def show(self, text: str) -> None:
        """Write to the standard output of the run."""
        ...

    def stop(self) -> None:
        """Ask for the end of the run (Click's driver stop)."""
        ...


class Remembered(Protocol):
    """What an element remembers (its tables and statistics), as its handlers see it."""

    @property
    def element(self) -> str:
        """The name of the element."""
        ...

    @property
    def now_ns(self) -> int:
        """The time in nanoseconds."""
        ...

    def rows(self, table: ir.Table) -> Mapping[tuple[int, ...], tuple[int, ...]]:
        """Keys and values of all entries of a table, PREFIX tables aside."""
        ...

    def run(self, program: ir.Program, packet: PacketBuffer) -> ir.Verdict:
        """Run a program on a packet as the element that the program says it is of; no copies may be made."""
        ...

    def left_ns(self, table: ir.Table, key: tuple[int, ...]) -> int:
        """How much longer an entry may be idle; negative when it might have been forgotten; 0 if it is not there."""
        ...

    def put(self, table: ir.Table, key: tuple[int, ...], values: tuple[int, ...], idle_s: int) -> bool:
        """Set an entry of an EXACT table; whether there was room."""
        ...

    def delete(self, table: ir.Table, key: tuple[int, ...]) -> None:
        """Remove an entry, and its partner in a PAIRED table."""
        ...

    def clear(self, table: ir.Table) -> None:
        """Remove all entries."""
        ...

    def statistic(self, name: str) -> int:
        """What the programs counted under `name`."""
        ...

    def drops(self, reason: str | None = None) -> int:
        """Packets dropped for `reason`, or for any."""
        ...


class HandlerError(Exception):
    """A handler that does not exist, cannot be read or written, or does not take that value."""


class Holder:
    """What an element keeps between packets. The defaults are those of an element that does nothing of its own."""

    RUNS: ClassVar[bool] = False
    """Whether it has a task: `wake_ns` and `run`."""
    PULLS: ClassVar[bool] = False
    """Whether it answers pulls itself, instead of through the element's program."""
    NOTIFIES: ClassVar[bool] = False
    """Whether `waiting` and `full` mean something; a search for notifiers goes on through its pull inputs, if any."""
    STORES: ClassVar[bool] = False
    """Whether it is a queue to elements that watch the lengths of queues (Click's Storage): `holding` and `room`."""
    WATCHES: ClassVar[bool] = False
    """Whether it watches queues (Context.queues): there must be one."""
    PASSES: ClassVar[bool] = False
    """Whether pushed packets leave at once, if they do: searches for queues go on behind it."""

    WRITABLE: ClassVar[tuple[str, ...]] = ()
    """The handlers that `write` takes."""
    READS: ClassVar[tuple[str, ...]] = ()
    """Handlers that `read` or `answer` knows, beside those of WRITABLE, for the list of handlers."""

    watched: Sequence[str] = ()
    """The full names of the queues it watches; none: those near it."""
    drives: bool = False
    """Whether `stopped` wants to hear of requests to end the run (Click's DriverManager)."""
    signals: tuple[str, ...] = ()
    """Signals of the process, numbers or names such as INT, that `signalled` wants to hear of."""
    device: str = ""
    """For ENTRY and EXIT elements: the device they stand for."""
    exclusive: bool = False
    """Whether no second element of the same role may stand for `device`."""

    instead: "Element | None" = None
    """The element whose programs to run, if what was found outside (a file's link type) decides that."""

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        """Take a packet that the program of input `port` held; what leaves because of it, in order."""
        return ((0, packet),)

    def settled(self, context: Context) -> Sequence[Out]:
        """In a replay of a proof: what leaves when all that it waits for from outside comes at once."""
        return ()

    def pull(self, port: int, context: Context) -> Pulling:
        """Answer a pull on output `port`."""
        yield from ()
        return self.take(context)

    def take(self, context: Context) -> PacketBuffer | None:
        """Answer a pull that needs nobody else."""
        return None

    def wake_ns(self, context: Context) -> int | None:
        """The time from which on `run` wants to be called; None: not before something else happened."""
        return None

    def timer_ns(self, context: Context) -> int | None:
        """When `run` can do more than now, of a task that is due but may be looking for packets in vain."""
        return None

    def run(self, context: Context) -> bool:
        """Run the task once; whether it did anything. One that only looked in vain does not count."""
        return False

    def waiting(self) -> bool:
        """The empty notifier: whether asking for a packet may be worth while."""
        return True

    def full(self) -> bool:
        """The full notifier: whether another packet would be dropped."""
        return False

    def holding(self) -> int:
        """How many packets it keeps now."""
        return 0

    def room(self) -> int:
        """How many more packets fit, if it stores any."""
        return 0

    def reconfigured(self, element: "Element") -> None:
        """A handler changed the element's arguments."""

    def stopped(self, context: Context) -> bool:
        """Someone asked for the end of the run; whether the run really ends. Only if `drives`."""
        return True

    def read(self, handler: str) -> str | None:
        """The value of a read handler, or None if there is none of that name."""
        return None

    def answer(self, handler: str, argument: str, context: Context) -> str | None:
        """The value of a read handler with what follows its name, or None if there is none. Raises HandlerError."""
        return self.read(handler)

    def writes(self, handler: str) -> bool:
        """Whether `write` takes a handler of that name."""
        return handler in self.WRITABLE

    def signalled(self) -> None:
        """One of `signals` came; may be called at any time."""

    def write(self, handler: str, value: str, context: Context) -> bool:
        """Write a handler of WRITABLE; false if it is not one. Raises HandlerError for a value it cannot take."""
        return False


@dataclass(frozen=True, slots=True)
class Call:
    """Write `handler` once, when statistic `statistic` first reaches `at`, before the packet goes on.

    With `exact` it must hit `at` (a count that was reset past it does not trigger). `handler` is `ELEMENT.HANDLER`
    as seen from the element.
    """

    statistic: str
    at: int
    handler: str
    value: str = ""
    exact: bool = True


def write_or_tell(context: Context, handler: str, value: str) -> None:
    """Write a handler that a configuration says to write; one that takes no such value is told of, and that is all."""
    try:
        context.write(handler, value)
    except HandlerError as error:
        context.say(str(error))


TRUE, FALSE = frozenset({"1", "true", "yes", "t", "y"}), frozenset({"0", "false", "no", "f", "n"})


def handler_bool(text: str) -> bool:
    """A Boolean, as a write handler gets it."""
    word = text.strip()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise HandlerError(f"expected true or false, not '{word}'")


def handler_int(text: str, low: int = -(2**31), high: int = 2**31 - 1) -> int:
    """A whole number in [low, high], as a write handler gets it."""
    try:
        number = int(text.strip(), 0)
    except ValueError:
        raise HandlerError(f"expected a number, not '{text.strip()}'") from None
    if not low <= number <= high:
        raise HandlerError(f"expected a number from {low} to {high}, not {number}")
    return number


def show_bool(value: bool) -> str:
    """A Boolean, as a read handler shows it."""
    return "true" if value else "false"


def timestamp(packet: PacketBuffer, time_ns: int) -> None:
    """Set the packet's timestamp annotation."""
    seconds, rest = divmod(time_ns, NS)
    packet.annotations[52:60] = (seconds % 2**32).to_bytes(4, "big") + rest.to_bytes(4, "big")


def timestamp_of(packet: PacketBuffer) -> int:
    """The packet's timestamp annotation, in nanoseconds."""
    area = packet.annotations
    return int.from_bytes(area[52:56], "big") * NS + int.from_bytes(area[56:60], "big")


def show_time(time_ns: int) -> str:
    """A time as Click prints it: seconds with six digits behind the point, or nine if it takes them."""
    sign = "-" if time_ns < 0 else ""
    seconds, rest = divmod(abs(time_ns), NS)
    return f"{sign}{seconds}.{rest:09d}" if rest % 1000 else f"{sign}{seconds}.{rest // 1000:06d}"
