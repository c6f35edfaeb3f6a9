"""ListenEtherSwitch."""

from dataclasses import dataclass
from typing import ClassVar

from innet.elements.ethernet.etherswitch import EtherSwitch
from innet.ir.trace import Packet


@dataclass(frozen=True)
class ListenEtherSwitch(EtherSwitch):
    """Forward Ethernet frames as EtherSwitch does, and let someone listen.

    Ports:      in/out k: the frames of segment k, as in EtherSwitch.  the last output: each frame, once.
    Arguments:  TIMEOUT (keyword, seconds, default 300): as in EtherSwitch.
    State:      `hosts`, as in EtherSwitch.
    Drops:      "no Ethernet header".
    Source:     Click manual, ListenEtherSwitch.
    """

    PORTS: ClassVar[str] = "2-/=+"

    def leave(self, p: Packet, number: int) -> None:
        p.copy(p.outputs - 1)
        p.emit(number)

    def stay(self, p: Packet) -> None:
        p.emit(p.outputs - 1)
