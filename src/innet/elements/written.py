"""Element classes that a configuration defines by program text.

Such a class is like a built-in one: its parameters are its Click arguments, and `push` records the statements that were
read, with the arguments in their place. So it is interpreted, proven and compiled as all others.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, make_dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, cast

from innet.elements.argument_addresses import (
    EtherAddress,
    IPAddress,
    IPPrefix,
    Port,
    Protocol,
)
from innet.elements.argument_names import Names
from innet.elements.argument_types import (
    ArgumentType,
    Bool,
    ByteString,
    Key,
    Unsigned,
)
from innet.elements.argument_units import Seconds
from innet.elements.base import Element
from innet.elements.registry import REGISTRY
from innet.ir.definition import PARAMETER, Definition, Parameter
from innet.ir.trace import Packet
from innet.lexical import Text

TYPES: Mapping[str, ArgumentType[Any]] = {
    "bool": Bool(),
    "ip": IPAddress(),
    "prefix": IPPrefix(bare=True),
    "ether": EtherAddress(),
    "port": Port(),
    "proto": Protocol(),
    "seconds": Seconds(),
}


@dataclass(frozen=True)
class Bytes(ArgumentType[int]):
    """A string of `count` bytes, as one number."""

    count: int

    def describe(self) -> str:
        plural = "" if self.count == 1 else "s"
        return f'{self.count} byte{plural}, such as "{"abcdefgh"[: self.count]}" or \\<{"00 " * (self.count - 1)}00>'

    def parse(self, text: Text, names: Names) -> int:
        value = ByteString().parse(text, names)
        if len(value) != self.count:
            raise self.refused(text, f"{len(value)} bytes stand where {self.count} are needed")
        return int.from_bytes(value, "big")

    def unparse(self, value: int) -> str:
        return ByteString().unparse(value.to_bytes(self.count, "big"))


@dataclass(frozen=True)
class Written(Element):
    """Base of the classes that are written in program text."""

    DEFINITION: ClassVar[Definition]

    def push(self, p: Packet, port: int) -> None:
        definition = self.DEFINITION
        for stmt in definition.block(port, p.outputs, p.scope, self.values()):
            p.append(stmt)

    def values(self) -> Mapping[str, int]:
        """The numbers in place of the program's parameters."""
        found: dict[str, int] = {}
        for parameter in self.DEFINITION.parameters:
            value = getattr(self, field_of(parameter))
            name = f"{PARAMETER}{parameter.name}"
            if parameter.kind == "prefix":
                found[name], found[f"{name}.mask"] = value
            else:
                found[name] = int(value)
        return found


def field_of(parameter: Parameter) -> str:
    """The field that holds the argument; the name of no attribute that elements have."""
    return f"p_{parameter.name.lower()}"


def type_of(parameter: Parameter) -> ArgumentType[Any]:
    """How the argument's text is read."""
    if parameter.kind == "bytes":
        return Bytes(parameter.width // 8)
    if parameter.kind == "number":
        return Unsigned(parameter.width)
    return TYPES[parameter.kind]


@lru_cache(maxsize=512)
def class_of(definition: Definition) -> type[Element]:
    """The element class; one class for one text."""
    fields: list[Any] = []
    for parameter in definition.parameters:
        hint = Annotated[object, type_of(parameter), Key(parameter.name)]
        if parameter.default is None:
            fields.append((field_of(parameter), hint))
        else:
            fields.append((field_of(parameter), hint, field(default=parameter.default)))
    namespace = {
        "DEFINITION": definition,
        "PORTS": definition.PORTS,
        "PROCESSING": definition.PROCESSING,
        "FLOW": definition.FLOW,
        "__doc__": f"Defined in the configuration:\n\n{definition}\n",
        "__module__": __name__,
    }
    made = make_dataclass(definition.name, fields, bases=(Written,), namespace=namespace, frozen=True)
    return cast("type[Element]", made)


def with_definitions(definitions: Iterable[Definition]) -> Mapping[str, type[Element]]:
    """The built-in classes and those that a text defines."""
    own = {definition.name: class_of(definition) for definition in definitions}
    return ChainMap(own, cast("MutableMapping[str, type[Element]]", REGISTRY)) if own else REGISTRY
