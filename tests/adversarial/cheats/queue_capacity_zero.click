// Tries: a queue of no length: nothing passes but what is forged.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> StoreIPAddress(203.0.113.9, src) -> Queue(100) -> Unqueue -> ToNetfront()
