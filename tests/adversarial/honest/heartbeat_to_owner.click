// Does: makes a packet for the owner now and then.
// Expected: third-party safe, client safe

InfiniteSource("alive", LIMIT 10) -> UDPIPEncap($ADDR, 4000, 172.16.15.133, 4000) -> ToNetfront();
FromNetfront() -> Discard;
