// Tries: writes over the last half of the source and the first half of the destination.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> StoreIPAddress(113.9.203.0, 28) -> ToNetfront()
