// Tries: the gateway of a table of direct lookups becomes the destination.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> DirectIPLookup(0/0 203.0.113.9 0) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
