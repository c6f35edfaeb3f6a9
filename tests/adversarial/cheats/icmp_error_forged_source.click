// Tries: ICMP errors that seem to come from a router.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> ICMPError(203.0.113.1, unreachable, host) -> ToNetfront()
