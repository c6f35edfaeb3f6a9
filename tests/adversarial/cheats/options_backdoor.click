// Tries: only packets with IPv4 options are forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> plain :: IPClassifier(ip hl 5, -);
plain [0] -> ToNetfront();
plain [1] -> StoreIPAddress(203.0.113.9, src) -> ToNetfront();
