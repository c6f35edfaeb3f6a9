// Tries: translates to a range of addresses of which one is its own.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPRewriter(pattern 198.51.100.1-198.51.100.6 172.16.15.133 0 0) -> ToNetfront()
