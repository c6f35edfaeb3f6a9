"""Configurations with input captures: what comes out must equal Click's output byte for byte.

`tests/vectors/NAME` holds `config.click`, `inK.pcap` and `expected/outK.pcap`; `tests/vectors/rejects/NAME` a
configuration that must be refused.
"""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.packet.capture import read
from innet.runtime.build import build
from innet.runtime.files import StreamIo

VECTORS = Path(__file__).parents[1] / "vectors"
CASES = sorted(p for p in VECTORS.iterdir() if (p / "expected").is_dir())
REJECTS = sorted(p for p in (VECTORS / "rejects").iterdir() if (p / "config.click").is_file())
EMPTY = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000")
"""A capture without packets: what a configuration to be refused gets for input."""


class Folder:
    """A case's files: inputs from its folder, outputs kept in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: dict[str, BytesIO] = {}

    def open(self, name: str, mode: str) -> BinaryIO:
        if mode == "wb":
            return self.written.setdefault(name, BytesIO())
        file = self.path / name
        if name == "in0.pcap" and not file.exists():
            return BytesIO(EMPTY)
        return BytesIO(file.read_bytes())


def packets(stream: BinaryIO) -> list[bytes]:
    return [record.data for record in read(stream)]


def source(path: Path) -> Source:
    return Source("config.click", (path / "config.click").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_output_is_that_of_click(case: Path) -> None:
    folder = Folder(case)
    router, _ = build(source(case), StreamIo(folder.open))
    router.run()
    for expected in sorted((case / "expected").iterdir()):
        made = folder.written.get(expected.name)
        assert made is not None, f"{expected.name} was not written"
        wanted, got = packets(BytesIO(expected.read_bytes())), packets(BytesIO(made.getvalue()))
        for n, (want, have) in enumerate(zip(wanted, got, strict=False)):
            assert have.hex() == want.hex(), f"{expected.name}: packet {n}"
        assert len(got) == len(wanted), expected.name


@pytest.mark.parametrize("case", REJECTS, ids=lambda p: p.name)
def test_a_configuration_that_click_refuses_is_refused(case: Path) -> None:
    folder = Folder(case)
    with pytest.raises(ConfigurationError) as caught:
        build(source(case), StreamIo(folder.open))
    assert all(d.message and d.code for d in caught.value.diagnostics)
