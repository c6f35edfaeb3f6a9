"""Section 4.1: requests are configurations in Click's language, extended, and requirements; the forms they take."""

import pytest

from innet.diagnostics import ConfigurationError, render
from innet.messages import Answer, Assessment
from tests.verify.networks import BATCHER, CLIENT, PROVIDER, figure3, request

FIGURE_4 = """Batcher module:
FromNetfront() ->
IPFilter(allow udp port 1500) ->
IPRewriter(pattern - - 172.16.15.133 - 0 0)
-> TimedUnqueue(120,100)
-> dst::ToNetfront()

reach from internet udp
-> Batcher:dst:0 dst 172.16.15.133
-> client dst port 1500
const proto && dst port && payload
"""


def test_the_request_of_figure_4_as_it_is_printed() -> None:
    plan = request(figure3(), FIGURE_4)
    assert plan.assessment is Assessment.SAFE
    assert plan.requirements[0].holds is Answer.YES
    assert [p.platform for p in plan.placements] == ["platform3"]
    assert any("Queue" in warning or "queue" in warning for warning in plan.warnings) or not plan.warnings


def test_the_typesetters_dash_is_explained() -> None:
    with pytest.raises(ConfigurationError) as caught:
        request(figure3(), FIGURE_4.replace("pattern - - ", "pattern -- "))
    (found,) = caught.value.diagnostics
    assert "- -" in render(found)


@pytest.mark.parametrize(
    "text",
    [
        # a named element, a compound element, an overloaded one, groups, several connections, comments, quotes
        "M module:\nf :: FromNetfront; t :: ToNetfront; f -> IPMirror -> t\n",
        "M module:\nelementclass Echo { input -> IPMirror -> output } FromNetfront() -> Echo -> ToNetfront();\n",
        "M module:\nelementclass E { $a | input -> Paint($a) -> output || input -> output }\n"
        "FromNetfront() -> E(3) -> E -> IPMirror -> ToNetfront();\n",
        "M module:\ndefine($P 53)\nFromNetfront() -> IPFilter(allow udp dst port $P) -> IPMirror -> ToNetfront();\n",
        "M module:\n// nothing\nFromNetfront() /* much */ -> IPMirror -> ToNetfront();\n\n\n",
        "M module:\nFromNetfront() -> c :: IPClassifier(udp, -); c [0, 1] -> IPMirror -> ToNetfront();\n",
        "M module:\nAddressInfo(me $ADDR, you 172.16.15.133);\n"
        "FromNetfront() -> StoreIPAddress(you, dst) -> ToNetfront();\n",
    ],
)
def test_forms_of_configurations(text: str) -> None:
    plan = request(figure3(""), text)
    assert plan.assessment is Assessment.SAFE
    assert [p.module for p in plan.placements] == ["M"]


def test_a_parameter_has_a_default_and_may_be_given() -> None:
    text = BATCHER.replace("120", "${INTERVAL-120}")
    assert request(figure3(""), text).assessment is Assessment.SAFE
    assert request(figure3(""), text, INTERVAL="5").assessment is Assessment.SAFE
    with pytest.raises(ConfigurationError):
        request(figure3(""), text, INTERVAL="soon")


def test_several_modules_are_one_request() -> None:
    """A front end that anyone may ask, and a worker behind it that answers through the front end's address list."""
    text = (
        "Front module:\nFromNetfront() -> IPFilter(allow udp dst port 53)\n"
        "  -> StoreIPAddress($Back.ADDR, dst) -> out :: ToNetfront()\n"
        "Back module:\nFromNetfront() -> IPMirror -> out :: ToNetfront()\n"
        "reach from internet udp -> Front:out -> Back:out -> internet src host $Back.ADDR\n"
    )
    plan = request(figure3(""), text, PROVIDER)
    assert plan.assessment is Assessment.SAFE
    assert plan.requirements[0].holds is Answer.YES
    assert len({p.address for p in plan.placements}) == 2


def test_stock_modules_and_unknown_elements_are_told_apart() -> None:
    with pytest.raises(ConfigurationError) as caught:
        request(
            figure3(""),
            "Proxy module: stock reverse-proxy(origin=172.16.15.133)\n"
            "M module:\nFromNetfront() -> Squid -> ToNetfront()\n",
        )
    messages = " ".join(d.message for d in caught.value.diagnostics)
    assert "stock module" in messages
    assert "Squid" in messages


def test_only_known_elements_are_accepted_and_the_nearest_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        request(figure3(""), "M module:\nFromNetfront() -> IPMiror -> ToNetfront()\n", CLIENT)
    assert "IPMirror" in render(caught.value.diagnostics[0])
