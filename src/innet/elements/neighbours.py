"""Elements that an argument names, as far as their own arguments say what they are.

An element knows only what its arguments say. Some need more: ICMPRewriter looks into the tables of rewriters, whose
shape hangs on those elements' arguments. So the text of the other one is read too.
"""

from innet.diagnostics import ConfigurationError, Diagnostic, suggest
from innet.elements.argument_names import Names
from innet.elements.base import Element
from innet.lexical import Text, unquote


def neighbour(names: Names, text: Text) -> tuple[str, Element]:
    """Full name and instance of the element that the one word `text` names. Raises ConfigurationError.

    Mistakes in the other's arguments are not told again: it is told that there are some.
    """
    from innet.elements.arguments import bind
    from innet.elements.registry import REGISTRY

    word = unquote(text).value
    name = names.element_named(word)
    declared = None if name is None else names.book.declared.get(name)
    if name is None or declared is None:
        near = suggest(word, names.book.elements or ())
        raise _refused(text, f"there is no element '{word}'", f"did you mean '{near}'?" if near else "")
    cls = REGISTRY.get(declared.class_name)
    if cls is None:
        raise _refused(text, f"'{word}' is of class {declared.class_name}, which does not exist")
    if name in (names.element, *names.askers):
        raise _refused(text, f"'{word}' leads back to this element")
    try:
        return name, bind(cls, declared.arguments, names.inside(name))
    except ConfigurationError:
        raise _refused(text, f"'{word}' has mistakes in its arguments") from None


def _refused(text: Text, message: str, help: str = "") -> ConfigurationError:
    return ConfigurationError(
        Diagnostic("C163", message, text.span, "the name of an element", help, text.facts())
    )
