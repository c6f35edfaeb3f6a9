"""What all route lookup elements share: a list of routes, and the handlers that show, search and change it."""

from dataclasses import dataclass, replace
from typing import ClassVar

from innet.diagnostics import ConfigurationError
from innet.elements.arguments import NO_NAMES, ArgumentType
from innet.elements.base import Element
from innet.elements.holder import HandlerError, Remembered
from innet.elements.ip.routes import AnyRoute
from innet.elements.wording import in_use
from innet.ir.trace import Packet, Value
from innet.lexical import Text, shift_word, words

NO_ROUTE = "no route"


@dataclass(frozen=True)
class RouteTable(Element):
    """Base of the route lookup elements: routes in any order, the most specific one decides.

    Of two routes for one prefix the first stands. A subclass has the field `routes`.
    """

    PORTS: ClassVar[str] = "1/-"
    PROCESSING: ClassVar[str] = "h/h"
    READS: ClassVar[tuple[str, ...]] = ("table", "lookup")
    WRITES: ClassVar[tuple[str, ...]] = ("add", "set", "remove", "ctrl")

    ROUTE: ClassVar[ArgumentType[AnyRoute]]
    """How a route is read."""
    ADDRESS: ClassVar[ArgumentType[int]]
    """How an address is read."""

    def kept(self) -> tuple[AnyRoute, ...]:
        """The routes, one for each prefix: the first."""
        routes: dict[tuple[int, int], AnyRoute] = {}
        for route in self.given():
            routes.setdefault((route.address, route.mask), route)
        return tuple(routes.values())

    def given(self) -> tuple[AnyRoute, ...]:
        """The routes as they were given."""
        raise NotImplementedError

    def problems(self, inputs: int, outputs: int) -> tuple[str, ...]:
        return tuple(
            f"route {n} leaves by output {r.output}, but {in_use(outputs)}"
            for n, r in enumerate(self.given(), 1)
            if r.output >= outputs
        )

    # ---- handlers

    def read(self, handler: str, memory: Remembered, argument: str) -> str:
        if handler == "table":
            return "".join(f"{r.prefix}\t{r.next_hop}\t{r.output}\n" for r in self.kept())
        try:
            route = self.best(self.ADDRESS.parse(Text(argument), NO_NAMES))
        except ConfigurationError as e:
            raise HandlerError(e.diagnostics[0].message) from e
        if route is None:
            return "-1"
        return f"{route.output} {route.next_hop}" if route.gateway else str(route.output)

    def best(self, address: int) -> AnyRoute | None:
        """The route that decides for `address`: a later one only if its mask has all the ones of an earlier one's."""
        found: AnyRoute | None = None
        for route in self.kept():
            if address & route.mask == route.address and (found is None or not found.mask & ~route.mask):
                found = route
        return found

    def write(self, handler: str, value: str, memory: Remembered) -> Element:
        if handler == "flush":
            return self.with_routes(())
        lines = value.splitlines() if handler == "ctrl" else [f"{handler} {value}"]
        routes = {(r.address, r.mask): r for r in self.kept()}
        for line in lines:
            command, rest = shift_word(Text(line.strip()))
            if not command.value:
                continue
            match command.value:
                case "add" | "set":
                    route = self.route(rest)
                    key = route.address, route.mask
                    if command.value == "add" and key in routes:
                        raise HandlerError(f"there is a route for {route.prefix} already; `set` replaces it")
                    routes[key] = route
                case "remove":
                    key = self.removed(rest, routes)
                    del routes[key]
                case other:
                    raise HandlerError(f"'{other}' is no command: expected add, set or remove, and a route")
        return self.with_routes(tuple(routes.values()))

    def route(self, text: Text) -> AnyRoute:
        """A route that was written to a handler."""
        try:
            return self.ROUTE.parse(text, NO_NAMES)
        except ConfigurationError as e:
            raise HandlerError(e.diagnostics[0].message) from e

    def removed(self, text: Text, routes: dict[tuple[int, int], AnyRoute]) -> tuple[int, int]:
        """The key of the route that `ADDR/MASK [[GATEWAY] OUTPUT]` means."""
        told = len(words(text))
        route = self.route(text if told > 1 else Text(f"{text.value} 0"))
        found = routes.get((route.address, route.mask))
        if found is None:
            raise HandlerError(f"there is no route for {route.prefix}")
        if (told > 1 and found.output != route.output) or (told > 2 and found.gateway != route.gateway):
            shown = f"{found.prefix} {found.next_hop} {found.output}"
            raise HandlerError(f"the route for {route.prefix} is another one: {shown}")
        return route.address, route.mask

    def with_routes(self, routes: tuple[AnyRoute, ...]) -> Element:
        """The element with other routes."""
        return replace(self, routes=routes)  # type: ignore[call-arg]  # the subclass has the field


def leave(p: Packet, output: Value, outputs: list[int]) -> None:
    """Emit on `output`, one of `outputs`: a branch for each but the last."""
    for number in outputs[:-1]:
        with p.when(output == number):
            p.emit(number)
    p.emit(outputs[-1])
