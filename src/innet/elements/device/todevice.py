"""ToDevice."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import OneOf, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.tonetfront import ExitHolder, send_frame
from innet.elements.holder import Holder, Io
from innet.ir.trace import Packet


@dataclass(frozen=True)
class ToDevice(Element):
    """Send packets on a network device.

    Ports:      in 0: as ToNetfront. Pushed packets go at once; in pull context it pulls BURST packets a turn (Click's
                own only pulls).  out 0 (push, optional): the packet, after it was sent.
                out 1 (push, optional): a packet that could not be sent.
    Arguments:  DEVNAME (name).  BURST (keyword, packets, default 1), METHOD (keyword), DEBUG (keyword, bool).
    Drops:      "bad frame": data starts with neither an Ethernet nor an IPv4 header; "sending failed".
    Errors:     two ToDevice of one device.
    Source:     Click manual, ToDevice.userlevel.
    """

    PORTS: ClassVar[str] = "1/0-2"
    PROCESSING: ClassVar[str] = "a/h"
    ALIASES: ClassVar[tuple[str, ...]] = ("ToDPDKDevice",)
    ROLE: ClassVar[Role] = Role.EXIT
    EXAMPLES: ClassVar[tuple[str, ...]] = ("eth0", "eth0, BURST 8")

    devname: str
    _: KW_ONLY
    burst: Annotated[int, Unsigned()] = 1
    method: Annotated[str, OneOf("PCAP", "LINUX", "NETMAP")] = "LINUX"
    debug: bool = False

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return () if self.burst >= 1 else ("BURST is 0; expected at least 1",)

    def push(self, p: Packet, port: int) -> None:
        send_frame(p)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        return ExitHolder(self.devname, io.device(self.devname), exclusive=True)
