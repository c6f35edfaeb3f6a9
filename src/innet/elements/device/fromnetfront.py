"""FromNetfront."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.elements.device.marks import mark_frame
from innet.elements.holder import Holder, Io
from innet.ir.trace import Packet


class EntryHolder(Holder):
    """An element that stands where frames of `device` come in."""

    def __init__(self, device: str, exclusive: bool = False) -> None:
        self.device, self.exclusive = device, exclusive


@dataclass(frozen=True)
class FromNetfront(Element):
    """Frames that arrive on an interface of the module.

    Ports:      out 0 (push): each Ethernet frame, unchanged; MAC mark at its start, packet type by its destination,
                timestamp. If its EtherType is 0x0800 and its IPv4 header is complete: network and transport mark,
                DST_IP annotation.
    Arguments:  IFNAME (interface of the module, by number or name, default 0).
    Source:     ClickOS; the paper's section 5. Click's FromDevice with FORCE_IP marks the same, and drops the rest.
    """

    PORTS: ClassVar[str] = "0/1"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.ENTRY
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "1")

    ifname: str = "0"

    def receive(self, p: Packet) -> None:
        mark_frame(p)
        p.count("count")
        p.emit(0)

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        io.device(self.ifname)
        return EntryHolder(self.ifname)
