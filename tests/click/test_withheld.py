"""Classes of Click that are not offered say so, and what to use instead."""

import pytest

from innet.click.withheld import WITHHELD
from innet.diagnostics import ConfigurationError
from innet.elements.build import load
from innet.elements.registry import REGISTRY
from tests.click.classes import source


@pytest.mark.parametrize("name", WITHHELD)
@pytest.mark.parametrize("text", ["e :: {}(x);", "FromNetfront() -> {} -> Discard;", "elementclass A {};"])
def test_a_class_that_is_not_offered(name, text):
    with pytest.raises(ConfigurationError) as refused:
        load(source(text.format(name)))
    first = refused.value.diagnostics[0]
    assert first.code == "C126"
    assert first.message == f"element class '{name}' is not offered: {WITHHELD[name].why}"
    assert first.help == WITHHELD[name].instead


def test_none_of_them_is_there():
    assert not [name for name in WITHHELD if name in REGISTRY]


def test_a_class_of_the_text_may_have_the_name():
    load(source("elementclass Socket { input -> Null -> output } FromNetfront() -> Socket -> Discard;"))
