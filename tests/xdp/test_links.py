"""Links: programs on interfaces, replaced, pinned, taken off; and what is said where they cannot be attached."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.emulation.namespaces import batch, inside
from innet.xdp.kernel import Link, LoadedProgram, NativeModeError, unpin
from tests.xdp.kernel_objects import VETH, XDP_DROP, XDP_PASS, bpffs, namespace, program

pytestmark = pytest.mark.kernel


@pytest.fixture
def place() -> Iterator[str]:
    """A namespace, entered."""
    with namespace() as name, inside(name):
        yield name


def index(device: str = VETH[0]) -> int:
    return socket.if_nametoindex(device)


WAYS: list[tuple[str, Callable[[LoadedProgram, int], Link]]] = [
    ("xdp", Link.xdp),
    ("xdp", lambda one, at: Link.xdp(one, at, generic=True)),
    ("tc", Link.tcx),
    ("tc", lambda one, at: Link.tcx(one, at, ingress=False)),
]


@pytest.mark.parametrize(("section", "attach"), WAYS, ids=["native", "generic", "ingress", "egress"])
def test_a_link_holds_replaces_and_gives_back(
    section: str, attach: Callable[[LoadedProgram, int], Link], place: str, open_files: list[str]
) -> None:
    with program(XDP_PASS, section) as one, program(XDP_DROP, section) as other:
        with attach(one, index()) as link:
            info = link.info()
            assert (info.program, info.interface) == (one.info().id, index())
            link.update(other)
            assert link.info().program == other.info().id
            link.detach()
            assert link.info().interface == 0
            link.detach()
            with pytest.raises(PlatformError, match="make a new link"):
                link.update(one)
        with attach(one, index()):
            pass
        with attach(one, index()):  # closing the last descriptor took the program off
            pass


def test_a_pinned_link_stays_until_it_is_unpinned(place: str, tmp_path: Path, open_files: list[str]) -> None:
    with bpffs(tmp_path) as folder, program() as one:
        with Link.xdp(one, index()) as link:
            link.pin(folder / "link")
            number = link.info().id
        with pytest.raises(PlatformError, match="innetA has an XDP program already"):
            Link.xdp(one, index())
        with program(XDP_PASS) as other, Link.open(folder / "link") as again:
            assert again.info().id == number
            again.update(other)
        with pytest.raises(PlatformError, match="is something else"):
            LoadedProgram.open(folder / "link")
        assert unpin(folder / "link")
        assert not unpin(folder / "link")
        with Link.xdp(one, index()) as link:  # at once: the old one is off when `unpin` returns
            link.pin(folder / "link")
            unpin(folder / "link")
            assert link.info().interface == 0
        Link.xdp(one, index()).close()


def test_packets_meet_the_program(place: str) -> None:
    with program() as one, Link.xdp(one, index()), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 8) as raw:
        raw.bind((VETH[1], 0))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as seen:
            seen.bind((VETH[0], 0))
            seen.setblocking(False)
            raw.send(b"\xff" * 12 + b"\x88\xb5" + bytes(50))
            with pytest.raises(BlockingIOError):
                seen.recv(100)


def test_an_interface_that_is_not_there(place: str) -> None:
    with program() as one, pytest.raises(PlatformError, match="no interface 999 in this network namespace"):
        Link.xdp(one, 999)
    with program(XDP_PASS, "tc") as one, pytest.raises(PlatformError, match="no interface 999"):
        Link.tcx(one, 999)


def test_a_link_whose_interface_goes(place: str) -> None:
    with program() as one, program() as other, Link.xdp(one, index()) as link:
        batch([f"link del {VETH[0]}"], place)
        assert link.info().interface == 0
        with pytest.raises(PlatformError, match="cannot be replaced"):
            link.update(other)
        link.detach()


def test_a_driver_without_xdp_is_told_apart(place: str) -> None:
    with program() as one:
        with pytest.raises(NativeModeError, match="the driver of lo runs no XDP programs"):
            Link.xdp(one, index("lo"))
        with Link.xdp(one, index("lo"), generic=True) as link:
            assert link.info().interface == index("lo")


def test_a_large_mtu_is_named(place: str) -> None:
    batch([f"link set {device} mtu 9000" for device in VETH], place)
    with program() as one, pytest.raises(PlatformError, match="make its MTU smaller"):
        Link.xdp(one, index())


def test_another_kind_of_program_is_refused(place: str, open_files: list[str]) -> None:
    with program(XDP_PASS, "tc") as one, pytest.raises(PlatformError, match="cannot be attached to innetA"):
        Link.xdp(one, index())
