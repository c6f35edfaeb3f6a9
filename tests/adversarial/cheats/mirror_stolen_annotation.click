// Tries: keeps a victim's address in the annotation over the mirror, which was told to leave it alone.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> SetIPAddress(203.0.113.9) -> IPMirror(false) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
