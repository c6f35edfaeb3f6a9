"""What should run on a platform, on disk: a file that a kill at any step leaves whole.

The file is a line that says whose it is, and then a line for each change. A line is a checksum, a space, and JSON; the
checksum covers the one before it, so that no line can be changed, lost or moved unnoticed. A change is appended and
written through before it is confirmed; a last line without its end was never confirmed, and is cut off. The whole state
is replaced, and a file with many overtaken lines made anew, through a temporary file and a rename. Nothing else is
forgiven: a file that is damaged is set aside and reported, never used in part.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from innet.diagnostics import Diagnostic, PlatformError
from innet.messages import to_json
from innet.platform.codec import MalformedError, from_json
from innet.platform.protocol import Deployment

SCHEMA = 1
DIGEST = 24
"""Hexadecimal digits of a line's checksum (SHA-256, cut): against accidents, not against forgers."""
SPARE_LINES = 1000
"""The file is made anew when so many of its lines, and three quarters, are overtaken."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a platform's daemon works: what `down` has to know if the daemon is dead. `namespace` is empty where it
    works in the one it was started in."""

    platform: str
    interface: str = ""
    namespace: str = ""
    driver: str = ""
    socket: str = ""


class DesiredState:
    """The file of one platform, open and locked: no two processes have it at once.

    Raises PlatformError if it is locked (P366) or cannot be used (P365). `damage` says what was set aside, if
    something was; then nothing is known about what should run. `controller` is who said so last (empty: nobody).
    """

    def __init__(self, folder: Path, platform: str) -> None:
        self.path = folder / f"{platform}.state"
        self.lock_path = folder / f"{platform}.lock"
        self.site = Site(platform)
        self.damage: Diagnostic | None = None
        self.controller = ""
        self._wanted: dict[str, Deployment] = {}
        self._file = -1
        self._lines = 0
        self._last = ""
        make_folder(folder)
        self._lock = self._take_lock()
        try:
            self._read()
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def wanted(self) -> Mapping[str, Deployment]:
        """What should run, by id."""
        return self._wanted

    @property
    def exists(self) -> bool:
        """Whether there is a file: a daemon worked here, and was not taken down."""
        return self.path.exists()

    # ---- changes; each is on disk when the call returns

    def settle(self, site: Site) -> None:
        """Write down where the daemon works, before it makes anything there."""
        self.site = site
        self._rewrite(self._wanted.values())

    def put(self, deployment: Deployment) -> None:
        """One module more, or in place of one with its id."""
        self._append({"apply": to_json(deployment)})
        self._wanted[deployment.id] = deployment
        self._compact()

    def drop(self, id: str) -> None:
        """One module less."""
        if id in self._wanted:
            self._append({"remove": id})
            del self._wanted[id]
            self._compact()

    def claim(self, controller: str) -> None:
        """Note who tells what should run."""
        if controller != self.controller:
            self._append({"controller": controller})
            self.controller = controller

    def replace(self, deployments: Iterable[Deployment]) -> None:
        """These modules and no others, all at once."""
        self._rewrite(tuple(deployments))

    def close(self) -> None:
        """Give file and lock back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        os.close(self._lock)

    @property
    def folder(self) -> Path:
        """A place of the data plane's own beside the file; `delete` removes it."""
        return self.path.with_suffix(".d")

    def delete(self) -> None:
        """Remove the file, the lock, the data plane's folder, and the folders that were made for them and are empty;
        then `close`."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in (self.path, self._temporary(), self.lock_path):
            path.unlink(missing_ok=True)
        remove_folders(self.path.parent)
        self.close()

    # ---- the file

    def _take_lock(self) -> int:
        while True:
            lock = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = os.read(lock, 20).decode("ascii", "replace").strip()
                os.close(lock)
                message = f"platform '{self.site.platform}' is already run, by process {pid or 'unknown'}"
                help = f"stop that one first: kill {pid}" if pid else ""
                raise PlatformError(Diagnostic("P366", message, help=help)) from None
            try:  # it may have been removed by `delete` while we waited
                same = os.stat(self.lock_path).st_ino == os.fstat(lock).st_ino
            except FileNotFoundError:
                same = False
            if same:
                os.ftruncate(lock, 0)
                os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
                return lock
            os.close(lock)

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(error) from None
        whole = data[: data.rfind(b"\n") + 1]
        try:
            self._parse(whole)
        except MalformedError as error:
            self._set_aside(str(error))
            return
        if len(whole) < len(data):  # the end of a change that was never confirmed
            os.truncate(self.path, len(whole))

    def _parse(self, data: bytes) -> None:
        lines = data.split(b"\n")[:-1]
        wanted: dict[str, Deployment] = {}
        last = controller = ""
        site: Site | None = None
        for number, line in enumerate(lines, 1):
            last, value = open_line(line, last, f"line {number}")
            match value:
                case {"schema": int(schema), "site": where} if site is None:
                    if schema != SCHEMA:
                        raise MalformedError(f"it has schema {schema}, not {SCHEMA}")
                    site = from_json(Site, where)
                case {"apply": row} if site is not None:
                    deployment = from_json(Deployment, row)
                    wanted[deployment.id] = deployment
                case {"controller": str(controller)} if site is not None:
                    pass
                case {"remove": str(id)} if site is not None:
                    wanted.pop(id, None)
                case _:
                    raise MalformedError(f"line {number} is none of ours")
        if site is None:
            raise MalformedError("it is empty")
        if site.platform != self.site.platform:
            raise MalformedError(f"it is that of platform '{site.platform}'")
        self.site, self.controller = site, controller
        self._wanted, self._last, self._lines = wanted, last, len(lines)

    def _set_aside(self, reason: str) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{os.getpid()}")
        try:
            self.path.rename(aside)
        except OSError as error:
            raise self._unusable(error) from None
        self.damage = Diagnostic(
            "P364",
            f"the desired state {self.path} is damaged: {reason}",
            facts=(("set aside", str(aside)),),
            help="what runs is left running; the next 'innet apply' or 'innet kill' tells again what should run",
        )

    def _append(self, change: object) -> None:
        if self._file < 0:
            self._rewrite(self._wanted.values())
        line, digest = close_line(change, self._last)
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(28, os.strerror(28))
            os.fdatasync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)  # half a change is none
            raise self._unusable(error) from None
        self._last = digest
        self._lines += 1

    def _compact(self) -> None:
        needless = self._lines - len(self._wanted)
        if needless > SPARE_LINES and needless * 4 > self._lines * 3:
            self._rewrite(self._wanted.values())

    def _rewrite(self, deployments: Iterable[Deployment]) -> None:
        wanted = {d.id: d for d in deployments}
        rows: list[object] = [{"schema": SCHEMA, "site": to_json(self.site)}]
        rows += [{"controller": self.controller}] if self.controller else []
        rows += [{"apply": to_json(d)} for d in wanted.values()]
        last = ""
        temporary = self._temporary()
        file = -1
        try:
            file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
            parts = []
            for row in rows:
                line, last = close_line(row, last)
                parts.append(line)
            rest = memoryview(b"".join(parts))
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
            os.rename(temporary, self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            if file >= 0:
                os.close(file)
            temporary.unlink(missing_ok=True)
            raise self._unusable(error) from None
        if self._file >= 0:
            os.close(self._file)
        self._file, self._wanted, self._last, self._lines = file, wanted, last, len(rows)

    def _temporary(self) -> Path:
        return self.path.with_name(f"{self.path.name}.new")

    def _unusable(self, error: OSError) -> PlatformError:
        return PlatformError(
            Diagnostic("P365", f"the desired state {self.path} cannot be used: {error.strerror}")
        )


def close_line(value: object, last: str) -> tuple[bytes, str]:
    """A line for `value` behind the one with checksum `last`, and its own checksum."""
    text = json.dumps(value, separators=(",", ":")).encode()
    digest = hashlib.sha256(last.encode() + text).hexdigest()[:DIGEST]
    return digest.encode() + b" " + text + b"\n", digest


def open_line(line: bytes, last: str, where: str) -> tuple[str, object]:
    """Checksum and value of a line. Raises MalformedError."""
    digest, _, text = line.partition(b" ")
    if digest.decode("latin-1") != hashlib.sha256(last.encode() + text).hexdigest()[:DIGEST]:
        raise MalformedError(f"{where} does not agree with its checksum")
    return digest.decode(), json.loads(text)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


MARK = ".made-by-innet"
"""In a folder that was made by us: it may go when nothing else is in it."""


def make_folder(folder: Path) -> None:
    """Make `folder` and what it is in, and mark those that were not there. Raises PlatformError."""
    missing = []
    at = folder
    while not at.exists():
        missing.append(at)
        at = at.parent
    try:
        for one in reversed(missing):
            one.mkdir(mode=0o755, exist_ok=True)
            (one / MARK).touch()
    except OSError as error:
        raise PlatformError(
            Diagnostic("P365", f"the folder {folder} cannot be made: {error.strerror}")
        ) from None


def remove_folders(folder: Path) -> None:
    """Remove `folder`, and then those it is in, as long as they were made by `make_folder` and nothing else is in
    them."""
    for one in (folder, *folder.parents):
        try:
            if not (one / MARK).exists() or os.listdir(one) != [MARK]:
                return
            (one / MARK).unlink()
            one.rmdir()
        except OSError:
            return
