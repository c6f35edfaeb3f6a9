"""How a packet goes from the kernel to the slow path in the middle of a configuration.

In front of the frame stands a record: which input of which element comes next, where the packet's marks are, and its
annotations. The agent reads it, runs that element by the interpreter, and goes on from there.
"""

import struct
from dataclasses import dataclass

from innet.ir.interpret import PacketBuffer
from innet.ir.nodes import Mark
from innet.packet.headers import ANNOTATION_BYTES

MAGIC = 0x494E4554
MARKS = (Mark.DATA, Mark.MAC, Mark.NET, Mark.TRANSPORT, Mark.AUX)
"""END is where the frame ends."""
UNSET = 0x7FFF
"""No frame is that long. Positions are signed: a header that was stripped may even lie before the bytes at hand."""
RECORD = struct.Struct(f"<IH{len(MARKS)}h{ANNOTATION_BYTES}s")
RECORD_BYTES = -(-RECORD.size // 8) * 8
MARKS_AT, ANNOTATIONS_AT = 6, 6 + 2 * len(MARKS)


@dataclass(frozen=True, slots=True)
class Handover:
    """A packet on its way to the slow path; `region` is an index into `Emitted.regions`."""

    region: int
    packet: PacketBuffer


def read(frame: bytes) -> Handover | None:
    """What a diverted frame holds; None if it is an ordinary frame."""
    if len(frame) < RECORD_BYTES:
        return None
    magic, region, *marks, annotations = RECORD.unpack_from(frame)
    if magic != MAGIC:
        return None
    packet = PacketBuffer(frame[RECORD_BYTES:])
    for mark, at in zip(MARKS, marks, strict=True):
        if at != UNSET:
            packet.marks[mark] = at
    packet.annotations[:] = annotations
    return Handover(region, packet)
