"""Imports in tests: from text to a snapshot, and generated boxes run on packets."""

from random import Random
from textwrap import dedent

import pytest

from innet.diagnostics import PolicyError, Source
from innet.network import Middlebox, Snapshot, load
from innet.network.importers import Imported, import_files
from innet.platform.middlebox import RunningMiddlebox
from innet.policy import Policy
from innet.runtime.clock import VirtualClock
from innet.verify.world import World

HEADER = bytes.fromhex("020000000002" "020000000001" "0800")  # fmt: skip


def imported(files: dict[str, str], lenient: bool = False) -> Imported:
    """The import of these files; what it wrote is read again, and means the same."""
    made = import_files({name: dedent(text) for name, text in files.items()}, lenient=lenient)
    again = load(Source("again.yaml", made.text), made.files.__getitem__)
    assert again == made.snapshot
    return made


def snapshot(files: dict[str, str]) -> Snapshot:
    """The network of these files."""
    return imported(files).snapshot


def refusal(files: dict[str, str], lenient: bool = False) -> str:
    """What is said about files that are refused."""
    with pytest.raises(PolicyError) as caught:
        import_files({name: dedent(text) for name, text in files.items()}, lenient=lenient)
    return str(caught.value)


def world(made: Imported) -> World:
    """What proofs are made on."""
    return World(made.snapshot, Policy(()))


class Pipe:
    """A port that keeps what is sent."""

    mac = 1
    peer_mac = None

    def __init__(self, name: str, sent: list[tuple[str, bytes]]) -> None:
        self.name, self.sent = name, sent

    def write(self, frame: bytes) -> bool:
        self.sent.append((self.name, frame))
        return True


class Running:
    """A middlebox of a snapshot, running in the interpreter."""

    def __init__(self, network: Snapshot, name: str, seed: int = 1) -> None:
        node = network.nodes[name]
        assert isinstance(node, Middlebox)
        self.sent: list[tuple[str, bytes]] = []
        ports = {port: Pipe(port, self.sent) for port in node.interfaces}
        self.box = RunningMiddlebox(node, ports, VirtualClock(), Random(seed))

    def send(self, interface: str, packet: bytes, header: bytes = HEADER) -> list[tuple[str, bytes]]:
        """Where an IPv4 packet leaves that comes in by `interface`, and as what."""
        self.sent.clear()
        self.box.receive(interface, header + packet)
        while self.box.work():
            pass
        return [(port, frame[len(HEADER) :]) for port, frame in self.sent]

    def passes(self, interface: str, packet: bytes) -> bool:
        """Whether the packet leaves by another interface, unchanged."""
        return [frame for _, frame in self.send(interface, packet)] == [packet]
