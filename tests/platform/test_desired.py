"""The desired state on disk: whole after any kill, and nothing believed that is damaged."""

import errno
import os
from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.platform import desired
from innet.platform.desired import DesiredState, Site, make_folder, remove_folders
from tests.platform.daemons import ECHO, PICKY, deployment


def written(folder: Path) -> bytes:
    """A file with some history: modules 1 and 3 (changed once) are wanted."""
    state = DesiredState(folder, "one")
    state.settle(Site("one", "nic", "innet-x", "interpreter", "/run/one.sock"))
    state.claim("/state")
    for number in (1, 2, 3):
        state.put(deployment(number))
    state.drop("m2.M")
    state.put(deployment(3, PICKY))
    state.drop("m9.M")
    state.close()
    return state.path.read_bytes()


def reread(folder: Path) -> tuple[dict[str, str], bool]:
    """What is wanted, and whether damage was found."""
    state = DesiredState(folder, "one")
    found = {id: d.text for id, d in state.wanted.items()}
    damaged = state.damage is not None
    state.close()
    return found, damaged


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written(tmp_path)
    state = DesiredState(tmp_path, "one")
    assert {id: d.text for id, d in state.wanted.items()} == {"m1.M": ECHO, "m3.M": PICKY}
    assert state.wanted["m1.M"] == deployment(1)
    assert state.site == Site("one", "nic", "innet-x", "interpreter", "/run/one.sock")
    assert state.controller == "/state"
    state.close()


def test_cut_anywhere_it_is_what_it_was_at_some_time(tmp_path: Path) -> None:
    data = written(tmp_path)
    path = tmp_path / "one.state"
    history: list[dict[str, str]] = [
        {}, {"m1.M": ECHO}, {"m1.M": ECHO, "m2.M": ECHO}, {"m1.M": ECHO, "m2.M": ECHO, "m3.M": ECHO},
        {"m1.M": ECHO, "m3.M": ECHO}, {"m1.M": ECHO, "m3.M": PICKY},
    ]  # fmt: skip
    last = 0
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        found, damaged = reread(tmp_path)
        if b"\n" not in data[:length]:
            assert (found, damaged) == ({}, True), "not even its first line"
            for aside in tmp_path.glob("*.damaged-*"):
                aside.unlink()
            continue
        assert not damaged
        assert history.index(found) >= last
        last = history.index(found)
    assert last == len(history) - 1


def test_no_changed_byte_goes_unnoticed(tmp_path: Path) -> None:
    data = written(tmp_path)
    path = tmp_path / "one.state"
    for at in range(0, len(data) - 1, 3):
        changed = bytearray(data)
        changed[at] ^= 0x04
        path.write_bytes(changed)
        found, damaged = reread(tmp_path)
        assert (found, damaged) == ({}, True), at
        (aside,) = tmp_path.glob("*.damaged-*")
        assert aside.read_bytes() == changed
        assert not path.exists()
        aside.unlink()


def test_a_lost_or_moved_line_is_noticed(tmp_path: Path) -> None:
    data = written(tmp_path)
    lines = data.splitlines(keepends=True)
    for changed in (
        lines[:2] + lines[3:],
        [*lines[:2], lines[3], lines[2], *lines[4:]],
        lines + lines[-1:],
        lines[1:],
    ):
        (tmp_path / "one.state").write_bytes(b"".join(changed))
        assert reread(tmp_path) == ({}, True)
        next(tmp_path.glob("*.damaged-*")).unlink()


def test_the_file_of_another_platform_is_not_ours(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "one.state").rename(tmp_path / "two.state")
    state = DesiredState(tmp_path, "two")
    assert state.damage is not None
    assert "platform 'one'" in state.damage.message
    state.close()


def test_it_does_not_grow_with_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desired, "SPARE_LINES", 20)
    state = DesiredState(tmp_path, "one")
    for _ in range(100):
        state.put(deployment(1))
        state.drop("m1.M")
    state.put(deployment(1))
    state.close()
    assert (tmp_path / "one.state").read_bytes().count(b"\n") < 50
    assert reread(tmp_path) == ({"m1.M": ECHO}, False)


@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "rename"])
def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    state = DesiredState(tmp_path, "one")
    state.put(deployment(1))
    real = getattr(os, call)

    def full(*arguments: object) -> object:
        if call == "write":
            real(arguments[0], bytes(arguments[1])[:10])  # type: ignore[call-overload]
            return 10
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def half(*arguments: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for change in (lambda: state.put(deployment(2)), lambda: state.drop("m1.M")):
        if call in ("write", "fdatasync"):
            monkeypatch.setattr(os, call, full)
            with pytest.raises(PlatformError, match=r"P365.*No space left"):
                change()
            monkeypatch.setattr(os, call, real)
    monkeypatch.setattr(os, call, half)
    if call != "fdatasync":
        with pytest.raises(PlatformError, match="No space left"):
            state.replace([deployment(5)])
    monkeypatch.setattr(os, call, real)
    assert list(state.wanted) == ["m1.M"]
    state.put(deployment(3))
    state.close()
    assert reread(tmp_path) == ({"m1.M": ECHO, "m3.M": ECHO}, False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.lock", "one.state"]


def test_folders_go_if_they_were_made_here(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    folder = tmp_path / "there" / "a" / "b"
    make_folder(folder)
    make_folder(folder)
    (tmp_path / "there" / "a" / "other").touch()
    remove_folders(folder)
    assert [p.name for p in (tmp_path / "there" / "a").iterdir() if p.name[0] != "."] == ["other"]
    (tmp_path / "there" / "a" / "other").unlink()
    remove_folders(tmp_path / "there" / "a")
    assert [p.name for p in tmp_path.rglob("*")] == ["there"]
