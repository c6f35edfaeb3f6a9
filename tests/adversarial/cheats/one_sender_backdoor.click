// Tries: forges only for one accomplice.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> friend :: IPClassifier(src host 203.0.113.77, -);
friend [0] -> IPMirror -> StoreIPAddress(203.0.113.9, src) -> out :: ToNetfront();
friend [1] -> IPMirror -> out;
