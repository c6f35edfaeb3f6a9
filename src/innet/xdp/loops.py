"""What the verifier needs to follow a loop over the packet: places of which it knows only that they are inside."""

from innet.xdp.facts import Position
from innet.xdp.memory import Memory


class Loops:
    """Access to the packet at places computed in a loop; `count` is how many loops were written."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.writer = memory, memory.writer
        self.count = 0

    def forget_bounds(self) -> None:
        """Read the frame's ends anew before a loop.

        Paths arrive here with different bounds proven, and the verifier would walk the loop once for each of them.
        """
        self.count += 1
        self.memory.target.reload(self.writer)

    def hidden(self, at: Position) -> str:
        """`at`, counted from the frame's start, as a number up to `max_offset` of which the verifier knows no more.

        Otherwise every turn of a loop is a new state to it, and it walks what follows the loop once for each.
        """
        writer, most = self.writer, self.memory.target.max_offset
        place = writer.barrier(writer.at(at.plus(writer.state.head)).text)
        last = writer.state.facts.of_position(at)[1] + writer.state.head
        self.memory.look(last)
        if not self.memory.target.linear and last > most:
            writer.demand(writer.name(f"icmp ule i64 {place}, {most}"), self.memory.beyond())
        nothing = writer.name(f"lshr i64 {writer.barrier(self.length())}, 32")
        unknown = writer.barrier(writer.name(f"add i64 {place}, {nothing}"))
        return writer.name(f"and i64 {unknown}, {most}")

    def length(self) -> str:
        """The bytes at hand: far fewer than 2^32, but the verifier does not know."""
        writer, state = self.writer, self.writer.state
        numbers = [writer.name(f"ptrtoint ptr {p} to i64") for p in (state.end, state.data)]
        return writer.name(f"sub i64 {numbers[0]}, {numbers[1]}")

    def checked(self, at: str, length: int) -> str:
        """A pointer to `length` bytes, which are in the frame, at the computed offset `at` from its start."""
        writer = self.writer
        inside = writer.barrier(at)
        writer.demand(
            writer.name(f"icmp ule i64 {inside}, {self.memory.target.max_offset}"), self.memory.beyond()
        )
        pointer = writer.barrier(writer.pointer(writer.state.data, inside), "ptr")
        limit = writer.pointer(pointer, length)
        writer.demand(writer.name(f"icmp ule ptr {limit}, {writer.state.end}"), self.memory.beyond())
        return pointer
