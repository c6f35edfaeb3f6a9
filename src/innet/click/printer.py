"""The text of a syntax tree, one statement a line; parsing it gives an equal tree again."""

from typing import assert_never

from innet.click import syntax


def unparse(tree: syntax.File) -> str:
    """Click text for `tree`. Comments outside parentheses are gone; arguments are verbatim."""
    return "".join(_statement(statement) for statement in tree.statements)


def _statement(statement: syntax.Statement) -> str:
    match statement:
        case syntax.Chain(lists, arrows):
            text = _list(lists[0])
            for arrow, uses in zip(arrows, lists[1:], strict=True):
                text += f" {arrow} {_list(uses)}"
            return f"{text.strip()};\n"
        case syntax.ElementClass(name, syntax.Identifier(existing)):
            return f"elementclass {name.name} {existing};\n"
        case syntax.ElementClass(name, syntax.Compound() as definition):
            return f"elementclass {name.name} {_compound(definition)};\n"
        case syntax.ElementProgram(definition):
            return f"{definition}\n"
        case syntax.Define(arguments):
            return f"define({arguments.value});\n"
        case syntax.Require(arguments):
            return f"require({arguments.value});\n"
        case _:
            raise AssertionError(statement)


def _list(uses: tuple[syntax.ElementUse, ...]) -> str:
    return ", ".join(_use(use) for use in uses)


def _use(use: syntax.ElementUse) -> str:
    parts = [_ports(use.inputs)] if use.inputs is not None else []
    if use.what is not None:
        text = _what(use.what)
        if use.cls is not None:
            text += f" :: {_what(use.cls)}"
        if use.arguments is not None:
            text += f"({use.arguments.value})"
        parts.append(text)
    if use.outputs is not None:
        parts.append(_ports(use.outputs))
    return " ".join(parts)


def _what(what: "syntax.Identifier | syntax.Compound | syntax.Group") -> str:
    match what:
        case syntax.Identifier(name):
            return name
        case syntax.Compound():
            return _compound(what)
        case syntax.Group(statements):
            return _block("(", statements, ")")
        case _:
            assert_never(what)


def _compound(compound: syntax.Compound) -> str:
    variants = [_block(_formals(variant.formals), variant.statements, "") for variant in compound.variants]
    if compound.extends:
        variants.append("...\n")
    return "{ " + "|| ".join(variants) + "}"


def _formals(formals: tuple[syntax.Formal, ...]) -> str:
    if not formals:
        return "|"
    return ", ".join(f"{f.keyword} ${f.variable}".lstrip() for f in formals) + " |"


def _block(start: str, statements: tuple[syntax.Statement, ...], end: str) -> str:
    """Statements between brackets. Lines are not indented: a line inside arguments must stay as it is."""
    return f"{start}\n{''.join(_statement(statement) for statement in statements)}{end}"


def _ports(ports: syntax.Ports) -> str:
    texts = []
    for ports_range in ports.ranges:
        if ports_range.last is None:
            texts.append(f"{ports_range.first}-")
        elif ports_range.last == ports_range.first:
            texts.append(str(ports_range.first))
        else:
            texts.append(f"{ports_range.first}-{ports_range.last}")
    return f"[{','.join(texts)}]"
