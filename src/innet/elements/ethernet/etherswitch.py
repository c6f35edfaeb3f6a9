"""EtherSwitch."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet import ir
from innet.elements.arguments import EtherAddress, Seconds
from innet.elements.base import Element
from innet.elements.ethernet.frame import frame, require_ethernet_header
from innet.elements.holder import Remembered
from innet.ir.interpret import NS
from innet.ir.trace import Packet, Value

SAME_PORT = "its destination is behind the port it came by"
GROUP_BIT = 1 << 40
HOSTS = ir.Table("hosts", (48,), (16, 64), guarantee_s=0)
"""By Ethernet address: the port a host was last seen on, and when (nanoseconds)."""


@dataclass(frozen=True)
class EtherSwitch(Element):
    """Forward Ethernet frames to the port where their destination was seen: a learning bridge.

    Ports:      in/out k: the frames of segment k. A frame for a host seen on another port leaves there; one for
                a group, or for a host not seen of late, leaves by all ports but its own.
    Arguments:  TIMEOUT (keyword, seconds, default 300): how long a host is remembered, by the frames' timestamps.
                0: nothing is remembered, all frames leave by all other ports.
    State:      `hosts`, 65536 of them; the one seen longest ago makes room.
    Drops:      "its destination is behind the port it came by", "no Ethernet header".
    Source:     Click manual, EtherSwitch.
    """

    PORTS: ClassVar[str] = "2-/="
    PROCESSING: ClassVar[str] = "h/h"
    FLOW: ClassVar[str] = "#/[^#]"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "TIMEOUT 10", "TIMEOUT 0")
    WRITABLE: ClassVar[Mapping[str, str]] = {"timeout": "timeout_s"}

    READS: ClassVar[tuple[str, ...]] = ("table", "timeout")

    _: KW_ONLY
    timeout_s: Annotated[int, Seconds()] = 300

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        if self.timeout_s < 1 << 32:
            return ()
        return (f"TIMEOUT is {self.timeout_s} s; expected fewer than 2^32 seconds",)

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler == "timeout":
            return str(self.timeout_s)
        rows = memory.rows(HOSTS).items()
        return "".join(f"{EtherAddress().show(ether)} {port}\n" for (ether,), (port, _) in rows)

    def push(self, p: Packet, port: int) -> None:
        require_ethernet_header(p)
        *_, last_port = self.others(p, port)
        if self.timeout_s:
            h = frame(p)
            src, dst = h.src, h.dst
            seen = p.bind(p.anno.time_s.cast(64) * NS + p.anno.time_ns.cast(64))
            with p.when((dst & GROUP_BIT) == 0):
                with p.when(dst == src):
                    self.learn(p, src, port, seen)
                    self.stay(p)
                found, (out, last) = p.lookup(HOSTS, (dst,))
                with p.when(found & (seen < last + self.timeout_s * NS)):
                    self.learn(p, src, port, seen)
                    self.forward(p, port, out)
            self.flood(p, port)
            p.delete(HOSTS, (dst,))
            self.learn(p, src, port, seen)
            p.emit(last_port)
        else:
            self.flood(p, port)
            p.emit(last_port)

    def learn(self, p: Packet, src: Value, port: int, seen: Value) -> None:
        """Remember where the sender is."""
        p.insert(HOSTS, (src,), (port, seen), self.timeout_s)

    def forward(self, p: Packet, port: int, out: Value) -> None:
        """Send to the port where the destination is."""
        for number in range(p.inputs):
            if number != port:
                with p.when(out == number):
                    self.leave(p, number)
        self.stay(p)

    def leave(self, p: Packet, number: int) -> None:
        """Send by one port."""
        p.emit(number)

    def stay(self, p: Packet) -> None:
        """Sender and destination are behind one port."""
        p.drop(SAME_PORT)

    def others(self, p: Packet, port: int) -> tuple[int, ...]:
        """All ports but one."""
        return tuple(number for number in range(p.outputs) if number != port)

    def flood(self, p: Packet, port: int) -> None:
        """Send copies by all other ports but the last. Until then nothing has changed: a platform without copies may
        hand the frame to somebody else."""
        for number in self.others(p, port)[:-1]:
            p.copy(number)
