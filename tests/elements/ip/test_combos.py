"""IPInputCombo and IPOutputCombo do what the elements do that they stand for, one after the other."""

from random import Random

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.runtime.build import build
from tests.backends.corpus import Corpus
from tests.elements.packets import buffer, ipv4
from tests.elements.running import Running
from tests.runtime.fakes import MemoryIo

OUTPUTS = 5
START = "HostEtherFilter(2:0:0:0:0:2, false, false) -> Strip(14) -> CheckIPHeader"
ROW = """p :: PaintTee(2); input -> DropBroadcasts -> p -> o :: IPGWOptions(10.0.0.254) -> FixIPSrc(10.0.0.254)
    -> d :: DecIPTTL -> c :: CheckLength(100); p [1] -> [1] output; o [1] -> [2] output; d [1] -> [3] output;
    c [1] -> [4] output; c -> output;"""


def sent(text: str, outputs: int, seed: str) -> list[list[bytes]]:
    """What a configuration with outputs of that number (`e`) makes of random frames."""
    corpus = Corpus(Random(seed), seed, 0.5)
    io = MemoryIo(in0=[corpus.frame() for _ in range(400)])
    lines = [text, *(f"e [{n}] -> ToDump(out{n}, SNAPLEN 0);" for n in range(outputs))]
    router, _ = build(Source("test.click", "\n".join(lines)), io)
    router.run()
    return [[data for data, _, _ in io.sinks[f"out{n}"].packets] for n in range(outputs)]


@pytest.mark.parametrize(
    ("arguments", "row"),
    [
        ("2", "Paint(2) -> Strip(14) -> CheckIPHeader"),
        ("2, 10.0.0.1", "Paint(2) -> Strip(14) -> CheckIPHeader(BADSRC 0.0.0.0 255.255.255.255 10.0.0.1)"),
        (
            "1, INTERFACES 10.0.0.1/8, GOODDST 192.0.2.9, BADSRC 127.0.0.1",
            "Paint(1) -> Strip(14) -> CheckIPHeader(INTERFACES 10.0.0.1/8, GOODDST 192.0.2.9, BADSRC 127.0.0.1)",
        ),
    ],
)
def test_IPInputCombo(arguments, row):
    combo = sent(f"FromDump(in0) -> e :: IPInputCombo({arguments});", 1, arguments)
    assert combo == sent(f"FromDump(in0) -> {row} -> e :: Null;", 1, arguments)
    assert 0 < len(combo[0]) < 400


@pytest.mark.parametrize("paint", ["Paint(2)", "Paint(1)"])
def test_IPOutputCombo(paint):
    combo = sent(
        f"FromDump(in0) -> {START} -> {paint} -> e :: IPOutputCombo(2, 10.0.0.254, 100);", OUTPUTS, paint
    )
    row = sent(f"FromDump(in0) -> {START} -> {paint} -> e :: {{ {ROW} }};", OUTPUTS, paint)
    assert combo == row
    assert [bool(packets) for packets in combo] == [True, paint == "Paint(2)", True, True, True]


def test_counts():
    running = Running("IPInputCombo(2)")
    running.push(b"too short")
    assert (running.read("drops"), running.drops()) == ("1", {"tiny packet": 1})


def test_a_source_that_asks_for_it_is_fixed():
    running = Running("IPOutputCombo(2, 10.0.0.254, 1500)", 1, OUTPUTS)
    fixed = ipv4(src="10.0.0.254", ttl=63)
    assert running.push(buffer(ipv4(), fix_ip_src=1)) == [(0, fixed)]
    options = bytes([7, 7, 4, 0, 0, 0, 0, 0])
    ((out, data),) = running.push(buffer(ipv4(options=options), fix_ip_src=1))
    assert (out, data[12:16], data[23:27]) == (0, fixed[12:16], fixed[12:16])


def test_packets_without_a_marked_header_are_dropped():
    running = Running("IPOutputCombo(2, 10.0.0.254, 1500)", 1, OUTPUTS)
    assert running.push(buffer(ipv4(), None)) == []
    assert running.drops() == {"no IP header annotation": 1}


@pytest.mark.parametrize(
    "text", ["IPInputCombo", "IPInputCombo(2, 10.0.0.1, 10.0.0.2)", "IPInputCombo(2, BADSRC x)"]
)
def test_arguments_that_are_refused(text):
    with pytest.raises(ConfigurationError):
        Running(text)
