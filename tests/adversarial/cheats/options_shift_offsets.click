// Tries: writes by number where the destination of a packet without options stands; where the owner's
//        address should be read there are options.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> Strip(14) -> GetIPAddress(20) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
