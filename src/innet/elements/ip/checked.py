"""What CheckTCPHeader, CheckUDPHeader and CheckICMPHeader share: turning bad packets away, with the reason."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from innet.elements.ip.details import Detailed
from innet.ir.trace import Packet, Value


@dataclass(frozen=True)
class TransportCheck(Detailed):
    """Base of the transport header checks."""

    PORTS: ClassVar[str] = "1/1-2"
    PROCESSING: ClassVar[str] = "a/ah"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("", "DETAILS true")

    _: KW_ONLY
    verbose: bool = False

    def refuse(self, p: Packet, condition: Value, reason: str) -> None:
        """Send packets for which `condition` holds to output 1."""
        with p.when(condition):
            p.count("drops")
            if self.details:
                p.count(reason)
            p.divert(1, reason)
