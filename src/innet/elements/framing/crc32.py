"""The CRC that SetCRC32 and CheckCRC32 share."""

POLYNOMIAL, START, TOP, MASK = 0x04C1_1DB7, 0xFFFF_FFFF, 1 << 31, 0xFFFF_FFFF
CRC_BYTES = 4


def _row(byte: int) -> int:
    """What one byte does to the remainder."""
    rest = byte << 24
    for _ in range(8):
        rest = (rest << 1 ^ (POLYNOMIAL if rest & TOP else 0)) & MASK
    return rest


ROWS = tuple(map(_row, range(256)))


def crc32(data: bytes) -> bytes:
    """The CRC of `data`: start all ones, most significant bit first, not inverted; least significant byte first."""
    rest = START
    for byte in data:
        rest = (rest << 8 & MASK) ^ ROWS[rest >> 24 ^ byte]
    return rest.to_bytes(CRC_BYTES, "little")
