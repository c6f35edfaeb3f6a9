"""Which element classes there are: one class a file, in a module named after it, loaded when it is asked for.

Nothing has to be registered. A class `EtherEncap` lives in the module `etherencap` of one of the families, the
packages of this folder; modules without such a class hold what elements share.
"""

import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import innet.elements
from innet.elements.base import Element

_ALIASES = re.compile(r"^    ALIASES\b[^=\n]*= \(([^)]*)\)", re.MULTILINE)
_ALIAS = re.compile(r'"(\w+)"')


class Registry(Mapping[str, type[Element]]):
    """Element classes by class name and by alias.

    A look-up imports one module, that of the class; counting and iterating import them all. A name that is no class,
    which most names of elements are, costs no import.
    """

    def __init__(self) -> None:
        self._found: dict[str, type[Element]] = {}
        self._modules: dict[str, str] = {}

    def __getitem__(self, name: str) -> type[Element]:
        found = self._found.get(name)
        if found is None:
            found = self._load(name)
            if found is None:
                raise KeyError(name)
            self._found[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._everything())

    def __len__(self) -> int:
        return len(self._everything())

    def classes(self) -> tuple[type[Element], ...]:
        """Every class once, by name."""
        found = self._everything().values()
        return tuple(sorted(dict.fromkeys(found), key=lambda element: element.__name__))

    def _load(self, name: str) -> type[Element] | None:
        """The class `name` from the module of that name, or from the one that has it for an alias."""
        if not self._modules:
            self._modules = modules()
        module = self._modules.get(name.lower())
        found = None if module is None else class_of(module)
        if found is not None and found.__name__ == name:
            return found
        stem = aliases().get(name)
        return None if stem is None else class_of(self._modules[stem])

    def _everything(self) -> Mapping[str, type[Element]]:
        return everything()


def modules() -> dict[str, str]:
    """Full module names by the last part, for every module of every family."""
    found: dict[str, str] = {}
    for family in pkgutil.iter_modules(innet.elements.__path__):
        if family.ispkg:
            paths = [f"{path}/{family.name}" for path in innet.elements.__path__]
            for module in pkgutil.iter_modules(paths):
                found[module.name] = f"{innet.elements.__name__}.{family.name}.{module.name}"
    return found


def class_of(module: str) -> type[Element] | None:
    """The element class of `module`: the one whose name in lower case is the module's; None if it has none."""
    stem = module.rpartition(".")[2]
    for value in vars(import_module(module)).values():
        if isinstance(value, type) and issubclass(value, Element) and value.__name__.lower() == stem:
            return value
    return None


@cache
def aliases() -> Mapping[str, str]:
    """Module names (the last part) by the aliases that the modules' text declares; nothing is imported for it."""
    found: dict[str, str] = {}
    for stem, module in modules().items():
        _, _, family, _ = module.split(".")
        for path in innet.elements.__path__:
            source = Path(path, family, f"{stem}.py").read_text(encoding="utf-8")
            for declared in _ALIASES.findall(source):
                found |= dict.fromkeys(_ALIAS.findall(declared), stem)
    return found


@cache
def everything() -> Mapping[str, type[Element]]:
    """All classes by name and alias, in the order of the names."""
    found: dict[str, type[Element]] = {}
    for module in modules().values():
        element = class_of(module)
        if element is not None:
            for name in (element.__name__, *element.ALIASES):
                found[name] = element
    return dict(sorted(found.items()))


REGISTRY = Registry()
