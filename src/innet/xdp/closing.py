"""What has to be given back at the end, by `with`."""

from types import TracebackType
from typing import Self


class Closing:
    """Closed where a `with` block ends."""

    def close(self) -> None:
        """Give everything back; again does nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
