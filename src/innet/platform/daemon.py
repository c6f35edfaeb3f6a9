"""A platform's agent as a process: it keeps what should run on disk, makes its data plane run that, and answers on a
control socket. One thread and one poll loop.

A change is confirmed when it is made in the data plane and written down. So a kill at any step leaves a file that says
what was confirmed, or one change more, and the next start makes the data plane follow it.
"""

import contextlib
import os
import re
import select
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from innet.diagnostics import Diagnostic, PlatformError, render_all
from innet.messages import to_json
from innet.platform.codec import MalformedError, diagnostics_to_json, from_json
from innet.platform.control import ControlSocket, Part, bad_request
from innet.platform.desired import DesiredState, remove_folders
from innet.platform.protocol import (
    DataPlane,
    Deployment,
    DropEvent,
    ModuleReport,
    ModuleState,
    Observation,
)

NS = 1_000_000_000
SLICE_NS = 20_000_000
"""How long modules are started and stopped before packets and requests get their turn."""
MAX_WAIT_NS = NS
ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\.[A-Za-z0-9_][A-Za-z0-9_-]*", re.ASCII)
"""Names of modules: files may be called so."""
MAX_DROPS = 2000
"""Drops that wait for one client of `tail`; later ones are counted."""


class Watcher:
    """A client of `tail`: what it has not been told yet."""

    def __init__(self) -> None:
        self.drops: deque[DropEvent] = deque()
        self.lost = 0

    def add(self, drop: DropEvent) -> None:
        if len(self.drops) < MAX_DROPS:
            self.drops.append(drop)
        else:
            self.lost += 1


class Daemon:
    """The agent of platform `name` on `plane`; `desired` is what should run, `clock` the data plane's clock
    (nanoseconds), `say` tells a person what is not right. It owns all three: `run` gives them back."""

    def __init__(
        self,
        name: str,
        plane: DataPlane,
        desired: DesiredState,
        clock: Callable[[], int],
        say: Callable[[str], None] = lambda text: None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        self._plane, self._desired, self._clock, self._say = plane, desired, clock, say
        self._facts = dict(facts or {})
        self._failed: dict[str, tuple[Diagnostic, ...]] = {}
        self._todo: deque[str] = deque()
        self._watchers: dict[str, list[Watcher]] = {}
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._control_numbers: set[int] = set()
        self._ending = self._down = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_read, select.POLLIN)
        if desired.damage is not None:
            say(render_all((desired.damage,)))
        else:
            self._follow()

    def stop(self) -> None:
        """Have `run` return soon; what runs in the kernel goes on. May be called from signal handlers and threads."""
        self._ending = True
        if self._wake_write >= 0:
            os.write(self._wake_write, b"x")

    def run(self, control: ControlSocket) -> None:
        """Work until `stop` or the request `down`; then give everything back."""
        try:
            while not (self._ending and (not self._down or control.flushed)):
                self._round(control)
        finally:
            control.close()
            if self._down:
                remove_folders(control.path.parent)
                self._desired.delete()
            else:
                self._plane.close()
                self._desired.close()
            number, self._wake_write = self._wake_write, -1
            os.close(number)
            os.close(self._wake_read)

    # ---- the loop

    def _round(self, control: ControlSocket) -> None:
        busy = self._plane.work()
        self._reconcile()
        self._collect()
        busy |= control.turn()
        self._register(control)
        wait_ns = 0 if busy or self._todo else self._wait_ns()
        for number, event in self._poll.poll(wait_ns / 1_000_000):
            self._ready(control, number, event)

    def _wait_ns(self) -> int:
        wake = self._plane.next_wake()
        return MAX_WAIT_NS if wake is None else min(max(0, wake - self._clock()), MAX_WAIT_NS)

    def _register(self, control: ControlSocket) -> None:
        now = dict(self._plane.descriptors())
        for number in self._callbacks.keys() - now.keys():
            self._forget(number)
        for number in now.keys() - self._callbacks.keys():
            self._poll.register(number, select.POLLIN)
        self._callbacks = now
        for number in tuple(self._control_numbers):
            if not control.owns(number):
                self._control_numbers.discard(number)
                if number not in self._callbacks:
                    self._forget(number)
        for number, events in control.changes().items():
            self._poll.register(number, events)
            self._control_numbers.add(number)

    def _forget(self, number: int) -> None:
        with contextlib.suppress(KeyError):
            self._poll.unregister(number)

    def _ready(self, control: ControlSocket, number: int, event: int) -> None:
        callback = self._callbacks.get(number)
        if callback is not None:
            if event & select.POLLIN:
                callback()
            elif event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                self._forget(number)  # stays in `_callbacks`: it is not asked again
                self._say(
                    f"platform '{self.name}': a descriptor of the data plane failed; its interface is gone"
                )
        elif number == self._wake_read:
            os.read(number, 4096)
        else:
            control.ready(number, event)

    # ---- from what is desired to what runs

    def _follow(self) -> None:
        """Have the data plane run what is desired, and nothing else: first what has to go, then what has to come."""
        wanted = self._desired.wanted
        running = {report.id: report for report in self._plane.observe().modules}
        self._failed.clear()
        self._todo.clear()
        for id, report in running.items():
            # what an agent before this one left has no address yet: `apply` takes it over as it runs
            if id not in wanted or report.address not in ("", wanted[id].address):
                self._todo.append("-" + id)
        self._todo.extend("+" + id for id in wanted)

    def _reconcile(self) -> None:
        """A slice of what `_follow` found to do."""
        until = self._clock() + SLICE_NS
        while self._todo and self._clock() < until:
            step = self._todo.popleft()
            id = step[1:]
            deployment = self._desired.wanted.get(id)
            try:
                if step[0] == "-":
                    self._plane.remove(id)
                elif deployment is not None:
                    self._plane.apply(deployment)
                    self._watch_again(id)
                self._failed.pop(id, None)
            except PlatformError as error:
                self._failed[id] = error.diagnostics
                self._say(str(error))

    # ---- requests

    def answer(self, request: dict[str, object]) -> Iterator[Part]:
        """Answer a request of the control socket."""
        verb = request.get("verb")
        found = self.VERBS.get(verb) if isinstance(verb, str) else None
        if found is None:
            raise bad_request(f"there is no verb {str(verb)[:40]!r}", ", ".join(self.VERBS))
        method, names = found
        given = request.keys() - {"schema", "id", "verb"}
        if given != set(names):
            more, less = sorted(given - set(names)), sorted(set(names) - given)
            what = f"'{less[0]}' is missing" if less else f"'{more[0][:40]}' means nothing here"
            raise bad_request(f"{verb}: {what}", ", ".join(names) or "no further fields")
        return method(self, *(request[name] for name in names))  # type: ignore[no-any-return]  # VERBS has Any

    def _settled(self) -> Iterator[Part]:
        """Wait until what was told before is done: changes are made one after the other."""
        while self._todo:
            yield None

    def _ping(self) -> Iterator[Part]:
        damage = self._desired.damage
        yield {
            "ok": {
                "platform": self.name,
                "pid": os.getpid(),
                "settled": not self._todo,
                "damage": None if damage is None else diagnostics_to_json((damage,)),
                **self._facts,
            }
        }

    def _claim(self, value: object) -> Iterator[Part]:
        """One controller at a time: another one would take what this one deployed for leftovers."""
        if not isinstance(value, str) or not 0 < len(value) < 5000:
            raise bad_request("'controller' is no name")
        before = self._desired.controller
        if before not in ("", value) and self._desired.wanted:
            raise PlatformError(
                Diagnostic(
                    "P369",
                    f"platform '{self.name}' runs what another controller deployed",
                    facts=(("its state", before), ("yours", value)),
                    help=f"use that one (--state), or take the platform down first: innet platform down {self.name}",
                )
            )
        self._desired.claim(value)
        yield {"ok": None}

    def _observe(self) -> Iterator[Part]:
        yield {"ok": to_json(self._observation())}

    def _top(self) -> Iterator[Part]:
        yield {"ok": {"time_ns": self._clock(), "observation": to_json(self._observation())}}

    def _observation(self) -> Observation:
        seen = self._plane.observe()
        wanted = self._desired.wanted
        rows = {report.id: report for report in seen.modules}
        for id, diagnostics in self._failed.items():
            problem = "; ".join(d.message for d in diagnostics)
            if id in rows:
                rows[id] = replace(rows[id], problem=problem)
            elif id in wanted:
                rows[id] = ModuleReport(id, wanted[id].address, state=ModuleState.FAILED, problem=problem)
        return replace(seen, modules=tuple(report for _, report in sorted(rows.items())))

    def _apply(self, value: object) -> Iterator[Part]:
        yield from self._settled()
        new = read(Deployment, value)
        old = self._desired.wanted.get(new.id)
        if old != new or new.id in self._failed:
            self._change(new, old)
        yield {"ok": None}

    def _change(self, new: Deployment, old: Deployment | None) -> None:
        """Run `new` in place of `old`, and write it down; or leave everything as it was."""
        try:
            self._plane.apply(new)
        except RecursionError:
            raise PlatformError(Diagnostic("P368", f"{new.id} is nested too deeply")) from None
        try:
            self._desired.put(new)
        except PlatformError:
            self._plane.remove(new.id) if old is None else self._plane.apply(old)
            raise
        self._failed.pop(new.id, None)
        self._watch_again(new.id)

    def _remove(self, value: object) -> Iterator[Part]:
        yield from self._settled()
        id = read_id(value)
        self._desired.drop(id)
        self._plane.remove(id)
        self._failed.pop(id, None)
        self._todo.extend("+" + other for other in self._failed)  # there may be room for them now
        for watcher in self._watchers.pop(id, ()):
            watcher.lost = -1
        yield {"ok": None}

    def _replace(self, value: object) -> Iterator[Part]:
        yield from self._settled()
        if not isinstance(value, list):
            raise bad_request("replace: 'deployments' is no list")
        deployments = [read(Deployment, row) for row in value]
        self._desired.replace(deployments)
        self._desired.damage = None
        self._follow()
        yield from self._settled()
        failed = {id: diagnostics_to_json(found) for id, found in sorted(self._failed.items())}
        yield {"ok": {"failed": failed}}

    def _suspend(self, value: object) -> Iterator[Part]:
        yield from self._settled()
        self._plane.suspend(read_id(value))
        yield {"ok": None}

    def _resume(self, value: object) -> Iterator[Part]:
        yield from self._settled()
        self._plane.resume(read_id(value))
        yield {"ok": None}

    def _take_down(self) -> Iterator[Part]:
        self._todo.clear()
        self._plane.down()
        self._ending = self._down = True
        yield {"ok": None}

    # ---- tail

    def _tail(self, value: object) -> Iterator[Part]:
        id = read_id(value)
        if id not in self._desired.wanted and all(r.id != id for r in self._plane.observe().modules):
            raise PlatformError(Diagnostic("P315", f"platform '{self.name}' does not run {id}"))
        watcher = Watcher()
        self._watchers.setdefault(id, []).append(watcher)
        self._plane.tail(id, True)
        try:
            yield {"more": {"drops": [], "lost": 0}}
            while True:
                drops, lost = tuple(watcher.drops), watcher.lost
                watcher.drops.clear()
                if lost < 0:
                    break
                watcher.lost = 0
                yield {"more": {"drops": to_json(drops), "lost": lost}} if drops or lost else None
            yield {"end": "the module was removed", "drops": to_json(drops)}
        finally:
            left = [one for one in self._watchers.get(id, ()) if one is not watcher]
            if left:
                self._watchers[id] = left
            elif self._watchers.pop(id, None) is not None and not self._down:
                self._plane.tail(id, False)

    def _watch_again(self, id: str) -> None:
        """A module that was set up anew is watched as before."""
        if id in self._watchers:
            self._plane.tail(id, True)

    def _collect(self) -> None:
        """Give the clients of `tail` what happened."""
        if not self._watchers:
            return
        found = self._plane.events()
        for drop in found.shown:
            for watcher in self._watchers.get(drop.id, ()):
                watcher.add(drop)
        for id, count in Counter(dict(found.lost)).items():
            for watcher in self._watchers.get(id, ()):
                watcher.lost += count

    VERBS: Mapping[str, tuple[Any, tuple[str, ...]]] = {  # methods, not bound yet, of any number of arguments
        "ping": (_ping, ()),
        "claim": (_claim, ("controller",)),
        "observe": (_observe, ()),
        "top": (_top, ()),
        "apply": (_apply, ("deployment",)),
        "remove": (_remove, ("module",)),
        "replace": (_replace, ("deployments",)),
        "suspend": (_suspend, ("module",)),
        "resume": (_resume, ("module",)),
        "tail": (_tail, ("module",)),
        "down": (_take_down, ()),
    }


def read(kind: type[Deployment], value: object) -> Deployment:
    """A deployment of a request. Raises PlatformError."""
    try:
        found = from_json(kind, value)
    except MalformedError as error:
        raise bad_request(str(error)) from None
    read_id(found.id)
    return found


def read_id(value: object) -> str:
    """A module's id in a request. Raises PlatformError."""
    if not isinstance(value, str) or ID.fullmatch(value) is None:
        raise bad_request(f"{str(value)[:40]!r} is no module", "IDENTIFIER.MODULE")
    return value
