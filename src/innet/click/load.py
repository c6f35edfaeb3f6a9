"""From text to a configuration that can run: parse, flatten, resolve, with every mistake told at once."""

import gc
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass

from innet.click import syntax
from innet.click.configuration import ClassInfo, Configuration
from innet.click.expand import Flattener
from innet.click.parser import read
from innet.click.report import Limits, Report, StopError, free
from innet.click.resolve import Resolved, resolve_into
from innet.click.scope import Scopes
from innet.diagnostics import ConfigurationError, Diagnostic, Severity, Source

NO_REQUIREMENTS: Set[str] = frozenset()
NO_VARIABLES: Mapping[str, str] = {}
NO_LIBRARIES: Mapping[str, Source] = {}

CONSEQUENCES = frozenset({"C131", "C134", "C135", "C136", "C140"})
"""What a statement that could not be read may cause elsewhere; not told if there is such a statement."""

LOST_CONNECTIONS = frozenset({"C130", "C131", "C132", "C133", "C135", "C136", "C140"})
"""After these, connections are missing, so that "unused" (C154) says nothing."""

LARGE = 200_000
"""Characters from which on the collector's passes over a growing tree cost more than they free."""


@dataclass(frozen=True)
class Analysis:
    """All that could be found out about a text, mistakes included: what `load` raises, for those who add their own.

    `resolved` and `configuration` are None if the text is too broken to have one. With errors among `diagnostics`
    they are good for further checks only: elements may be missing, and some may be of classes that do not exist.
    """

    configuration: Configuration | None
    resolved: Resolved | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that stop the work."""
        return tuple(d for d in self.diagnostics if d.severity is not Severity.WARNING)


def flatten(
    file: syntax.File,
    classes: Mapping[str, ClassInfo],
    *,
    variables: Mapping[str, str] = NO_VARIABLES,
    allowed_requirements: Set[str] = NO_REQUIREMENTS,
    libraries: Mapping[str, Source] = NO_LIBRARIES,
    limits: Limits | None = None,
) -> Configuration:
    """Names resolved, compounds expanded, variables replaced. Raises ConfigurationError with every mistake found.

    `variables` override definitions of the outermost scope. `require(package P)` needs P among
    `allowed_requirements`; `require(library L)` reads `libraries[L]`, never a file.
    """
    report = Report(limits or Limits())
    with _collector_paused(len(file.source.text)):
        configuration = _flatten(file, classes, variables, allowed_requirements, libraries, report)
    report.check()
    assert configuration is not None
    return configuration


def analyse(
    source: Source,
    classes: Mapping[str, ClassInfo],
    *,
    variables: Mapping[str, str] = NO_VARIABLES,
    allowed_requirements: Set[str] = NO_REQUIREMENTS,
    libraries: Mapping[str, Source] = NO_LIBRARIES,
    autoqueue: bool = False,
    limits: Limits | None = None,
    spend: Callable[[int], None] = free,
) -> Analysis:
    """Parse, flatten and resolve, going on after mistakes as far as that makes sense. Never raises for the text."""
    report = Report(limits or Limits(), spend)
    configuration: Configuration | None = None
    resolved: Resolved | None = None
    with _collector_paused(len(source.text)):
        file = read(source, report)
        unreadable = report.errors > 0
        configuration = _flatten(file, classes, variables, allowed_requirements, libraries, report)
        if configuration is not None and not unreadable:
            try:
                resolved = resolve_into(configuration, classes, autoqueue, report)
            except StopError:
                resolved = None
    found = report.found
    if unreadable:
        found = [d for d in found if d.code not in CONSEQUENCES]
    if any(d.code in LOST_CONNECTIONS for d in found):
        found = [d for d in found if d.code != "C154"]
    return Analysis(configuration, resolved, tuple(found))


def load(
    source: Source,
    classes: Mapping[str, ClassInfo],
    *,
    variables: Mapping[str, str] = NO_VARIABLES,
    allowed_requirements: Set[str] = NO_REQUIREMENTS,
    libraries: Mapping[str, Source] = NO_LIBRARIES,
    autoqueue: bool = False,
    limits: Limits | None = None,
) -> Resolved:
    """The resolved configuration of `source`, or a ConfigurationError with the mistakes of all stages."""
    analysis = analyse(
        source,
        classes,
        variables=variables,
        allowed_requirements=allowed_requirements,
        libraries=libraries,
        autoqueue=autoqueue,
        limits=limits,
    )
    if analysis.errors:
        raise ConfigurationError(analysis.errors)
    assert analysis.resolved is not None
    return analysis.resolved


def _flatten(
    file: syntax.File,
    classes: Mapping[str, ClassInfo],
    variables: Mapping[str, str],
    allowed_requirements: Set[str],
    libraries: Mapping[str, Source],
    report: Report,
) -> Configuration | None:
    """The configuration, with mistakes in `report`; None if it is not worth having."""
    try:
        scopes = Scopes(classes, report, allowed_requirements, libraries, file.lost)
        body = scopes.file(file)
        flattener = Flattener(report)
        flattener.flatten(body, variables)
        programs = tuple(scopes.programs.values())
        return flattener.configuration(tuple(dict.fromkeys(scopes.requirements)), programs)
    except StopError:
        return None


@contextmanager
def _collector_paused(characters: int) -> Iterator[None]:
    """Keep the garbage collector from walking a large tree again and again while it is being built."""
    if characters < LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
