"""The eight elements of the spike, each by itself and in chains: kernel and interpreter agree on random packets."""

import pytest

from innet.elements.build import build_one
from innet.elements.registry import everything
from innet.xdp.compile import Compiler
from innet.xdp.graph import Graph, Input
from innet.xdp.layout import Use
from innet.xdp.target import Leave
from tests.xdp.differential import Reference, bare, compare, frames
from tests.xdp.graphs import chain, element

pytestmark = pytest.mark.kernel

FAST = [
    ("CheckIPHeader",),
    ("CheckIPHeader(CHECKSUM false, BADSRC 10.0.0.1 10.0.0.2, GOODDST 172.16.15.133)",),
    ("CheckIPHeader", "StripIPHeader"),
    ("CheckIPHeader", "StripIPHeader", "CheckIPHeader", "DecIPTTL"),
    ("MarkIPHeader", "StripIPHeader", "UnstripIPHeader"),
    ("UDPIPEncap(192.0.2.1, 4754, 198.51.100.1, 4755)",),
    ("CheckIPHeader", "UDPIPEncap(192.0.2.1, 4754, DST_ANNO, 4755, CHECKSUM true)"),
    (
        "CheckIPHeader",
        "StripIPHeader",
        "UDPIPEncap(192.0.2.1, 1, 198.51.100.1, 2)",
        "CheckIPHeader",
        "DecIPTTL",
    ),
    ("CheckIPHeader", "IPRewriter(keep 0 0)"),
    ("CheckIPHeader", "IPRewriter(pattern - - 172.16.15.133 - 0 0)"),
    ("CheckIPHeader", "IPRewriter(pattern 192.0.2.1 1500-1503# - - 0 0)"),
    (
        "CheckIPHeader",
        "IPRewriter(pattern 192.0.2.1 1024-65535# - - 0 0, UDP_TIMEOUT 60, UDP_STREAMING_TIMEOUT 180)",
    ),
    ("CheckIPHeader", "IPRewriter(pass 0)"),
]


@pytest.mark.parametrize("texts", FAST, ids=lambda t: " -> ".join(t))
def test_fast_elements_do_the_same_in_the_kernel(texts: tuple[str, ...], compiler: Compiler) -> None:
    loaded = compare(chain(*texts), compiler, bare(7, 300))
    assert loaded.emitted.slow == ()


def test_the_batchers_fast_path(compiler: Compiler) -> None:
    texts = (
        "FromNetfront", "IPFilter(allow udp port 1500)", "IPRewriter(pattern - - 172.16.15.133 - 0 0)", "ToNetfront",
    )  # fmt: skip
    loaded = compare(chain(*texts), compiler, frames(7, 400))
    assert loaded.emitted.slow == ()


def test_the_port_of_a_reply_leads_back(compiler: Compiler) -> None:
    """Requests and answers through one rewriter, with a pool of four ports that runs out."""
    rewriter = element("IPRewriter(pattern 192.0.2.1 1500-1503# - - 0 1)")
    check = element("CheckIPHeader")
    graph = Graph(
        {Input("check", 0): check.trace(0, 1, "check"), Input("nat", 0): rewriter.trace(0, 2, "nat")},
        Input("check", 0),
        {("check", 0): Input("nat", 0), ("nat", 0): Leave(100), ("nat", 1): Leave(101)},
    )
    loaded = compare(graph, compiler, bare(11, 600))
    assert loaded.emitted.slow == ()
    reference = Reference(graph, frozenset())
    for frame in bare(11, 600):
        reference.run(frame)
    assert reference.drops["nat", "no free port or address"] > 0


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        ("Tee", "Copy(0)", "xdp cannot clone a packet"),
        ("TimedUnqueue(0.1, 4)", "Hold", "xdp cannot keep packets"),
        ("Queue", "Hold", "xdp cannot keep packets"),
    ],
)
def test_what_the_kernel_cannot_do_is_handed_over(text: str, what: str, why: str, compiler: Compiler) -> None:
    """The part before runs in the kernel; the agent gets the packet with its marks and annotations."""
    outputs = 2 if text == "Tee" else 1
    loaded = compare(
        chain("FromNetfront", "CheckIPHeader(14)", text, outputs=outputs), compiler, frames(3, 200)
    )
    (slow,) = loaded.emitted.slow
    assert (slow.element, slow.port, slow.what, slow.why) == (f"{text.partition('(')[0]}@2", 0, what, why)


def test_a_tee_with_one_output_needs_no_copy(compiler: Compiler) -> None:
    assert compare(chain("CheckIPHeader", "Tee"), compiler, bare(3, 50)).emitted.slow == ()


def test_ICMPError_is_too_complex_for_the_verifier_or_right(compiler: Compiler) -> None:
    """Two option searches, a reversed source route of any length and a payload sum: hard to see through."""
    graph = chain("CheckIPHeader", "ICMPError(192.0.2.1, timeexceeded)")
    loaded = compare(graph, compiler, bare(5, 300))
    assert [s.element for s in loaded.emitted.slow] in ([], ["ICMPError@1"])


@pytest.mark.parametrize("whitelist", ["", ", 10.0.0.0/8"])
def test_ChangeEnforcer_around_a_module(whitelist: str, compiler: Compiler) -> None:
    """Outside -> enforcer -> module that answers -> enforcer -> outside, all in one program."""
    enforcer = build_one(everything()["ChangeEnforcer"], f"172.16.15.133{whitelist}")
    graph = Graph(
        {
            Input("check", 0): element("CheckIPHeader").trace(0, 1, "check"),
            Input("box", 0): enforcer.trace(0, 2, "box", 2),
            Input("box", 1): enforcer.trace(1, 2, "box", 2),
            Input("module", 0): element("IPMirror").trace(0, 1, "module"),
        },
        Input("check", 0),
        {
            ("check", 0): Input("box", 0),
            ("box", 0): Input("module", 0),
            ("module", 0): Input("box", 1),
            ("box", 1): Leave(100),
        },
    )
    loaded = compare(graph, compiler, bare(9, 400))
    assert loaded.emitted.slow == ()


def test_the_reason_of_a_drop_is_counted(compiler: Compiler) -> None:
    loaded = compare(chain("CheckIPHeader"), compiler, [])
    assert (Use.DROP, "CheckIPHeader@0", "bad IP checksum") in loaded.emitted.numbers
