// Tries: each packet has another source.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> SetRandIPAddress(0.0.0.0/0) -> StoreIPAddress(DST_ANNO, src) -> ToNetfront();
