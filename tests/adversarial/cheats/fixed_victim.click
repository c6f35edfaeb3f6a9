// Tries: redirects everything to a host that never asked for it, with the sender's address kept.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront()
