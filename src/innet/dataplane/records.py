"""What an agent writes down for the one after it: a small file for each module, the slots of shared programs, and the
state of modules that are put away. Whole files or none: a temporary one, then a rename."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from innet.dataplane.wholefile import write_whole
from innet.diagnostics import Diagnostic, PlatformError

CODE, SHAPES_FILE = "code", "shapes.json"


@dataclass(frozen=True)
class Left:
    """What the agent writes down of a module for the one after it: where it is in the kernel, what it was made from,
    which of its constants are parameters, and whether it was suspended without having anything to keep."""

    index: int
    address: int
    slot: int
    digest: str
    groups: tuple[tuple[int, ...], ...]
    suspended: bool

    @classmethod
    def read(cls, text: str) -> "Left":
        """Raises ValueError, KeyError or TypeError for anything else."""
        one = json.loads(text)
        groups = tuple(tuple(int(n) for n in group) for group in one["groups"])
        index, address, slot = (int(one[name]) for name in ("index", "address", "slot"))
        if index < 0 or slot < 0:
            raise ValueError("no place in the kernel")
        return cls(index, address, slot, str(one["digest"]), groups, bool(one["suspended"]))


class Records:
    """The files of one platform in `folder`, which is theirs alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.damaged = 0
        """Files of modules that could not be read, and are gone."""

    @property
    def code(self) -> Path:
        """The folder of compiled code."""
        return self.folder / CODE

    def state(self, id: str) -> Path:
        """The file of what a suspended module keeps."""
        return self.folder / f"{id}.state"

    def modules(self, places: int) -> dict[str, Left]:
        """What an agent before this one had, by identifier; the platform has so many places."""
        found = {}
        for path in sorted(self.folder.glob("*.module")):
            try:
                one = Left.read(path.read_text(encoding="utf-8"))
                if one.index >= places:
                    raise ValueError("no place in the kernel")
                found[path.name.removesuffix(".module")] = one
            except (OSError, ValueError, KeyError, TypeError):
                self.damaged += 1
                path.unlink(missing_ok=True)
        return found

    def keep(self, id: str, one: Left) -> None:
        """Write down a module. Raises PlatformError if the disk does not take it."""
        self._write(self.folder / f"{id}.module", asdict(one))

    def forget(self, id: str) -> None:
        """A module is gone."""
        self.state(id).unlink(missing_ok=True)
        (self.folder / f"{id}.module").unlink(missing_ok=True)

    def forget_modules(self) -> None:
        """The kernel's part is gone: what is kept of modules means nothing any more."""
        for kind in ("module", "state", "part"):
            for path in self.folder.glob(f"*.{kind}"):
                path.unlink(missing_ok=True)

    def slots(self) -> dict[str, int]:
        """Slots of shared programs, by digest; none if the file is damaged."""
        try:
            kept = json.loads((self.folder / SHAPES_FILE).read_text(encoding="utf-8"))
            return {str(digest): int(slot) for digest, slot in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep_slots(self, slots: Mapping[str, int]) -> None:
        """Write down the slots. Raises PlatformError if the disk does not take it."""
        self._write(self.folder / SHAPES_FILE, slots)

    def delete(self) -> None:
        """Remove all files, and the folder if nobody else put anything there."""
        self.forget_modules()
        (self.folder / SHAPES_FILE).unlink(missing_ok=True)
        shutil.rmtree(self.code, ignore_errors=True)
        try:
            self.folder.rmdir()
        except OSError:
            return

    def _write(self, path: Path, value: object) -> None:
        try:
            write_whole(path, json.dumps(value).encode())
        except OSError as problem:
            raise PlatformError(
                Diagnostic(
                    "P330",
                    f"{path.name} cannot be written: {problem.strerror}",
                    help="make room on the disk of the platform's state",
                )
            ) from problem
