// Tries: an address translator gives answers the address of another host.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

rw :: IPAddrRewriter(pattern 203.0.113.9 - 0 0);
FromNetfront() -> IPMirror -> rw -> ToNetfront();
