// Tries: a copy to itself that claims a source that never wrote: the answer to it would count as authorized.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreIPAddress(203.0.113.9, src) -> ToNetfront()
