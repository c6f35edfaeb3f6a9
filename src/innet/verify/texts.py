"""The Click texts of a request's modules, with what is known of parameters and addresses."""

import re
from collections.abc import Mapping

from innet.policy import Request

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z0-9_.]+)\}|(?P<plain>[A-Za-z_][A-Za-z0-9_]*(?:\.ADDR)?))")


def address_variables(module: str, addresses: Mapping[str, str]) -> dict[str, str]:
    """What `$ADDR` and `$Other.ADDR` mean in the text of `module`."""
    known = {f"{name}.ADDR": address for name, address in addresses.items()}
    if module in addresses:
        known["ADDR"] = addresses[module]
    return known


def with_addresses(module: str, code: str, addresses: Mapping[str, str]) -> str:
    """`code` with `$ADDR` and `$Other.ADDR` written out; positions of all else on their lines stay where they can."""
    known = address_variables(module, addresses)

    def value(found: re.Match[str]) -> str:
        return known.get(found["braced"] or found["plain"], found[0])

    return _VARIABLE.sub(value, code)


def module_texts(request: Request, addresses: Mapping[str, str]) -> Mapping[str, str]:
    """The text of each module as it is deployed: `define`s for its parameters, addresses written out."""
    texts: dict[str, str] = {}
    for module in request.modules:
        values = ", ".join(f"${name} {value}" for name, value in request.parameters)
        head = f"define({values});\n" if values else ""
        texts[module.name] = head + with_addresses(module.name, module.code, addresses)
    return texts
