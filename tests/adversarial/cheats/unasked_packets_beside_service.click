// Tries: a mirror for show, and a source that floods a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> out :: ToNetfront();
InfiniteSource(LENGTH 64) -> UDPIPEncap($ADDR, 4000, 203.0.113.9, 4000) -> out;
