"""Example packets as a capture file: plain pcap, Ethernet, which `innet run` and tcpdump read."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from innet.cli.files import problem

if TYPE_CHECKING:
    from innet.cli.output import Places
    from innet.messages import Plan

SECOND = 1_000_000_000
GAP_S = 10
"""Seconds between sequences; the packets of one are a millisecond apart."""


def write_capture(name: str, sequences: Iterable[Sequence[bytes]]) -> list[tuple[int, int]]:
    """Write frames, one sequence after the other; the numbers of each sequence's first and last packet, from 1."""
    from innet.packet.pcap import Writer

    numbers: list[tuple[int, int]] = []
    count = 0
    try:
        with open(name, "wb") as stream:
            writer = Writer(stream, nanoseconds=False)
            for n, frames in enumerate(sequences):
                for k, frame in enumerate(frames):
                    writer.write(frame, (1 + n * GAP_S) * SECOND + k * 1_000_000)
                numbers.append((count + 1, count + len(frames)))
                count += len(frames)
    except OSError as error:
        raise problem("B108", f"'{name}' cannot be written: {error.strerror}", "the name of a file") from None
    return numbers


def write_witnesses(name: str | None, plan: "Plan") -> "Places":
    """Write the packets that a plan shows; where each is. Nothing if no file is named."""
    from innet.cli.output import shown
    from innet.verify.crafted import ETHERNET

    if name is None:
        return {}
    witnesses = shown(plan)
    frames = [[ETHERNET + bytes.fromhex(packet) for packet in w.packets] for w in witnesses]
    return dict(zip(witnesses, write_capture(name, frames), strict=True))


def packets_text(numbers: tuple[int, int]) -> str:
    """Which packets of the capture: `packet 3`, or `packets 3 to 5`."""
    first, last = numbers
    return f"packet {first}" if first == last else f"packets {first} to {last}"
