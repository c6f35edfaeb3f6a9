// Tries: opens TCP connections to a victim by itself.
// Cheats as: third-party
// Expected: third-party refused, client safe

FastTCPFlows(10, 100, 60, 1:1:1:1:1:1, $ADDR, 2:2:2:2:2:2, 203.0.113.9, 10, 3)
  -> Strip(14) -> CheckIPHeader -> ToNetfront();
