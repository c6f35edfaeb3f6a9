"""Whom a sandboxed module may write to unasked."""

from collections.abc import Iterable

from innet.messages import Role
from innet.network.addresses import prefixes


def whitelist(role: Role, owned: Iterable[tuple[int, int]], modules: Iterable[int]) -> tuple[str, ...]:
    """The prefixes for a sandbox: for third parties the account's own addresses and modules; others may send anywhere
    (the paper's section 4.4)."""
    if role is not Role.THIRD_PARTY:
        return ("0.0.0.0/0",)
    ranges = [*owned, *((address, address) for address in modules)]
    found = {prefix for low, high in ranges for prefix in prefixes(low, high)}
    return tuple(str(prefix) for prefix in sorted(found))
