// Tries: two translations in turn; the second one takes the place of another host.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

servers :: RoundRobinIPMapper($ADDR - 172.16.15.133 - 0 0, 203.0.113.9 - 172.16.15.133 - 0 0);
FromNetfront() -> UDPRewriter(servers) -> ToNetfront();
