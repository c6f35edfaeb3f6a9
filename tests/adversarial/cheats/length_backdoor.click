// Tries: packets longer than a thousand bytes are forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> size :: CheckLength(1000);
size [0] -> out :: ToNetfront();
size [1] -> StoreIPAddress(203.0.113.9, src) -> out;
