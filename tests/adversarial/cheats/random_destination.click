// Tries: answers go to addresses drawn from a network.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> SetRandIPAddress(203.0.113.0/24) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
