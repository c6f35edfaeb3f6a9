"""The accounts file: what it says, and every mistake in it with its place."""

import pytest

from innet.controller import load_accounts
from innet.diagnostics import PolicyError, Source
from innet.messages import Account, Role
from innet.network import parse_address


def load(text: str) -> dict[str, Account]:
    return dict(load_accounts(Source("accounts.yaml", text)))


def test_roles_and_addresses() -> None:
    found = load(
        """accounts:
  operator: {role: operator}
  mobile: {role: client, owns: 172.16.15.133}
  content: {role: third-party, owns: [203.0.113.0/30, 192.0.2.1]}
"""
    )
    first = parse_address("203.0.113.0")
    one, other = parse_address("192.0.2.1"), parse_address("172.16.15.133")
    assert found == {
        "operator": Account("operator", Role.OPERATOR),
        "mobile": Account("mobile", Role.CLIENT, ((other, other),)),
        "content": Account("content", Role.THIRD_PARTY, ((one, one), (first, first + 3))),
    }


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["accounts.yaml is empty"]),
        ("accounts: [1", ["this is not YAML"]),
        ("account: {}", ["1:1: error[N104]", "did you mean 'accounts'", "has no 'accounts'"]),
        ("accounts:\n  a: {role: clinet}", ["2:13: error[N107]", "did you mean 'client'"]),
        ("accounts:\n  a: {}", ["account 'a' has no 'role'"]),
        ("accounts:\n  a: {role: client, own: 1.2.3.4}", ["2:21: error[N104]", "did you mean 'owns'"]),
        ("accounts:\n  a: {role: client, owns: [1.2.3, 1.2.3.4/33]}", ["2:28", "2:35", "not a length"]),
        ("accounts:\n  a b: {role: client}", ["2:3: error[N108]"]),
        ("accounts:\n  a: {role: client}\n  a: {role: client}", ["3:3: error[N103]", "a second time"]),
        ("accounts:\n  a: {role: x}\n  b: {role: y}", ["2:13", "3:13"]),
    ],
)
def test_every_mistake_is_told_with_its_place(text: str, places: list[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        load(text)
    for place in places:
        assert place in str(caught.value)
