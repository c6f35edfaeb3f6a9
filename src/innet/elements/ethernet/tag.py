"""The arguments by which several elements are told an IEEE 802.1Q tag, and the tag they stand for."""

from typing import Protocol

from innet.ir.trace import Packet, Value, as_value

FROM_ANNOTATION = "ANNO"


class Tag(Protocol):
    """An element with the arguments VLAN_TCI, VLAN_PCP and VLAN_ID."""

    @property
    def vlan_tci(self) -> int | str | None: ...

    @property
    def vlan_pcp(self) -> int: ...

    @property
    def vlan_id(self) -> int | None: ...


def tag_problems(tag: Tag) -> tuple[str, ...]:
    """What is wrong with the arguments, taken together."""
    if tag.vlan_tci is None and tag.vlan_id is None:
        return ("no tag is given: write VLAN_TCI (0-65535 or ANNO) or VLAN_ID (0-4095)",)
    if tag.vlan_tci is not None and tag.vlan_id is not None:
        return ("VLAN_TCI and VLAN_ID both say the VLAN: give one of them",)
    return ()


def tag_control(p: Packet, tag: Tag) -> Value:
    """The tag control information, 16 bits: the annotation's, or that of the arguments."""
    if isinstance(tag.vlan_tci, str):
        return p.anno.vlan_tci
    base = tag.vlan_id if tag.vlan_tci is None else tag.vlan_tci
    return as_value((base or 0) | tag.vlan_pcp << 13, 16)
