"""What a module is charged for, and where its packets ended."""

from collections import Counter

from innet.platform.protocol import PLATFORM, DropCount, Traffic


class Account:
    """Counts of one module: IPv4 packets and bytes both ways, and packets that the platform ended, by reason."""

    def __init__(self) -> None:
        self.received_packets = self.received_bytes = 0
        self.sent_packets = self.sent_bytes = 0
        self.drops: Counter[str] = Counter()

    def receive(self, length: int) -> None:
        """A packet was given to the module."""
        self.received_packets += 1
        self.received_bytes += length

    def send(self, length: int) -> None:
        """A packet of the module left the platform."""
        self.sent_packets += 1
        self.sent_bytes += length

    @property
    def received(self) -> Traffic:
        return Traffic(self.received_packets, self.received_bytes)

    @property
    def sent(self) -> Traffic:
        return Traffic(self.sent_packets, self.sent_bytes)


def by_reason(drops: Counter[str]) -> tuple[tuple[str, int], ...]:
    """The counts as a report has them."""
    return tuple(sorted((reason, count) for reason, count in drops.items() if count))


def by_element(drops: Counter[tuple[str, str]], own: Counter[str]) -> tuple[DropCount, ...]:
    """The counts of elements and the platform's `own`, as a module's report has them."""
    counts = {**drops, **{(PLATFORM, reason): count for reason, count in own.items()}}
    return tuple(sorted((element, reason, count) for (element, reason), count in counts.items() if count))
