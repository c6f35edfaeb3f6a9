"""ToNetfront."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.holder import Context, Device, Holder, Io, Out
from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.ir.trace import Packet


class ExitHolder(Holder):
    """Sends packets on a device."""

    WRITABLE = ("reset_counts",)

    def __init__(self, name: str, port: Device, exclusive: bool = False) -> None:
        self.device, self.port, self.exclusive = name, port, exclusive
        self.sent = self.failed = 0

    def push(self, packet: PacketBuffer, port: int, context: Context) -> Sequence[Out]:
        ethernet = packet.marks.get(Mark.MAC) == packet.marks[Mark.DATA]
        if self.port.send(packet.data, ethernet):
            self.sent += 1
            return ((0, packet),) if context.outputs else ()
        self.failed += 1
        if context.outputs > 1:
            return ((1, packet),)
        context.drop("sending failed")
        return ()

    def read(self, handler: str) -> str | None:
        match handler:
            case "count" | "pulls":
                return str(self.sent)
            case "drops":
                return str(self.failed)
        return None

    def write(self, handler: str, value: str, context: Context) -> bool:
        if handler != "reset_counts":
            return False
        self.sent = self.failed = 0
        return True


def send_frame(p: Packet) -> None:
    """The program of an exit: a packet must start with its Ethernet header, or with the IPv4 header marked in it."""
    for mark in (Mark.MAC, Mark.NET):
        with p.when(p.marked(mark)), p.when(p.distance(mark, Mark.DATA) == 0):
            p.hold()
    p.count("bad_frames")
    p.drop("bad frame")


@dataclass(frozen=True)
class ToNetfront(Element):
    """Send packets on an interface of the module.

    Ports:      in 0: a frame whose data starts at the MAC mark, or an IPv4 packet whose data starts at the network
                mark; the platform writes both Ethernet addresses. Pushed packets go at once; in pull context it pulls.
                out 0 (push, optional): the packet, after it was sent.
    Arguments:  IFNAME (interface of the module, by number or name, default 0).
    Drops:      "bad frame": data starts with neither header; "sending failed".
    Source:     ClickOS; the paper's section 5.
    """

    PORTS: ClassVar[str] = "1/0-1"
    PROCESSING: ClassVar[str] = "a/h"
    ROLE: ClassVar[Role] = Role.EXIT
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "1")

    ifname: str = "0"

    def push(self, p: Packet, port: int) -> None:
        send_frame(p)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return ExitHolder(self.ifname, io.device(self.ifname))
