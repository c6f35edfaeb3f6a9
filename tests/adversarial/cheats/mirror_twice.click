// Tries: a mirror undone: what comes out is the packet that came in.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> IPMirror -> ToNetfront()
