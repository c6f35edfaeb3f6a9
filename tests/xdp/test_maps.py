"""Maps of every kind: single entries, batches, pins, shared memory."""

import errno
import struct
from pathlib import Path

import pytest

from innet.diagnostics import PlatformError
from innet.xdp.kernel import Map, MapKind, possible_cpus, unpin
from innet.xdp.layout import MMAPABLE, NO_PREALLOC, MapSpec
from tests.xdp.kernel_objects import XDP_PASS, bpffs, program

pytestmark = pytest.mark.kernel

HASH = MapSpec("a hash-map", MapKind.HASH, 4, 8, 5000, NO_PREALLOC)
ROWS = {struct.pack("<I", n): struct.pack("<Q", n * n) for n in range(5000)}


@pytest.mark.parametrize(
    "spec",
    [
        HASH,
        MapSpec("a", MapKind.ARRAY, 4, 3, 5),
        MapSpec("a", MapKind.ARRAY, 4, 3, 5, MMAPABLE),
        MapSpec("a", MapKind.PROG_ARRAY, 4, 4, 5),
        MapSpec("a", MapKind.PERCPU_ARRAY, 4, 3, 5),
        MapSpec("a", MapKind.LPM_TRIE, 8, 4, 5, NO_PREALLOC),
        MapSpec("a", MapKind.RINGBUF, 0, 0, 4096),
    ],
    ids=lambda spec: spec.kind.name,
)
def test_every_kind_is_made_and_opened_again(spec: MapSpec, tmp_path: Path) -> None:
    with bpffs(tmp_path) as folder, Map(spec) as held:
        held.pin(folder / "m")
        with Map.open(folder / "m", spec) as again:
            assert again.id == held.id != 0
            assert again.fd != held.fd
            assert held.memory() > 0 or spec.kind is MapKind.LPM_TRIE  # which has no memory while empty
        assert unpin(folder / "m")
        assert not unpin(folder / "m")


@pytest.mark.parametrize("chunk", [1, 64, 4096, 100_000])
def test_batches_read_everything_whatever_their_size(chunk: int) -> None:
    with Map(HASH) as held:
        held.update_all(ROWS)
        assert len(found := held.dump(chunk)) == len(ROWS)
        assert dict(found) == ROWS


def test_many_are_deleted_and_those_that_are_not_there_do_not_matter() -> None:
    absent = [struct.pack("<I", n) for n in (10_000, 10_001, 10_002)]
    with Map(HASH) as held:
        held.update_all(ROWS)
        keys = list(ROWS)
        assert held.delete_all([absent[0], *keys[:10], *absent[1:], *keys[10:20], keys[0]]) == 20
        assert dict(held.dump()) == {key: ROWS[key] for key in keys[20:]}
        assert held.delete_all([]) == 0
        assert list(held.keys()) == [key for key, _ in held.dump()]


def test_only_what_is_there_is_replaced() -> None:
    with Map(HASH) as held:
        assert not held.replace(bytes(4), bytes(8))
        assert held.lookup(bytes(4)) is None
        held.update(bytes(4), bytes(8))
        assert held.replace(bytes(4), bytes(range(8)))
        assert held.lookup(bytes(4)) == bytes(range(8))
        with pytest.raises(ValueError, match="has 8 bytes, not 7"):
            held.replace(bytes(4), bytes(7))


def test_what_does_not_fit_is_refused() -> None:
    with Map(MapSpec("small", MapKind.HASH, 4, 8, 10, NO_PREALLOC)) as held:
        with pytest.raises(OSError, match="Argument list too long") as found:
            held.update_all(ROWS)
        assert found.value.errno == errno.E2BIG
        for key, value in ((b"\0" * 3, bytes(8)), (b"\0" * 5, bytes(8)), (bytes(4), bytes(7))):
            with pytest.raises(ValueError, match="small has"):
                held.update(key, value)
            with pytest.raises(ValueError, match="small has"):
                held.update_all({key: value})
        with pytest.raises(ValueError, match="a key of small has 4 bytes"):
            held.lookup(b"")


def test_first_contents_that_do_not_fit_leave_nothing_behind(open_files: list[str]) -> None:
    with pytest.raises(OSError, match="Argument list too long"):
        Map(MapSpec("small", MapKind.HASH, 4, 8, 1, NO_PREALLOC, tuple(ROWS.items())))
    with pytest.raises(PlatformError, match="the kernel made no map for small"):
        Map(MapSpec("small", MapKind.ARRAY, 5, 8, 1))


def test_a_closed_map_touches_no_other() -> None:
    first = Map(HASH)
    first.close()
    with Map(HASH) as second:
        assert second.fd >= 0
        with pytest.raises(OSError, match="Bad file descriptor"):
            first.update(bytes(4), bytes(8))
        assert second.dump() == []


def test_values_of_each_cpu() -> None:
    cpus = possible_cpus()
    with Map(MapSpec("p", MapKind.PERCPU_ARRAY, 4, 12, 100)) as held:
        wanted = [bytes([n]) * 12 for n in range(1, cpus + 1)]
        key = struct.pack("<I", 7)
        held.update(key, b"".join(value.ljust(16, b"\0") for value in wanted))
        assert held.lookup_percpu(key) == wanted
        everything = held.dump_percpu()
        assert len(everything) == 100
        assert everything[7] == wanted
        assert everything[8] == [bytes(12)] * cpus
        assert held.lookup_percpu(struct.pack("<I", 100)) == []


def test_shared_memory_and_system_calls_see_the_same() -> None:
    with Map(MapSpec("m", MapKind.ARRAY, 4, 100, 1000, MMAPABLE)) as held, held.mapped() as memory:
        key = struct.pack("<I", 999)
        at = 999 * held.stride
        memory[at : at + 100] = bytes(range(100))
        assert held.lookup(key) == bytes(range(100))
        held.update(key, b"\7" * 100)
        assert memory[at : at + 100] == b"\7" * 100
        assert all(not any(value) for key, value in held.dump()[:-1])


def test_only_an_array_made_for_it_can_be_mapped() -> None:
    with (
        Map(MapSpec("m", MapKind.ARRAY, 4, 8, 1)) as held,
        pytest.raises(ValueError, match="is not an array that can be mapped"),
    ):
        held.mapped()


def test_a_program_array_keeps_its_programs() -> None:
    with Map(MapSpec("programs", MapKind.PROG_ARRAY, 4, 4, 4)) as held:
        with program(XDP_PASS) as one:
            number = one.info().id
            held.set_program(2, one.fd)
        assert held.lookup(struct.pack("<I", 2)) == struct.pack("<I", number)
        assert held.clear_program(2)
        assert not held.clear_program(2)
        with pytest.raises(OSError, match="Argument list too long"):
            held.set_program(4, held.fd)


@pytest.mark.parametrize(
    ("spec", "fact"),
    [
        (MapSpec("m", MapKind.ARRAY, 4, 8, 5000, NO_PREALLOC), "kind: 1, not 2"),
        (MapSpec("m", MapKind.HASH, 8, 8, 5000, NO_PREALLOC), "bytes of a key: 4, not 8"),
        (MapSpec("m", MapKind.HASH, 4, 16, 5000, NO_PREALLOC), "bytes of a value: 8, not 16"),
        (MapSpec("m", MapKind.HASH, 4, 8, 5001, NO_PREALLOC), "entries: 5000, not 5001"),
        (MapSpec("m", MapKind.HASH, 4, 8, 5000), "flags: 1, not 0"),
    ],
)
def test_a_pin_of_another_shape_is_not_taken(
    spec: MapSpec, fact: str, tmp_path: Path, open_files: list[str]
) -> None:
    with bpffs(tmp_path) as folder:
        with Map(HASH) as held:
            held.pin(folder / "m")
        with pytest.raises(PlatformError, match=fact):
            Map.open(folder / "m", spec)


def test_pins_say_what_is_wrong(tmp_path: Path, open_files: list[str]) -> None:
    with bpffs(tmp_path) as folder:
        with Map(HASH) as held, program() as one:
            held.pin(folder / "m")
            one.pin(folder / "p")
            for path, text in (
                (folder / "m", "another instance runs"),
                (folder / "with.dot", "no dots"),
                (folder / "none" / "m", "make its folder first"),
                (tmp_path / "m", "in a folder of a bpffs"),
            ):
                with pytest.raises(PlatformError, match=text):
                    held.pin(path)
        with pytest.raises(PlatformError, match="No such file"):
            Map.open(folder / "none", HASH)
        with pytest.raises(PlatformError, match="is something else: anon_inode:bpf-prog"):
            Map.open(folder / "p", HASH)
        with Map.open(folder / "m", HASH) as again:
            assert again.dump() == []
