"""The Click texts of a request's modules, with what is known of parameters and addresses.

What is proven is the very text that is deployed: no variable means one thing here and another there.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from innet.diagnostics import Source
from innet.policy import Module, Request

_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z0-9_.]+)(?:-[^}]*)?\}|(?P<plain>[A-Za-z_][A-Za-z0-9_]*(?:\.ADDR)?))"
)


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


def deployed(module: Module, parameters: Mapping[str, str], addresses: Mapping[str, str]) -> Source:
    """The module as it is deployed: a line of `define`s for its parameters, then its text, addresses written out."""
    source = module.source()
    code = with_addresses(module.name, source.text, addresses)
    if not parameters:
        return replace(source, text=code)
    values = ", ".join(f"${name} {value}" for name, value in parameters.items()).replace("\n", " ")
    origins = source.origins or ((1, source.name, 1),)
    shifted = tuple((line + 1, name, there) for line, name, there in origins)
    return Source(source.name, f"define({values});\n{code}", ((1, "parameters", 1), *shifted))


def module_texts(request: Request, addresses: Mapping[str, str]) -> Mapping[str, str]:
    """The text of each module as it is deployed."""
    parameters = dict(request.parameters)
    return {module.name: deployed(module, parameters, addresses).text for module in request.modules}
