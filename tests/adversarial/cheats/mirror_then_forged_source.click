// Tries: mirrors, then claims to be a name server.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> StoreIPAddress(8.8.8.8, src) -> ToNetfront()
