"""Runs a configuration by the interpreter and by a native router, and compares all there is to see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO

from innet.diagnostics import ConfigurationError, Source
from innet.native.chunks import ChunkIo
from innet.native.router import NativeRouter
from innet.packet.pcap import Writer
from innet.runtime.build import build, build_as
from innet.runtime.files import StreamIo
from innet.runtime.router import Router


@dataclass
class Files:
    """Captures in memory: those that are read, and those that were written."""

    given: Mapping[str, bytes]
    written: dict[str, BytesIO] = field(default_factory=dict)

    def open(self, name: str, mode: str) -> BinaryIO:
        if mode == "wb":
            return self.written.setdefault(name, BytesIO())
        return BytesIO(self.given[name])


def capture(packets: Sequence[bytes], start_ns: int = 10**18, step_ns: int = 1_000_001) -> bytes:
    """A capture of these packets."""
    stream = BytesIO()
    writer = Writer(stream)
    for n, packet in enumerate(packets):
        writer.write(packet, start_ns + n * step_ns)
    return stream.getvalue()


def seen(router: Router, files: Files, handlers: Sequence[str]) -> dict[str, object]:
    """All that can be seen of a router that ran."""
    state = router.state
    return {
        "files": {name: stream.getvalue().hex() for name, stream in files.written.items()},
        "handlers": {name: router.handlers.read(name) for name in handlers},
        "drops": dict(+router.drops),
        "messages": router.messages,
        "printed": router.printed,
        "ended": router.ended,
        "time": router.clock(),
        "statistics": {key: n for key, n in state.statistics.items() if n},
        "tables": {key: table.rows for key, table in state.tables.items() if table.rows},
        "random": state.random.getstate(),
    }


def run(router: Router) -> str:
    """Run to the end, or to what ends it."""
    try:
        router.run()
    except ConfigurationError as problem:
        return str(problem)
    return ""


def both(
    text: str, given: Mapping[str, bytes], handlers: Sequence[str] = (), compiles: bool = True
) -> NativeRouter:
    """Both do the same; the native router, after its run. `compiles`: there is something to compile."""
    source = Source("test", text)
    theirs, ours = Files(given), Files(given)
    interpreter, _ = build(source, StreamIo(theirs.open))
    expected_end = run(interpreter)
    native, _ = build_as(NativeRouter, source, ChunkIo(ours.open))
    assert native.compile() is compiles, "whether there is something to compile"
    assert run(native) == expected_end
    native.synchronize()
    expected, got = seen(interpreter, theirs, handlers), seen(native, ours, handlers)
    for what, value in expected.items():
        assert got[what] == value, what
    return native
