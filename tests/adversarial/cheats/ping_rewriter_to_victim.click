// Tries: echo requests are passed on to a victim, which answers them.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: ICMPPingRewriter(pattern $ADDR - 203.0.113.9 - 0 0);
FromNetfront() -> rw -> ToNetfront();
