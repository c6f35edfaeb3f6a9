"""Click's configuration language: from text to elements and connections, and back.

    text --parse--> syntax tree --flatten--> Configuration --resolve--> Resolved

`parse` knows grammar only; `flatten` resolves names, expands compound elements and replaces variables, so that
primitive elements and connections remain; `resolve` finds the number of ports and push and pull. `load` does all
three and tells the mistakes of all of them in one error; `analyse` does not raise. Of an element class this package
knows the codes for ports, processing and flow, nothing else; arguments stay text. Whatever the text, work is bounded
by `Limits`. `unparse` prints a tree that parses to an equal one.

Source: the Click manual and its configuration language; deviations are marked in docstrings.
"""

from innet.click import syntax
from innet.click.codes import Kind
from innet.click.configuration import (
    ClassInfo,
    Configuration,
    Connection,
    ElementDecl,
    find_element,
)
from innet.click.load import Analysis, analyse, flatten, load
from innet.click.parser import parse
from innet.click.printer import unparse
from innet.click.report import Limits
from innet.click.resolve import Ports, Resolved, resolve

__all__ = [
    "Analysis",
    "ClassInfo",
    "Configuration",
    "Connection",
    "ElementDecl",
    "Kind",
    "Limits",
    "Ports",
    "Resolved",
    "analyse",
    "find_element",
    "flatten",
    "load",
    "parse",
    "resolve",
    "syntax",
    "unparse",
]
