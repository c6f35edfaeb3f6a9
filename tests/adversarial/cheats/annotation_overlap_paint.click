// Tries: paints the destination annotation byte by byte.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> Paint(203, 0) -> Paint(0, 1) -> Paint(113, 2) -> Paint(9, 3)
  -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
