// Tries: a balancer by the hash of the source: only some senders ever come to the victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

servers :: SourceIPHashMapper(16 0xbadbeef, $ADDR - 172.16.15.133 - 0 0 1, $ADDR - 203.0.113.9 - 0 0 2);
FromNetfront() -> IPRewriter(servers) -> ToNetfront();
