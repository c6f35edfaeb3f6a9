"""Time as the router sees it: a function that says how many nanoseconds it is."""


class VirtualClock:
    """A clock that stands still while packets move and is set forward when everybody waits."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, to_ns: int) -> None:
        """Set the clock to `to_ns`, if that is later."""
        self.now_ns = max(self.now_ns, to_ns)
