// Tries: a wrong header checksum opens the door.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> check :: CheckIPHeader(14, VERBOSE false) -> IPMirror -> out :: ToNetfront();
check [1] -> MarkIPHeader(14) -> IPMirror -> StoreIPAddress(203.0.113.9, src) -> out;
