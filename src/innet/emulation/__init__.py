"""A snapshot in the kernel: network namespaces joined by veth, from the same network file as the proof.

`Emulation` builds and removes; `inside` runs code in a namespace; `FramePort` gives frames to whoever runs middleboxes
and platforms; `inventory` shows that nothing was left behind, `recover` cleans up after a process that was killed.
All traffic stays inside the namespaces made here. Needs root and iproute2.
"""

from innet.emulation.inventory import Inventory, inventory, processes_in
from innet.emulation.journal import Journal, recover
from innet.emulation.lab import Emulation
from innet.emulation.namespaces import call, inside, offloads_off
from innet.emulation.plan import Device, NodePlan, Plan, plan
from innet.emulation.sockets import (
    FramePort,
    complete_checksum,
    internet_sum,
    open_raw_socket,
    ping,
    tcp_socket,
    udp_socket,
)

__all__ = [
    "Device",
    "Emulation",
    "FramePort",
    "Inventory",
    "Journal",
    "NodePlan",
    "Plan",
    "call",
    "complete_checksum",
    "inside",
    "internet_sum",
    "inventory",
    "offloads_off",
    "open_raw_socket",
    "ping",
    "plan",
    "processes_in",
    "recover",
    "tcp_socket",
    "udp_socket",
]
