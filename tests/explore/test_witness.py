"""Packets for paths: headers that stand where others have theirs, among options or in a transport header."""

import pytest

from innet.diagnostics import Source
from innet.explore.flow import Budget, End, flows
from innet.explore.replay import enter, memory
from innet.explore.witness import solutions
from innet.symbolic.state import Tables
from innet.verify.security import arrivals, inject
from innet.verify.world import machine_of, module_box

ADDRESS = 0xC633640A


@pytest.mark.parametrize("strip", [34, 38, 42, 46])
def test_each_way_out_has_a_packet_wherever_the_second_header_stands(strip: int) -> None:
    """What is stripped is counted from the frame: with options, the second header begins among them, or where the
    outer packet has its transport header; then not all checksums can be right."""
    text = f"FromNetfront() -> Strip({strip}) -> CheckIPHeader -> out :: ToNetfront()"
    box = module_box("M", machine_of(Source("M", text)), "nic")
    injected = inject(ADDRESS)
    start = arrivals(box, injected)
    ways = [
        f for f in flows(box.machine, start, Tables(any_state=False), Budget(20_000)) if f.end is End.EXIT
    ]
    assert len(ways) > 3
    lengths = set()
    for way in ways:
        found = next(solutions(injected, injected, way.state.store), None)
        assert found is not None, way
        lengths.add(found.frame[14] & 15)
        (entry,) = next(iter(box.entries.values()))
        assert list(enter(box.machine, entry, found.frame, memory(0))), found.frame.hex()
    assert len(lengths) > 1
