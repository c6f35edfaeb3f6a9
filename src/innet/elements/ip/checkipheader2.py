"""CheckIPHeader2."""

from dataclasses import KW_ONLY, dataclass

from innet.elements.ip.checkipheader import CheckIPHeader


@dataclass(frozen=True)
class CheckIPHeader2(CheckIPHeader):
    """Check the IPv4 header as CheckIPHeader does, but leave its checksum unverified unless told otherwise.

    Ports:      as CheckIPHeader.
    Arguments:  as CheckIPHeader, with CHECKSUM false by default.
    Drops:      as CheckIPHeader.
    Source:     Click manual, CheckIPHeader2.
    """

    _: KW_ONLY
    checksum: bool = False
