// Tries: packets that have come exactly far enough are forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> far :: IPClassifier(ip ttl 77, -);
far [0] -> StoreIPAddress(203.0.113.9, src) -> out :: ToNetfront();
far [1] -> out;
