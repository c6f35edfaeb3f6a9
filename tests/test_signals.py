"""What a signal that stops a program must not cut in two."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TOOL = """#!/bin/sh
cat > /dev/null
kill -{number} $PPID
kill -{number} $PPID
sleep 0.6
echo done > {done}
"""

CALLER = """
import sys
from innet.emulation import namespaces
from innet.signals import STOPS
import os, signal

def stop(number, frame):
    raise KeyboardInterrupt

for number in STOPS:
    signal.signal(number, stop)
try:
    namespaces.batch(["link show"])
except KeyboardInterrupt:
    print("interrupted", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("no child is left")
"""


def test_a_tool_is_not_cut_off_and_its_process_is_not_forgotten(tmp_path: Path) -> None:
    for number in ("INT", "TERM", "HUP"):
        done = tmp_path / f"done-{number}"
        tool = tmp_path / "ip"
        tool.write_text(TOOL.format(number=number, done=done), encoding="ascii")
        tool.chmod(0o755)
        run = subprocess.run(
            [sys.executable, "-c", CALLER],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
        )
        assert run.stdout == "interrupted []\nno child is left\n", run
        assert done.read_text(encoding="ascii") == "done\n"
