"""Flat tables against the definition of longest-prefix matching."""

import time
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.network import Prefix, parse_prefix
from innet.network.addresses import FULL, covering
from innet.network.lpm import by_output, flatten, lookup, overlay


@st.composite
def routes(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Prefixes crowded into a few bits, so that they nest and touch."""
    found = []
    for _ in range(draw(st.integers(0, 12))):
        length = draw(st.sampled_from((0, 1, 2, 3, 4, 30, 31, 32)))
        bits = draw(st.sampled_from((0, 0x8000_0000, 0xC000_0000, 0xF000_0000, 0xFFFF_FFFC, 3, 1, FULL)))
        found.append((covering(bits, length).address, length, draw(st.integers(0, 3))))
    return found


def longest(table: list[tuple[int, int, int]], address: int) -> int | None:
    best: tuple[int, int] | None = None
    for prefix, length, output in table:
        if address in Prefix(prefix, length) and (best is None or length > best[0]):
            best = (length, output)
    return None if best is None else best[1]


@given(routes(), st.lists(st.integers(0, FULL), max_size=5))
def test_a_flat_table_gives_the_longest_prefix(table, addresses):
    flat = flatten(table)
    edges = [edge for low, high, _ in flat for edge in (low - 1, low, high, high + 1)]
    for address in [*addresses, *edges, 0, FULL]:
        if 0 <= address <= FULL:
            assert lookup(flat, address) == longest(table, address)


@given(routes())
def test_intervals_are_sorted_disjoint_and_joined(table):
    flat = flatten(table)
    assert all(low <= high for low, high, _ in flat)
    for (_, high, output), (low, _, following) in pairwise(flat):
        assert high < low
        assert high + 1 < low or output != following
    outputs = by_output(flat)
    assert sorted((low, high, o) for o, found in outputs.items() for low, high in found) == flat


@given(routes(), st.integers(0, FULL), st.integers(0, 1 << 20))
def test_an_overlay_changes_its_interval_only(table, low, more):
    flat, high = flatten(table), min(low + more, FULL)
    changed = overlay(flat, [(low, high, 9)])
    assert changed == sorted(changed)
    edges = {0, FULL, low, high, low - 1, high + 1} | {e for a, b, _ in flat for e in (a, b, a - 1, b + 1)}
    for address in (e for e in edges if 0 <= e <= FULL):
        assert lookup(changed, address) == (9 if low <= address <= high else lookup(flat, address))


def test_of_two_equal_prefixes_the_first_stands():
    assert flatten([(0, 0, "a"), (0, 0, "b")]) == [(0, FULL, "a")]


@pytest.mark.parametrize("route", [(1, 31, 0), (0, 33, 0), (1 << 32, 0, 0)])
def test_what_is_no_prefix_is_refused(route):
    with pytest.raises(ValueError, match="is not a prefix"):
        flatten([route])


def test_a_hundred_thousand_prefixes_are_flattened_quickly():
    random = Random(1)
    table = []
    for _ in range(100_000):
        length = random.choice((8, 12, 16, 20, 22, 24, 24, 24, 28))
        table.append((covering(random.getrandbits(32), length).address, length, random.randrange(16)))
    began = time.process_time()
    flat = flatten(table)
    assert time.process_time() - began < 2.5  # 0.22 s here when nothing else runs
    assert len(flat) > 100_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.0.0.0/33", "not a length from 0 to 32"),
        ("10.0.0.1/8", "the prefix is 10.0.0.0/8"),
        ("10.0.0/8", "not an IPv4 address"),
        ("10.0.0.256", "256 is above 255"),
        ("10.0.0.08", "'08' is not a number"),
        ("10.0.0.٣", "is not a number"),
        ("::1", "not an IPv4 address"),
        ("10.0.0.0/", "'' is not a length"),
    ],
)
def test_what_is_wrong_with_a_prefix_is_said(text, words):
    with pytest.raises(ValueError, match=words):
        parse_prefix(text)


@given(st.integers(0, FULL), st.integers(0, 32))
def test_printing_and_reading_a_prefix_gives_it_back(address, length):
    prefix = covering(address, length)
    assert parse_prefix(str(prefix)) == prefix


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("10.1.0.0/24", True), ("172.16.0.0/12", True), ("172.32.0.0/16", False), ("192.168.4.0/24", True),
        ("100.64.0.0/10", True), ("198.51.100.0/24", False), ("0.0.0.0/0", False),
    ],
)  # fmt: skip
def test_private_prefixes(text, private):
    assert parse_prefix(text).is_private is private
