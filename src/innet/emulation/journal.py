"""What this program has made outside itself, written down before it is made, so that all of it can be removed.

The journal is a file of one line a thing, under `STATE`; it outlives the process. `Journal.undo` removes what is
listed, last first, and then the file; `recover` does the same for journals whose process is gone.
"""

import os
from contextlib import suppress
from pathlib import Path

from innet.dataplane.base import remove_pins
from innet.diagnostics import Diagnostic, PlatformError
from innet.emulation import namespaces
from innet.signals import uninterrupted

STATE = Path("/run/innet")
"""Journals are here; the folder goes with the last of them."""

KINDS = ("namespace", "file", "pins")


def _start_time(pid: int) -> str:
    """When the process started, in the kernel's ticks: with its number it names a process for good. Empty if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


class Journal:
    """The things made by one run. Files and folders of pins are removed by path, namespaces by name."""

    def __init__(self, run: str, state: Path = STATE) -> None:
        self.path = state / f"{run}.journal"
        self.entries: list[tuple[str, str]] = []

    def open(self) -> None:
        """Start the journal; `PlatformError` if this run has one already."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        pid = os.getpid()
        try:
            with self.path.open("x", encoding="utf-8") as file:
                file.write(f"process {pid} {_start_time(pid)}\n")
        except OSError as error:
            message = f"the journal {self.path} cannot be started: {error.strerror}"
            raise PlatformError(Diagnostic("E109", message)) from None

    def add(self, kind: str, *names: str) -> None:
        """Write down things that are about to be made."""
        assert kind in KINDS
        self.entries += [(kind, name) for name in names]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{kind} {name}\n" for name in names))
            file.flush()
            os.fsync(file.fileno())

    def undo(self) -> None:
        """Remove all that is listed, last first, then the journal. May be called again; what is gone already is no
        mistake. What resists is reported when the rest is done, and stays in the journal."""
        with uninterrupted():
            problems: list[Diagnostic] = []
            left: list[tuple[str, str]] = []
            for kind, name in reversed(self.entries):
                try:
                    _remove(kind, name)
                except PlatformError as error:
                    problems += error.diagnostics
                    left.insert(0, (kind, name))
            self.entries = left
            if problems:
                raise PlatformError(problems)
            self.path.unlink(missing_ok=True)
            with suppress(OSError):  # other runs' journals are there, or it is gone
                self.path.parent.rmdir()


def _remove(kind: str, name: str) -> None:
    if kind == "namespace":
        namespaces.remove(name)
        return
    if kind == "pins":
        remove_pins(Path(name))
        return
    path = Path(name)
    try:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise PlatformError(Diagnostic("E104", f"{name} cannot be removed: {error.strerror}")) from None


def recover(state: Path = STATE) -> tuple[str, ...]:
    """Remove what runs left behind whose process is gone; the names of those runs."""
    runs = []
    for path in sorted(state.glob("*.journal")) if state.is_dir() else ():
        lines = path.read_text(encoding="utf-8").splitlines()
        words = lines[0].split() if lines else []
        if len(words) == 3 and words[0] == "process" and _start_time(int(words[1])) == words[2]:
            continue
        journal = Journal(path.stem, state)
        for line in lines[1:]:
            kind, _, name = line.partition(" ")
            if kind in KINDS and name:
                journal.entries.append((kind, name))
        journal.undo()
        runs.append(path.stem)
    return tuple(runs)
