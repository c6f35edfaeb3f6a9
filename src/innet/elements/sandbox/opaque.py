"""Opaque."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.base import Element, Role
from innet.ir.nodes import Mark
from innet.ir.trace import Packet
from innet.packet.headers import LONGEST_PAYLOAD

ETHERNET, LONGEST = 14, 20 + LONGEST_PAYLOAD


@dataclass(frozen=True)
class Opaque(Element):
    """Code that In-Net cannot look into, such as a virtual machine: any packet may come out at any time.

    Ports:      in 0: packets for the code.  out 0: frames that it sends.
    Arguments:  NAME (string, optional): what it is, for people.
    Verifier:   whatever comes in is gone; frames with any bytes and any length up to 32,801 come out, for a packet that
                came in and for none. So a module with it is never safe for a tenant; the sandbox makes it harmless.
    Source:     section 7.1 of the paper (x86 VM). A platform that runs virtual machines is not part of In-Net yet.
    """

    PORTS: ClassVar[str] = "1/1"
    PROCESSING: ClassVar[str] = "h/h"
    ROLE: ClassVar[Role] = Role.SOURCE
    BARRED: ClassVar[str] = "no platform runs code that is not Click yet; it can only be assessed"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "x86")

    name: str = ""

    def push(self, p: Packet, port: int) -> None:
        p.hold()

    def released(self, p: Packet, port: int) -> None:
        anything(p)

    def originate(self, p: Packet) -> None:
        anything(p)


def anything(p: Packet) -> None:
    """A frame nobody can foretell."""
    length = p.random(16)
    with p.when(length > LONGEST):
        p.drop("longer than a frame")
    p.set_mark(Mark.END, Mark.DATA, ETHERNET, length)
    p.havoc(Mark.DATA)
    p.set_mark(Mark.MAC, Mark.DATA)
    p.set_mark(Mark.NET, Mark.DATA, ETHERNET)
    p.clear_mark(Mark.TRANSPORT)
    p.emit(0)
