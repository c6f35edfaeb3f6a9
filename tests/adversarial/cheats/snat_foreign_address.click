// Tries: translates to an address that is not its own.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPRewriter(pattern 203.0.113.9 1024-65535 172.16.15.133 80 0 0) -> ToNetfront()
