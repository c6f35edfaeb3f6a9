// Tries: sends to all hosts of the segment.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> StoreIPAddress(224.0.0.1, dst) -> ToNetfront()
