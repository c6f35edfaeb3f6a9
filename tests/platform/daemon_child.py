"""Daemons, each in a process of its own that kills itself at its Nth step (0: never). For each line `N FOLDER` one is
begun, and says "ready"; it is killed at the next line, and "gone" is the answer. (What they import is read once.)

Steps are whatever leaves something behind: writes, syncs and renames of files, and changes of the data plane.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from innet.platform import Agent, desired
from tests.platform.daemons import Running


def main() -> None:
    for line in sys.stdin:
        number, folder = line.rstrip("\n").split(" ", 1)
        process = os.fork()
        if not process:
            try:
                run(Path(folder), int(number))
            finally:
                os._exit(1)
        sys.stdin.readline()
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        print("gone", flush=True)


def run(folder: Path, left: int) -> None:
    """A daemon that has so many steps left."""
    armed = False

    def step() -> None:
        nonlocal left
        if armed and left:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            step()
            result = function(*arguments, **more)
            step()
            return result

        return call

    for name in ("fdatasync", "fsync", "rename"):
        setattr(os, name, counted(getattr(os, name)))
    real_write = os.write

    def write(number: int, data: bytes) -> int:
        if not armed or len(data) < 2:
            return real_write(number, data)
        if left == 1:  # killed in the middle of it
            real_write(number, bytes(data)[: len(data) // 2])
        step()
        return real_write(number, data)

    os.write = write
    Agent.apply = counted(Agent.apply)  # type: ignore[method-assign]
    Agent.remove = counted(Agent.remove)  # type: ignore[method-assign]
    desired.SPARE_LINES = 2
    daemon = Running(folder)
    signal.signal(signal.SIGTERM, lambda *_: daemon.daemon.stop())
    print("ready", flush=True)
    armed = True  # only now: what waits for "ready" would never hear it
    daemon.thread.join()


if __name__ == "__main__":
    main()
