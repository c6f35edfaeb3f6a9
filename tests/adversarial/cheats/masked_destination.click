// Tries: the destination is the sender's, but its last byte is a constant from another header field.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> Strip(14) -> GetIPAddress(15) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
