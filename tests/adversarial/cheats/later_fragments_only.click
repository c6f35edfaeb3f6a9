// Tries: only later fragments carry a forged source.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> parts :: IPClassifier(ip frag, -);
parts [0] -> StoreIPAddress(203.0.113.9, src) -> ToNetfront();
parts [1] -> ToNetfront();
