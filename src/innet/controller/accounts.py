"""Reads an accounts file: who may ask for what. Every mistake of the text is reported at once, with its place.

    accounts:
      NAME: {role: operator|client|third-party, owns: [PREFIX or ADDRESS, …]}

`owns` are addresses that were proven to be the account's.
"""

from collections.abc import Mapping

from innet.diagnostics import PolicyError, Source, suggest
from innet.messages import Account, Role
from innet.network import Prefix, parse_prefix
from innet.network.reader import Reader
from innet.network.yamltree import Scalar, Tree, parse

ROLES = {role.value: role for role in Role}


def load_accounts(source: Source) -> Mapping[str, Account]:
    """The accounts by name. Raises PolicyError with every mistake found."""
    reader = Reader()
    found: dict[str, Account] = {}
    top = reader.mapping(parse(source), "an accounts file")
    if top is not None:
        reader.keys(top, "an accounts file", ("accounts",), ("accounts",))
        entries = reader.mapping(top.get("accounts"), "'accounts'")
        for key, tree in entries.pairs if entries is not None else ():
            account = _account(reader, key, tree)
            if account is not None:
                found[account.name] = account
    if reader.problems:
        raise PolicyError(reader.problems)
    return found


def _account(reader: Reader, key: Scalar, tree: Tree) -> Account | None:
    what = f"account '{key.text}'"
    named = reader.name(key, "an account")
    fields = reader.mapping(tree, what)
    if fields is None or not named:
        return None
    reader.keys(fields, what, ("role", "owns"), ("role",))
    role = reader.value(fields.get("role"), f"the role of {what}", "one of " + ", ".join(ROLES), _role)
    prefixes: list[Prefix] = []
    for item in reader.listing(fields.get("owns"), f"what {what} owns", "a list of addresses and prefixes"):
        prefix = reader.value(item, f"what {what} owns", "192.0.2.1 or 192.0.2.0/24", parse_prefix)
        if prefix is not None:
            prefixes.append(prefix)
    if role is None:
        return None
    return Account(key.text, role, tuple((prefix.low, prefix.high) for prefix in sorted(prefixes)))


def _role(text: str) -> Role:
    if text not in ROLES:
        near = suggest(text, ROLES)
        raise ValueError(f"'{text}' is not a role" + (f"; did you mean '{near}'?" if near else ""))
    return ROLES[text]
