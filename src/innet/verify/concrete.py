"""Versions of a module as the reference interpreter runs them: what really becomes of a packet."""

from dataclasses import dataclass

from innet import ir
from innet.elements.base import OUTSIDE, Role
from innet.elements.device.fromnetfront import FromNetfront
from innet.elements.device.tonetfront import ToNetfront
from innet.elements.sandbox.perhaps import Perhaps
from innet.explore.machine import Machine, device_of
from innet.explore.replay import BoxState, Event, enter, module_frame
from innet.explore.witness import summary


@dataclass(frozen=True)
class Version:
    """One of the two: its configuration, and whether it is a module on a platform or a box with devices of its own."""

    machine: Machine
    address: int
    is_module: bool

    def entries(self, device: str) -> list[tuple[str, int]]:
        """The elements that frames on `device` come in by."""
        names = self.machine.with_role(Role.ENTRY)
        return [(name, OUTSIDE) for name in names if device_of(self.machine, name) == device]

    @property
    def devices(self) -> list[str]:
        return [device_of(self.machine, name) for name in self.machine.with_role(Role.ENTRY)]


def version(machine: Machine, address: int) -> Version:
    """A module, if all its interfaces are a platform's; otherwise a box."""
    ends = [*machine.with_role(Role.ENTRY), *machine.with_role(Role.EXIT)]
    return Version(
        machine, address, all(isinstance(machine.elements[e], FromNetfront | ToNetfront) for e in ends)
    )


@dataclass(frozen=True)
class Sending:
    """What becomes of a packet in one version: packets that leave (device, bytes), or where and why none does."""

    packets: tuple[tuple[str, bytes], ...]
    why: str = ""
    nothing: str = "nothing leaves"

    @property
    def text(self) -> str:
        if not self.packets:
            return f"{self.nothing}{f' ({self.why})' if self.why else ''}"
        several = len({device for device, _ in self.packets}) > 1 or self.packets[0][0] != "0"
        return "; ".join(
            summary(data) + (f" by {device}" if several else "") for device, data in self.packets
        )


def differ(mine: Sending, others: Sending) -> bool:
    """Whether other packets leave."""
    return sorted(mine.packets) != sorted(others.packets)


def send(v: Version, device: str, frame: bytes, state: BoxState) -> Sending:
    """What a version makes of a frame that comes to `device`, its elements remembering `state`."""
    packets: list[tuple[str, bytes]] = []
    why: list[str] = []
    for entry, _ in v.entries(device):
        events: list[Event] = []
        for element, packet in enter(v.machine, entry, frame, state, events):
            data: bytes | None = packet.data
            if v.is_module:
                whole = module_frame(packet)
                data = None if whole is None else whole[14:]
                if data is not None and data[16:20] == v.address.to_bytes(4, "big"):
                    data = None
                    why.append("it is addressed to the module itself")
                elif data is None:
                    why.append(f"what gets to {element} is not an IPv4 packet")
            if data is not None:
                packets.append((device_of(v.machine, element), data))
        why += [f"{e.place}: {e.dropped}" for e in events if e.dropped]
    return Sending(tuple(packets), "; ".join(dict.fromkeys(why)))


def runs_as_it_is(machine: Machine) -> bool:
    """Whether the interpreter does what the configuration stands for: it does not where part of that is not known."""
    return not any(isinstance(element, Perhaps) for element in machine.elements.values())


def throws(machine: Machine) -> bool:
    """Whether chance takes part in what a configuration does. Where a search for a free port starts does not count:
    replays start with the first one."""
    for name, element in machine.elements.items():
        ports = [
            *range(machine.inputs(name)),
            *([OUTSIDE] if element.ROLE in (Role.ENTRY, Role.SOURCE) else []),
        ]
        for port in ports:
            if _has(machine.program(name, port).body, (ir.Random, ir.Havoc)):
                return True
            if port != OUTSIDE and machine.released(name, port) is not None:
                return True
    return False


def _has(block: ir.Block, kinds: tuple[type, ...]) -> bool:
    return any(
        isinstance(s, kinds)
        or (isinstance(s, ir.Branch) and (_has(s.then, kinds) or _has(s.otherwise, kinds)))
        for s in block
    )


__all__ = ["Sending", "Version", "differ", "runs_as_it_is", "send", "throws", "version"]
