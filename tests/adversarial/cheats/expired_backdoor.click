// Tries: what DecIPTTL puts aside is forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> ttl :: DecIPTTL -> out :: ToNetfront();
ttl [1] -> StoreIPAddress(203.0.113.9, src) -> out;
