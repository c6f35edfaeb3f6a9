// Tries: reads the destination far behind: where the packet is too short, the annotation is zero.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> GetIPAddress(1000) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
