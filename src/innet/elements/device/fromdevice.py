"""FromDevice."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import OneOf, Unsigned
from innet.elements.base import Element, Role
from innet.elements.device.fromnetfront import EntryHolder
from innet.elements.device.marks import ETHERNET_BYTES, ipv4_at, mark_frame, set_packet_type
from innet.elements.holder import Holder, Io
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import ETHERTYPE_IPV4


@dataclass(frozen=True)
class FromDevice(Element):
    """Frames that arrive on a network device.

    Ports:      out 0 (push): each Ethernet frame, cut to SNAPLEN bytes; marked as FromNetfront does.
                out 1 (push, optional; dropped if unconnected): with FORCE_IP, frames without a complete IPv4 header.
    Arguments:  DEVNAME (name); PROMISC (bool, default false); SNAPLEN (14-65535 bytes, default 2046).
                FORCE_IP (keyword, bool, default false): let only IPv4 leave by output 0.
                BURST (keyword, default 1), HEADROOM (keyword, bytes), SNIFFER, OUTBOUND, TIMESTAMP (keyword, bool),
                METHOD (keyword, PCAP, LINUX or NETMAP), PROTOCOL (keyword, number), ENCAP (keyword, word): accepted,
                without effect here.
    Drops:      "not IPv4" (with FORCE_IP).
    Errors:     two FromDevice of one device (in Click each gets a copy); BPF_FILTER (left out).
    Source:     Click manual, FromDevice.userlevel.
    """

    PORTS: ClassVar[str] = "0/1-2"
    PROCESSING: ClassVar[str] = "h/h"
    ALIASES: ClassVar[tuple[str, ...]] = ("PollDevice", "FromDPDKDevice")
    ROLE: ClassVar[Role] = Role.ENTRY
    EXAMPLES: ClassVar[tuple[str, ...]] = ("eth0", "eth0, true, 1514", "eth0, FORCE_IP true")

    devname: str
    promisc: bool = False
    snaplen: Annotated[int, Unsigned(16)] = 2046
    _: KW_ONLY
    force_ip: bool = False
    burst: Annotated[int, Unsigned()] = 1
    headroom: Annotated[int, Unsigned(16)] = 28
    sniffer: bool = True
    outbound: bool = False
    timestamp: bool = True
    method: Annotated[str, OneOf("PCAP", "LINUX", "NETMAP")] = "LINUX"
    protocol: Annotated[int, Unsigned(16)] = 0
    encap: str = "ETHER"

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        found = []
        if self.snaplen < ETHERNET_BYTES:
            found.append(f"SNAPLEN is {self.snaplen}; expected 14 to 65535 bytes")
        if self.burst < 1:
            found.append("BURST is 0; expected at least 1")
        if self.headroom > 8190:
            found.append(f"HEADROOM is {self.headroom}; expected at most 8190 bytes")
        return tuple(found)

    def receive(self, p: Packet) -> None:
        length = p.length
        with p.when(length > self.snaplen):
            p.anno.extra_length = (length - self.snaplen).cast(32)
            p.set_mark(Mark.END, Mark.DATA, self.snaplen)
        p.count("count")
        if not self.force_ip:
            mark_frame(p)
            p.emit(0)
            return
        p.set_mark(Mark.MAC, Mark.DATA)
        set_packet_type(p)
        with p.when(p.ether.type == ETHERTYPE_IPV4), ipv4_at(p, ETHERNET_BYTES):
            p.emit(0)
        p.divert(1, "not IPv4")

    def holder(self, io: Io, inputs: str, outputs: str) -> Holder:
        io.device(self.devname)
        return EntryHolder(self.devname, exclusive=True)
