"""HandlerProxy, QuitWatcher, ProgressBar, Message."""

import pytest

from innet.diagnostics import Source
from innet.elements.control.handlerproxy import HandlerProxy
from innet.elements.holder import HandlerError
from innet.runtime.build import build
from innet.runtime.router import Router
from tests.runtime.fakes import MemoryIo

S = 1_000_000_000


def router(text: str) -> Router:
    return build(Source("t", text), MemoryIo())[0]


def test_a_proxy_hands_handlers_on():
    running = router(
        "s :: InfiniteSource(LIMIT 3) -> c :: Counter -> Discard; p :: HandlerProxy(c); q :: HandlerProxy(p)"
    )
    running.run()
    assert running.handlers.read("q.count") == "3"
    running.handlers.write("p.reset", "")
    assert running.handlers.read("c.count") == "0"
    assert running.handlers.read("p.class") == "HandlerProxy"
    with pytest.raises(HandlerError, match=r"no read handler 'c\.nonsense'"):
        running.handlers.read("p.nonsense")


def test_proxies_in_a_circle_are_found():
    running = router("q :: Script(TYPE PROXY, return $(p.x)); p :: HandlerProxy(q)")
    assert running.handlers.read("p.x") == "$(p.x)"
    assert "in a circle" in running.messages[0]
    assert HandlerProxy("q").problems(0, 0) == ()


def test_a_run_ends_when_what_is_watched_has_ended():
    running = router(
        "s :: InfiniteSource(LIMIT 3) -> Discard; QuitWatcher(s); Script(label l, wait 0.4s, goto l)"
    )
    running.run()
    assert (running.ended, running.clock()) == (True, S)


def test_a_bar_is_accepted():
    running = router(
        "f :: InfiniteSource(LIMIT 1) -> Discard; b :: ProgressBar(f.count, f.limit, BANNER x, UPDATE 1s)"
    )
    assert (running.handlers.read("b.active"), running.handlers.read("b.banner")) == ("true", "x")
    running.handlers.write("b.active", "false")
    running.handlers.write("b.mark_done", "")
    assert running.handlers.read("b.active") == "false"


def test_a_message_is_told():
    _, warnings = build(Source("t", "Message(hello); Message(careful, WARNING)"), MemoryIo())
    assert [w.message for w in warnings] == ["hello", "careful"]
