"""The vectors of `tests/vectors`, by machine code: files, handlers, drops and tables are the interpreter's to the bit.

That these are Click's is the business of `tests/runtime/test_vectors.py`.
"""

from pathlib import Path

import pytest

from tests.native.both import both
from tests.runtime.test_vectors import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_machine_code_does_the_same(case: Path) -> None:
    text = (case / "config.click").read_text()
    given = {file.name: file.read_bytes() for file in case.glob("*.pcap")}
    both(text, given)
