"""The process that runs LLVM, when who asked is gone."""

import subprocess
import sys

from innet.xdp import worker


def test_nobody_waits_for_the_answer() -> None:
    with subprocess.Popen(
        [sys.executable, "-P", worker.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        worker.write(child.stdin, b"this is no LLVM IR")
        assert child.stderr.read() == b""
        assert child.wait() == 0
