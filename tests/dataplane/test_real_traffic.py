"""Real hosts talk through modules: as XDP programs with frames as on a wire, as tcx programs with all offloads on."""

import contextlib
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench._traffic import (
    A_MAC,
    FIREWALL,
    NAT,
    OUTSIDE_ADDRESS,
    P0_MAC,
    TCX,
    XDP,
    A,
    B,
    Hosts,
    Offloads,
    hosts,
    module,
    nat_against_kernel,
)
from innet.diagnostics import PlatformError
from innet.emulation import namespaces
from innet.xdp.compile import Compiler
from innet.xdp.emit import KERNEL
from innet.xdp.memory import NOT_AT_HAND, UNFINISHED
from innet.xdp.target import Target
from innet.xdp.tcx import TAGGED, TRAIN
from tests.xdp.differential import ethernet, ipv4, udp

pytestmark = pytest.mark.kernel

FILE_BYTES = 50_000_000
HTTP = 8080
PATIENCE_S = 5.0
FRAGMENT = "not the first fragment of a TCP or UDP packet"


@dataclass(frozen=True)
class Mode:
    """Where modules run, and what the hosts' devices do."""

    target: Target
    offloads: Offloads
    gro: bool

    def __str__(self) -> str:
        return self.target.name


MODES = (Mode(XDP, Offloads.OFF, True), Mode(TCX, Offloads.ON, False))
modes = pytest.mark.parametrize("mode", MODES, ids=str)
modules = pytest.mark.parametrize("text", [NAT, FIREWALL], ids=["nat", "firewall"])


@contextlib.contextmanager
def running(text: str, mode: Mode, compiler: Compiler) -> Iterator[Hosts]:
    """Two hosts with a module between them."""
    with hosts("rt", mode.offloads, gro=mode.gro) as box, module(box, text, mode.target, compiler) as made:
        yield made


def drops(box: Hosts) -> dict[tuple[str, str], int]:
    assert box.module is not None
    return box.module.drops()


def appears(condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true in time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


class Files(BaseHTTPRequestHandler):
    """Gives one file, and keeps the hash of what is put."""

    protocol_version = "HTTP/1.1"
    content = b""
    put = ""
    clients: list[str]

    def do_GET(self) -> None:
        self.clients.append(self.client_address[0])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def do_PUT(self) -> None:
        found, left = hashlib.sha256(), int(self.headers["Content-Length"])
        if self.headers.get("Expect") == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        while left:
            part = self.rfile.read(min(left, 1 << 20))
            found.update(part)
            left -= len(part)
        type(self).put = found.hexdigest()
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def http_server(space: str, content: bytes) -> Iterator[type[Files]]:
    """A server in a namespace."""
    handler = type("OneFile", (Files,), {"content": content, "clients": []})
    with namespaces.inside(space):
        server = ThreadingHTTPServer(("0.0.0.0", HTTP), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@modes
@modules
def test_curl_moves_a_file_both_ways(text: str, mode: Mode, compiler: Compiler, tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * (FILE_BYTES >> 20)
    got = tmp_path / "got"
    (tmp_path / "file").write_bytes(content)
    with running(text, mode, compiler) as box, http_server(box.b, content) as server:
        url = f"http://{B}:{HTTP}/file"
        box.command(box.a, "curl", "-sSf", "--max-time", "50", "-o", str(got), url)
        box.command(box.a, "curl", "-sSf", "--max-time", "50", "-T", str(tmp_path / "file"), url)
        assert server.clients == [OUTSIDE_ADDRESS if text is NAT else A]
        assert drops(box) == {}
    digest = hashlib.sha256(content).hexdigest()
    assert hashlib.sha256(got.read_bytes()).hexdigest() == digest
    assert server.put == digest


@modes
@modules
def test_iperf3_runs_clean(text: str, mode: Mode, compiler: Compiler) -> None:
    with running(text, mode, compiler) as box:
        assert all(box.iperf3(1, reverse).bits_per_s > 0 for reverse in (False, True))
        assert all(box.iperf3(1, reverse, udp="20M").bits_per_s > 0 for reverse in (False, True))
        assert drops(box) == {}


def test_trains_of_segments_that_the_box_itself_joins_pass_whole(compiler: Compiler) -> None:
    """Frames come as on a wire, the box's devices join them, tcx gets the trains, and the other host's device parts
    them again."""
    content = os.urandom(1 << 20) * 4
    with running(NAT, Mode(TCX, Offloads.OFF, True), compiler) as box, http_server(box.b, content):
        for device in ("p0", "p1"):
            box.command(box.p, "ethtool", "-K", device, "gro", "on")
        url = f"http://{B}:{HTTP}/file"
        found = box.command(
            box.a, "curl", "-sSf", "--max-time", "20", "-o", "/dev/null", "-w", "%{size_download}", url
        )
        assert (int(found), drops(box)) == (len(content), {})


@modes
def test_fragments_of_ICMP_pass_the_firewall(mode: Mode, compiler: Compiler) -> None:
    with running(FIREWALL, mode, compiler) as box:
        said = box.command(box.a, "ping", "-c", "3", "-i", "0.2", "-W", "3", "-s", "4000", B)
        assert "3 received" in said
        assert drops(box) == {}


@modes
@modules
def test_fragments_without_ports_are_dropped_and_counted(text: str, mode: Mode, compiler: Compiler) -> None:
    """Three fragments of a UDP packet: the first has ports and passes, the others have none."""
    reason = {NAT: FRAGMENT, FIREWALL: "no rule matched"}[text]
    with running(text, mode, compiler) as box:
        send_udp(box.a, bytes(4000))
        assert appears(lambda: sum(drops(box).values()) == 2)
        assert {why for _, why in drops(box)} == {reason}


@modes
def test_packets_with_IP_options_pass(mode: Mode, compiler: Compiler) -> None:
    """Record route: the module is no hop, so that only the hosts are in it."""
    with running(FIREWALL, mode, compiler) as box:
        said = box.command(box.a, "ping", "-R", "-c", "2", "-i", "0.2", "-W", "3", B)
        assert "2 received" in said
        assert "RR:" in said
        assert drops(box) == {}


def raw_frames(space: str, device: str, *frames: bytes) -> None:
    """Send frames as they are."""
    with namespaces.inside(space), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((device, 0))
        for frame in frames:
            raw.send(frame)


TAG = b"\x81\x00\x00\x07"


@modes
@modules
@pytest.mark.parametrize("tags", [1, 2])
def test_a_tagged_frame_is_not_taken_for_an_untagged_one(
    tags: int, text: str, mode: Mode, compiler: Compiler
) -> None:
    packet = ipv4(udp(1000, 9), 17, 0x0A000102, 0x0A000202)
    head = P0_MAC.to_bytes(6, "big") + A_MAC.to_bytes(6, "big")
    with running(text, mode, compiler) as box:
        raw_frames(box.a, "a0", head + TAG * tags + b"\x08\x00" + packet)
        assert appears(lambda: sum(drops(box).values()) == 1)
        if mode.target is TCX:
            assert drops(box) == {(KERNEL, TAGGED): 1}
        untagged = receive(box.b, 9, lambda: raw_frames(box.a, "a0", head + b"\x08\x00" + packet))
        assert untagged == bytes(18)
        assert sum(drops(box).values()) == 1


@modes
def test_the_firewall_lets_nothing_in_that_did_not_begin_inside(mode: Mode, compiler: Compiler) -> None:
    with running(FIREWALL, mode, compiler) as box:
        with namespaces.inside(box.b), socket.socket() as one:
            one.setblocking(False)
            assert one.connect_ex((A, HTTP)) != 0
        assert appears(lambda: sum(drops(box).values()) >= 1)
        assert {element for element, _ in drops(box)} == {"state"}


ENCAP = f"""
FromNetfront(0) -> Strip(14) -> UDPIPEncap({OUTSIDE_ADDRESS}, 4754, {B}, 4755)
  -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2) -> ToNetfront(1);
FromNetfront(1) -> ToNetfront(0);
"""
DECAP = """
FromNetfront(0) -> Strip(42) -> MarkIPHeader -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2) -> ToNetfront(1);
FromNetfront(1) -> ToNetfront(0);
"""


def receive(space: str, port: int, send: Callable[[], None]) -> bytes | None:
    """What comes to a UDP port of a namespace when `send` was called; None if nothing does."""
    with namespaces.inside(space), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("0.0.0.0", port))
        one.settimeout(PATIENCE_S / 10)
        send()
        with contextlib.suppress(TimeoutError):
            return one.recv(1 << 16)
    return None


def send_udp(space: str, data: bytes, segment: int = 0, to: tuple[str, int] = (B, 9)) -> None:
    """UDP from a namespace, as one train of packets with `segment` bytes if that is not 0."""
    with namespaces.inside(space), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        if segment:
            one.setsockopt(socket.IPPROTO_UDP, 103, segment)  # UDP_SEGMENT
        one.sendto(data, to)


@modes
def test_a_tunnel_is_put_around_single_packets(mode: Mode, compiler: Compiler) -> None:
    with running(ENCAP, mode, compiler) as box:
        inner = receive(box.b, 4755, lambda: send_udp(box.a, b"hello"))
        assert inner is not None
        assert (inner[9], inner[16:20], inner[28:]) == (17, socket.inet_aton(B), b"hello")


def test_a_train_is_not_encapsulated(compiler: Compiler) -> None:
    """Every packet of it would need its own header in front."""
    with running(ENCAP, MODES[1], compiler) as box:
        assert receive(box.b, 4755, lambda: send_udp(box.a, bytes(4000), 1000)) is None
        assert drops(box) == {(KERNEL, TRAIN): 1}


@modes
def test_a_tunnel_is_taken_off(mode: Mode, compiler: Compiler) -> None:
    inner = ipv4(udp(1000, 9, b"hello"), 17, 0x0A000102, 0x0A000202)
    frame = ethernet(ipv4(udp(4754, 4755, inner), 17, 0x0A000102, 0x0A000202))
    with running(DECAP, mode, compiler) as box:
        assert receive(box.b, 9, lambda: raw_frames(box.a, "a0", frame)) == b"hello"
        assert drops(box) == {}


def test_a_tunnel_is_not_taken_off_while_its_checksum_is_unfinished(compiler: Compiler) -> None:
    """The device would write the checksum of the header that was taken off somewhere else."""
    inner = ipv4(udp(1000, 9, b"hello"), 17, 0x0A000102, 0x0A000202)
    with running(DECAP, MODES[1], compiler) as box:
        assert receive(box.b, 9, lambda: send_udp(box.a, inner, to=(B, 4755))) is None
        assert drops(box) == {(KERNEL, UNFINISHED): 1}


def test_a_byte_that_is_not_at_hand_is_not_an_absent_one(compiler: Compiler) -> None:
    """TCP's payload does not lie with its headers. The packet must not go where packets without that byte go."""
    text = """
    long :: Classifier(1000/00, -);
    FromNetfront(0) -> long;
    long[0] -> ToNetfront(1);
    long[1] -> out :: ToNetfront(1);
    FromNetfront(1) -> ToNetfront(0);
    """
    with running(text, MODES[1], compiler) as box:
        with namespaces.inside(box.b):
            server = socket.create_server((B, HTTP))
        with namespaces.inside(box.a), socket.create_connection((B, HTTP), PATIENCE_S) as one, server:
            other, _ = server.accept()
            with other:
                one.sendall(b"short")
                other.settimeout(PATIENCE_S)
                assert other.recv(100) == b"short"
                one.sendall(bytes(20_000))
                other.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    other.recv(1 << 16)
        assert drops(box)[KERNEL, NOT_AT_HAND] >= 1


def test_a_checksum_over_a_segment_is_refused_on_tcx(compiler: Compiler) -> None:
    text = "FromNetfront(0) -> SetUDPChecksum -> ToNetfront(1);  FromNetfront(1) -> ToNetfront(0);"
    with (
        pytest.raises(PlatformError, match="a segment's checksum may be yet to finish"),
        running(text, MODES[1], compiler),
    ):
        pass


def test_a_module_is_compared_with_the_kernels_own_forwarding() -> None:
    found = nat_against_kernel(pairs=2, seconds=1)
    assert len(found.ratios) == 2
    assert found.ratio > 0
