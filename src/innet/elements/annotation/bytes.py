"""Byte offsets of annotations (ELEMENTS 2.3) that elements may be told to use another one for."""

from innet.packet.headers import BY_NAME

PAINT = BY_NAME["anno.paint"].bit // 8
DST_IP = BY_NAME["anno.dst_ip"].bit // 8
VLAN_TCI = BY_NAME["anno.vlan_tci"].bit // 8
