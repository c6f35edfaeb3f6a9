"""How a packet goes from the kernel to the slow path in the middle of a configuration, and back.

In front of the frame stands a record: whose packet it is, which input of which element comes next, where the packet's
marks are, and its annotations. The agent reads it, runs that element by the interpreter, and goes on from there; what
leaves the slow path towards the kernel goes back in the same form.

The record, numbers in little-endian order: magic (u32), module index (u32), region (u16), two bytes that mean nothing,
on the way back the EtherType of IPv4, for the kernel takes the record for an Ethernet header (else anything), marks
(5 x i16), on the way back the slot of the program that goes on (u32, else anything), four bytes that mean nothing,
annotations (64 bytes). Then the packet's bytes; marks count from the first of them.
"""

import struct
from dataclasses import dataclass

from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.packet.headers import ANNOTATION_BYTES

MAGIC = 0x494E4555
"""Its first byte in a frame is odd, as that of no interface's own Ethernet address: a frame from outside that is
given to the agent never looks like a record."""
MARKS = (Mark.DATA, Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX)
"""END is where the frame ends."""
UNSET = 0x7FFF
"""No frame is that long. Positions are signed: a header that was stripped may even lie before the bytes at hand."""
HEAD = struct.Struct(f"<IIH2xH{len(MARKS)}hI4x")
MODULE_AT, REGION_AT, MARKS_AT, SLOT_AT, ANNOTATIONS_AT = 4, 8, 14, 24, HEAD.size
ETHERTYPE = 0x0008
"""0x0800 in network order. With another one the kernel would cut no record off, or even take a VLAN tag out of it."""
RECORD_BYTES = ANNOTATIONS_AT + ANNOTATION_BYTES
DATA, MAC, NET, TRANSPORT, AUX = MARKS
END = Mark.END

assert ANNOTATIONS_AT % 8 == RECORD_BYTES % 8 == 0, "the kernel copies annotations eight bytes at a time"


@dataclass(frozen=True, slots=True)
class Record:
    """The form of a record: its bytes, where marks (so many bits each) and annotations are; `unset`: no such mark."""

    size: int
    marks_at: int
    mark_bits: int
    unset: int
    annotations_at: int


KERNEL = Record(RECORD_BYTES, MARKS_AT, 16, UNSET, ANNOTATIONS_AT)


@dataclass(slots=True)
class Handover:
    """A packet on its way to the slow path: of the module with that index, for that `region` of its program
    (an index into `Emitted.regions`)."""

    module: int
    region: int
    packet: PacketBuffer


def read(frame: bytes) -> Handover | None:
    """What a diverted frame holds; None if it is an ordinary frame."""
    if len(frame) < RECORD_BYTES:
        return None
    magic, module, region, _, data, mac, net, transport, aux, _ = HEAD.unpack_from(frame)
    if magic != MAGIC:
        return None
    packet = PacketBuffer.__new__(PacketBuffer)
    packet.bytes = bytearray(memoryview(frame)[RECORD_BYTES:])
    packet.annotations = bytearray(frame[ANNOTATIONS_AT:RECORD_BYTES])
    packet.marks = marks = {DATA: 0 if data == UNSET else data, END: len(packet.bytes)}
    if mac != UNSET:
        marks[MAC] = mac
    if net != UNSET:
        marks[NET] = net
    if transport != UNSET:
        marks[TRANSPORT] = transport
    if aux != UNSET:
        marks[AUX] = aux
    return Handover(module, region, packet)


def write(module: int, region: int, packet: PacketBuffer, slot: int = 0) -> bytes:
    """The frame that hands `packet` to the kernel, to go on at `region` of the module with that index, in the program
    of that slot.

    Raises ValueError for a packet whose marks lie where no frame reaches (2^15 - 1 bytes or more from its start).
    """
    marks = packet.marks
    get = marks.get
    if UNSET in marks.values():
        raise ValueError(f"no frame holds this packet: a mark at {UNSET}")
    try:
        head = HEAD.pack(
            MAGIC, module, region, ETHERTYPE,
            marks[DATA], get(MAC, UNSET), get(NET, UNSET), get(TRANSPORT, UNSET), get(AUX, UNSET), slot,
        )  # fmt: skip
    except struct.error as e:
        raise ValueError(f"no frame holds this packet: {e}") from e
    return head + packet.annotations + packet.bytes
