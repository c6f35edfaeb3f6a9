"""Signals that stop a program, kept away from what must not be cut in two."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT, SIGTERM and SIGHUP while the block runs; they come after it.

    A process started in the block is known to who started it: an interrupt between the two would lose it. It begins
    with these signals held back; one that lives on lets them through itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
