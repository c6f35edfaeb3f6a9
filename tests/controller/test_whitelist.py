"""Ranges of addresses as prefixes, and who is on a sandbox's list."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from innet.controller.whitelist import whitelist
from innet.messages import Role
from innet.network.addresses import FULL, prefixes

addresses = st.integers(0, FULL)


@given(addresses, addresses)
def test_prefixes_cover_exactly_the_range(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    found = prefixes(low, high)
    assert found[0].low == low
    assert found[-1].high == high
    assert all(one.high + 1 == two.low for one, two in itertools.pairwise(found))
    assert len(found) <= 62


def test_everything_is_one_prefix() -> None:
    assert [str(prefix) for prefix in prefixes(0, FULL)] == ["0.0.0.0/0"]


def test_third_parties_have_a_list_and_others_send_anywhere() -> None:
    assert whitelist(Role.CLIENT, (), ()) == ("0.0.0.0/0",)
    assert whitelist(Role.OPERATOR, (), ()) == ("0.0.0.0/0",)
    assert whitelist(Role.THIRD_PARTY, (), ()) == ()
    assert whitelist(Role.THIRD_PARTY, ((0, 1), (8, 8)), (9, 9)) == ("0.0.0.0/31", "0.0.0.8/32", "0.0.0.9/32")
