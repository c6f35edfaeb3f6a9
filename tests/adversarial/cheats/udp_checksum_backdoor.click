// Tries: a wrong UDP checksum opens the door to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPFilter(allow udp) -> check :: CheckUDPHeader -> IPMirror -> out :: ToNetfront();
check [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
