"""The modules of a network, changed again and again: as a plain table of them would be."""

import random

import pytest

from innet.explore.modules import MAX_OVER, Modules, Resident

FULL = ((0, (1 << 32) - 1),)


def resident(address: int, name: str, platform: str) -> Resident:
    def build() -> None:
        raise AssertionError("nobody asked for it")

    return Resident(name, platform, address, build)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(60))
def test_as_a_plain_table(seed: int) -> None:
    """Few changes lie over others, many are put together; what is there is the same, and what was is left as it was."""
    choose = random.Random(seed)
    modules, table = Modules(), dict[int, Resident]()
    before: list[tuple[Modules, dict[int, Resident]]] = []
    for step in range(40):
        before.append((modules, dict(table)))
        many = choose.choice([1, 2, 5, MAX_OVER, 3 * MAX_OVER])
        removed = choose.sample(sorted(table), min(len(table), choose.randrange(many + 1)))
        for address in removed:
            del table[address]
        added = []
        for n in range(choose.randrange(many + 1)):
            address = choose.randrange(1000)
            if address not in table:
                one = resident(address, f"m{step}.{n}", choose.choice("pq"))
                added.append(one)
                table[address] = one
        modules = modules.changed(added, removed)
        check(modules, table, choose)
    for old, there in before:
        check(old, there, choose)


def check(modules: Modules, table: dict[int, Resident], choose: random.Random) -> None:
    assert len(modules) == len(table)
    assert sorted(modules._addresses()) == sorted(table)
    low, high = sorted(choose.choices(range(1000), k=2))
    for platform in "pq":
        there = sorted(address for address, one in table.items() if one.platform == platform)
        assert modules.on(platform, FULL) == there
        assert modules.on(platform, ((low, high),)) == [a for a in there if low <= a <= high]
    for address in choose.choices(range(1000), k=20):
        assert modules._find(address) is table.get(address)
    for one in table.values():
        assert modules.has(one.name)
        assert modules._address(one.name) == one.address
    assert not modules.has("another")


def test_who_is_not_there_cannot_leave() -> None:
    modules = Modules().changed([resident(1, "a", "p")])
    with pytest.raises(KeyError):
        modules.changed(removed=[2])
    again = modules.changed(removed=[1])
    with pytest.raises(KeyError):
        again.changed(removed=[1])


def test_another_of_the_name_and_the_address() -> None:
    """Who comes in somebody's place is found by its own name; of two of one name the first is, while it is there."""
    first, second, third = resident(1, "a", "p"), resident(2, "a", "p"), resident(1, "b", "p")
    modules = Modules().changed([first]).changed([second])
    assert modules._address("a") == 1
    replaced = modules.changed([third], [1])
    assert replaced._address("b") == 1
    assert replaced._find(1) is third
    assert modules._find(1) is first
