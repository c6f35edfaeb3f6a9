"""One element in a running router, its outputs written to captures in memory."""

from innet.diagnostics import Source
from innet.ir.interpret import PacketBuffer
from innet.runtime.build import build
from innet.runtime.clock import VirtualClock
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

SECOND = 1_000_000_000


class Running:
    """The element declared as `text`, called `e`; `more` are other declarations. It starts at `start_s` seconds."""

    def __init__(
        self, text: str, inputs: int = 1, outputs: int = 1, more: str = "", start_s: int = 1000
    ) -> None:
        lines = [more, f"e :: {text};"]
        lines += [f"Idle -> [{n}] e;" for n in range(inputs)]
        lines += [f"e [{n}] -> ToDump(out{n}, ENCAP ETHER, SNAPLEN 0);" for n in range(outputs)]
        self.io, self.outputs = MemoryIo(), outputs
        self.clock = VirtualClock()
        self.clock.advance(start_s * SECOND)
        self.router: Router
        self.router, _ = build(Source("test.click", "\n".join(lines)), self.io, clock=self.clock)

    def push(self, packet: PacketBuffer | bytes, port: int = 0) -> list[tuple[int, bytes]]:
        """Outputs and bytes of what leaves because `packet` came."""
        before = self.counts()
        buffer = packet.copy() if isinstance(packet, PacketBuffer) else PacketBuffer(packet)
        self.router.push(self.router.by_name["e"], port, buffer)
        return self.since(before)

    def wait(self, seconds: float) -> list[tuple[int, bytes]]:
        """Let time go by; what leaves meanwhile."""
        before = self.counts()
        until = self.clock() + int(seconds * SECOND)
        self.router.run(until)
        self.clock.advance(until)
        return self.since(before)

    def counts(self) -> list[int]:
        return [len(self.io.sinks[f"out{n}"].packets) for n in range(self.outputs)]

    def since(self, before: list[int]) -> list[tuple[int, bytes]]:
        return [
            (n, data)
            for n, count in enumerate(before)
            for data, _, _ in self.io.sinks[f"out{n}"].packets[count:]
        ]

    def read(self, handler: str) -> str:
        return self.router.handlers.read(f"e.{handler}")

    def write(self, handler: str, value: str = "") -> None:
        self.router.handlers.write(f"e.{handler}", value)

    def drops(self) -> dict[str, int]:
        """Dropped packets by reason."""
        return {reason: count for (name, reason), count in self.router.drops.items() if name == "e"}
