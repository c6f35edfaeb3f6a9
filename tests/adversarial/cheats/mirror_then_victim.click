// Tries: mirrors, then sends the answer to somebody else.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront()
