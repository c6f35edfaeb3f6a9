// Tries: a frame in a frame: the inner one is what starts with its Ethernet header.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> Strip(42) -> MarkMACHeader(0, 14) -> ToNetfront()
