// Tries: getIPAddress reads the payload, and the answer goes there.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> GetIPAddress(42) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
