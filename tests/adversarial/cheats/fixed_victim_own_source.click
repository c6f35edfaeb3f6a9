// Tries: redirects everything to a victim in its own name.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPRewriter(pattern $ADDR 1024-65535 203.0.113.9 80 0 0) -> ToNetfront()
