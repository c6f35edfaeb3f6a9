"""Classes of Click that In-Net does not offer, why, and what there is instead.

A module is proven packet by packet, from FromNetfront to ToNetfront; what reaches past these could not be.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Withheld(NamedTuple):
    """Why a class is not offered, and what to do."""

    why: str
    instead: str


_SOCKET = Withheld(
    "a socket of the machine would carry packets that nobody checked",
    "let packets come from FromNetfront and go to ToNetfront; what needs sockets is a stock module",
)
_HOST = Withheld(
    "it would reach into the network of the machine that it runs on",
    "let packets come from FromNetfront and go to ToNetfront",
)
_CONTROL = Withheld(
    "it would open a way to handlers past the controller",
    "read handlers through the controller; calls inside a configuration are for Script and COUNT_CALL",
)
_MACHINE = Withheld("it changes the machine, not packets", "leave it out")
_ROUTES = Withheld(
    "routes that come from outside could change what was proven",
    "write the routes down: RadixIPLookup(10.0.0.0/8 0, 0/0 1)",
)

WITHHELD: Mapping[str, Withheld] = {
    **dict.fromkeys(
        (
            "Socket", "FromSocket", "ToSocket", "RawSocket", "FromRawSocket", "ToRawSocket", "IPFlowRawSockets",
            "McastSocket", "UMLSwitch",
        ),
        _SOCKET,
    ),
    **dict.fromkeys(("KernelTun", "KernelTap", "FromHost", "ToHost", "ToHostSniffers", "ToUserDevice"), _HOST),
    **dict.fromkeys(("ControlSocket", "ChatterSocket", "KernelHandlerProxy", "DebugBridge"), _CONTROL),
    **dict.fromkeys(("KernelFilter", "ChangeUID"), _MACHINE),
    **dict.fromkeys(("LinuxIPLookup", "LookupIPRouteMP", "RIPSend", "EtherSpanTree"), _ROUTES),
}  # fmt: skip
