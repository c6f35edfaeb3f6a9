// Tries: what has left by one exit goes on, and leaves forged by another.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreIPAddress($ADDR, src) -> first :: ToNetfront() -> StoreIPAddress(203.0.113.9, src)
  -> ToNetfront()
