"""What the verbs read: requests, networks, policies, accounts. A file that cannot be read is bad input."""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from innet.diagnostics import ConfigurationError, Diagnostic, PolicyError, Source, render_all
from innet.messages import Account, Role

if TYPE_CHECKING:
    from innet.network import Snapshot
    from innet.policy import Policy, Request

MAX_BYTES = 64 << 20
"""Longer files are refused unread."""

DRY_RUN = "dry-run"
"""The account's name where only a role is given."""


def problem(code: str, message: str, expected: str = "", help: str = "") -> ConfigurationError:
    """The error for something that has no place in a text."""
    return ConfigurationError(Diagnostic(code, message, expected=expected, help=help))


def read_source(name: str, what: str) -> Source:
    """A text file (`-`: standard input) with its name for messages; ConfigurationError if it cannot be read."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise problem(
            "B101", f"{what} '{name}' cannot be read: {error.strerror}", "the name of a file"
        ) from None
    if len(data) > MAX_BYTES:
        raise problem("B102", f"{what} '{name}' is longer than {MAX_BYTES >> 20} MiB")
    try:
        return Source("<standard input>" if name == "-" else name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise problem("B103", f"{what} '{name}' is not UTF-8 text: byte {error.start}") from None


def read_network(name: str) -> "Snapshot":
    """The snapshot of a network file; files named in it are found beside it."""
    from innet import network
    from innet.network.neutral import is_neutral

    source = read_source(name, "the network file")
    try:
        return network.load(source, beside(name))
    except PolicyError:
        if not (is_neutral(source.text) and '"nodes"' in source.text):
            raise
    raise problem(
        "B126",
        f"'{name}' is a collected network in JSON: forwarding tables and nothing else",
        "a network file in YAML",
        "`innet plan` and `innet snapshot` answer questions about collected networks",
    )


def settle() -> None:
    """Tell the garbage collector that what has been read and imported stays: it need not look through it for every
    proof, nor as often as it would: a proof makes many small things, and few that refer to each other in circles."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def beside(name: str) -> Callable[[str], str]:
    """What reads files that are named in the file `name`, beside it."""
    folder = Path(name).parent
    return lambda file: (folder / file).read_text(encoding="utf-8")


def read_policy(name: str | None) -> "Policy":
    """The operator's rules; none if no file is given."""
    from innet.policy import Policy, parse_policy

    if name is None:
        return Policy(())
    policy = parse_policy(read_source(name, "the policy file"))
    warn(policy.warnings)
    return policy


def read_request(args: argparse.Namespace) -> "Request":
    """The request that the arguments name, with its parameters."""
    from innet.policy import parse_request

    request = parse_request(read_source(args.request, "the request"), parameters(args.parameters))
    warn(request.warnings)
    return request


def warn(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Tell warnings."""
    if diagnostics:
        print(render_all(diagnostics), file=sys.stderr)


def parameters(words: list[str]) -> dict[str, str]:
    """The values in NAME=VALUE words."""
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise problem("B104", f"'{word}' is not a parameter's value", "NAME=VALUE")
        if name in values:
            raise problem("B104", f"the parameter '{name}' is given twice")
        values[name] = value
    return values


def read_accounts(args: argparse.Namespace) -> Mapping[str, Account]:
    """The accounts of `--accounts`, or of `accounts.yaml` beside the network file."""
    from innet.controller.accounts import load_accounts

    name = args.accounts
    if name is None:
        beside = Path(args.network).parent / "accounts.yaml"
        if not beside.is_file():
            raise problem(
                "B105",
                f"there is no accounts file beside '{args.network}'",
                "accounts.yaml",
                "name one with --accounts",
            )
        name = str(beside)
    return load_accounts(read_source(name, "the accounts file"))


def find_account(name: str, accounts: Mapping[str, Account]) -> Account:
    """The account of that name; ConfigurationError if there is none."""
    from innet.diagnostics import suggest

    found = accounts.get(name)
    if found is None:
        near = suggest(name, accounts)
        known = ", ".join(sorted(accounts)) or "none: the accounts file is empty"
        raise problem(
            "B106", f"there is no account '{name}'", known, f"did you mean '{near}'?" if near else ""
        )
    return found


def asker(args: argparse.Namespace) -> Account:
    """Who asks in a dry run: the account of `--account`, or one of `--role`, with `--own` added to what it owns."""
    own = tuple(owned_range(word) for word in args.own)
    if args.account is not None:
        account = find_account(args.account, read_accounts(args))
        return Account(account.name, account.role, tuple(sorted({*account.owned, *own})))
    return Account(DRY_RUN, Role(args.role or Role.CLIENT.value), own)


def owned_range(word: str) -> tuple[int, int]:
    """First and last address of `--own ADDRESS` or `--own PREFIX`."""
    from innet.network import parse_prefix

    try:
        prefix = parse_prefix(word)
    except ValueError as error:
        raise problem("B107", f"--own: {error}", "an address, or a prefix such as 192.0.2.0/24") from None
    return prefix.low, prefix.high


def state_file(args: argparse.Namespace) -> Path:
    """Where the controller's state is: `--state`, or a file of the user's."""
    if args.state is not None:
        return Path(args.state)
    folder = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(folder) / "innet" / "controller.sqlite"
