// Does: test traffic for the owner.
// Expected: third-party safe, client safe

FastUDPSource(1000, 100000, 200, 1:1:1:1:1:1, $ADDR, 7, 2:2:2:2:2:2, 172.16.15.133, 7) -> Strip(14) -> CheckIPHeader
  -> ToNetfront();
