"""Global handlers: what can be read of a router as a whole (Click manual, "Global handlers")."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from innet import __version__
from innet.elements.holder import HandlerError

if TYPE_CHECKING:
    from innet.runtime.router import Router


def _list(router: "Router") -> str:
    return "\n".join((str(len(router.by_name)), *router.by_name)) + "\n"


def _classes(router: "Router") -> str:
    from innet.elements.registry import REGISTRY

    return "".join(f"{element.__name__}\n" for element in REGISTRY.classes())


def _handlers(router: "Router") -> str:
    return "".join(f"{name}\tr\n" for name in READ) + "".join(f"{name}\tw\n" for name in WRITE)


READ: Mapping[str, "Callable[[Router], str]"] = MappingProxyType(
    {
        "version": lambda router: __version__,
        "list": _list,
        "classes": _classes,
        "config": lambda router: router.texts.get("config", ""),
        "flatconfig": lambda router: router.texts.get("flatconfig", ""),
        "requirements": lambda router: router.texts.get("requirements", ""),
        "handlers": _handlers,
    }
)
WRITE = ("stop",)


def read_global(router: "Router", name: str) -> str:
    """The value of a global read handler."""
    read = READ.get(name)
    if read is None:
        raise HandlerError(f"no read handler '{name}'")
    return read(router)
