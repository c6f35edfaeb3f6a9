"""What was sent and what was delivered, side by side in time."""

from collections.abc import Iterator
from dataclasses import dataclass

from innet.cli.labs import Delivery, Lab, UdpEnd

TOGETHER_S = 0.03
"""Deliveries no further apart than this are one batch."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A notification that was sent."""

    time_s: float
    number: int
    port: int
    payload: bytes


class Timeline:
    """Notifications from `sender` (node and end) to a module, and what arrives at `device` on `node`."""

    def __init__(self, lab: Lab, sender: tuple[str, UdpEnd], node: str, device: UdpEnd, size: int) -> None:
        self._lab, self._sender, self._node, self._device, self._size = lab, sender, node, device, size
        self._start_s = lab.now_s()
        self.sent: list[Sent] = []
        self.listen(device[1])

    def listen(self, port: int) -> None:
        """Note also what arrives on another port of the device."""
        self._lab.listen(self._node, (self._device[0], port))

    def send(self, address: str, port: int) -> None:
        """Send the next notification."""
        number = len(self.sent) + 1
        payload = f"notification {number:02d} ".encode().ljust(self._size, b".")
        self.sent.append(Sent(self._lab.now_s(), number, port, payload))
        self._lab.send(self._sender[0], self._sender[1], (address, port), payload)

    def number(self, delivery: Delivery) -> int | None:
        """Which notification arrived, unchanged, on its port; None if it is none."""
        for sent in self.sent:
            if sent.payload == delivery.payload and sent.port == delivery.destination[1]:
                return sent.number
        return None

    def delivered(self, port: int) -> int:
        """How many of the notifications to `port` arrived with unchanged payload, each counted once."""
        arrived = {self.number(d) for d in self._lab.deliveries}
        return sum(sent.port == port and sent.number in arrived for sent in self.sent)

    def elsewhere(self) -> int:
        """How many arrived that were not sent to the device's port, or not as they were sent."""
        mine = {sent.number for sent in self.sent if sent.port == self._device[1]}
        return sum(self.number(d) not in mine for d in self._lab.deliveries)

    def batches(self) -> list[list[Delivery]]:
        """What arrived, in groups that arrived together."""
        groups: list[list[Delivery]] = []
        for delivery in self._lab.deliveries:
            if not groups or delivery.time_s - groups[-1][-1].time_s > TOGETHER_S:
                groups.append([])
            groups[-1].append(delivery)
        return groups

    def text(self) -> str:
        """A line for each notification sent and each batch delivered, in order of time."""
        rows = [(s.time_s, f"{s.number:>2} to port {s.port}", "") for s in self.sent]
        for batch in self.batches():
            numbers = ", ".join(str(self.number(d) or "a changed one") for d in batch)
            rows.append((batch[0].time_s, "", f"{len(batch)} together: {numbers}"))
        return "\n".join(_lines(sorted(rows), self._start_s))

    def to_json(self) -> dict[str, object]:
        """The same for programs; times in seconds from the first one."""
        return {
            "sent": [
                {"seconds": round(s.time_s - self._start_s, 4), "number": s.number, "port": s.port}
                for s in self.sent
            ],
            "delivered": [
                {
                    "seconds": round(d.time_s - self._start_s, 4),
                    "number": self.number(d),
                    "port": d.destination[1],
                    "bytes": len(d.payload),
                }
                for d in self._lab.deliveries
            ],
        }


def _lines(rows: list[tuple[float, str, str]], start_s: float) -> Iterator[str]:
    yield f"{'time':>8}   {'sent':<16} delivered"
    for time_s, sent, delivered in rows:
        yield f"{time_s - start_s:>6.2f} s   {sent:<16} {delivered}".rstrip()
