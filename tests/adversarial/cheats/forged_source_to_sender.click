// Tries: answers in another host's name.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> StoreIPAddress(203.0.113.9, src) -> ToNetfront()
