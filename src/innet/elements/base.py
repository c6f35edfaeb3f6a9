"""What every element is: Click arguments as fields, port codes as class variables, one traced program a port."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Self

from innet import ir
from innet.ir.check import check
from innet.ir.trace import ChecksumEffect, Packet

if TYPE_CHECKING:
    from innet.elements.argument_names import Names
    from innet.elements.holder import Call, Holder, Io, Remembered
    from innet.lexical import Text

OUTSIDE = -1
"""The port number of packets that do not come from another element."""


class Role(Enum):
    """What an element is to the graph, beside transforming packets."""

    TRANSFORM = "transform"
    """Runs its program on each packet; nothing else."""
    ENTRY = "entry"
    """Packets come in from outside: `receive` is run on each frame."""
    SOURCE = "source"
    """Makes packets by itself: `originate` fills an empty packet; a holder says when."""
    EXIT = "exit"
    """Packets go out: what its program holds is handed to the device or file."""
    HOLDER = "holder"
    """Keeps packets: what its program holds goes to its holder. For proofs, a held packet leaves by output 0."""
    INFORMATION = "information"
    """Has no ports and sees no packets."""


@dataclass(frozen=True)
class Element:
    """Base of all elements. A subclass is a frozen dataclass whose fields are its Click arguments.

    No default: mandatory positional. Default: optional positional. After `KW_ONLY`: keyword only. The field name in
    upper case is the argument's keyword. The annotation says how the text is read (`innet.elements.arguments`).
    """

    PORTS: ClassVar[str] = "1/1"
    """Click port count `IN/OUT`: a number, `a-b`, `a-`, `-` (any), `=` (outputs as inputs) or `=+` (one more)."""
    PROCESSING: ClassVar[str] = "a/a"
    """Click processing code, one letter a port: `h` push, `l` pull, `a` agnostic; the last one repeats."""
    FLOW: ClassVar[str] = "x/x"
    """Click flow code."""
    ALIASES: ClassVar[tuple[str, ...]] = ()
    """Other class names it goes by."""
    EXAMPLES: ClassVar[tuple[str, ...]] = ()
    """Argument strings for the manual page and for the tests that every element gets."""
    COMPANIONS: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """The elements that EXAMPLES name: name, class and arguments of each."""
    CHECKSUM: ClassVar[ChecksumEffect] = ChecksumEffect.NONE
    """What assigning a field of the IPv4 header does to its checksum."""
    ROLE: ClassVar[Role] = Role.TRANSFORM
    KEYWORDS_FIRST: ClassVar[bool] = False
    """Whether keyword arguments may stand before positional ones."""
    WRITABLE: ClassVar[Mapping[str, str]] = {}
    """Handlers that read and write an argument: handler name -> field name. Writing one reconfigures the element."""
    BARRED: ClassVar[str] = ""
    """Why a tenant's module may not have it (a platform has no files, say); empty if it may."""
    RATES: ClassVar[Mapping[str, tuple[str, int, int]]] = {}
    """Handlers that show how fast a statistic grows: handler name -> statistic, bits of fraction, factor."""
    bare: ClassVar["Element | None"] = None
    """The element of just this class without arguments, where all configurations may have the same
    (`innet.elements.build`)."""
    READS: ClassVar[tuple[str, ...]] = ()
    """The handlers that `read` answers to."""
    WRITES: ClassVar[tuple[str, ...]] = ()
    """The handlers that `write` takes."""

    @classmethod
    def expand(cls, given: "tuple[Text, ...]") -> "tuple[Text, ...]":
        """The arguments in full: the place for short forms."""
        return given

    SAVES: ClassVar[Mapping[str, str]] = {}
    """Handlers that write a read handler's value to a file: name -> read handler. The value they get is the file."""

    def push(self, p: Packet, port: int) -> None:
        """What happens to a packet that arrives on input `port`; traced once for each port in use."""
        raise NotImplementedError(f"{type(self).__name__} handles no packets")

    def receive(self, p: Packet) -> None:
        """For ENTRY elements: what happens to a frame from outside; data starts at the frame, no mark is set."""
        raise NotImplementedError(f"{type(self).__name__} receives no packets")

    def originate(self, p: Packet) -> None:
        """For SOURCE elements: the program that turns an empty packet into one they make."""
        raise NotImplementedError(f"{type(self).__name__} makes no packets")

    def released(self, p: Packet, port: int) -> None:
        """What a packet that the program of input `port` held may be when it leaves, for proofs.

        It covers all that the holder ever does because of that packet: every output, every copy, every packet that is
        made of it, every table entry; `p.random` and `p.havoc` stand for what is not said. Elements that do not define
        it let packets out unchanged, by any output.
        """
        raise NotImplementedError(f"{type(self).__name__} lets packets out unchanged")

    def release(self, port: int, outputs: int, name: str, inputs: int) -> ir.Program | None:
        """`released` as a checked program; None if packets leave unchanged, by any output."""
        if type(self).released is Element.released:
            return None
        p = Packet(f"{name}[released {port}]", inputs, outputs, self.CHECKSUM)
        self.released(p, port)
        return check(ir.Program(name, port, outputs, p.finish()))

    def trace(self, port: int = 0, outputs: int = 1, name: str = "", inputs: int = 1) -> ir.Program:
        """The checked program for packets that arrive on input `port` of the instance called `name`.

        Port `OUTSIDE` stands for `receive` (ENTRY elements) or `originate` (SOURCE elements).
        """
        label = "out" if port == OUTSIDE else str(port)
        p = Packet(f"{name or type(self).__name__}[{label}]", inputs, outputs, self.CHECKSUM)
        if port != OUTSIDE:
            self.push(p, port)
        elif self.ROLE is Role.ENTRY:
            self.receive(p)
        else:
            self.originate(p)
        return check(ir.Program(name or type(self).__name__, port, outputs, p.finish()))

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        """What is wrong with this configuration of the element, given how many ports are in use; empty if nothing."""
        return ()

    def fitted(self, inputs: int, outputs: int) -> "Element":
        """What it becomes when a handler wrote an argument, given how many ports are in use."""
        return self

    def among(self, names: "Names") -> Self:
        """The element as it is in its configuration, where that says more than its arguments.

        What is found is kept in fields with the metadata `{"argument": False}`.
        """
        return self

    def references(self) -> Mapping[str, type["Element"]]:
        """Names of other elements that the arguments mention, with the class each must have."""
        return {}

    def holder(self, io: "Io", inputs: str, outputs: str) -> "Holder | None":
        """The object that keeps, makes or sends this element's packets; None if its programs are all there is.

        `inputs` and `outputs` have one letter for each port in use: `h` push, `l` pull.
        """
        return None

    def reads(self) -> tuple[str, ...]:
        """READS, and those that hang on the arguments."""
        return self.READS

    def writes(self) -> tuple[str, ...]:
        """WRITES, and those that hang on the arguments."""
        return self.WRITES

    def read(self, handler: str, memory: "Remembered", argument: str) -> str:
        """The value of a handler of `reads`; `argument` is what follows its name. Raises HandlerError for a bad one."""
        raise NotImplementedError(handler)

    def write(self, handler: str, value: str, memory: "Remembered") -> "Element | None":
        """Write a handler of `writes`; the element as it is from then on, None: as before. Raises HandlerError."""
        raise NotImplementedError(handler)

    def calls(self) -> tuple["Call", ...]:
        """Handlers to write when a statistic of this element first reaches a number."""
        return ()

    def written(self) -> tuple[str, ...]:
        """The handlers that this element writes by itself: those of `calls`, and those that its arguments name."""
        from innet.elements.arguments import handlers_named

        return (*(call.handler for call in self.calls()), *handlers_named(self))

    def pull_input(self, output: int) -> int | None:
        """The input that a pull on `output` asks, if the element has no holder that decides; None: no packet."""
        match self.FLOW:
            case "#/#":
                return output
            case "x/y":
                return None
        return 0
