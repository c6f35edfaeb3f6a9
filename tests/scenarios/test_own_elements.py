"""A tenant's own element, written as a packet program: a game server's filter is proven, placed, deployed and drops
what has no token; a program that writes a foreign source is refused with a packet; the deployed text has the program.
"""

import pytest

from innet.diagnostics import ConfigurationError, Source
from innet.elements.build import load
from innet.messages import Answer, Assessment
from innet.policy import parse_request, unparse_request
from innet.verify.texts import module_texts
from tests.scenarios.test_section_4_5_push_notifications import Operator, fitting, operator, request

__all__ = ["operator"]

SERVER = ("172.16.15.133", 7777)
PLAYER = ("203.0.113.2", 4000)


def test_the_filter_is_safe_and_fits_where_the_batcher_does(operator: Operator) -> None:
    plan = operator.controller.plan(request("gameserver"), operator.accounts["mobile"], all_platforms=True)
    assert plan.assessment is Assessment.SAFE
    assert fitting(plan) == ["platform3"]
    assert all(check.holds is Answer.YES for check in (*plan.security, *plan.requirements, *plan.rules))
    (place,) = plan.placements
    assert (place.protocol, place.port) == ("udp", 7777), "what its program lets through is what it is given"
    (reach,) = plan.requirements
    assert reach.witness is not None
    assert reach.witness.replayed


def test_only_what_has_the_token_comes_to_the_server(operator: Operator) -> None:
    lab = operator.lab
    reply = operator.controller.apply(request("gameserver"), operator.accounts["mobile"])
    assert reply.identifier is not None
    address = reply.plan.placements[0].address
    lab.listen("homes", SERVER)
    sent = [b"GS01 join", b"GS02 join", b"GS0", b"", b"GS01", b"flood" * 200]
    for payload in sent:
        lab.send("internet", PLAYER, (address, 7777), payload)
    lab.send("internet", PLAYER, (address, 7778), b"GS01 join")
    lab.wait(5)
    assert [d.payload for d in lab.deliveries] == [b"GS01 join", b"GS01"]
    assert {d.source for d in lab.deliveries} == {PLAYER}


def test_a_program_that_writes_a_foreign_source_is_refused_with_a_packet(operator: Operator) -> None:
    plan = operator.controller.plan(request("gameserver-spoofed"), operator.accounts["mobile"])
    assert plan.assessment is Assessment.REFUSED
    assert plan.placements == ()
    (check,) = [c for c in plan.security if c.holds is Answer.NO]
    assert check.witness is not None
    assert check.witness.replayed
    assert "8.8.8.8" in check.witness.result
    assert "Decoy" in check.reason


def test_programs_go_with_the_text_wherever_it_goes() -> None:
    """Printed and read again, and as it is deployed, where the module's address and parameters are written out."""
    text = (
        "M module:\n"
        "elementprogram Own(ADDRESS ip, DROPPED u8 = 1) {\n"
        "  // (a comment with ' and \" and ( in it, and a line like a header)\n"
        "  /*\nreach from internet\nNot module:\n*/\n"
        '  if ip.src == $ADDR { drop "it\'s (me" }\n'
        "  ip.src = ADDRESS updating ip.sum\n"
        "  emit 0\n"
        "}\n"
        "FromNetfront() -> Own($ADDR, ${N-3}) -> ToNetfront()\n"
        "reach from internet -> client\n"
    )
    parsed = parse_request(Source("r", text), {"N": "7"})
    assert len(parsed.modules) == len(parsed.requirements) == 1
    again = parse_request(Source("r", unparse_request(parsed)), {"N": "7"})
    assert again == parsed
    (code,) = module_texts(again, {"M": "192.0.2.7"}).values()
    _, elements = load(Source("deployed", code))
    own = elements["Own@2"]
    assert type(own).__name__ == "Own"
    assert vars(own) == {"p_address": 0xC0000207, "p_dropped": 7}


def test_a_mistake_in_a_program_is_told_where_it_stands_in_the_request(operator: Operator) -> None:
    text = "// a request\n\nM module:\nelementprogram A {\n  emit 1\n}\nFromNetfront() -> A -> ToNetfront()\n"
    with pytest.raises(ConfigurationError) as error:
        operator.controller.plan(parse_request(Source("r.innet", text)), operator.accounts["mobile"])
    assert str(error.value).startswith(
        "r.innet:5:3: error[T104]: there is no output 1\n5 |   emit 1\n  |   ^^^^^^"
    )


def test_no_program_has_the_name_of_an_element_that_platforms_forbid() -> None:
    text = "elementprogram Script { emit 0 } FromNetfront() -> Script -> ToNetfront();"
    with pytest.raises(ConfigurationError, match="'Script' is a built-in element class"):
        load(Source("x", text))


@pytest.mark.parametrize(
    ("statement", "assessment"),
    [
        ("ip.ttl = ip.ttl - 1 updating ip.sum", Assessment.SAFE),
        ("found, n = seen[ip.src]; insert seen[ip.src] = [n + 1]", Assessment.SAFE),
        ("if ip.ttl == 9 { ip.src = 8.8.8.8 updating ip.sum }", Assessment.SANDBOX),
        ("x = random u32; ip.src = x updating ip.sum", Assessment.SANDBOX),
        ("ip.src = 8.8.8.8 updating ip.sum", Assessment.REFUSED),
        ("@net = @net + 4; net[8+4] = 8.8.8.8; @net = @net - 4", Assessment.REFUSED),
        ("data[26+4] = 8.8.8.8", Assessment.REFUSED),
    ],
)
def test_what_a_program_does_decides(operator: Operator, statement: str, assessment: Assessment) -> None:
    text = (
        "M module:\nelementprogram A {\n  table seen [ip] -> [u8] capacity 64 idle 60s\n"
        f'  if ip.proto != 17 {{ drop "not UDP" }}\n  {statement}\n  emit 0\n}}\n'
        "FromNetfront() -> IPRewriter(pattern - - 172.16.15.133 - 0 0) -> A -> ToNetfront()\n"
    )
    plan = operator.controller.plan(parse_request(Source("r", text)), operator.accounts["mobile"])
    assert plan.assessment is assessment
