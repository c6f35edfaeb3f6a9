"""AnnotationInfo."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Rest
from innet.elements.base import Element, Role


@dataclass(frozen=True)
class AnnotationInfo(Element):
    """Give names to annotation bytes, for the compound it stands in and all inside.

    Arguments:  `NAME OFFSET [SIZE]`, ...: built-in names cannot be given anew.
    Source:     Click manual, AnnotationInfo; the entries are read by `argument_names`.
    """

    PORTS: ClassVar[str] = "0/0"
    ROLE: ClassVar[Role] = Role.INFORMATION
    EXAMPLES: ClassVar[tuple[str, ...]] = ("COLOR 16 1",)

    entries: Annotated[tuple[str, ...], Rest()] = ()
