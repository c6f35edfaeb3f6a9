// Tries: two entries: one answers, the other forges.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> out :: ToNetfront();
FromNetfront() -> IPMirror -> StoreIPAddress(203.0.113.9, src) -> out;
