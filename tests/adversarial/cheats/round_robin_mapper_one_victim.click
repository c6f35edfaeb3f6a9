// Tries: a load balancer over many servers, of which one is not the account's.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

servers :: RoundRobinIPMapper($ADDR - 172.16.15.133 - 0 0, $ADDR - 172.16.15.133 8080 0 0, $ADDR - 203.0.113.9 - 0 0);
FromNetfront() -> IPRewriter(servers) -> ToNetfront();
