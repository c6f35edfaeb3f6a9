"""`reach`, `always`, `never`, `new`: nodes, way-points, const, state, answers and what they say."""

import pytest

from innet.messages import Answer
from innet.verify import reach as reach_module
from innet.verify.trace import trace_flow
from tests.verify.networks import CHAIN, CLIENT, PASS, STATEFUL, ask, chain, inward, run

YES, NO = Answer.YES, Answer.NO
TO_BOX = "IPRewriter(pattern - - 10.9.9.9 - 0 0)"
TO_HOME = "IPRewriter(pattern - - 172.16.7.7 - 0 0)"
WRAP = "Strip(14) -> IPEncap(4, 10.0.0.9, 10.0.0.10) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
UNWRAP = "Strip(34) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)"
CLIENTS = "dst net 172.16.0.0/16"


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("reach from internet -> client", YES),
        ("reach from client -> internet", YES),
        ("reach from internet -> 172.16.3.0/24", YES),
        ("reach from internet -> 172.16.3.9", YES),
        ("reach from 172.16.0.9 -> internet src host 172.16.0.9", YES),
        ("reach from 172.16.0.9 -> internet src host 172.16.0.10", NO),
        ("reach from 172.16.4.0/24 -> internet src net 172.16.5.0/24", NO),
        ("reach from 203.0.113.77 -> client src host 203.0.113.77", YES),
        ("reach from internet -> platform", YES),
        ("reach from internet -> 198.51.100.9", NO),
        ("reach from internet src net 172.16.0.0/16 -> client", NO),
        ("reach from access -> client", YES),
        ("reach from edge -> second -> client", YES),
        ("reach from internet -> first -> second -> client", YES),
        ("reach from internet -> access -> second -> client", NO),
        ("reach from internet tcp -> client udp", NO),
        ("reach from internet tcp and dst port 80 -> client dst port 80 const src host && port", YES),
    ],
)
def test_some_flow_goes_there(statement: str, holds: Answer) -> None:
    check = ask(chain(), statement)
    assert check.holds is holds
    if holds is YES:
        assert check.witness is not None
        assert check.witness.replayed
        assert check.trace
    else:
        assert check.reason


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("always reach from internet -> first -> client", YES),
        ("always reach from internet -> first -> second -> client", YES),
        ("always reach from internet -> second -> first -> client", NO),
        ("always reach from internet -> platform -> client", NO),
        ("always reach from internet tcp -> client tcp", YES),
        ("always reach from internet -> client tcp", NO),
        ("always reach from 10.77.0.1 -> platform -> client", YES),
        ("never reach from internet -> client", NO),
        ("never reach from internet tcp and dst port 25 -> client udp", YES),
        ("never reach from internet src net 172.16.0.0/16 -> client", YES),
        ("never reach from internet -> access -> second -> client", YES),
        ("never new reach from internet -> client", NO),
    ],
)
def test_all_flows_go_so_or_none(statement: str, holds: Answer) -> None:
    check = ask(chain(), statement)
    assert check.holds is holds
    if holds is NO:
        assert check.witness is not None
        assert check.witness.replayed
        assert check.reason


@pytest.mark.parametrize(
    ("first", "second", "statement", "holds"),
    [
        (PASS, PASS,
         f"reach from internet udp and {CLIENTS} -> client const host && port && proto && payload && id", YES),
        (PASS, PASS, f"reach from internet udp and {CLIENTS} -> client const ttl", NO),
        (inward(TO_HOME), PASS, "reach from internet udp and dst host 172.16.7.8 -> client const dst host", NO),
        (inward(TO_HOME), PASS, "reach from internet udp -> client const src host && port && payload", YES),
        # changed, and changed back: constant by value
        (inward(TO_BOX), inward(TO_HOME),
         "reach from internet udp and dst host 172.16.7.7 -> client const dst host", YES),
        (inward(TO_BOX), inward(TO_HOME),
         "reach from internet udp and dst host 172.16.7.8 -> client const dst host", NO),
        (inward(TO_BOX), inward(TO_HOME),
         "reach from internet udp and dst host 172.16.7.7 -> second const dst host", NO),
        (inward(TO_BOX), inward(TO_HOME), "always reach from internet udp -> client const src host && port", YES),
        (inward(WRAP), inward(UNWRAP),
         f"reach from internet udp and {CLIENTS} -> client const host && port && payload && id", YES),
        (inward(WRAP), inward(UNWRAP),
         f"always reach from internet udp and {CLIENTS} -> client const host && payload", YES),
        (inward(WRAP), inward(UNWRAP), f"reach from internet udp and {CLIENTS} -> second const proto", NO),
        (inward(WRAP), inward(UNWRAP),
         f"reach from internet udp and {CLIENTS} -> second ip proto 4 and dst host 10.0.0.10 -> client udp", YES),
        (inward(WRAP), PASS, f"reach from internet udp and {CLIENTS} -> client udp", NO),
        # a port and a payload
        (inward("IPRewriter(pattern - - - 7 0 0)"), PASS,
         "reach from internet udp and dst port 8 -> client const dst port", NO),
        (inward("IPRewriter(pattern - - - 7 0 0)"), PASS,
         "reach from internet udp and dst port 7 -> client const dst port", YES),
        (inward("StoreData(60, \\<00>)"), PASS, "always reach from internet udp -> client const payload", NO),
        (inward("StoreData(60, \\<00>)"), PASS,
         "always reach from internet udp and less 40 -> client const payload", YES),
        (inward("Truncate(60)"), PASS, "always reach from internet udp -> client const payload", NO),
        # each hop is compared with the one before, not with the start
        (inward(TO_HOME), PASS,
         "reach from internet udp and dst host 172.16.7.8 -> second -> client const dst host", YES),
    ],
)  # fmt: skip
def test_const(first: str, second: str, statement: str, holds: Answer) -> None:
    check = ask(chain(first, second), statement)
    assert check.holds is holds, check.reason


def test_a_stateful_firewall_lets_related_traffic_in_and_no_other() -> None:
    world = chain(STATEFUL)
    for statement, holds in [
        ("reach from client udp -> internet const host && port && payload", YES),
        ("reach from client tcp -> internet", NO),
        ("reach from internet -> client", NO),
        ("never new reach from internet -> client", YES),
        ("never reach from internet tcp -> client", YES),
        ("never reach from internet udp -> client", NO),
        ("always reach from internet -> first -> client udp", YES),
    ]:
        assert ask(world, statement).holds is holds, statement


def test_what_only_other_flows_entries_allow_is_told_apart_from_what_new_flows_do() -> None:
    world = chain(STATEFUL)
    broken = ask(world, "never reach from internet -> client")
    assert broken.holds is NO
    assert "only with table entries that other flows have made" in broken.reason
    assert broken.witness is not None
    assert broken.witness.replayed
    (opener,) = broken.witness.before
    assert opener[24:32] == broken.witness.packet[32:40], "the packet answers one that went out before"
    open_door = ask(chain(), "never reach from internet -> client")
    assert open_door.witness is not None
    assert open_door.witness.replayed


TRANSLATING = """
n :: IPRewriter(pattern 203.0.113.5 1024-1027 - - 0 1, drop);
FromDevice(inside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow udp or tcp) -> [0] n;
FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow dst host 203.0.113.5) -> [1] n;
n [0] -> ToDevice(outside); n [1] -> ToDevice(inside);
"""


def test_an_answer_through_a_translation_is_shown_with_what_it_answers() -> None:
    text = CHAIN.replace("10.9.0.0/16: in}", "10.9.0.0/16: in, 203.0.113.5/32: in}")
    world = chain(TRANSLATING, text=text)
    broken = ask(world, "never reach from internet udp -> client")
    assert broken.holds is NO
    assert broken.witness is not None
    assert broken.witness.replayed
    assert broken.witness.packet[32:40] == "cb007105", "it goes to the address that the opener was given"


def test_an_always_that_other_flows_break_and_new_ones_keep() -> None:
    """Inside, what is an answer goes by; what is new is sent to the platform's side only."""
    rule = "always {}reach from internet udp -> client dst port 53"
    world = chain(STATEFUL)
    assert ask(world, rule.format("")).holds is NO
    assert ask(world, rule.format("new ")).holds is YES


def test_modules_as_nodes() -> None:
    echo = "FromNetfront() -> IPFilter(allow udp) -> IPMirror -> out :: ToNetfront()"
    world = run(chain(), "Echo", echo, "198.51.100.1")
    for statement, holds in [
        ("reach from internet udp -> Echo:out", YES),
        (
            "reach from internet udp -> Echo:IPMirror@3:0 dst 198.51.100.1 -> Echo:out src 198.51.100.1 -> internet",
            YES,
        ),
        ("reach from internet udp -> Echo:out dst host 198.51.100.1", NO),
        ("reach from internet tcp -> Echo:IPMirror@3", NO),
        ("reach from internet -> module -> internet", YES),
        ("reach from client udp -> 198.51.100.1 -> client src host 198.51.100.1", YES),
        ("reach from module udp -> client", YES),
        ("never reach from module tcp -> client", YES),
        ("always reach from module -> client src host 198.51.100.1", YES),
        ("never new reach from internet -> module -> client", YES),
        ("reach from Echo:IPMirror@3 -> internet", YES),
        ("reach from 198.51.100.1 -> client", YES),
    ]:
        assert ask(world, statement).holds is holds, statement


def test_clients_are_reached_through_their_own_modules_only() -> None:
    rule = "always new reach from internet -> module -> client"
    forward = "FromNetfront() -> StoreIPAddress({}, dst) -> ToNetfront()"
    mine = run(
        chain(STATEFUL.replace("drop)", "pass 1)")),
        "Own",
        forward.format("172.16.15.133"),
        "198.51.100.1",
        CLIENT,
    )
    others = run(mine, "Other", forward.format("172.16.9.9"), "198.51.100.2", CLIENT)
    closed = "FromDevice(outside) -> MarkIPHeader(14) -> IPFilter(allow dst net 198.51.100.0/24) -> ToDevice(inside);" \
             "FromDevice(inside) -> ToDevice(outside);"  # fmt: skip
    assert ask(mine, rule).holds is NO  # the firewall lets new flows in
    mine, others = (chain(closed).with_deployed(world.deployed) for world in (mine, others))
    assert ask(mine, rule).holds is YES
    broken = ask(others, rule)
    assert broken.holds is NO
    assert "did not ask for" in broken.reason


def test_too_many_paths_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach_module, "BUDGET", 3)
    for statement in (
        "reach from internet -> client",
        "always reach from internet -> client const payload",
        "never reach from internet tcp -> client udp",
    ):
        check = ask(chain(), statement)
        assert check.holds is Answer.UNDECIDED
        assert "too many paths" in check.reason


def test_a_failure_says_how_far_the_flow_came() -> None:
    denied = chain(inward("IPFilter(deny udp, allow all)"))
    check = ask(denied, "reach from internet udp -> client")
    assert check.holds is NO
    assert "no flow gets to client" in check.reason
    assert "first/IPFilter" in check.reason
    assert check.trace[-1].place.startswith("first/IPFilter")

    elsewhere = ask(chain(), "reach from internet -> access -> second -> client")
    assert "no flow gets to client" in elsewhere.reason
    assert "forwarding loop" in elsewhere.reason

    missed = ask(chain(inward(TO_HOME)), "reach from internet -> client dst host 172.16.0.9")
    assert "gets to client, but not as asked there" in missed.reason
    assert dict(missed.trace[-1].fields)["ip dst"] == "172.16.7.7"
    assert any("ip dst" in step.changed for step in missed.trace)


def test_a_trace_names_what_changed_and_where() -> None:
    check = ask(chain(inward(TO_HOME)), "reach from internet udp -> client")
    changes = {step.place: step.changed for step in check.trace if step.changed}
    assert any(
        place.startswith("first/IPRewriter") and "ip dst" in fields for place, fields in changes.items()
    )
    assert any(place == "edge" and fields == ("ttl",) for place, fields in changes.items())


def test_a_trace_changes_no_answer_that_is_given_later() -> None:
    world = chain()
    assert trace_flow("udp", "internet", world)
    assert ask(world, "never reach from internet tcp -> client").holds is NO
    assert trace_flow("tcp", "internet", world)


@pytest.mark.parametrize("flow", ["udp[4:2] % 7 = 3", "udp and udp[8:2] % 5 = 2", "tcp[4:4] % 11 = 6"])
def test_bytes_behind_the_header_are_tried_where_a_flow_computes_with_them(flow: str) -> None:
    check = ask(chain(), f"reach from client {flow} -> internet")
    assert check.holds is YES, check.reason


EQUAL = """
nodes:
  internet: {kind: internet}
  r0: {kind: router, interfaces: {out: 203.0.113.1/30, a: 10.0.1.1/30, b: 10.0.2.1/30},
       routes: {0.0.0.0/0: out, 172.16.0.0/16: [a, b]}}
  r1: {kind: router, interfaces: {up: 10.0.1.2/30, down: 10.0.3.1/30}, routes: {0.0.0.0/0: up, 172.16.0.0/16: down}}
  r2: {kind: router, interfaces: {up: 10.0.2.2/30, down: 10.0.4.1/30}, routes: {0.0.0.0/0: up, 172.16.0.0/16: down}}
  r3: {kind: router, interfaces: {a: 10.0.3.2/30, b: 10.0.4.2/30, lan: 172.16.255.254/16}, routes: {0.0.0.0/0: [a, b]}}
  homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}
links:
  - [internet, "r0:out"]
  - ["r0:a", "r1:up"]
  - ["r0:b", "r2:up"]
  - ["r1:down", "r3:a"]
  - ["r2:down", "r3:b"]
  - [homes, "r3:lan"]
"""


@pytest.mark.parametrize(
    ("statement", "holds", "reason"),
    [
        ("reach from internet -> r1 -> client", YES, ""),
        ("reach from internet -> r2 -> client", YES, ""),
        ("reach from client udp -> r2 -> internet const src host", YES, ""),
        ("never reach from internet -> r2", NO, "a flow does this"),
        ("always reach from internet -> r1 -> client", NO, "it gets to homes without r1"),
        ("always reach from internet -> r2 -> client", NO, "it gets to homes without r2"),
    ],
)
def test_each_of_equal_ways_is_shown(statement: str, holds: Answer, reason: str) -> None:
    check = ask(chain(text=EQUAL), statement)
    assert (check.holds, check.reason) == (holds, reason)
    assert check.witness is not None
    assert check.witness.replayed


def test_a_packet_is_shown_on_its_way_among_many_equal_ones() -> None:
    """Six routers have two ways each to the next one, over a router."""
    nodes = ["internet: {kind: internet}", "homes: {kind: clients, interfaces: {lan: 172.16.0.1/16}}"]
    links = ["[internet, r0:in]", "[homes, r6:lan]"]
    for n in range(6):
        entrance = "in: {}" if n == 0 else "in_a: {}, in_b: {}"
        nodes.append(
            f"r{n}: {{kind: router, interfaces: {{{entrance}, a: {{}}, b: {{}}}}, routes: {{172.16.0.0/16: [a, b]}}}}"
        )
        for way in "ab":
            nodes.append(
                f"{way}{n}: {{kind: router, interfaces: {{in: {{}}, out: {{}}}}, routes: {{172.16.0.0/16: out}}}}"
            )
            links += [f"[r{n}:{way}, {way}{n}:in]", f"[{way}{n}:out, r{n + 1}:in_{way}]"]
    nodes.append("r6: {kind: router, interfaces: {in_a: {}, in_b: {}, lan: 172.16.255.254/16}}")
    text = "nodes:\n" + "".join(f"  {one}\n" for one in nodes)
    text += "links:\n" + "".join(f"  - {one}\n" for one in links)
    world = chain(text=text)
    for ways in ("abbaba", "bbabaa", "aababb"):
        places = " -> ".join(f"{way}{n}" for n, way in enumerate(ways))
        check = ask(world, f"reach from internet -> {places} -> client")
        assert check.holds is YES, check.reason
