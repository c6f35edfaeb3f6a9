// Tries: makes packets to a victim in its own name, without being asked.
// Cheats as: third-party
// Expected: third-party refused, client safe

InfiniteSource(LENGTH 64) -> UDPIPEncap($ADDR, 4000, 203.0.113.9, 4000) -> ToNetfront();
FromNetfront() -> Discard;
